// Attention flow against LEMON's preflow, which is asked for a sample of the pairs. Counters: `lemon` the
// seconds it would take for all pairs, `ratio` that over ours, `difference` the largest one in the sample,
// `trivial` the share of trivial cuts. flow_peers.py makes the same stacks.
//
//     bench_attention_flow --benchmark_repetitions=5 --benchmark_report_aggregates_only
#include <attnscope/flow/attention_flow.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/maps.hpp>

#include <benchmark/benchmark.h>
#include <lemon/preflow.h>
#include <lemon/static_graph.h>

#include <random>

#include "benchmark/machine.hpp"
#include "benchmark/made.hpp"

using namespace attnscope;
using machine::seconds;

namespace {

using Stack = std::vector<Eigen::MatrixXd>;

/// Nearly normal, variance 1: number n of a sequence.
double normal(std::uint32_t n) {
  double sum = 0;
  for (std::uint32_t part = 0; part < 4; ++part)
    sum += static_cast<double>(made::mixed(4 * n + part)) / 0x1p32;
  return (sum - 2) * std::sqrt(3.);
}
Eigen::MatrixXd with_residual(const Eigen::MatrixXd& map) {
  Eigen::MatrixXd sum = map + Eigen::MatrixXd::Identity(map.rows(), map.cols());
  return sum.array().colwise() / sum.rowwise().sum().array();
}

/// The mean of 12 heads with normal logits, over the keys that `sees(query, key)`; with residual.
template <typename Sees>
Stack made_stack(Index layers, Index tokens, double sharpness, const Sees& sees) {
  constexpr Index heads = 12;
  Stack stack;
  for (Index l = 0; l < layers; ++l) {
    Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(tokens, tokens);
    for (Index h = 0; h < heads; ++h) {
      Eigen::MatrixXd head = Eigen::MatrixXd::Zero(tokens, tokens);
      for (Index i = 0; i < tokens; ++i)
        for (Index k = 0; k < tokens; ++k)
          if (sees(i, k))
            head(i, k) = std::exp(
                sharpness * normal(static_cast<std::uint32_t>(((l * heads + h) * tokens + i) * tokens + k)));
      mean += (head.array().colwise() / head.rowwise().sum().array()).matrix() / heads;
    }
    stack.push_back(with_residual(mean));
  }
  return stack;
}
Stack bidirectional(Index tokens, double sharpness) {
  return made_stack(12, tokens, sharpness, [](Index, Index) { return true; });
}
Stack causal(Index tokens) {
  return made_stack(12, tokens, 2, [](Index i, Index k) { return k <= i; });
}
Stack window(Index tokens) {
  return made_stack(12, tokens, 2, [](Index i, Index k) { return k <= i && i - k < 8; });
}
/// 12 layers of one head each, of those of a sentence encoder over 128 tokens.
Stack real_heads() {
  const Dump dump = read_dump(ATTNSCOPE_TEST_DIR "/data/use_lite_alice.safetensors");
  Stack heads, stack;
  for (const DumpLayer& layer : dump.stacks.at(0).layers)
    for (const Eigen::MatrixXd& map :
         std::visit([](const auto& attention) { return head_maps(attention); }, layer.attention))
      heads.push_back(with_residual(map));
  for (std::size_t l = 0; l < 12; ++l) stack.push_back(heads[l % heads.size()]);
  return stack;
}

/// Seconds a pair, and how far LEMON's flows are from ours.
struct Peer {
  double seconds = 0, difference = 0;
};
Peer lemon_flows(const Stack& stack, const Eigen::MatrixXd& flow, Index pairs) {
  using Graph = lemon::StaticDigraph;
  using Capacities = Graph::ArcMap<double>;
  const int tokens = static_cast<int>(flow.rows()), layers = static_cast<int>(stack.size());
  std::vector<std::pair<int, int>> arcs;
  std::vector<double> values;
  for (int l = 0; l < layers; ++l)
    for (int i = 0; i < tokens; ++i)
      for (int k = 0; k < tokens; ++k)
        if (const double capacity = stack[static_cast<std::size_t>(l)](i, k); capacity > 0) {
          arcs.emplace_back((l + 1) * tokens + i, l * tokens + k);
          values.push_back(capacity);
        }
  Graph graph;
  graph.build((layers + 1) * tokens, arcs.begin(), arcs.end());
  Capacities capacities(graph);
  for (int a = 0; a < static_cast<int>(values.size()); ++a)
    capacities[graph.arc(a)] = values[static_cast<std::size_t>(a)];

  Peer peer;
  std::mt19937 random(7);
  const double start = seconds();
  for (Index p = 0; p < pairs; ++p) {
    const int i = static_cast<int>(random() % static_cast<unsigned>(tokens));
    const int j = static_cast<int>(random() % static_cast<unsigned>(tokens));
    lemon::Preflow<Graph, Capacities> preflow(graph, capacities, graph.node(layers * tokens + i),
                                              graph.node(j));
    preflow.tolerance(lemon::Tolerance<double>(1e-13));  // its own, 1e-10, is seen in the sums
    preflow.runMinCut();
    peer.difference = std::max(peer.difference, std::abs(preflow.flowValue() - flow(i, j)));
  }
  peer.seconds = (seconds() - start) / static_cast<double>(pairs);
  return peer;
}

/// `act()`'s last matrix; its time is what the benchmark reports. pairs: LEMON's sample.
template <typename Act>
void compare(benchmark::State& state, const Stack& stack, Index pairs, double matrices, const Act& act) {
  AttentionFlowResult result;
  double ours = 0;
  for ([[maybe_unused]] auto _ : state) {
    const double start = seconds();
    result = act();
    ours += seconds() - start;
  }
  const Peer peer = lemon_flows(stack, result.flow, pairs);
  const double all = peer.seconds * static_cast<double>(result.flow.size()) * matrices;
  state.counters["lemon"] = all;
  state.counters["ratio"] = all / (ours / static_cast<double>(state.iterations()));
  state.counters["difference"] = peer.difference;
  state.counters["trivial"] = result.trivial_share.value_or(0);
  if (peer.difference > 1e-9) state.SkipWithError("LEMON's flows are others");
}

template <typename Made>
void full(const char* name, const Made& made, Index pairs) {
  benchmark::RegisterBenchmark(name,
                               [=](benchmark::State& state) {
                                 const Stack stack = made();
                                 compare(state, stack, pairs, 1, [&] { return attention_flow(stack); });
                               })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

}  // namespace

int main(int argc, char** argv) {
  full(
      "12x128/diffuse", [] { return bidirectional(128, 1); }, 60);
  full(
      "12x128/peaked", [] { return bidirectional(128, 4); }, 60);
  full("12x128/real heads", real_heads, 60);
  full(
      "12x128/causal", [] { return causal(128); }, 200);
  full(
      "12x128/window 8", [] { return window(128); }, 2000);
  full(
      "12x512/diffuse", [] { return bidirectional(512, 1); }, 6);
  full(
      "12x512/peaked", [] { return bidirectional(512, 4); }, 6);
  // The peer's time for all layers is taken as that of the last one, 12 times: the others are shallower.
  benchmark::RegisterBenchmark("12x128/diffuse, all layers",
                               [](benchmark::State& state) {
                                 const Stack stack = bidirectional(128, 1);
                                 compare(state, stack, 60, 12,
                                         [&] { return attention_flow_by_layer(stack).back(); });
                               })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RegisterBenchmark("12x128/diffuse, one row",
                               [](benchmark::State& state) {
                                 const Stack stack = bidirectional(128, 1);
                                 for ([[maybe_unused]] auto _ : state)
                                   benchmark::DoNotOptimize(attention_flow_from(stack, 127).flow.sum());
                               })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::RegisterBenchmark("12x512/diffuse, one row",
                               [](benchmark::State& state) {
                                 const Stack stack = bidirectional(512, 1);
                                 for ([[maybe_unused]] auto _ : state)
                                   benchmark::DoNotOptimize(attention_flow_from(stack, 511).flow.sum());
                               })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
