// Rollout against the chain of Eigen's products with the same flags, head mean and all on both sides, and a
// single row against reading its bytes once. Each pair takes turns, because machines drift; the medians
// count. Counters: `ratio` ours over the peer's time (row: the peer's over ours, the share of memory read
// speed).
//
//     bench_rollout
#include <attnscope/flow/rollout.hpp>

#include <benchmark/benchmark.h>

#include "benchmark/made.hpp"
#include "benchmark/turns.hpp"

using namespace attnscope;

namespace {

constexpr Index heads = 12;

std::vector<AttentionTensor<float>> made_stack(Index layers, Index tokens, bool causal) {
  const Layout layout({1, heads, tokens, tokens}, {.causal = causal});
  std::vector<AttentionTensor<float>> stack;
  for (Index l = 0; l < layers; ++l)
    stack.push_back(made::attention(layout, static_cast<std::uint32_t>(l * heads * tokens * tokens)));
  return stack;
}
std::vector<AttentionView<float>> views_of(const std::vector<AttentionTensor<float>>& stack, bool causal) {
  std::vector<AttentionView<float>> views;
  for (const auto& layer : stack) views.emplace_back(layer, Mask{.causal = causal});
  return views;
}

/// What one would write by hand.
template <typename Scalar>
LayerMap<Scalar> eigen_chain(const std::vector<AttentionTensor<float>>& stack) {
  const Index n = stack[0].dimension(2);
  LayerMap<Scalar> product, next;
  for (const auto& layer : stack) {
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    RowMajor mean = RowMajor::Zero(n, n);
    for (Index h = 0; h < heads; ++h) mean += Eigen::Map<const RowMajor>(layer.data() + h * n * n, n, n);
    LayerMap<Scalar> map = mean.cast<Scalar>() / Scalar(heads) + LayerMap<Scalar>::Identity(n, n);
    map.array().colwise() /= map.rowwise().sum().array().eval();
    if (product.size() == 0)
      product = map;
    else {
      next.noalias() = map * product;
      product.swap(next);
    }
  }
  return product;
}

template <typename Scalar>
void matrix(benchmark::State& state, bool causal) {
  const auto stack = made_stack(3, state.range(0), causal);
  const auto views = views_of(stack, causal);
  LayerMap<Scalar> ours, peer;
  const auto [our_time, peer_time] = turns::medians(
      state, [&] { ours = rollout<Scalar>(views).top[0]; }, [&] { peer = eigen_chain<Scalar>(stack); });
  state.counters["ratio"] = our_time / peer_time;
  if ((ours - peer).cwiseAbs().maxCoeff() > 1e-5) state.SkipWithError("the chain gives other numbers");
}
void row(benchmark::State& state, bool causal, LayerMapOptions map) {
  const auto stack = made_stack(3, state.range(0), causal);
  const auto views = views_of(stack, causal);
  const RolloutRowOptions options{std::move(map)};
  const auto read = [&] {
    for (const auto& layer : stack)
      machine::read(std::as_bytes(std::span(layer.data(), static_cast<std::size_t>(layer.size()))));
  };
  const auto [our_time, read_time] = turns::medians(
      state, [&] { benchmark::DoNotOptimize(rollout_row(views, 0, state.range(0) - 1, options).data()); },
      read);
  state.counters["ratio"] = read_time / our_time;
  state.counters["read_GB/s"] = 3e-9 * static_cast<double>(stack[0].size() * 4) / read_time;
}

}  // namespace

int main(int argc, char** argv) {
  const auto add = [](const char* name, int iterations, auto run) {
    benchmark::RegisterBenchmark(name, run)
        ->Arg(2048)
        ->Iterations(iterations)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  const LayerMapOptions weights{.head_weights = {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}};
  add("row/mean", 15, [](auto& state) { row(state, false, {}); });
  add("row/weights", 15, [=](auto& state) { row(state, false, weights); });
  add("row/max", 15, [](auto& state) { row(state, false, {.fusion = HeadFusion::max}); });
  add("row/causal", 15, [](auto& state) { row(state, true, {}); });
  add("matrix/float/dense", 5, [](auto& state) { matrix<float>(state, false); });
  add("matrix/float/causal", 5, [](auto& state) { matrix<float>(state, true); });
  add("matrix/double/dense", 3, [](auto& state) { matrix<double>(state, false); });
  add("matrix/double/causal", 3, [](auto& state) { matrix<double>(state, true); });
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
