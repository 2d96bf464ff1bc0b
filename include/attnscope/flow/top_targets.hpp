#pragma once
#include <attnscope/core/largest_weights.hpp>
#include <attnscope/flow/rollout.hpp>

namespace attnscope {

/// Options of top_targets().
struct TopTargetsOptions {
  Index top_k = 5;                  ///< targets of a head, at most
  double min_weight = .05;          ///< 0..1; a weight of 0 is no target
  Index example = 0;                ///< batch element
  double row_sum_tolerance = 2e-2;  ///< a row may sum to 1 + this
};

/// Result of top_targets().
struct TopTargetsResult {
  std::vector<std::vector<TopKey>> heads;  ///< [head] the largest weight first; of equal ones the lower key
  Eigen::VectorXd dropped;                 ///< [head] 0..1, the weight on keys that are not listed
};

/// Options of target_flow().
struct TargetFlowOptions {
  Index top_k = 5;          ///< of each token reached
  double min_weight = .05;  ///< 0..1, in the row of the layer's map; a weight of 0 is no target
  Index example = 0;        ///< batch element
  LayerMapOptions map{};    ///< what makes a layer's map of its heads; normalised
  Index start_layer = 0;    ///< where the flow ends: at the inputs of this layer
};

/// A token on a level: level l is what layer l reads, and layer l - 1 writes.
struct FlowNode {
  Index level = 0;     ///< 0 .. layers
  Index token = 0;     ///< counted from the first true one
  double share = 0;    ///< 0..1 of the query's; what comes in, 1 at the query itself
  double dropped = 0;  ///< 0..1 of the query's; what comes in and does not go on, 0 on the last level
};
/// What layer `layer` carries from token `from` on level layer + 1 to token `to` on level `layer`.
struct FlowLink {
  Index layer = 0;   ///< counted from the inputs
  Index from = 0;    ///< token above it
  Index to = 0;      ///< token below it
  double share = 0;  ///< 0..1 of the query's: the share of `from` times the weight
};
/// Result of target_flow().
struct TargetFlow {
  std::vector<FlowNode> nodes;  ///< from the query's level down; in a level by token
  std::vector<FlowLink> links;  ///< from the top layer down, by `from`, the largest first
};

namespace detail {

inline void check_targets(Index top_k, double min_weight) {
  require<ValueError>(top_k >= 1, "top_k = {} is below 1", top_k);
  require<ValueError>(min_weight >= 0 && min_weight <= 1, "min_weight = {} is not within 0 .. 1", min_weight);
}

}  // namespace detail

/// Where one query looks: in each head the top_k keys of largest weight, and how much weight is elsewhere.
/// Keys and queries may be those of cross-attention. For heads fused give `mean_heads(attention)`, or a
/// `layer_map`, which is attention too. A query whose row is not shown has no targets. Cost: one row.
/// @throws ShapeError a query or batch element that is not there; ValueError top_k < 1, min_weight outside
/// 0..1, a row that is no attention
template <Attention A>
TopTargetsResult top_targets(const A& attention, Index query, const TopTargetsOptions& options = {}) {
  detail::check_targets(options.top_k, options.min_weight);
  const auto source = source_of(attention);
  const Layout& layout = source.layout();
  const Index example = options.example;
  detail::require_example(layout, example);
  detail::require_query(layout, example, query);
  const Index heads = layout.shape().heads;
  TopTargetsResult result{std::vector<std::vector<TopKey>>(static_cast<std::size_t>(heads)),
                          Eigen::VectorXd::Zero(heads)};
  if (!layout.shows(example, query)) return result;

  auto reader = source.reader();
  const auto block = reader.read(example, {query, query + 1});
  for (Index h = 0; h < heads; ++h) {
    detail::check_rows(block.head(h), RowCheck::distribution, options.row_sum_tolerance);
    std::vector<TopKey>& targets = result.heads[static_cast<std::size_t>(h)];
    targets = detail::largest_weights(block.head(h).row(0), options.top_k, options.min_weight);
    double listed = 0;
    for (const TopKey& target : targets) listed += target.weight;
    result.dropped(h) = std::max(0., vector_math::sum(block.head(h).row(0)) - listed);
  }
  return result;
}

/// What a Sankey figure draws: from one query above the top layer down to the inputs, on every level the
/// top_k targets of each token reached, by the layer's map (heads fused, residual, rows normalised; see
/// layer_map). Shares multiply along a chain and add up where chains meet. Nothing is lost: the share of a
/// node is that of its links downwards + dropped, so the shares on the last level and all that was dropped
/// sum to 1; with every key a target the last level is the query's rollout. Cost: as rollout_row.
/// @throws ShapeError as rollout_row; ValueError top_k < 1, min_weight outside 0..1, maps not normalised
template <StackLayers Layers>
requires std::ranges::random_access_range<Layers> TargetFlow
target_flow(Layers&& layers, Index query, const TargetFlowOptions& options = {}) {
  detail::check_targets(options.top_k, options.min_weight);
  require<ValueError>(options.map.normalise, "shares need normalised maps");
  TargetFlow flow;
  Eigen::RowVectorXd shares, below;  // [token] on the level above and below a layer
  const auto follow = [&](Index layer, Index token, std::span<const double> row) {
    FlowNode node{layer + 1, token, shares(token), shares(token)};
    for (const TopKey& target : detail::largest_weights(row, options.top_k, options.min_weight)) {
      const double share = node.share * target.weight;
      flow.links.push_back({layer, token, target.key, share});
      node.dropped -= share;
      below(target.key) += share;
    }
    node.dropped = std::max(0., node.dropped);  // rounding
    flow.nodes.push_back(node);
  };
  const RolloutRowOptions rows_options{options.map, options.start_layer};
  detail::each_map_from_top<double>(
      layers, options.example, query, rows_options, [&](Index layer, auto& map_rows) {
        if (shares.size() == 0) shares = Eigen::RowVectorXd::Unit(map_rows.tokens(), query);
        below.setZero(shares.size());
        map_rows.each(detail::carried(shares), [&](Range queries, const auto& rows) {
          for (Index r = 0; r < queries.size(); ++r)
            if (shares(queries.first + r) > 0)
              follow(layer, queries.first + r,
                     {rows.data() + r * rows.cols(), static_cast<std::size_t>(rows.cols())});
        });
        shares.swap(below);
      });
  for (Index token = 0; token < shares.size(); ++token)
    if (shares(token) > 0) flow.nodes.push_back({options.start_layer, token, shares(token), 0});
  return flow;
}

}  // namespace attnscope
