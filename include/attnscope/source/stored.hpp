#pragma once
#include <attnscope/source/source.hpp>

#include <algorithm>
#include <array>

namespace Eigen {
template <typename Scalar, int Axes, int Options, typename Index>
class Tensor;  // declared: its header takes longer to compile than a measure
}  // namespace Eigen

namespace attnscope {

/// [batch, head, query, key], owned, the keys side by side. Whoever makes one includes
/// <unsupported/Eigen/CXX11/Tensor>.
template <typename Scalar>
using AttentionTensor = Eigen::Tensor<Scalar, 4, Eigen::RowMajor, Index>;

/// An Eigen matrix, map or block whose numbers lie in memory: [query x key] of one head, either storage
/// order.
template <typename M>
concept StoredMatrix = std::derived_from<M, Eigen::MatrixBase<M>> &&(M::Flags& Eigen::DirectAccessBit) != 0;

namespace detail {
template <typename M, typename Scalar>
concept MatrixOf = StoredMatrix<M> && std::same_as<typename M::Scalar, Scalar>;
template <typename M>
concept OwningMatrix = StoredMatrix<M> && std::derived_from<M, Eigen::PlainObjectBase<M>>;
}  // namespace detail

/// Stored attention, borrowed, of any strides. Scalar: float, double, Eigen::half, Eigen::bfloat16.
/// float and double whose keys lie side by side are never copied; anything else is converted a block at a
/// time. Weights that the mask hides, and padding, may hold anything: they are never shown.
///
/// A [layer, head, query, key] array is a view whose batch axis is the layer; `example(layer)` is one of
/// them.
template <typename Scalar>
class AttentionView {
 public:
  using Weight = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  /// How many elements lie between one batch element, head, query, key and the next.
  using Strides = std::array<Index, 4>;

  /// @throws ShapeError no data for a shape that is not empty
  AttentionView(const Scalar* data, Layout layout, Strides strides)
      : data_(data), layout_(std::move(layout)), strides_(strides) {
    const Shape& s = layout_.shape();
    require<ShapeError>(data != nullptr || s.batch * s.heads * s.queries * s.keys == 0,
                        "no data for attention of shape [{}, {}, {}, {}]", s.batch, s.heads, s.queries,
                        s.keys);
  }
  /// Dense, row-major.
  AttentionView(const Scalar* data, Layout layout) : AttentionView(data, layout, dense(layout.shape())) {}

  /// A tensor, which must outlive the view.
  explicit AttentionView(const AttentionTensor<Scalar>& tensor, Mask mask = {})
      : AttentionView(tensor.data(), Layout({tensor.dimension(0), tensor.dimension(1), tensor.dimension(2),
                                             tensor.dimension(3)},
                                            std::move(mask))) {}
  explicit AttentionView(AttentionTensor<Scalar>&&, Mask = {}) = delete;  // would dangle

  /// One head of one example.
  template <detail::MatrixOf<Scalar> M>
  explicit AttentionView(const M& matrix, Mask mask = {})
      : AttentionView(matrix.data(), Layout({1, 1, matrix.rows(), matrix.cols()}, std::move(mask)),
                      {0, 0, matrix.rowStride(), matrix.colStride()}) {}
  template <detail::OwningMatrix M>
  explicit AttentionView(M&&, Mask = {}) = delete;  // would dangle

  const Layout& layout() const { return layout_; }
  const Scalar* data() const { return data_; }         ///< the first element, padding included
  const Strides& strides() const { return strides_; }  ///< in elements

  /// One batch element. @throws ShapeError it is not there
  AttentionView example(Index b) const {
    const Shape& s = layout_.shape();
    detail::require_example(layout_, b);
    Mask mask = layout_.mask();
    keep_one(b, mask.query_lengths, mask.key_lengths, mask.query_starts, mask.key_starts,
             mask.excluded_queries, mask.excluded_keys);
    return {data_ + b * strides_[0], Layout({1, s.heads, s.queries, s.keys}, std::move(mask)), strides_};
  }
  /// Heads first .. first + count - 1. @throws ShapeError they are not all there
  AttentionView heads(Index first, Index count) const {
    Shape s = layout_.shape();
    require<ShapeError>(first >= 0 && count >= 0 && count <= s.heads - first, "heads {} .. {} of {}", first,
                        first + count - 1, s.heads);
    s.heads = count;
    return {data_ + first * strides_[1], Layout(s, layout_.mask()), strides_};
  }
  /// The same weights under another mask.
  AttentionView masked(Mask mask) const {
    return {data_, Layout(layout_.shape(), std::move(mask)), strides_};
  }

  class Reader {
   public:
    explicit Reader(const AttentionView& view) : view_(&view) {}

    Block<Weight> read(Index example, Range queries) {
      const Layout& layout = view_->layout_;
      const auto& [by_batch, by_head, by_query, by_key] = view_->strides_;
      const Scalar* data = view_->data_ + example * by_batch +
                           (layout.query_start(example) + queries.first) * by_query +
                           layout.key_start(example) * by_key;
      const Index keys = layout.visible(example, queries).last;
      if constexpr (std::is_same_v<Scalar, Weight>) {
        if (by_key == 1 && hidden_is_zero(data, example, queries, keys))
          return {data, by_head, by_query, example, queries, keys, layout};
      }
      copy(data, example, queries, keys);
      return {buffer_.data(), queries.size() * keys, keys, example, queries, keys, layout};
    }

   private:
    /// Whether a block may be lent as it is. Without a mask nothing needs to be looked at.
    bool hidden_is_zero(const Scalar* data, Index example, Range queries, Index keys) const {
      const Layout& layout = view_->layout_;
      if (!layout.mask().causal && layout.excluded_keys(example).empty()) return true;
      const auto zero = [](const Scalar* row, Index first, Index last) {
        return vector_math::all_zero(
            std::span<const Scalar>(row + first, static_cast<std::size_t>(last - first)));
      };
      for (Index h = 0; h < layout.shape().heads; ++h)
        for (Index r = 0; r < queries.size(); ++r) {
          const Range seen = layout.visible(example, queries.first + r);
          const Scalar* row = data + h * view_->strides_[1] + r * view_->strides_[2];
          if (!zero(row, 0, seen.first) || !zero(row, seen.last, keys)) return false;
          for (const Index key : layout.excluded_keys(example))
            if (key < keys && row[key] != Scalar(0)) return false;
        }
      return true;
    }
    void copy(const Scalar* data, Index example, Range queries, Index keys) {
      const Layout& layout = view_->layout_;
      const Index heads = layout.shape().heads, step = view_->strides_[3];
      buffer_.resize(heads * queries.size() * keys);
      Weight* to = buffer_.data();
      const auto row = [&](Index h, Index r) {
        return data + h * view_->strides_[1] + r * view_->strides_[2];
      };
      for (Index h = 0; h < heads; ++h)
        for (Index r = 0; r < queries.size(); ++r, to += keys) {
          const Range seen = layout.visible(example, queries.first + r);
          const bool ends = r + 1 == queries.size();
          const Scalar* next = row(ends && h + 1 < heads ? h + 1 : h, ends ? 0 : r + 1);
          vector_math::widen(row(h, r) + seen.first * step, next + seen.first * step, step, seen.size(),
                             to + seen.first);
          std::fill(to, to + seen.first, Weight(0));
          std::fill(to + seen.last, to + keys, Weight(0));
          for (const Index key : layout.excluded_keys(example))
            if (key < keys) to[key] = Weight(0);
        }
    }

    const AttentionView* view_;
    Eigen::Array<Weight, Eigen::Dynamic, 1> buffer_;
  };
  Reader reader() const { return Reader(*this); }

 private:
  static Strides dense(const Shape& s) {
    return {s.heads * s.queries * s.keys, s.queries * s.keys, s.keys, 1};
  }
  template <typename... Lists>
  static void keep_one(Index b, Lists&... lists) {
    const auto keep = [b](auto& list) {
      if (list.empty()) return;
      list.front() = list[static_cast<std::size_t>(b)];
      list.resize(1);
    };
    (keep(lists), ...);
  }

  const Scalar* data_;
  Layout layout_;
  Strides strides_;
};

/// @cond
template <StoredMatrix M>
AttentionView(const M&, Mask = {}) -> AttentionView<typename M::Scalar>;
/// @endcond

/// A tensor is a batch without padding or mask.
template <typename Scalar>
struct AsSource<AttentionTensor<Scalar>> {
  static AttentionView<Scalar> of(const AttentionTensor<Scalar>& tensor) {
    return AttentionView<Scalar>(tensor);
  }
};
/// A matrix is one head of one example, without a mask.
template <StoredMatrix M>
struct AsSource<M> {
  static AttentionView<typename M::Scalar> of(const M& matrix) {
    return AttentionView<typename M::Scalar>(matrix);
  }
};

}  // namespace attnscope
