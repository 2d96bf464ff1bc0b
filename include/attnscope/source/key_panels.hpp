#pragma once
#include <attnscope/core/vector_math.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <numbers>

namespace attnscope::detail {

/// How kernels want queries and keys to lie: `tile` queries are multiplied at a time with `panel` keys that
/// lie side by side, rows are `lanes` numbers at a time.
struct ScoreShape {
  Index tile, panel, lanes;
};

/// The steps from queries and keys to weights. In double by Eigen, a query and a key at a time.
inline ScoreShape score_shape(double) { return {1, 1, 1}; }
inline ScoreShape score_shape(float) {
  switch (instruction_set()) {
#if ATTNSCOPE_DISPATCHES
    case InstructionSet::avx512:
      return {simd::avx512::tile_queries, simd::avx512::panel_keys, simd::avx512::lanes};
    case InstructionSet::avx2:
      return {simd::avx2::tile_queries, simd::avx2::panel_keys, simd::avx2::lanes};
#endif
    default:
      return {simd::portable::tile_queries, simd::portable::panel_keys, simd::portable::lanes};
  }
}

/// scores [tiles * tile x panels * panel] = queries [tiles] times keys [panels].
inline void multiply(const float* queries, Index tiles, const float* keys, Index panels, Index dim,
                     float* scores, Index stride) {
  ATTNSCOPE_BEST(multiply)(queries, tiles, keys, panels, dim, scores, stride);
}
template <std::same_as<double> Weight>
void multiply(const Weight* queries, Index tiles, const Weight* keys, Index panels, Index dim, Weight* scores,
              Index stride) {
  const MatrixView<Weight> q(queries, tiles, dim, Eigen::OuterStride<>(dim));
  const MatrixView<Weight> k(keys, panels, dim, Eigen::OuterStride<>(dim));
  Eigen::Map<RowMatrix<Weight>, Eigen::Unaligned, Eigen::OuterStride<>>(scores, tiles, panels,
                                                                        Eigen::OuterStride<>(stride))
      .noalias() = q * k.transpose();
}

/// Scores become e^(factor (score - most)), most: the largest, or `sink` where that is larger; of -infinity
/// 0. from: the distance of the first from the query's own key.
inline simd::SoftmaxSums softmax(float* row, Index size, double factor, double sink, Index from) {
  return ATTNSCOPE_BEST(softmax)(row, size, static_cast<float>(factor), static_cast<float>(sink),
                                 static_cast<float>(from));
}
template <std::same_as<double> Weight>
simd::SoftmaxSums softmax(Weight* row, Index size, double factor, double sink, Index from) {
  if (size == 0) return {-std::numeric_limits<double>::infinity(), 0, 0, 0};
  using Numbers = Eigen::Array<Weight, Eigen::Dynamic, 1>;
  Eigen::Map<Numbers> scores(row, size);
  constexpr double least = -745;  // e to it is 0
  const double own = scores.maxCoeff(), first = static_cast<double>(from);
  Numbers logs = (scores - std::max(own, sink)) * factor;
  logs = (logs < least).select(least, logs);
  scores = (logs == least).select(0., logs.exp());
  const Numbers ways = Numbers::LinSpaced(size, first, first + static_cast<double>(size - 1)).abs();
  return {own, scores.sum(), (scores * logs).sum() / std::numbers::ln2, (scores * ways).sum()};
}

inline void multiply_by(float* row, Index size, double factor) {
  ATTNSCOPE_BEST(multiply_by)(row, size, static_cast<float>(factor));
}
template <std::same_as<double> Weight>
void multiply_by(Weight* row, Index size, double factor) {
  Eigen::Map<Eigen::Array<Weight, Eigen::Dynamic, 1>>(row, size) *= factor;
}

/// Numbers that vectors of any width may be loaded from.
template <typename Weight>
class AlignedNumbers {
 public:
  /// At least so many, of any value.
  Weight* of_size(Index size) {
    if (size > size_) {
      numbers_.reset();  // before the next ones, so that both never exist
      numbers_.reset(static_cast<Weight*>(
          ::operator new (static_cast<std::size_t>(size) * sizeof(Weight), std::align_val_t{64})));
      size_ = size;
    }
    return numbers_.get();
  }
  const Weight* data() const { return numbers_.get(); }

 private:
  struct Free {
    void operator()(Weight* numbers) const { ::operator delete (numbers, std::align_val_t{64}); }
  };
  std::unique_ptr<Weight[], Free> numbers_;
  Index size_ = 0;
};

/// The keys of one batch element in panels [dim x panel], each key head's made when it is first asked for, by
/// whichever thread. Keys behind the last one are 0.
template <typename Weight>
class KeyPanels {
 public:
  KeyPanels(ScoreShape shape, Index kv_heads)
      : shape_(shape), heads_(std::make_unique<Head[]>(static_cast<std::size_t>(kv_heads))) {}
  const ScoreShape& shape() const { return shape_; }

  /// copy(key, to, step): puts the numbers of a key at to[0], to[step], ...
  template <typename Copy>
  const Weight* head(Index kv_head, Index keys, Index dim, const Copy& copy) {
    Head& head = heads_[static_cast<std::size_t>(kv_head)];
    std::call_once(head.made, [&] {
      const Index panels = (keys + shape_.panel - 1) / shape_.panel, size = panels * shape_.panel * dim;
      Weight* numbers = head.numbers.of_size(size);
      std::fill(numbers + size - (panels > 0 ? shape_.panel * dim : 0), numbers + size, Weight(0));
      for (Index key = 0; key < keys; ++key)
        copy(key, numbers + key / shape_.panel * shape_.panel * dim + key % shape_.panel, shape_.panel);
    });
    return head.numbers.data();
  }

 private:
  struct Head {
    std::once_flag made;
    AlignedNumbers<Weight> numbers;
  };
  ScoreShape shape_;
  std::unique_ptr<Head[]> heads_;
};

}  // namespace attnscope::detail
