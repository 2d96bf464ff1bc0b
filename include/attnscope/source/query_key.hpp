#pragma once
#include <attnscope/source/key_panels.hpp>
#include <attnscope/source/source.hpp>

#include <array>
#include <cmath>
#include <limits>

namespace attnscope {

/// How scores become weights: options of QueryKeyAttention. The arrays are borrowed.
template <typename Weight>
struct QueryKeyOptions {
  double scale = 0;  ///< factor on query x key; 0: 1 / sqrt(dim)
  double soft_cap =
      0;  ///< scores become soft_cap * tanh(score / soft_cap) before bias and mask; 0: they stay
  const Weight* bias = nullptr;  ///< [bias_batch, head, query, key], dense, added to the scores (a table)
  Index bias_batch = 1;          ///< 1: the same for the whole batch; else the batch size
  const Weight* alibi_slopes =
      nullptr;  ///< [head] slope * (key - own position) is added to the scores (Press et al. 2022, ALiBi)
  const Weight* sink_logits =
      nullptr;  ///< [head] one more logit in each row's softmax; its weight is dropped
};

/// How many elements lie between one batch element, head, token, number and the next.
struct QueryKeyStrides {
  std::array<Index, 4> queries{};  ///< by batch, head, query, dim
  std::array<Index, 4> keys{};     ///< by batch, kv_head, key, dim
};

/// softmax(scale Q K' + bias) under the layout's mask, as a source: only some rows of it exist at a time in
/// each thread. Borrowed: queries [batch, head, query, dim], keys [batch, kv_head, key, dim], padding
/// included, of any strides (else dense, row-major). Head h reads key head h / (heads / kv_heads)
/// (grouped-query attention, Ainslie et al. 2023). A query that sees no key gets a row of 0. Scalar: float,
/// double, Eigen::half, Eigen::bfloat16. Excluded keys take no part in the softmax.
///
/// Cost: 2 dim operations a visible weight and pass. Memory: a copy of one batch element's keys (of the key
/// heads that are read), and 16 rows a thread; some MiB for measures that look at several heads at once.
/// Reading throws ValueError for queries and keys that are not finite, and for scores that overflow.
template <typename Scalar>
class QueryKeyAttention {
 public:
  using Weight = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;

  /// @throws ShapeError heads that are not a multiple of kv_heads, dim < 1, no data
  /// @throws ValueError a scale or cap that is not finite, a negative cap
  QueryKeyAttention(const Scalar* queries, const Scalar* keys, Layout layout, Index kv_heads, Index dim,
                    QueryKeyStrides strides, QueryKeyOptions<Weight> options = {})
      : queries_(queries),
        keys_(keys),
        layout_(std::move(layout)),
        kv_heads_(kv_heads),
        dim_(dim),
        strides_(strides),
        options_(options),
        panels_(std::make_shared<Panels>(layout_.shape().batch)) {
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
  /// Dense, row-major.
  QueryKeyAttention(const Scalar* queries, const Scalar* keys, Layout layout, Index kv_heads, Index dim,
                    QueryKeyOptions<Weight> options = {})
      : QueryKeyAttention(queries, keys, layout, kv_heads, dim,
                          {dense(layout.shape().heads, layout.shape().queries, dim),
                           dense(kv_heads, layout.shape().keys, dim)},
                          options) {}
  const Layout& layout() const { return layout_; }

  class Reader {
   public:
    explicit Reader(const QueryKeyAttention& source) : source_(&source) {}

    Block<Weight> read(Index example, Range queries) { return read(example, queries, summaries_); }
    Block<Weight> read(Index example, Range queries, std::vector<RowSummary>& summaries) {
      const Layout& layout = source_->layout_;
      const Index heads = layout.shape().heads, rows = queries.size();
      const Index keys = layout.visible(example, queries).last;
      open(example);
      const Index stride = rounded(keys, shape_.panel) + gap, room = rounded(rows, shape_.tile);
      Weight* scores = scores_.of_size(heads * room * longest_stride(example));
      summaries.resize(static_cast<std::size_t>(heads * rows));
      for (Index h = 0; h < heads; ++h) {
        Weight* of_head = scores + h * room * stride;
        const Range written = fill(example, h, queries, {of_head, stride}, 0, summaries.data() + h * rows);
        for (Index r = 0; r < rows; ++r) {
          Weight* row = of_head + r * stride;
          detail::multiply_by(row, rounded(written.last, shape_.lanes), static_cast<double>(factor(r)));
        }
      }
      return {scores, room * stride, stride, example, queries, keys, layout};
    }

    bool summarises() const { return true; }
    RowSummaries<Weight> summarise(Index example, Index head, Range queries, SummaryParts) {
      open(example);
      const Range seen = source_->layout_.visible(example, queries);
      const Index first = seen.first / shape_.panel * shape_.panel;
      const Index stride = rounded(seen.last - first, shape_.panel) + gap;
      Weight* scores = scores_.of_size(rounded(queries.size(), shape_.tile) * longest_stride(example));
      summaries_.resize(static_cast<std::size_t>(queries.size()));
      fill(example, head, queries, {scores, stride}, first, summaries_.data());
      return {HeadPlace(example, head, queries, source_->layout_),
              scores + (seen.first - first),
              stride,
              seen,
              factors_.data(),
              summaries_.data()};
    }

   private:
    struct Rows {
      Weight* data;
      Index stride;
      Weight* row(Index r) const { return data + r * stride; }
    };
    static constexpr Index gap = 16;  // rows a power of two apart would share the lines of a cache
    static constexpr double infinity = std::numeric_limits<double>::infinity();
    static Index rounded(Index size, Index step) { return (size + step - 1) / step * step; }
    /// Buffers are as long as any row needs: growing with causal rows, they would leave holes in the heap.
    Index longest_stride(Index example) const {
      return rounded(source_->layout_.keys(example), shape_.panel) + gap;
    }
    Weight factor(Index r) const { return factors_[static_cast<std::size_t>(r)]; }

    void open(Index example) {
      if (panels_ && example == example_) return;
      panels_ = source_->panels_->of(example, source_->kv_heads_);
      shape_ = panels_->shape();
      example_ = example;
    }

    /// Weights of some queries of one head, before they are divided by their sums: times factors_ they are
    /// done. Column 0 is the key `first`, a multiple of the panel's at or before what any sees. Hidden ones
    /// are 0. The columns that were written.
    Range fill(Index example, Index head, Range queries, Rows rows, Index first, RowSummary* summaries) {
      const Range seen = source_->layout_.visible(example, queries);
      factors_.assign(static_cast<std::size_t>(queries.size()), Weight(0));
      const Index from = seen.first / shape_.panel, panels = rounded(seen.last, shape_.panel) / shape_.panel;
      const Range stored{from * shape_.panel, panels * shape_.panel};
      if (stored.size() > 0) {
        const Weight* keys = source_->key_panels(*panels_, example, head);
        const Weight* tiles = tiles_of(example, head, queries);
        detail::multiply(tiles, rounded(queries.size(), shape_.tile) / shape_.tile,
                         keys + stored.first * source_->dim_, panels - from, source_->dim_,
                         rows.data + (stored.first - first), rows.stride);
      }
      for (Index r = 0; r < queries.size(); ++r) {
        Weight* row = rows.row(r) + (stored.first - first);
        std::fill(rows.row(r), row, Weight(0));
        summaries[r] =
            to_weights(example, head, queries.first + r, row, stored, factors_[static_cast<std::size_t>(r)]);
      }
      return {0, stored.last - first};
    }

    /// [tile] of [dim x tile] some queries, 0 behind the last one.
    const Weight* tiles_of(Index example, Index head, Range queries) {
      const Index dim = source_->dim_, tile = shape_.tile, size = rounded(queries.size(), tile) * dim;
      Weight* tiles = queries_.of_size(size);
      std::fill(tiles, tiles + size, Weight(0));
      for (Index r = 0; r < queries.size(); ++r)
        source_->copy_query(example, head, queries.first + r, tiles + r / tile * tile * dim + r % tile, tile);
      return tiles;
    }

    /// Products become weights times a sum, in place; factor: 1 over that sum. row: of the keys `stored`.
    RowSummary to_weights(Index example, Index head, Index query, Weight* row, Range stored,
                          Weight& factor) const {
      const QueryKeyOptions<Weight>& options = source_->options_;
      const Range seen = source_->layout_.visible(example, query);
      const Index own = source_->layout_.position(example, query);
      const auto at = [&](Index key) { return row + (key - stored.first); };
      if (seen.size() == 0) {
        std::fill(row, at(stored.last), Weight(0));
        return {};
      }
      const Index begin = std::max(seen.first / shape_.lanes * shape_.lanes, stored.first);
      const Index end = std::min(rounded(seen.last, shape_.lanes), stored.last);
      const bool finished = source_->finish_scores(example, head, query, seen, at(seen.first));
      const double scale = finished ? 1 : std::abs(options.scale);
      constexpr auto hidden = -std::numeric_limits<Weight>::infinity();
      std::fill(at(begin), at(seen.first), hidden);
      std::fill(at(seen.last), at(end), hidden);
      for (const Index key : source_->layout_.excluded_keys(example))
        if (key >= begin && key < end) *at(key) = hidden;

      const double sink = options.sink_logits ? static_cast<double>(options.sink_logits[head]) : -infinity;
      const simd::SoftmaxSums sums =
          detail::softmax(at(begin), end - begin, scale, sink / scale, begin - own);
      std::fill(row, at(begin), Weight(0));
      std::fill(at(end), at(stored.last), Weight(0));
      if (sums.most == -infinity) {  // no key to see: subtracting would give NaN
        std::fill(at(begin), at(end), Weight(0));
        return {};
      }
      const double most = std::max(sums.most * scale, sink);
      const double total = sums.sum + std::exp(sink - most);
      require<ValueError>(std::isfinite(total) && std::isfinite(sums.log_sum),
                          "batch element {}, head {}, query {}: the scores overflow", example, head, query);
      factor = static_cast<Weight>(1 / total);
      const double sum = sums.sum / total;
      return {.sum = sum,
              .entropy = std::max(0., sum * std::log(total) - sums.log_sum / total * std::numbers::ln2),
              .distance = sums.distance / total,
              .smallest = 0,
              .largest = std::exp(sums.most * scale - most) / total};
    }

    const QueryKeyAttention* source_;
    std::shared_ptr<detail::KeyPanels<Weight>> panels_;
    Index example_ = -1;
    detail::ScoreShape shape_{1, 1, 1};
    detail::AlignedNumbers<Weight> scores_, queries_;
    std::vector<Weight> factors_;
    std::vector<RowSummary> summaries_;
  };
  Reader reader() const { return Reader(*this); }

 private:
  using Numbers = Eigen::Map<Eigen::Array<Weight, Eigen::Dynamic, 1>>;
  static std::array<Index, 4> dense(Index heads, Index tokens, Index dim) {
    return {heads * tokens * dim, tokens * dim, dim, 1};
  }

  /// The panels that readers are using: of a batch element that nobody reads they are given back.
  class Panels {
   public:
    explicit Panels(Index batch) : examples_(static_cast<std::size_t>(batch)) {}
    std::shared_ptr<detail::KeyPanels<Weight>> of(Index example, Index kv_heads) {
      const std::lock_guard lock(mutex_);
      std::weak_ptr<detail::KeyPanels<Weight>>& kept = examples_[static_cast<std::size_t>(example)];
      std::shared_ptr<detail::KeyPanels<Weight>> panels = kept.lock();
      if (!panels)
        kept = panels = std::make_shared<detail::KeyPanels<Weight>>(detail::score_shape(Weight()), kv_heads);
      return panels;
    }

   private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<detail::KeyPanels<Weight>>> examples_;
  };

  /// to[0], to[step], ... = sign times the numbers of one token.
  /// @throws ValueError one that is not finite
  template <typename Describe>
  void copy(const Scalar* from, Index from_step, Weight* to, Index step, Weight sign,
            const Describe& describe) const {
    for (Index d = 0; d < dim_; ++d) {
      const auto number = static_cast<Weight>(from[d * from_step]);
      if (!std::isfinite(number)) throw ValueError(describe(static_cast<double>(number), d));
      to[d * step] = sign * number;
    }
  }
  /// A negative scale is the query's, so that the largest product has the largest weight.
  void copy_query(Index example, Index head, Index query, Weight* to, Index step) const {
    const auto& [by_batch, by_head, by_token, by_number] = strides_.queries;
    const Index stored = layout_.query_start(example) + query;
    copy(queries_ + example * by_batch + head * by_head + stored * by_token, by_number, to, step,
         Weight(options_.scale < 0 ? -1 : 1), [&](double number, Index d) {
           return fmt::format("batch element {}, head {}, query {}: the query is {} in dimension {}", example,
                              head, query, number, d);
         });
  }
  const Weight* key_panels(detail::KeyPanels<Weight>& panels, Index example, Index head) const {
    const auto& [by_batch, by_head, by_token, by_number] = strides_.keys;
    const Index kv_head = head / (layout_.shape().heads / kv_heads_);
    const Index seen = layout_.visible(example, {0, layout_.queries(example)}).last;
    const Scalar* first = keys_ + example * by_batch + kv_head * by_head;
    return panels.head(kv_head, seen, dim_,
                       [&, by_token = by_token, by_number = by_number](Index key, Weight* to, Index step) {
                         if (layout_.excludes_key(example, key)) {
                           for (Index d = 0; d < dim_; ++d) to[d * step] = 0;
                           return;
                         }
                         copy(first + (layout_.key_start(example) + key) * by_token, by_number, to, step,
                              Weight(1), [&](double number, Index d) {
                                return fmt::format(
                                    "batch element {}, key head {}, key {}: the key is {} in dimension {}",
                                    example, kv_head, key, number, d);
                              });
                       });
  }

  /// Scale, cap and bias over the keys `seen`, where there is more than a scale: whether there is.
  bool finish_scores(Index example, Index head, Index query, Range seen, Weight* row) const {
    if (options_.soft_cap == 0 && !options_.bias && !options_.alibi_slopes) return false;
    Numbers scores(row, seen.size());
    scores *= static_cast<Weight>(std::abs(options_.scale));
    if (const auto cap = static_cast<Weight>(options_.soft_cap); cap > 0)
      scores = (scores / cap).tanh() * cap;
    if (options_.alibi_slopes) {
      const Index own = layout_.position(example, query);
      scores += options_.alibi_slopes[head] * Eigen::Array<Weight, Eigen::Dynamic, 1>::LinSpaced(
                                                  seen.size(), static_cast<Weight>(seen.first - own),
                                                  static_cast<Weight>(seen.last - 1 - own));
    }
    if (options_.bias) scores += bias(example, head, query, seen);
    for (Index key = 0; scores.hasNaN() && key < seen.size(); ++key)
      require<ValueError>(!std::isnan(scores(key)),
                          "batch element {}, head {}, query {}, key {}: the score is nan after its bias",
                          example, head, query, seen.first + key);
    return true;
  }
  /// [key] the bias of one query's visible keys.
  auto bias(Index example, Index head, Index query, Range seen) const {
    const Shape& s = layout_.shape();
    const Index element = options_.bias_batch == 1 ? 0 : example;
    const Index row = (element * s.heads + head) * s.queries + layout_.query_start(example) + query;
    const Weight* first = options_.bias + row * s.keys + layout_.key_start(example) + seen.first;
    return Eigen::Map<const Eigen::Array<Weight, Eigen::Dynamic, 1>>(first, seen.size());
  }

  const Scalar *queries_, *keys_;
  Layout layout_;
  Index kv_heads_, dim_;
  QueryKeyStrides strides_;
  QueryKeyOptions<Weight> options_;
  std::shared_ptr<Panels> panels_;
};

}  // namespace attnscope
