#pragma once
#include <attnscope/flow/flow_normalisation.hpp>
#include <attnscope/flow/waist.hpp>

#include <functional>
#include <optional>

namespace attnscope {

struct FlowOptions {
  /// Also the flows through the evenly spread layers, and the flows relative to them: about twice the time.
  bool receptive_field = false;
  int threads = 0;  ///< 0: as many as the machine has; the result does not depend on it
  /// Called one at a time with the pairs settled so far and in all, on whichever thread; false stops
  /// (Stopped).
  std::function<bool(Index done, Index total)> progress{};
};

struct AttentionFlowResult {
  Eigen::MatrixXd flow;  ///< [upper token x input] the maximum flows, in the units of the capacities
  Eigen::MatrixXd
      row_normalised;  ///< [upper token x input] 0..1, each row divided by its sum; a zero row stays 0
  /// [upper token x input] 0.., flow / flow through evenly_spread() layers; 1: as much as the receptive field
  /// alone gives; undefined (NaN) where no way leads. Empty unless options.receptive_field.
  Eigen::MatrixXd receptive_field_normalised;
  Index reachable = 0;  ///< how many pairs have a flow above 0
  /// 0..1, the share of the reachable pairs whose flow is just the trivial cut: the smaller of what leaves
  /// the upper token and of what enters the input, on nodes between the two. Nullopt if no pair is reachable.
  std::optional<double> trivial_share;
};

namespace detail {

/// Tells the caller how far the flows are.
class FlowProgress {
 public:
  FlowProgress(const FlowOptions& options, Index total) : progress_(options.progress), total_(total) {}
  void add(Index pairs) {
    done_ += pairs;
    if (progress_ && !progress_(done_, total_)) throw Stopped();
  }

 private:
  const std::function<bool(Index, Index)>& progress_;
  Index done_ = 0, total_;
};

inline int threads_of(const FlowOptions& options) {
  return options.threads > 0 ? options.threads
                             : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

/// [token of level `depth` x input] the flows in units. shallower: those of the depths 1, 2, .., if known: a
/// node takes no supply that it could not deliver. trivial: trivial_cuts().
inline Eigen::MatrixXd full_flow(const CapacityGrid& grid, Index depth, const Eigen::MatrixXd& trivial,
                                 std::span<const Eigen::MatrixXd> shallower, int threads,
                                 FlowProgress& progress) {
  const Index tokens = grid.tokens();
  if (depth == 1) {
    progress.add(tokens * tokens);
    return grid.down(0).capacity;
  }
  if (depth == 2) {
    Eigen::MatrixXd flow(tokens, tokens);
    for (Index j = 0; j < tokens; ++j)
      for (Index i = 0; i < tokens; ++i)
        flow(i, j) = sum_of_minima(grid.down(1).capacity.row(i), grid.up(0).capacity.row(j));
    progress.add(tokens * tokens);
    return flow;
  }
  FlowBounds bounds{Eigen::MatrixXd::Zero(tokens, tokens), trivial};
  tighten_by_waists(grid, depth, bounds, threads);
  progress.add(tokens * tokens - bounds.open());

  Eigen::MatrixXd flow = bounds.upper;
  struct Column {
    Eigen::VectorXd flow;
    Index solved;
  };
  const auto work = [&] {
    return [&, solver = std::optional<SinkFlow>()](Index j) mutable {
      Column column{bounds.upper.col(j), 0};
      for (Index i = 0; i < tokens; ++i) {
        if (bounds.meet(i, j)) continue;
        if (!solver) solver.emplace(layers_down(grid, 1, depth - 1), tokens);
        if (column.solved++ == 0) {
          const Eigen::RowVectorXd sink = grid.up(0).capacity.row(j);
          if (shallower.empty()) {
            solver->open(sink);
          } else {
            Rows limits(depth - 1, tokens);
            for (Index h = 0; h + 1 < depth; ++h)
              limits.row(h) = shallower[static_cast<std::size_t>(h)].col(j);
            solver->open(sink, limits);
          }
        }
        column.flow(i) = solver->solve(grid.down(depth - 1).capacity.row(i), bounds.upper(i, j));
      }
      return column;
    };
  };
  ordered_tasks(tokens, threads, work, [&](Index j, Column&& column) {
    flow.col(j) = column.flow;
    if (column.solved > 0) progress.add(column.solved);
  });
  return flow;
}

/// The flows from one token of the top level, in units: sent upwards, with the query as the sink.
inline Eigen::MatrixXd row_flow(const CapacityGrid& grid, Index query, const Eigen::RowVectorXd& trivial,
                                int threads, FlowProgress& progress) {
  constexpr Index task_inputs = 16;
  const Index tokens = grid.tokens(), top = grid.layers() - 1;
  Eigen::MatrixXd flow = grid.down(top).capacity.row(query);
  if (top == 0) return flow;
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
  ordered_tasks((tokens + task_inputs - 1) / task_inputs, threads, work,
                [&](Index task, Eigen::RowVectorXd&& part) {
                  flow.middleCols(task * task_inputs, part.size()) = part;
                  progress.add(part.size());
                });
  return flow;
}

inline AttentionFlowResult flow_result(const Eigen::MatrixXd& flow, const Eigen::MatrixXd& trivial,
                                       double unit) {
  AttentionFlowResult result{flow * unit, rows_normalised(flow), {}, (flow.array() > 0).count(), {}};
  const Index equal =
      (flow.array() > 0 && flow.array() >= trivial.array() * (1 - FlowBounds::tolerance)).count();
  if (result.reachable > 0)
    result.trivial_share = static_cast<double>(equal) / static_cast<double>(result.reachable);
  return result;
}

/// `flows(grid, progress)` gives the results of a stack; of `pairs` pairs. With them, if asked for, those
/// relative to the same stack evenly spread.
template <typename Flows>
std::vector<AttentionFlowResult> flows_of(std::span<const Eigen::MatrixXd> capacities,
                                          const FlowOptions& options, Index pairs, const Flows& flows) {
  FlowProgress progress(options, (options.receptive_field ? 2 : 1) * pairs);
  std::vector<AttentionFlowResult> results = flows(CapacityGrid(capacities), progress);
  if (!options.receptive_field) return results;
  std::vector<Eigen::MatrixXd> even;
  for (const Eigen::MatrixXd& capacity : capacities) even.push_back(evenly_spread(capacity));
  const std::vector<AttentionFlowResult> baselines = flows(CapacityGrid(even), progress);
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
/// relative, and the rounding of the capacities to some 2^-45 of a row. Cost: see docs/attention_flow.md;
/// memory for layers x tokens^2 numbers a thread, and twice that for the capacities.
/// @throws ShapeError no layers, one that is not square or of another size than layer 0
/// @throws ValueError a capacity that is negative or not finite, naming layer, row and column
/// @throws Stopped options.progress said so
inline AttentionFlowResult attention_flow(std::span<const Eigen::MatrixXd> capacities,
                                          const FlowOptions& options = {}) {
  const auto flows = [&](const detail::CapacityGrid& grid, detail::FlowProgress& progress) {
    const Eigen::MatrixXd trivial = detail::trivial_cuts(grid, grid.layers());
    const Eigen::MatrixXd flow =
        detail::full_flow(grid, grid.layers(), trivial, {}, detail::threads_of(options), progress);
    return std::vector{detail::flow_result(flow, trivial, grid.unit())};
  };
  return std::move(detail::flows_of(capacities, options, detail::pairs_of(capacities), flows).front());
}

/// attention_flow of the layers 0 .. l for every l, sharing what the lower layers know: [layer].
inline std::vector<AttentionFlowResult> attention_flow_by_layer(std::span<const Eigen::MatrixXd> capacities,
                                                                const FlowOptions& options = {}) {
  const auto flows = [&](const detail::CapacityGrid& grid, detail::FlowProgress& progress) {
    std::vector<AttentionFlowResult> results;
    std::vector<Eigen::MatrixXd> shallower;
    for (Index depth = 1; depth <= grid.layers(); ++depth) {
      const Eigen::MatrixXd trivial = detail::trivial_cuts(grid, depth);
      shallower.push_back(
          detail::full_flow(grid, depth, trivial, shallower, detail::threads_of(options), progress));
      results.push_back(detail::flow_result(shallower.back(), trivial, grid.unit()));
    }
    return results;
  };
  const Index pairs = static_cast<Index>(capacities.size()) * detail::pairs_of(capacities);
  return detail::flows_of(capacities, options, pairs, flows);
}

/// One row of attention_flow, matrices of [1 x input]: tokens flows instead of tokens^2.
/// @throws ShapeError a query that there is not
inline AttentionFlowResult attention_flow_from(std::span<const Eigen::MatrixXd> capacities, Index query,
                                               const FlowOptions& options = {}) {
  const auto flows = [&](const detail::CapacityGrid& grid, detail::FlowProgress& progress) {
    detail::require_token(grid, "query", query);
    const Eigen::RowVectorXd trivial = detail::trivial_cuts(grid, grid.layers()).row(query);
    const Eigen::MatrixXd flow =
        detail::row_flow(grid, query, trivial, detail::threads_of(options), progress);
    return std::vector{detail::flow_result(flow, trivial, grid.unit())};
  };
  const Index inputs = capacities.empty() ? 0 : capacities[0].rows();
  return std::move(detail::flows_of(capacities, options, inputs, flows).front());
}

/// One entry of attention_flow. minimum_cut() also says where it gets stuck.
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
