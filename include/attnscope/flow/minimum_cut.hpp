#pragma once
#include <attnscope/flow/sink_flow.hpp>
#include <attnscope/flow/trivial_cut.hpp>

namespace attnscope {

using Eigen::Index;

/// One edge of a MinimumCut.
struct CutEdge {
  Index layer;      ///< counted from the inputs
  Index from;       ///< the token above the layer
  Index to;         ///< the token below it
  double capacity;  ///< all of which the flow takes
  bool operator==(const CutEdge&) const = default;
};

/// Result of minimum_cut().
struct MinimumCut {
  double flow = 0;  ///< the maximum flow, and the sum of the edges' capacities
  std::vector<CutEdge>
      edges;  ///< the bottleneck, top layer first, then by `from` and `to`; all of them are full
  /// [level x token] true on the query's side: the query, what it could still send more to, and the other
  /// inputs. Level 0 are the inputs, level l + 1 stands above layer l. The edges lead from true to false.
  Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic> query_side;
  bool unique = true;  ///< no other set of edges is as narrow; if not, this is the one nearest to the query
};

namespace detail {

using Side = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

/// [level x token] where only the ends are decided: the query is on its side, the input is not; the other
/// inputs are, for nothing that gets there is of use.
inline Side ends(const CapacityGrid& grid, Index query, Index input, bool middle) {
  Side side = Side::Constant(grid.layers() + 1, grid.tokens(), middle);
  for (Index token = 0; token < grid.tokens(); ++token) {
    side(grid.layers(), token) = token == query;
    side(0, token) = token != input;
  }
  return side;
}
/// The query's side of the minimum cut nearest to the query, which is where a flow sent upwards ends.
inline Side cut_near_query(const CapacityGrid& grid, Index query, Index input, double& value) {
  const Index layers = grid.layers();
  Side side = ends(grid, query, input, false);
  SinkFlow flow(layers_up(grid, 1, layers - 1), grid.tokens());
  flow.open(grid.down(layers - 1).capacity.row(query));
  value = flow.solve(grid.up(0).capacity.row(input));
  const BitMatrix near = flow.sink_side();
  for (Index h = 0; h < near.rows(); ++h) near.for_each(h, [&](Index k) { side(layers - 1 - h, k) = true; });
  return side;
}
/// The query's side of the minimum cut nearest to the input.
inline Side cut_near_input(const CapacityGrid& grid, Index query, Index input) {
  const Index layers = grid.layers();
  Side side = ends(grid, query, input, true);
  SinkFlow flow(layers_down(grid, 1, layers - 1), grid.tokens());
  flow.open(grid.up(0).capacity.row(input));
  flow.solve(grid.down(layers - 1).capacity.row(query));
  const BitMatrix near = flow.sink_side();
  for (Index h = 0; h < near.rows(); ++h) near.for_each(h, [&](Index k) { side(h + 1, k) = false; });
  return side;
}

inline std::vector<CutEdge> edges_across(const CapacityGrid& grid,
                                         std::span<const Eigen::MatrixXd> capacities, const Side& side) {
  std::vector<CutEdge> edges;
  for (Index l = grid.layers(); l-- > 0;)
    for (Index i = 0; i < grid.tokens(); ++i)
      if (side(l + 1, i))
        grid.down(l).out.for_each(i, [&](Index k) {
          if (!side(l, k)) edges.push_back({l, i, k, capacities[static_cast<std::size_t>(l)](i, k)});
        });
  return edges;
}

}  // namespace detail

/// Where the flow from one upper token to one input gets stuck: the edges that together are full and separate
/// the two (maximum flow = minimum cut, Ford and Fulkerson 1956). capacities: [layer] of [upper token x lower
/// token], layer 0 next to the inputs, finite, not negative. Cost: two maximum flows, memory for layers x
/// tokens^2 numbers.
/// @throws what attention_flow throws; ShapeError a query or input that is not there
inline MinimumCut minimum_cut(std::span<const Eigen::MatrixXd> capacities, Index query, Index input) {
  const detail::CapacityGrid grid(capacities);
  detail::require_token(grid, "query", query);
  detail::require_token(grid, "input", input);
  MinimumCut cut;
  if (grid.layers() == 1) {
    cut.query_side = detail::ends(grid, query, input, true);
    cut.flow = grid.down(0).capacity(query, input) * grid.unit();
    cut.edges = detail::edges_across(grid, capacities, cut.query_side);
    return cut;
  }
  cut.query_side = detail::cut_near_query(grid, query, input, cut.flow);
  cut.flow *= grid.unit();
  cut.edges = detail::edges_across(grid, capacities, cut.query_side);
  cut.unique =
      cut.edges == detail::edges_across(grid, capacities, detail::cut_near_input(grid, query, input));
  return cut;
}

}  // namespace attnscope
