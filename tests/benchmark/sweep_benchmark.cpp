// Statistics of stored attention against reading its bytes once, with the widest vectors of the machine,
// which is measured just before and after each of them (of_read: the time of reading over ours). Inputs are
// 12 heads in float32 and at least 200 MB, beyond every cache: several examples where they are short.
//
//     bench_sweep [--curves] --benchmark_repetitions=7 --benchmark_enable_random_interleaving=true
//     bench_sweep --time diversity|locality|alignment|importance|distance TOKENS
//     bench_sweep --machine
//
// The first runs case/tokens: entropy; statistics, all of single heads in one sweep; everything, with the
// cosines between heads besides, on one thread and on two against reading with two; alignment of every head,
// and of the mean over heads, as notebooks do; importance, which reads two arrays; distance, the
// Jensen-Shannon distance of all pairs of heads (G_terms/s: logarithms of their means alone). half and
// bfloat16 take turns with the same numbers in float (of_float: elements in the same time), strided views
// with dense ones (of_dense). Times are of the processor, but for two threads; each is a median of five.
// --curves runs measure/axis/size instead: ns_a_weight along tokens, heads and layers.
// --time prints what sweep_torch.py compares, --machine what the machine does at most.
#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/heads/head_distance.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/source/rewritten.hpp>

#include <benchmark/benchmark.h>
#include <fmt/ranges.h>

#include <iostream>
#include <string>

#include "benchmark/made.hpp"
#include "benchmark/row_statistics.hpp"
#include "benchmark/turns.hpp"

using namespace attnscope;

namespace {

constexpr Index all_heads_of_a_layer = 12, large_bytes = 200'000'000;
constexpr std::uint32_t first_of_gradient = 0x80000000u;

template <typename Numbers>
machine::Bytes bytes_of(const Numbers& numbers) {
  return std::as_bytes(std::span(numbers.data(), static_cast<std::size_t>(numbers.size())));
}
/// So many examples that no cache holds them.
Layout large(Index heads, Index tokens, std::size_t weight_bytes = sizeof(float)) {
  const Index example = heads * tokens * tokens * static_cast<Index>(weight_bytes);
  return Layout({(large_bytes + example - 1) / example, heads, tokens, tokens});
}

// ------------------------------------------------------------------ what is measured: of() gives its numbers

struct Entropy {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    return entropy(attention, {}, {.threads = threads}).entropies;
  }
};
struct Statistics {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    return RowStatistics::of(attention, threads).numbers();
  }
};
struct Everything {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    HeadSimilarityMeasure similarity;
    const RowStatistics rows = RowStatistics::of(attention, threads, similarity);
    const Eigen::MatrixXd numbers = rows.numbers(), columns = rows.columns();
    const Eigen::MatrixXd cosines = similarity.result().similarity_matrix;
    Eigen::MatrixXd all(numbers.rows(), numbers.cols() + cosines.cols() + columns.cols());
    all << numbers, cosines, columns;
    return all;
  }
};
struct Alignment {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    return alignment_metrics(attention, {}, {.threads = threads}).alignment_entropy;
  }
};
struct AlignmentOfMean {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    return Alignment::of(mean_heads(attention), threads);
  }
};
struct Distance {
  template <typename Source>
  static Eigen::MatrixXd of(const Source& attention, int threads = 1) {
    return head_distance(attention, {}, {.threads = threads}).mean_distances;
  }
};

/// Of a loss: any numbers in -1 .. 1.
AttentionTensor<float> made_gradient(const Layout& layout) {
  const Shape& s = layout.shape();
  AttentionTensor<float> gradient(s.batch, s.heads, s.queries, s.keys);
  std::uint32_t n = first_of_gradient;
  for (Index i = 0; i < gradient.size(); ++i) gradient.data()[i] = made::number(n++);
  return gradient;
}

// ------------------------------------------------------------------ benchmarks

template <typename What>
void reading(benchmark::State& state, Index tokens) {
  const auto attention = made::attention(large(all_heads_of_a_layer, tokens));
  turns::against_reading(state, {bytes_of(attention)}, 1,
                         [&] { benchmark::DoNotOptimize(What::of(attention).data()); });
}
void importance_reading(benchmark::State& state, Index tokens) {
  const Layout layout = large(all_heads_of_a_layer, tokens);
  const auto attention = made::attention(layout), gradient = made_gradient(layout);
  turns::against_reading(state, {bytes_of(attention), bytes_of(gradient)}, 1, [&] {
    benchmark::DoNotOptimize(importance(aligned(attention, gradient), {.threads = 1}).examples);
  });
}
void everything_two_threads(benchmark::State& state, Index tokens) {
  const auto attention = made::attention(large(all_heads_of_a_layer, tokens));
  Eigen::MatrixXd two;
  turns::against_reading(state, {bytes_of(attention)}, 2, [&] { two = Everything::of(attention, 2); });
  for (const int threads : {1, 3})
    if (Everything::of(attention, threads) != two) state.SkipWithError("the bits depend on the threads");
}
void distance(benchmark::State& state, Index tokens) {
  const auto attention = made::attention(large(all_heads_of_a_layer, tokens));
  const double seconds = turns::against_reading(
      state, {bytes_of(attention)}, 1, [&] { benchmark::DoNotOptimize(Distance::of(attention).data()); });
  const double weights = static_cast<double>(attention.size());
  state.counters["G_terms/s"] = 1e-9 * (all_heads_of_a_layer - 1) / 2. * weights / seconds;
}

/// Both views in turn, whose numbers must be the same; `counter` is how many elements ours takes while the
/// peer takes one.
template <typename What, typename Ours, typename Peer>
void in_turn(benchmark::State& state, const char* counter, const Ours& ours, const Peer& peer) {
  Eigen::MatrixXd a, b;
  const auto [our_time, peer_time] = turns::medians(
      state, [&] { a = What::of(ours); }, [&] { b = What::of(peer); }, machine::processor_seconds);
  state.counters[counter] = peer_time / our_time;
  if (!a.isApprox(b, 1e-6)) state.SkipWithError("the peer gives other numbers");
}
template <typename What, typename Scalar>
void narrow(benchmark::State& state, Index tokens) {
  const auto attention = made::attention<Scalar>(large(all_heads_of_a_layer, tokens, sizeof(Scalar)));
  const AttentionTensor<float> wide = attention.template cast<float>();
  in_turn<What>(state, "of_float", attention, wide);
}
/// by_head, by_query: how many elements lie between one and the next.
void strided(benchmark::State& state, Index tokens, Index by_head, Index by_query) {
  const Layout layout({1, all_heads_of_a_layer, tokens, tokens});
  const auto dense = made::attention(layout);
  std::vector<float> apart(
      static_cast<std::size_t>(std::max(all_heads_of_a_layer * by_head, tokens * by_query)));
  for (Index h = 0; h < all_heads_of_a_layer; ++h)
    for (Index i = 0; i < tokens; ++i)
      std::copy_n(dense.data() + (h * tokens + i) * tokens, tokens,
                  apart.data() + h * by_head + i * by_query);
  const AttentionView<float> view(apart.data(), layout, {0, by_head, by_query, 1});
  in_turn<Statistics>(state, "of_dense", view, dense);
}

/// ns_a_weight of `layers` in turn.
template <typename What>
void curve(benchmark::State& state, const Layout& layout, Index layers) {
  std::vector<AttentionTensor<float>> stack(static_cast<std::size_t>(layers), made::attention(layout));
  std::vector<double> times;
  for ([[maybe_unused]] auto _ : state) {
    times.push_back(turns::time_of(
        [&] {
          for (const auto& layer : stack) benchmark::DoNotOptimize(What::of(layer).data());
        },
        machine::processor_seconds));
    state.SetIterationTime(times.back());
  }
  state.counters["ns_a_weight"] =
      1e9 * turns::median(times) / static_cast<double>(layers * stack.front().size());
}

template <typename Run>
void add(const std::string& name, const Run& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->Iterations(5)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}
template <typename Run>
void add(const std::string& name, Index tokens, const Run& run) {
  add(fmt::format("{}/{}", name, tokens), [=](benchmark::State& state) { run(state, tokens); });
}
void add_cases() {
  for (const Index tokens : {512, 1024, 2048, 4096}) add("entropy", tokens, reading<Entropy>);
  const Index tokens = 2048;
  add("statistics", tokens, reading<Statistics>);
  add("everything", tokens, reading<Everything>);
  add("everything_two_threads", tokens, everything_two_threads);
  add("alignment", tokens, reading<Alignment>);
  add("alignment_of_mean", tokens, reading<AlignmentOfMean>);
  add("importance", tokens, importance_reading);
  add("distance", tokens, distance);
  add("half/entropy", tokens, narrow<Entropy, Eigen::half>);
  add("half/statistics", tokens, narrow<Statistics, Eigen::half>);
  add("bfloat16/entropy", tokens, narrow<Entropy, Eigen::bfloat16>);
  add("bfloat16/statistics", tokens, narrow<Statistics, Eigen::bfloat16>);
  add("strided/long_rows", tokens,
      [](benchmark::State& state, Index n) { strided(state, n, n * (n + 48), n + 48); });
  add("strided/heads_side_by_side", tokens,
      [](benchmark::State& state, Index n) { strided(state, n, n, all_heads_of_a_layer * n); });
}
template <typename What>
void add_curves(const std::string& name) {
  const auto point = [&](const char* axis, Index size, const Layout& layout, Index layers) {
    add(fmt::format("{}/{}/{}", name, axis, size),
        [=](benchmark::State& state) { curve<What>(state, layout, layers); });
  };
  for (const Index tokens : {64, 128, 256, 512, 1024, 2048, 4096})
    point("tokens", tokens, large(all_heads_of_a_layer, tokens), 1);
  for (const Index heads : {1, 2, 4, 8, 16, 32}) point("heads", heads, large(heads, 512), 1);
  for (const Index layers : {1, 2, 4, 8, 16, 24})
    point("layers", layers, Layout({1, all_heads_of_a_layer, 512, 512}), layers);
}

// ------------------------------------------------------------------ modes for scripts

struct Answer {
  double seconds;
  Eigen::VectorXd numbers;
};
/// Processor time a run, of as many as fill a tenth of a second after one that warms up.
template <typename Run>
Answer timed(const Run& run) {
  Answer answer{0, run()};
  Index runs = 0;
  const double start = machine::processor_seconds();
  for (double now = start; runs == 0 || now - start < .1; now = machine::processor_seconds()) {
    answer.numbers = run();
    ++runs;
    answer.seconds = (machine::processor_seconds() - start) / static_cast<double>(runs);
  }
  return answer;
}

Eigen::VectorXd diversity(const AttentionTensor<float>& attention) {
  EntropyMeasure entropy;
  HeadSimilarityMeasure similarity;
  sweep(attention, {.threads = 1}, entropy, similarity);
  const auto alike = similarity.result();
  Eigen::VectorXd numbers(all_heads_of_a_layer * (all_heads_of_a_layer + 1) + 1);
  numbers << entropy.result().entropies, alike.similarity_matrix.reshaped(), alike.diversity_score.value();
  return numbers;
}
Eigen::VectorXd alignment(const AttentionTensor<float>& attention) {
  const auto metrics = alignment_metrics(mean_heads(attention), {}, {.threads = 1});
  return Eigen::Vector3d(metrics.alignment_entropy(0), metrics.source_coverage(0), metrics.monotonicity(0));
}

Answer answer(const std::string& what, Index tokens) {
  const Layout layout({1, all_heads_of_a_layer, tokens, tokens});
  const SweepOptions one_thread{.threads = 1};
  const auto attention = made::attention(layout);
  if (what == "diversity") return timed([&] { return diversity(attention); });
  if (what == "locality")
    return timed(
        [&] { return Eigen::VectorXd::Constant(1, locality(attention, {}, one_thread).locality_score); });
  if (what == "alignment") return timed([&] { return alignment(attention); });
  if (what == "distance")
    return timed([&]() -> Eigen::VectorXd { return Distance::of(attention).reshaped(); });
  require<ValueError>(what == "importance", "unknown: --time {}", what);
  const auto gradient = made_gradient(layout);
  return timed([&] { return importance(aligned(attention, gradient), one_thread).mean.elementwise; });
}
void print_answer(const std::string& what, Index tokens) {
  const Answer all = answer(what, tokens);
  fmt::print("{{\"seconds\": {}, \"numbers\": [{}]}}\n", all.seconds,
             fmt::join(all.numbers.data(), all.numbers.data() + all.numbers.size(), ", "));
}

/// Largest of five.
void print_machine() {
  const std::vector<std::byte> bytes(large_bytes, std::byte{1});
  double read[3] = {0, 0, 0}, peak = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    peak = std::max(peak, machine::peak());
    for (const int threads : {1, 2})
      read[threads] =
          std::max(read[threads], large_bytes / turns::time_of([&] { machine::read(bytes, threads); }));
  }
  fmt::print(
      "{{\"instructions\": \"{}\", \"read_GB/s\": {:.1f}, \"read_2_threads_GB/s\": {:.1f}, \"peak_GFLOP/s\": "
      "{:.0f}}}\n",
      machine::best_instructions().name, read[1] * 1e-9, read[2] * 1e-9, peak * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string mode = words.empty() ? "" : words[0];
  try {
    if (mode == "--time" && words.size() == 3)
      print_answer(words[1], std::stol(words[2]));
    else if (mode == "--machine" && words.size() == 1)
      print_machine();
    else {
      require<ValueError>(words.empty() || (words.size() == 1 && mode == "--curves"), "unknown: {}",
                          fmt::join(words, " "));
      if (mode == "--curves") {
        add_curves<Statistics>("statistics");
        add_curves<Everything>("everything");
        add_curves<Distance>("distance");
      } else {
        add_cases();
      }
      benchmark::RunSpecifiedBenchmarks();
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
