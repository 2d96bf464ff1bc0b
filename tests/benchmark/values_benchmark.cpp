// What values do, a layer of 512 tokens with 12 heads of 64, one thread, against building every vector of
// query and key, and against a plain product of as many operations.
#include <attnscope/values/contributions.hpp>
#include <attnscope/values/mixing.hpp>
#include <attnscope/values/norm_maps.hpp>

#include <benchmark/benchmark.h>

#include "values/made_values.hpp"

using namespace attnscope;

namespace {
constexpr Index tokens = 512, heads = 12, dim = 64, model = heads * dim;
using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

const test::MadeLayer<float>& layer() {
  static const auto made = test::random_layer<float>(Layout({1, heads, tokens, tokens}), heads, dim, model);
  return made;
}

void norm_maps_by_grams(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(norm_maps(layer().view(), layer().values(), {}, {.threads = 1}));
}
/// The peer: sum_h A_hij f_h(x_j) for every query, [key x model] at a time, without residual and norm.
void norm_maps_by_vectors(benchmark::State& state) {
  const auto values = layer().values();
  for (auto _ : state) {
    std::vector<Rows> vectors;
    for (Index h = 0; h < heads; ++h)
      vectors.emplace_back(values.transformed(0, h, {0, tokens}).cast<float>());
    Eigen::MatrixXf map(tokens, tokens);
    Rows sum(tokens, model);
    for (Index i = 0; i < tokens; ++i) {
      sum.setZero();
      for (Index h = 0; h < heads; ++h) {
        const Eigen::VectorXf weights =
            Eigen::VectorXf::Map(layer().attention.data() + (h * tokens + i) * tokens, tokens);
        sum += weights.asDiagonal() * vectors[static_cast<std::size_t>(h)];
      }
      map.row(i) = sum.rowwise().norm().transpose();
    }
    benchmark::DoNotOptimize(map.data());
  }
}
void contributions_of_keys(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(contributions(layer().view(), layer().values(), {}, {.threads = 1}));
}
/// The limit: one product with as many multiplications as contributions() has.
void product_of_equal_size(benchmark::State& state) {
  const Rows a = Rows::Random(tokens, tokens), b = Rows::Random(tokens, heads * model);
  Rows c(tokens, heads * model);
  for (auto _ : state) {
    c.noalias() = a * b;
    benchmark::DoNotOptimize(c.data());
  }
}
void mixing_ratios(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(mixing(layer().view(), layer().values(), {}, {.threads = 1}));
}

BENCHMARK(norm_maps_by_grams)->Unit(benchmark::kMillisecond);
BENCHMARK(norm_maps_by_vectors)->Unit(benchmark::kMillisecond);
BENCHMARK(contributions_of_keys)->Unit(benchmark::kMillisecond);
BENCHMARK(product_of_equal_size)->Unit(benchmark::kMillisecond);
BENCHMARK(mixing_ratios)->Unit(benchmark::kMillisecond);
}  // namespace

BENCHMARK_MAIN();
