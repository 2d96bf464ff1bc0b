#pragma once
#include <attnscope/flow/head_fusion.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/sweep.hpp>

#include <ranges>

namespace attnscope {

/// How the heads of a layer become one map.
enum class HeadFusion {
  mean,  ///< their mean, weighted by LayerMapOptions::head_weights
  max,   ///< the largest weight of all heads
  min,   ///< the smallest
};

/// Among which weights the smallest are discarded.
enum class DiscardPer {
  row,  ///< those of each row by itself
  map,  ///< those of the whole map
};

/// What makes a layer's map of its heads. In this order: heads fused, the smallest weights discarded,
/// residual added, rows normalised.
struct LayerMapOptions {
  HeadFusion fusion = HeadFusion::mean;  ///< how heads become one
  std::vector<double> head_weights{};  ///< [head] of a weighted mean, divided by their sum; empty: all alike.
                                       ///< One head alone: its weight 1, the others' 0
  double discard = 0;                  ///< 0 <= discard < 1: the floor(discard N) smallest of the N weights
                                       ///< that the mask shows are set to 0; of equal ones the first
  DiscardPer discard_per = DiscardPer::row;  ///< which N weights these are
  std::vector<Index> protected_keys{};  ///< their weights stay even where they are among the smallest; a key
                                        ///< that an example does not have protects nothing
  bool protect_own = false;             ///< the weight of a token on itself stays, too
  double residual = .5;                 ///< 0..1: (1 - residual) A + residual I
  bool normalise = true;                ///< divide each row by its sum
  RowCheck check = RowCheck::distribution;  ///< what is asked of the rows of every head, as of a sweep's
  double row_sum_tolerance = 2e-2;          ///< a row may sum to 1 + this
};

/// [query x key] of one layer and batch element.
template <typename Scalar>
using LayerMap = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;

/// The layers of a stack, the first one first.
template <typename R>
concept StackLayers = std::ranges::input_range<R> && StackLayer<std::ranges::range_value_t<R>>;

namespace detail {

template <StackLayer Layer>
Layout layout_of(const Layer& layer) {
  return with_layer(layer, [](const auto& attention) { return source_of(attention).layout(); });
}

inline void check_map_options(const LayerMapOptions& options) {
  require<ValueError>(options.residual >= 0 && options.residual <= 1, "residual = {} is not within 0 .. 1",
                      options.residual);
  require<ValueError>(options.discard >= 0 && options.discard < 1,
                      "discard = {} is not at least 0 and below 1", options.discard);
  require<ValueError>(options.head_weights.empty() || options.fusion == HeadFusion::mean,
                      "head weights are for the mean over heads alone");
  for (const Index key : options.protected_keys)
    require<ValueError>(key >= 0, "protected key {} is negative", key);
}

/// [head] weights of the mean, which sum to 1.
inline Eigen::VectorXd mean_weights(const std::vector<double>& given, Index heads) {
  require<ShapeError>(heads > 0, "the map of no heads");
  if (given.empty()) return Eigen::VectorXd::Constant(heads, 1. / static_cast<double>(heads));
  require<ShapeError>(static_cast<Index>(given.size()) == heads, "{} head weights for {} heads", given.size(),
                      heads);
  double sum = 0;
  for (std::size_t h = 0; h < given.size(); ++h) {
    require<ValueError>(given[h] >= 0 && std::isfinite(given[h]), "the weight of head {} is {}", h, given[h]);
    sum += given[h];
  }
  require<ValueError>(sum > 0, "all head weights are 0");
  return Eigen::Map<const Eigen::VectorXd>(given.data(), heads) / sum;
}

/// @throws ShapeError unless the queries of this example are its keys
inline void check_self_attention(const Layout& layout, Index example) {
  require_example(layout, example);
  require<ShapeError>(layout.queries(example) == layout.keys(example),
                      "batch element {}: {} queries beside {} keys: a map needs self-attention", example,
                      layout.queries(example), layout.keys(example));
  require<ShapeError>(layout.queries(example) == 0 || layout.position(example, 0) == 0,
                      "batch element {}: query 0 stands at key {}: a map needs self-attention", example,
                      layout.position(example, 0));
}

/// Which weights a discard takes: all below `limit`, and the first `ties` that equal it.
template <typename Scalar>
struct Discarded {
  Scalar limit = 0;
  Index ties = 0;

  /// The smallest of `weights`, whose order is lost. 1e-9: .29 of 100 is 29, though not in binary fractions.
  static Discarded smallest(std::vector<Scalar>& weights, double share) {
    const Index count = static_cast<Index>(share * static_cast<double>(weights.size()) + 1e-9);
    if (count == 0) return {};
    const auto last = weights.begin() + (count - 1);
    std::nth_element(weights.begin(), last, weights.end());
    const Scalar limit = *last;
    return {limit, std::count(weights.begin(), last + 1, limit)};
  }
  bool takes(Scalar weight) {
    if (weight != limit) return weight < limit;
    return ties-- > 0;
  }
};

/// The rows of a layer's map, some at a time: no matrix stands beside what is made of them.
template <AttentionSource Source, typename Scalar>
class MapRows {
 public:
  /// [row x key]
  using Rows = RowMatrix<Scalar>;

  MapRows(Source source, Index example, const LayerMapOptions& options)
      : source_(std::move(source)), options_(&options), example_(example) {
    check_map_options(options);
    check_self_attention(layout(), example);
    head_weights_ = mean_weights(options.head_weights, layout().shape().heads).template cast<Weight>();
    if (options.discard > 0) note_keys();
  }
  const Layout& layout() const { return source_.layout(); }
  Index tokens() const { return layout().queries(example_); }

  /// What makes row i of the map of its fused heads: factor * row + residual * e_i.
  struct Finish {
    double factor, residual;
  };

  /// act(queries, rows) for all of `wanted` in order, and maybe for queries before them; later keys than
  /// those of `rows` have no weight.
  template <typename Act>
  void each(Range wanted, const Act& act) {
    each_unfinished(wanted, [&](Range queries, const Rows&) {
      for (Index r = 0; r < rows_.rows(); ++r) {
        const auto [factor, residual] = finish(r);
        rows_.row(r) *= static_cast<Scalar>(factor);
        rows_(r, queries.first + r) += static_cast<Scalar>(residual);
      }
      act(queries, rows_);
    });
  }
  /// Of row r of the rows that are shown just now.
  Finish finish(Index r) const {
    const double residual = options_->residual;
    if (!options_->normalise) return {1 - residual, residual};
    const std::span<const Scalar> row(rows_.data() + r * rows_.cols(),
                                      static_cast<std::size_t>(rows_.cols()));
    const double sum = (1 - residual) * vector_math::sum(row) + residual;
    if (sum == 0) return {0, 0};  // neither weight nor residual: nothing to divide
    return {(1 - residual) / sum, residual / sum};
  }
  /// The same, but rows are fused heads without what was discarded: see finish().
  template <typename Act>
  void each_unfinished(Range wanted, const Act& act) {
    Discarded<Scalar> of_map;
    if (options_->discard > 0 && options_->discard_per == DiscardPer::map) {
      std::vector<Scalar> weights;
      each_fused({0, tokens()}, [&] { collect(queries_, weights); });
      of_map = Discarded<Scalar>::smallest(weights, options_->discard);
    }
    // Equal weights of earlier rows come first, so a discard per map has to see them all.
    const bool all = of_map.ties > 0;
    each_fused({all ? 0 : wanted.first, wanted.last}, [&] {
      discard(of_map);
      act(queries_, rows_);
    });
  }

 private:
  void note_keys() {
    const std::size_t keys = static_cast<std::size_t>(tokens());
    counted_.assign(keys, true);
    kept_.assign(keys, false);
    for (const Index key : layout().excluded_keys(example_)) counted_[static_cast<std::size_t>(key)] = false;
    for (const Index key : options_->protected_keys)
      if (key < tokens()) kept_[static_cast<std::size_t>(key)] = true;
  }

  /// act() while rows_ are the fused heads of queries_, in order through `wanted`; rows that are not shown
  /// are 0.
  template <typename Act>
  void each_fused(Range wanted, const Act& act) {
    auto reader = source_.reader();
    const Index step = rows_in_block(layout().shape(), sizeof(typename Source::Weight));
    const auto each_block = [&](Range run, const auto& fill) {
      for (Index first = run.first; first < run.last; first += step) {
        const Range queries{first, std::min(run.last, first + step)};
        fill(queries);
        queries_ = queries;
        act();
      }
    };
    const auto hidden = [&](Range queries) { rows_.setZero(queries.size(), queries.last); };
    const auto shown = [&](Range queries) { fuse(reader.read(example_, queries)); };

    Index next = wanted.first;
    for (const Range& run : layout().shown_queries(example_)) {
      const Range part{std::clamp(run.first, next, wanted.last), std::clamp(run.last, next, wanted.last)};
      each_block({next, part.first}, hidden);
      each_block(part, shown);
      next = part.last;
    }
    each_block({next, wanted.last}, hidden);
  }

  using Weight = typename Source::Weight;

  /// rows_ = the heads of this block, fused in the precision of the weights and checked on the way.
  void fuse(const Block<Weight>& block) {
    if (options_->fusion == HeadFusion::mean)
      fused_.setZero(block.size(), block.keys());
    else
      fused_ = block.head(0).matrix();
    for (Index r = 0; r < block.size(); ++r)
      if (options_->fusion == HeadFusion::mean)
        fuse_row(block, r, AddWeighted<Weight>{head_weights_.data()});
      else if (options_->fusion == HeadFusion::max)
        fuse_row(block, r, TakeLarger{});
      else
        fuse_row(block, r, TakeSmaller{});
    rows_ = fused_.template cast<Scalar>();
  }
  template <typename Combine>
  void fuse_row(const Block<Weight>& block, Index r, const Combine& combine) {
    Index head = 0;
    for (; head + 4 <= block.heads(); head += 4) fuse_heads<4>(block, r, head, combine);
    for (; head < block.heads(); ++head) fuse_heads<1>(block, r, head, combine);
  }
  template <std::size_t heads, typename Combine>
  void fuse_heads(const Block<Weight>& block, Index r, Index first, const Combine& combine) {
    const MatrixView<Weight> rows = block.across_heads(r);
    const auto facts = fuse_rows<heads>(rows.data(), rows.outerStride(), first, block.keys(),
                                        fused_.data() + r * fused_.cols(), combine);
    const double tolerance = options_->row_sum_tolerance;
    const auto fits = [&](double sum) { return sum <= 1 + tolerance; };
    if (facts.least >= 0 && std::all_of(facts.sums.begin(), facts.sums.end(), fits)) return;
    for (Index h = first; h < first + static_cast<Index>(heads); ++h)
      check_rows(block.head(h, {r, r + 1}), options_->check, tolerance);
  }

  /// act(weight, query, key) for every weight of these queries that the mask shows, in order.
  template <typename Act>
  void each_weight(Range part, const Act& act) {
    for (const Range& run : layout().shown_queries(example_))
      for (Index i = std::max(run.first, part.first); i < std::min(run.last, part.last); ++i) {
        const Range seen = layout().visible(example_, i);
        for (Index key = seen.first; key < seen.last; ++key)
          if (counted_[static_cast<std::size_t>(key)]) act(rows_(i - queries_.first, key), i, key);
      }
  }
  void collect(Range part, std::vector<Scalar>& weights) {
    each_weight(part, [&](Scalar weight, Index, Index) { weights.push_back(weight); });
  }
  void drop(Range part, Discarded<Scalar>& discarded) {
    each_weight(part, [&](Scalar& weight, Index query, Index key) {
      const bool kept = kept_[static_cast<std::size_t>(key)] || (options_->protect_own && key == query);
      if (discarded.takes(weight) && !kept) weight = 0;
    });
  }
  void discard(Discarded<Scalar>& of_map) {
    if (options_->discard == 0) return;
    if (options_->discard_per == DiscardPer::map) return drop(queries_, of_map);
    std::vector<Scalar> weights;
    for (Index i = queries_.first; i < queries_.last; ++i) {
      weights.clear();
      collect({i, i + 1}, weights);
      Discarded<Scalar> of_row = Discarded<Scalar>::smallest(weights, options_->discard);
      drop({i, i + 1}, of_row);
    }
  }

  Source source_;
  const LayerMapOptions* options_;
  Index example_;
  Eigen::Matrix<Weight, Eigen::Dynamic, 1> head_weights_;
  RowMatrix<Weight> fused_;           // of queries_
  std::vector<bool> counted_, kept_;  // [key]
  Range queries_;                     // of rows_
  Rows rows_;
};

}  // namespace detail

/// [query x key] the map of one layer that rollout and flow walk on: with A the heads fused and the smallest
/// weights discarded,
///     (1 - residual) A + residual I, each row divided by its sum.
/// A row without weight (an excluded query, a row whose mass was on excluded keys) keeps its residual alone:
/// normalised, a token that passes itself on. Without residual either, it is 0. example: batch element;
/// tokens count from its first true one. Causal attention gives a lower triangle. Reads the attention once,
/// some rows at a time; a discard per map reads it twice and keeps all fused weights in between.
/// @throws ShapeError queries that are not the keys, other head weights than heads, no heads, no such example
/// @throws ValueError options out of their range; weights that are no attention, with their place
template <typename Scalar = double, StackLayer Layer>
LayerMap<Scalar> layer_map(const Layer& layer, Index example = 0, const LayerMapOptions& options = {}) {
  return detail::with_layer(layer, [&](const auto& attention) {
    const auto source = source_of(attention);
    detail::MapRows<std::remove_const_t<decltype(source)>, Scalar> map_rows(source, example, options);
    const Index n = map_rows.tokens();
    LayerMap<Scalar> map = LayerMap<Scalar>::Zero(n, n);
    map_rows.each({0, n}, [&](Range queries, const auto& rows) {
      map.block(queries.first, 0, queries.size(), rows.cols()) = rows;
    });
    return map;
  });
}

/// [layer] the maps of one example, all of as many tokens: the capacities of attention flow, the factors of
/// rollout. @throws ShapeError layers of unlike token counts, naming both; what layer_map throws, naming the
/// layer
template <typename Scalar = double, StackLayers Layers>
std::vector<LayerMap<Scalar>> layer_maps(Layers&& layers, Index example = 0,
                                         const LayerMapOptions& options = {}) {
  std::vector<LayerMap<Scalar>> maps;
  for (const auto& layer : layers) {
    const std::size_t l = maps.size();
    in_context(fmt::format("layer {}", l),
               [&] { maps.push_back(layer_map<Scalar>(layer, example, options)); });
    require<ShapeError>(maps[l].rows() == maps[0].rows(),
                        "layers 0 and {}: batch element {} has {} and {} tokens", l, example, maps[0].rows(),
                        maps[l].rows());
  }
  return maps;
}

}  // namespace attnscope
