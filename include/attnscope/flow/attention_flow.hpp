#pragma once
#include <attnscope/core/evaluations.hpp>
#include <attnscope/flow/flow_normalisation.hpp>
#include <attnscope/flow/waist.hpp>

#include <optional>

namespace attnscope {

/// Options of attention_flow() and its kin.
struct FlowOptions {
  /// Also the flows through the evenly spread layers, and the flows relative to them: about twice the time.
  bool receptive_field = false;
  int threads = 0;  ///< 0: as many as the machine has; the result does not depend on it
  /// Called one at a time with the pairs settled so far and in all, on whichever thread; false stops
  /// (Stopped).
  std::function<bool(Index done, Index total)> progress{};
};

/// Result of attention_flow().
struct AttentionFlowResult {
  /// [upper token x input] the maximum flows, in the units of the capacities.
  Eigen::MatrixXd flow;
  /// [upper token x input] 0..1, each row divided by its sum; a zero row stays 0.
  Eigen::MatrixXd row_normalised;
  /// [upper token x input] 0.., flow / flow through evenly_spread() layers; 1: as much as the receptive field
  /// alone gives; undefined (NaN) where no way leads. Empty unless options.receptive_field.
  Eigen::MatrixXd receptive_field_normalised;
  Index reachable = 0;  ///< how many pairs have a flow above 0
  /// 0..1, the share of the reachable pairs whose flow is just the trivial cut: the smaller of what leaves
  /// the upper token and of what enters the input, on nodes between the two. Nullopt if no pair is reachable.
  std::optional<double> trivial_share;
};

namespace detail {

/// The flows of one layer or two, in units, which are sums of minima.
inline Eigen::MatrixXd shallow_flow(const CapacityGrid& grid, Index depth) {
  if (depth == 1) return grid.down(0).capacity;
  Eigen::MatrixXd flow(grid.tokens(), grid.tokens());
  for (Index j = 0; j < flow.cols(); ++j)
    for (Index i = 0; i < flow.rows(); ++i)
      flow(i, j) = sum_of_minima(grid.down(1).capacity.row(i), grid.up(0).capacity.row(j));
  return flow;
}

/// The flows that bounds leave open, of one input at a time.
class ColumnSolver {
 public:
  struct Column {
    Eigen::VectorXd flow;
    Index solved = 0;
  };

  /// shallower: the flows of the depths 1, 2, .., if known: a node takes no supply that it could not deliver.
  ColumnSolver(const CapacityGrid& grid, Index depth, const FlowBounds& bounds,
               std::span<const Eigen::MatrixXd> shallower)
      : grid_(grid), depth_(depth), bounds_(bounds), shallower_(shallower) {}

  Column solve(Index j) {
    Column column{bounds_.upper.col(j)};
    for (Index i = 0; i < grid_.tokens(); ++i) {
      if (bounds_.meet(i, j)) continue;
      if (column.solved++ == 0) open(j);
      column.flow(i) = solver_->solve(grid_.down(depth_ - 1).capacity.row(i), bounds_.upper(i, j));
    }
    return column;
  }

 private:
  void open(Index j) {
    if (!solver_) solver_.emplace(layers_down(grid_, 1, depth_ - 1), grid_.tokens());
    const Eigen::RowVectorXd sink = grid_.up(0).capacity.row(j);
    if (shallower_.empty()) return solver_->open(sink);
    Rows limits(depth_ - 1, grid_.tokens());
    for (Index h = 0; h < limits.rows(); ++h) limits.row(h) = shallower_[static_cast<std::size_t>(h)].col(j);
    solver_->open(sink, limits);
  }

  const CapacityGrid& grid_;
  const Index depth_;
  const FlowBounds& bounds_;
  const std::span<const Eigen::MatrixXd> shallower_;
  std::optional<SinkFlow> solver_;  // made when it is needed, which is seldom in deep stacks
};

/// [token of level `depth` x input] the flows in units. trivial: trivial_cuts(); shallower: see ColumnSolver.
inline Eigen::MatrixXd full_flow(const CapacityGrid& grid, Index depth, const Eigen::MatrixXd& trivial,
                                 std::span<const Eigen::MatrixXd> shallower, int threads,
                                 ProgressCount& progress) {
  const Index tokens = grid.tokens();
  if (depth <= 2) {
    progress(tokens * tokens);
    return shallow_flow(grid, depth);
  }
  FlowBounds bounds{Eigen::MatrixXd::Zero(tokens, tokens), trivial};
  tighten_by_waists(grid, depth, bounds, threads);
  progress(tokens * tokens - bounds.open());

  Eigen::MatrixXd flow = bounds.upper;
  const auto work = [&] {
    return
        [solver = ColumnSolver(grid, depth, bounds, shallower)](Index j) mutable { return solver.solve(j); };
  };
  ordered_tasks(tokens, thread_count(threads, tokens), work, [&](Index j, ColumnSolver::Column&& column) {
    flow.col(j) = column.flow;
    if (column.solved > 0) progress(column.solved);
  });
  return flow;
}

/// The flows from one token of the top level, in units: sent upwards, with the query as the sink.
inline Eigen::MatrixXd row_flow(const CapacityGrid& grid, Index query, const Eigen::RowVectorXd& trivial,
                                int threads, ProgressCount& progress) {
  constexpr Index task_inputs = 16;
  const Index tokens = grid.tokens(), top = grid.layers() - 1;
  Eigen::MatrixXd flow = grid.down(top).capacity.row(query);
  if (top == 0) {
    progress(tokens);
    return flow;
  }
  const auto work = [&] {
    return [&, solver = std::optional<SinkFlow>()](Index task) mutable {
      if (!solver) solver.emplace(layers_up(grid, 1, top), tokens).open(grid.down(top).capacity.row(query));
      const Index first = task * task_inputs;
      Eigen::RowVectorXd part(std::min(task_inputs, tokens - first));
      for (Index j = 0; j < part.size(); ++j)
        part(j) = solver->solve(grid.up(0).capacity.row(first + j), trivial(first + j));
      return part;
    };
  };
  const Index tasks = (tokens + task_inputs - 1) / task_inputs;
  ordered_tasks(tasks, thread_count(threads, tasks), work, [&](Index task, Eigen::RowVectorXd&& part) {
    flow.middleCols(task * task_inputs, part.size()) = part;
    progress(part.size());
  });
  return flow;
}

inline AttentionFlowResult flow_result(const Eigen::MatrixXd& flow, const Eigen::MatrixXd& trivial,
                                       double unit) {
  AttentionFlowResult result{flow * unit, rows_normalised(flow), {}, 0, {}};
  Index equal = 0;
  for (Index i = 0; i < flow.size(); ++i) {
    if (!(flow(i) > 0)) continue;
    ++result.reachable;
    if (flow(i) >= trivial(i) * (1 - FlowBounds::tolerance)) ++equal;
  }
  if (result.reachable > 0)
    result.trivial_share = static_cast<double>(equal) / static_cast<double>(result.reachable);
  return result;
}

/// `flows(capacities, progress)` gives the results of a stack; of `pairs` pairs. With them, if asked for,
/// those relative to the same stack evenly spread.
template <typename Flows>
std::vector<AttentionFlowResult> flows_of(std::span<const Eigen::MatrixXd> capacities,
                                          const FlowOptions& options, Index pairs, const Flows& flows) {
  ProgressCount progress((options.receptive_field ? 2 : 1) * pairs, options.progress);
  std::vector<AttentionFlowResult> results = flows(capacities, progress);
  if (!options.receptive_field) return results;
  std::vector<Eigen::MatrixXd> even;
  for (const Eigen::MatrixXd& capacity : capacities) even.push_back(evenly_spread(capacity));
  const std::vector<AttentionFlowResult> baselines = flows(std::span<const Eigen::MatrixXd>(even), progress);
  for (std::size_t r = 0; r < results.size(); ++r)
    results[r].receptive_field_normalised =
        attnscope::receptive_field_normalised(results[r].flow, baselines[r].flow);
  return results;
}

inline Index pairs_of(std::span<const Eigen::MatrixXd> capacities) {
  return capacities.empty() ? 0 : capacities[0].rows() * capacities[0].rows();
}

}  // namespace detail

/// Attention flow (Abnar and Zuidema 2020): the maximum flow from each token above the last layer to each
/// input token, when the edge from token i above layer l to token k below it holds capacities[l](i, k).
/// capacities: [layer] of [upper token x lower token], layer 0 next to the inputs, finite, not negative; rows
/// need not sum to one. Zero rows and columns (padding) carry nothing. Exact: within 1e-10 of the flow,
/// relative, and the rounding of the capacities to some 2^-45 of a row of the narrowest layer (never to 0).
/// Cost: see docs/attention_flow.md; memory for layers x tokens^2 numbers a thread, and twice that for the
/// capacities.
/// @throws ShapeError no layers, one that is not square or of another size than layer 0
/// @throws ValueError a capacity that is negative or not finite, naming layer, row and column
/// @throws Stopped options.progress said so
inline AttentionFlowResult attention_flow(std::span<const Eigen::MatrixXd> capacities,
                                          const FlowOptions& options = {}) {
  const auto flows = [&](std::span<const Eigen::MatrixXd> layers, ProgressCount& progress) {
    const detail::CapacityGrid grid(layers);
    const Eigen::MatrixXd trivial = detail::trivial_cuts(grid, grid.layers());
    const Eigen::MatrixXd flow =
        detail::full_flow(grid, grid.layers(), trivial, {}, options.threads, progress);
    return std::vector{detail::flow_result(flow, trivial, grid.unit())};
  };
  return std::move(detail::flows_of(capacities, options, detail::pairs_of(capacities), flows).front());
}

/// [layer] attention_flow() of the layers 0 .. l for every l, sharing what the lower layers know. The shape
/// of capacities, errors and precision are as there.
inline std::vector<AttentionFlowResult> attention_flow_by_layer(std::span<const Eigen::MatrixXd> capacities,
                                                                const FlowOptions& options = {}) {
  const auto flows = [&](std::span<const Eigen::MatrixXd> layers, ProgressCount& progress) {
    const detail::CapacityGrid whole(layers);
    std::vector<AttentionFlowResult> results;
    std::vector<Eigen::MatrixXd> shallower;  // in the units of the whole
    for (Index depth = 1; depth <= whole.layers(); ++depth) {
      std::optional<detail::CapacityGrid>
          alone;  // where a layer is too narrow for those below to share its unit
      if (!whole.alike()) alone.emplace(layers.first(static_cast<std::size_t>(depth)));
      const detail::CapacityGrid& grid = alone ? *alone : whole;
      const Eigen::MatrixXd trivial = detail::trivial_cuts(grid, depth);
      Eigen::MatrixXd flow = detail::full_flow(grid, depth, trivial, shallower, options.threads, progress);
      results.push_back(detail::flow_result(flow, trivial, grid.unit()));
      if (!alone) shallower.push_back(std::move(flow));
    }
    return results;
  };
  const Index pairs = static_cast<Index>(capacities.size()) * detail::pairs_of(capacities);
  return detail::flows_of(capacities, options, pairs, flows);
}

/// One row of attention_flow(), matrices of [1 x input]: tokens flows instead of tokens^2. query: the upper
/// token. @throws ShapeError a query that is not there; what attention_flow() throws
inline AttentionFlowResult attention_flow_from(std::span<const Eigen::MatrixXd> capacities, Index query,
                                               const FlowOptions& options = {}) {
  const auto flows = [&](std::span<const Eigen::MatrixXd> layers, ProgressCount& progress) {
    const detail::CapacityGrid grid(layers);
    detail::require_token(grid, "query", query);
    const Eigen::RowVectorXd trivial = detail::trivial_cuts(grid, grid.layers()).row(query);
    const Eigen::MatrixXd flow = detail::row_flow(grid, query, trivial, options.threads, progress);
    return std::vector{detail::flow_result(flow, trivial, grid.unit())};
  };
  const Index inputs = capacities.empty() ? 0 : capacities[0].rows();
  return std::move(detail::flows_of(capacities, options, inputs, flows).front());
}

/// One entry of attention_flow(), in the units of the capacities. minimum_cut() also says where it gets
/// stuck.
/// @throws ShapeError a query or input that is not there; what attention_flow() throws
inline double attention_flow_between(std::span<const Eigen::MatrixXd> capacities, Index query, Index input) {
  const detail::CapacityGrid grid(capacities);
  detail::require_token(grid, "query", query);
  detail::require_token(grid, "input", input);
  const Index top = grid.layers() - 1;
  if (top == 0) return grid.down(0).capacity(query, input) * grid.unit();
  detail::SinkFlow flow(detail::layers_down(grid, 1, top), grid.tokens());
  flow.open(grid.up(0).capacity.row(input));
  return flow.solve(grid.down(top).capacity.row(query)) * grid.unit();
}

}  // namespace attnscope
