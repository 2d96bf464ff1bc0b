#pragma once
#include <attnscope/source/source.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

template <typename Weight>
struct QueryKeyOptions {
  double scale = 0;  ///< factor on query x key; 0: 1 / sqrt(dim)
  double soft_cap =
      0;  ///< scores become soft_cap * tanh(score / soft_cap) before bias and mask; 0: they stay
  const Weight* bias =
      nullptr;           ///< [bias_batch, head, query, key], dense, added to the scores (ALiBi, a table)
  Index bias_batch = 1;  ///< 1: the same for the whole batch; else the batch size
  const Weight* sink_logits =
      nullptr;  ///< [head] one more logit in each row's softmax; its weight is dropped
};

/// softmax(scale Q K' + bias) under the layout's mask, as a source: only one block of it exists at a time in
/// each thread. Borrowed: queries [batch, head, query, dim], keys [batch, kv_head, key, dim], dense,
/// row-major, padding included. Head h reads key head h / (heads / kv_heads) (grouped-query attention). A
/// query that sees no key gets a row of 0. Scalar: float, double, Eigen::half, Eigen::bfloat16. Excluded keys
/// take no part in the softmax. Cost: 2 dim operations a visible weight and pass; memory: one block a thread.
template <typename Scalar>
class QueryKeyAttention {
 public:
  using Weight = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;

  /// @throws ShapeError heads that are not a multiple of kv_heads, dim < 1, no data
  /// @throws ValueError a scale or cap that is not finite, a negative cap
  QueryKeyAttention(const Scalar* queries, const Scalar* keys, Layout layout, Index kv_heads, Index dim,
                    QueryKeyOptions<Weight> options = {})
      : queries_(queries),
        keys_(keys),
        layout_(std::move(layout)),
        kv_heads_(kv_heads),
        dim_(dim),
        options_(options) {
    const Shape& s = layout_.shape();
    require<ShapeError>(dim > 0, "queries and keys of width {}", dim);
    require<ShapeError>(kv_heads > 0 && s.heads % kv_heads == 0, "{} query heads cannot share {} key heads",
                        s.heads, kv_heads);
    require<ShapeError>((queries != nullptr || s.batch * s.heads * s.queries == 0) &&
                            (keys != nullptr || s.batch * s.keys == 0),
                        "no data for queries and keys");
    require<ShapeError>(options.bias_batch == 1 || options.bias_batch == s.batch,
                        "a bias of {} batch elements for a batch of {}", options.bias_batch, s.batch);
    require<ValueError>(std::isfinite(options.scale), "scale = {}", options.scale);
    require<ValueError>(std::isfinite(options.soft_cap) && options.soft_cap >= 0, "soft_cap = {}",
                        options.soft_cap);
    if (options_.scale == 0) options_.scale = 1 / std::sqrt(static_cast<double>(dim));
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
        for (Index r = 0; r < rows; ++r) to_weights(example, h, queries.first + r, scores.row(r));
      }
      return {scores_.data(), rows * keys, keys, example, queries, keys, layout};
    }

   private:
    using Matrix = Eigen::Matrix<Weight, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    static constexpr Weight infinity = std::numeric_limits<Weight>::infinity();

    using Row = Eigen::Ref<Eigen::Matrix<Weight, 1, Eigen::Dynamic>>;

    /// Products become weights, in place.
    void to_weights(Index example, Index head, Index query, Row row) const {
      const Layout& layout = source_->layout_;
      const Range seen = layout.visible(example, query);
      const QueryKeyOptions<Weight>& options = source_->options_;
      auto scores = row.segment(seen.first, seen.size()).array();
      scores *= static_cast<Weight>(options.scale);
      if (const auto cap = static_cast<Weight>(options.soft_cap); cap > 0)
        scores = (scores / cap).tanh() * cap;
      if (options.bias) scores += source_->bias(example, head, query, seen);
      hide(example, seen, row, -infinity);
      const Weight sink = options.sink_logits ? options.sink_logits[head] : -infinity;
      const Weight most = std::max(row.size() > 0 ? row.maxCoeff() : -infinity, sink);
      if (most == -infinity) return void(row.setZero());  // no key to see: subtracting would give NaN
      scores = (scores - most).exp();
      hide(example, seen, row, 0);  // Eigen's exp(-infinity) is tiny, but not 0
      scores /= scores.sum() + std::exp(sink - most);
    }
    /// Writes `value` where the row may not see.
    void hide(Index example, Range seen, Row row, Weight value) const {
      row.head(seen.first).setConstant(value);
      row.tail(row.size() - seen.last).setConstant(value);
      const auto& excluded = source_->layout_.mask().excluded_keys;
      if (excluded.empty()) return;
      for (const Index key : excluded[static_cast<std::size_t>(example)])
        if (key < row.size()) row(key) = value;
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

  /// [key] the bias of one query's visible keys.
  auto bias(Index example, Index head, Index query, Range seen) const {
    const Shape& s = layout_.shape();
    const Index element = options_.bias_batch == 1 ? 0 : example;
    const Index row = (element * s.heads + head) * s.queries + layout_.query_start(example) + query;
    const Weight* first = options_.bias + row * s.keys + layout_.key_start(example) + seen.first;
    return Eigen::Map<const Eigen::Array<Weight, 1, Eigen::Dynamic>>(first, seen.size());
  }

  const Scalar *queries_, *keys_;
  Layout layout_;
  Index kv_heads_, dim_;
  QueryKeyOptions<Weight> options_;
};

}  // namespace attnscope
