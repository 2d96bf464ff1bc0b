// Statistics of attention straight from queries and keys, against what one core can do at most: every time
// is also given as a share of the single-precision multiply-adds that the same core makes in the same moment
// (of_peak, counting 2 x visible weights x width operations, the product of queries and keys alone).
//
//     bench_query_key [--heavy] --benchmark_repetitions=7 --benchmark_enable_random_interleaving=true
//     bench_query_key --memory HEADS TOKENS full|causal [THREADS]
//     bench_query_key --numbers TOKENS full|causal
//
// The first runs case/mask/tokens: one head with all statistics (statistics, half, bfloat16); 8 heads (heads,
// grouped with two key heads, similarity with the cosines between heads); one thread against two
// (two_threads). --heavy adds 32,768 tokens, and similarity at 8,192. Up to 2,048 tokens the numbers are
// compared with those of softmax(Q K' / sqrt(width)) stored in double. Times are of the processor, but for
// two threads.
// --memory prints the peak memory of one sweep beyond its inputs; --numbers what query_key_torch.py compares.
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/source/query_key.hpp>

#include <benchmark/benchmark.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>

#include "benchmark/machine.hpp"
#include "benchmark/made.hpp"
#include "benchmark/row_statistics.hpp"

using namespace attnscope;
using machine::peak, machine::processor_seconds, machine::seconds;

namespace {

constexpr Index dim = 64, compared_tokens = 2048;
constexpr double agreement = 1e-4;

// ------------------------------------------------------------------ inputs and statistics

struct Case {
  Index heads, kv_heads, tokens;
  bool causal;

  Layout layout() const { return Layout({1, heads, tokens, tokens}, {.causal = causal}); }
  double operations() const {
    const double n = static_cast<double>(tokens), visible = causal ? n * (n + 1) / 2 : n * n;
    return 2 * static_cast<double>(heads * dim) * visible;
  }
};

/// [head, token, dim] numbers in -2.5 .. 2.5, so that scores have a standard deviation of about 2.
/// query_key_torch.py makes the same.
template <typename Scalar>
std::vector<Scalar> made_vectors(Index heads, Index tokens, std::uint32_t first) {
  std::vector<Scalar> numbers(static_cast<std::size_t>(heads * tokens * dim));
  for (Scalar& number : numbers) number = static_cast<Scalar>(made::number(first++) * 2.5f);
  return numbers;
}
template <typename Scalar>
struct Inputs {
  Case size;
  std::vector<Scalar> queries = made_vectors<Scalar>(size.heads, size.tokens, 0);
  std::vector<Scalar> keys = made_vectors<Scalar>(size.kv_heads, size.tokens, 0x80000000u);

  QueryKeyAttention<Scalar> attention() const {
    return {queries.data(), keys.data(), size.layout(), size.kv_heads, dim};
  }
};

/// The same from softmax(Q K' / sqrt(width)), stored in double and written as its definition.
template <typename Scalar>
AttentionTensor<double> stored(const Inputs<Scalar>& inputs) {
  using Rows = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Index heads = inputs.size.heads, n = inputs.size.tokens;
  AttentionTensor<double> weights(1, heads, n, n);
  for (Index h = 0; h < heads; ++h) {
    const auto vectors = [&](const std::vector<Scalar>& all, Index head) {
      return Eigen::Map<const Rows>(all.data() + head * n * dim, n, dim).template cast<double>();
    };
    Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> map(
        weights.data() + h * n * n, n, n);
    map = vectors(inputs.queries, h) * vectors(inputs.keys, h / (heads / inputs.size.kv_heads)).transpose();
    map = (map.array() / std::sqrt(static_cast<double>(dim))).exp().matrix();
    if (inputs.size.causal) map.template triangularView<Eigen::StrictlyUpper>().setZero();
    map.array().colwise() /= map.rowwise().sum().array().eval();
  }
  return weights;
}
template <typename Scalar>
bool agree(const Inputs<Scalar>& inputs, const RowStatistics& ours) {
  const AttentionTensor<double> weights = stored(inputs);
  const AttentionView<double> view(weights, Mask{.causal = inputs.size.causal});
  const RowStatistics reference = RowStatistics::of(view, 1);
  const auto near = [](const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
    return ((a - b).array().abs() <= agreement * b.array().abs()).all();
  };
  return near(ours.numbers(), reference.numbers()) && near(ours.columns(), reference.columns());
}

// ------------------------------------------------------------------ benchmarks

/// Runs once an iteration, with the peak measured just before and after, because machines drift.
template <typename Run>
void timed(benchmark::State& state, const Case& size, const Run& run) {
  double ours = 0, peaks = 0;
  for ([[maybe_unused]] auto _ : state) {
    const double before = peak(), start = processor_seconds();
    run();
    const double time = processor_seconds() - start;
    ours += time;
    peaks += (before + peak()) / 2;
    state.SetIterationTime(time);
  }
  const double rate = size.operations() * static_cast<double>(state.iterations()) / ours;
  peaks /= static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = rate * 1e-9;
  state.counters["peak_GFLOP/s"] = peaks * 1e-9;
  state.counters["of_peak"] = rate / peaks;
  state.SetLabel(machine::best_instructions().name);
}
template <typename Scalar>
void compare(benchmark::State& state, const Inputs<Scalar>& inputs, const RowStatistics& ours) {
  if (inputs.size.tokens <= compared_tokens && !agree(inputs, ours))
    state.SkipWithError("stored weights give other numbers");
}

template <typename Scalar>
void statistics(benchmark::State& state, const Case& size) {
  const Inputs<Scalar> inputs{size};
  RowStatistics ours;
  timed(state, size, [&] { ours = RowStatistics::of(inputs.attention(), 1); });
  compare(state, inputs, ours);
}
void similarity(benchmark::State& state, const Case& size) {
  const Inputs<float> inputs{size};
  RowStatistics ours;
  timed(state, size, [&] {
    HeadSimilarityMeasure heads;
    ours = RowStatistics::of(inputs.attention(), 1, heads);
    benchmark::DoNotOptimize(heads.result());
  });
  compare(state, inputs, ours);
}
/// One thread and two take turns; `speedup` is the time of one over the time of two.
void two_threads(benchmark::State& state, const Case& size) {
  const Inputs<float> inputs{size};
  RowStatistics one, two;
  double time_of_one = 0, time_of_two = 0;
  for ([[maybe_unused]] auto _ : state) {
    const double start = seconds();
    one = RowStatistics::of(inputs.attention(), 1);
    const double between = seconds();
    two = RowStatistics::of(inputs.attention(), 2);
    time_of_one += between - start;
    time_of_two += seconds() - between;
    state.SetIterationTime(seconds() - between);
  }
  state.counters["speedup"] = time_of_one / time_of_two;
  if (one.numbers() != two.numbers() || one.columns() != two.columns())
    state.SkipWithError("two threads give other bits than one");
}

void add(const std::string& name, Case size, void (*run)(benchmark::State&, const Case&)) {
  for (const bool causal : {false, true}) {
    size.causal = causal;
    benchmark::RegisterBenchmark(
        fmt::format("{}/{}/{}", name, causal ? "causal" : "full", size.tokens).c_str(),
        [=](benchmark::State& state) { run(state, size); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}
void add_all(bool heavy) {
  for (const Index tokens : {512, 2048, 4096, 8192, 32768})
    if (heavy || tokens <= 8192) add("statistics", {1, 1, tokens, false}, statistics<float>);
  for (const Index tokens : {512, 2048, 8192})
    if (heavy || tokens <= 2048) add("similarity", {8, 8, tokens, false}, similarity);
  for (const Index tokens : {512, 2048}) {
    add("heads", {8, 8, tokens, false}, statistics<float>);
    add("grouped", {8, 2, tokens, false}, statistics<float>);
  }
  for (const Index tokens : {512, 4096}) {
    add("half", {1, 1, tokens, false}, statistics<Eigen::half>);
    add("bfloat16", {1, 1, tokens, false}, statistics<Eigen::bfloat16>);
  }
  for (const Index tokens : {512, 2048, 8192}) add("two_threads", {1, 1, tokens, false}, two_threads);
}

// ------------------------------------------------------------------ modes without timing

/// Bytes of this process, by a line of /proc/self/status. (ru_maxrss would also know what the parent had
/// before exec.)
double resident(const std::string& line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == line && status >> kilobytes) return kilobytes * 1024;
  return undefined;
}
Case case_of(Index heads, const std::string& tokens, const std::string& mask) {
  require<ValueError>(mask == "full" || mask == "causal", "the mask is full or causal, not {}", mask);
  return {heads, heads, std::stol(tokens), mask == "causal"};
}
void print_memory(const Case& size, int threads) {
  const Inputs<float> inputs{size};
  const double before = resident("VmRSS:"), start = seconds();
  const double entropy = RowStatistics::of(inputs.attention(), threads).numbers().col(0).mean();
  const double time = seconds() - start;
  const double matrix = 4.0 * static_cast<double>(size.heads * size.tokens * size.tokens);
  fmt::print(
      "{} x {} tokens, {}, threads {}: {:.1f} MB beyond inputs of {:.1f} MB; the weights would take {:.0f} "
      "MB; "
      "{:.1f} s; mean entropy {:.4f}\n",
      size.heads, size.tokens, size.causal ? "causal" : "full", threads, (resident("VmHWM:") - before) * 1e-6,
      static_cast<double>((inputs.queries.size() + inputs.keys.size()) * sizeof(float)) * 1e-6, matrix * 1e-6,
      time, entropy);
}
void print_numbers(const Case& size) {
  const Inputs<float> inputs{size};
  const RowStatistics all = RowStatistics::of(inputs.attention(), 1);
  const Eigen::MatrixXd numbers = all.numbers(), columns = all.columns();
  fmt::print("{{\"numbers\": [{}], \"received\": [{}]}}\n",
             fmt::join(numbers.data(), numbers.data() + numbers.size(), ", "),
             fmt::join(columns.data(), columns.data() + columns.size(), ", "));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string mode = words.empty() ? "" : words[0];
  try {
    if (mode == "--memory" && (words.size() == 4 || words.size() == 5))
      print_memory(case_of(std::stol(words[1]), words[2], words[3]),
                   words.size() == 5 ? std::stoi(words[4]) : 1);
    else if (mode == "--numbers" && words.size() == 3)
      print_numbers(case_of(1, words[1], words[2]));
    else {
      require<ValueError>(words.empty() || (words.size() == 1 && mode == "--heavy"), "unknown: {}",
                          fmt::join(words, " "));
      add_all(mode == "--heavy");
      benchmark::RunSpecifiedBenchmarks();
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
