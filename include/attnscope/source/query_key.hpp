#pragma once
#include <attnscope/source/source.hpp>

#include <cmath>

namespace attnscope {

struct QueryKeyOptions {
  double scale = 0;     ///< factor on query x key; 0: 1 / sqrt(dim)
  double soft_cap = 0;  ///< scores become soft_cap * tanh(score / soft_cap) before the mask; 0: they stay
};

/// softmax(scale Q K') under the layout's mask, as a source: only one block of it exists at a time in each
/// thread. Borrowed: queries [batch, head, query, dim], keys [batch, kv_head, key, dim], dense, row-major,
/// padding included. Head h reads key head h / (heads / kv_heads) (grouped-query attention). A query that
/// sees no key gets a row of 0. Scalar: float, double, Eigen::half, Eigen::bfloat16. Excluded keys take no
/// part in the softmax. Cost: 2 dim operations a visible weight and pass; memory: one block a thread.
template <typename Scalar>
class QueryKeyAttention {
 public:
  using Weight = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;

  /// @throws ShapeError heads that are not a multiple of kv_heads, dim < 1, no data
  /// @throws ValueError a scale or cap that is not finite, a negative cap
  QueryKeyAttention(const Scalar* queries, const Scalar* keys, Layout layout, Index kv_heads, Index dim,
                    QueryKeyOptions options = {})
      : queries_(queries),
        keys_(keys),
        layout_(std::move(layout)),
        kv_heads_(kv_heads),
        dim_(dim),
        scale_(static_cast<Weight>(options.scale == 0 ? 1 / std::sqrt(static_cast<double>(dim))
                                                      : options.scale)),
        soft_cap_(static_cast<Weight>(options.soft_cap)) {
    const Shape& s = layout_.shape();
    require<ShapeError>(dim > 0, "queries and keys of width {}", dim);
    require<ShapeError>(kv_heads > 0 && s.heads % kv_heads == 0, "{} query heads cannot share {} key heads",
                        s.heads, kv_heads);
    require<ShapeError>((queries != nullptr || s.batch * s.heads * s.queries == 0) &&
                            (keys != nullptr || s.batch * s.keys == 0),
                        "no data for queries and keys");
    require<ValueError>(std::isfinite(options.scale), "scale = {}", options.scale);
    require<ValueError>(std::isfinite(options.soft_cap) && options.soft_cap >= 0, "soft_cap = {}",
                        options.soft_cap);
  }
  const Layout& layout() const { return layout_; }

  class Reader {
   public:
    explicit Reader(const QueryKeyAttention& source) : source_(&source) {}

    Block<Weight> read(Index example, Range queries) {
      const Layout& layout = source_->layout_;
      const Index heads = layout.shape().heads, rows = queries.size();
      const Index keys = rows == 0 ? 0 : layout.visible(example, queries.last - 1).last;
      scores_.resize(heads * rows, keys);
      for (Index h = 0; h < heads; ++h) {
        auto scores = scores_.middleRows(h * rows, rows);
        scores.noalias() =
            source_->queries(example, h, queries) * source_->keys(example, h, keys).transpose();
        for (Index r = 0; r < rows; ++r) to_weights(example, queries.first + r, scores.row(r));
      }
      return {scores_.data(), rows * keys, keys, example, queries, keys, layout};
    }

   private:
    using Matrix = Eigen::Matrix<Weight, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    /// Products become weights, in place.
    void to_weights(Index example, Index query,
                    Eigen::Ref<Eigen::Matrix<Weight, 1, Eigen::Dynamic>> row) const {
      const Layout& layout = source_->layout_;
      const Range seen = layout.visible(example, query);
      row.head(seen.first).setZero();
      row.tail(row.size() - seen.last).setZero();
      auto visible = row.segment(seen.first, seen.size()).array();
      visible *= source_->scale_;
      if (source_->soft_cap_ > 0) visible = (visible / source_->soft_cap_).tanh() * source_->soft_cap_;
      if (layout.visible_keys(example, query) == 0) return row.setZero(), void();
      set_excluded(example, seen, row, -std::numeric_limits<Weight>::infinity());
      visible = (visible - visible.maxCoeff()).exp();
      set_excluded(example, seen, row, 0);  // Eigen's exp(-infinity) is tiny, but not 0
      visible /= visible.sum();
    }
    void set_excluded(Index example, Range seen, Eigen::Ref<Eigen::Matrix<Weight, 1, Eigen::Dynamic>> row,
                      Weight value) const {
      const auto& excluded = source_->layout_.mask().excluded_keys;
      if (excluded.empty()) return;
      for (const Index key : excluded[static_cast<std::size_t>(example)])
        if (key >= seen.first && key < seen.last) row(key) = value;
    }

    const QueryKeyAttention* source_;
    Matrix scores_;
  };
  Reader reader() const { return Reader(*this); }

 private:
  using Map = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

  /// [query x dim], [key x dim]: true tokens of one head.
  auto queries(Index example, Index head, Range part) const {
    const Shape& s = layout_.shape();
    const Index first = layout_.query_start(example) + part.first;
    return Map(queries_ + ((example * s.heads + head) * s.queries + first) * dim_, part.size(), dim_)
        .template cast<Weight>();
  }
  auto keys(Index example, Index head, Index count) const {
    const Shape& s = layout_.shape();
    const Index kv_head = head / (s.heads / kv_heads_), first = layout_.key_start(example);
    return Map(keys_ + ((example * kv_heads_ + kv_head) * s.keys + first) * dim_, count, dim_)
        .template cast<Weight>();
  }

  const Scalar *queries_, *keys_;
  Layout layout_;
  Index kv_heads_, dim_;
  Weight scale_, soft_cap_;
};

}  // namespace attnscope
