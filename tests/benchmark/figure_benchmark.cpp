// How long a figure takes and how many bytes it has. figure_matplotlib.py draws the same with matplotlib.
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/model_view.hpp>

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <optional>

namespace {

// The same numbers as in the Python script, from integers alone.
double uniform(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6BU;
  x = (x ^ (x >> 13)) * 0xC2B2AE35U;
  return (x ^ (x >> 16)) / 4294967296.0;
}

Eigen::MatrixXd causal_head(Eigen::Index tokens, std::uint32_t head) {
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(tokens, tokens);
  for (Eigen::Index i = 0; i < tokens; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j)
      map(i, j) = std::exp(6 * uniform(static_cast<std::uint32_t>((head * tokens + i) * tokens + j)));
    map.row(i) /= map.row(i).sum();
  }
  return map;
}

template <typename Draw>
void time_figure(benchmark::State& state, const Draw& draw) {
  std::size_t bytes = 0;
  for (auto _ : state) bytes = draw().size();
  state.counters["bytes"] = static_cast<double>(bytes);
}

// `pool`: none for what most_cells allows, 1 for every cell, as matplotlib draws.
void model_view_of(benchmark::State& state, std::uint32_t layers, std::uint32_t heads, Eigen::Index tokens,
                   std::optional<Eigen::Index> pool = {}) {
  std::vector<std::vector<Eigen::MatrixXd>> maps(layers);
  for (std::uint32_t head = 0; head < layers * heads; ++head)
    maps[head / heads].push_back(causal_head(tokens, head));
  time_figure(state, [&] { return attnscope::model_view(maps, {.pool = pool}); });
}

void heatmap_of(benchmark::State& state, Eigen::Index tokens) {
  const Eigen::MatrixXd map = causal_head(tokens, 0);
  time_figure(state, [&] { return attnscope::heatmap(map); });
}

BENCHMARK_CAPTURE(model_view_of, 12x12x128, 12, 12, 128)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(model_view_of, 12x12x128_all, 12, 12, 128, 1)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(heatmap_of, 256, 256)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(heatmap_of, 512, 512)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
