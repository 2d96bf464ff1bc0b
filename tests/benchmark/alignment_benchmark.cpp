// Alignment metrics beside the three measures that read the weights alike: entropy of rows, sums and largest
// weights. The rest is the second half of the columns' logarithms and the rank correlation.
#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/received.hpp>

#include <benchmark/benchmark.h>

#include "support/attention.hpp"

using namespace attnscope;

namespace {
const SweepOptions one_thread{.threads = 1};

/// A batch of about a million weights, 16 heads of sentences of this length.
AttentionTensor<float> batch_of(Index tokens) {
  return test::random_attention<float>(
      Layout({std::max<Index>(1, (1 << 16) / (tokens * tokens)), 16, tokens, tokens}));
}

void metrics(benchmark::State& state) {
  const auto attention = batch_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(alignment_metrics(attention, {}, one_thread));
  state.SetItemsProcessed(state.iterations() * attention.size());
}
void limit(benchmark::State& state) {
  const auto attention = batch_of(state.range(0));
  for (auto _ : state) {
    EntropyMeasure entropy;
    ConfidenceMeasure confidence;
    ReceivedMeasure received;
    sweep(attention, one_thread, entropy, confidence, received);
    benchmark::DoNotOptimize(received.result());
  }
  state.SetItemsProcessed(state.iterations() * attention.size());
}
}  // namespace

BENCHMARK(metrics)->Arg(32)->Arg(128)->Arg(256);
BENCHMARK(limit)->Arg(32)->Arg(128)->Arg(256);
BENCHMARK_MAIN();
