#pragma once
// Timing beside each other: machines drift, so what is compared takes turns, and medians count.
#include <algorithm>
#include <vector>

#include "benchmark/machine.hpp"

namespace attnscope::turns {

template <typename Run>
double time_of(const Run& run, machine::Clock* clock = machine::seconds) {
  const double start = clock();
  run();
  return clock() - start;
}
inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

struct Medians {
  double ours, peer;
};
/// Both in turn; ours is what the benchmark reports.
template <typename Ours, typename Peer>
Medians medians(benchmark::State& state, const Ours& ours, const Peer& peer,
                machine::Clock* clock = machine::seconds) {
  std::vector<double> our_times, peer_times;
  for ([[maybe_unused]] auto _ : state) {
    our_times.push_back(time_of(ours, clock));
    peer_times.push_back(time_of(peer, clock));
    state.SetIterationTime(our_times.back());
  }
  state.counters["ours_ms"] = median(our_times) * 1e3;
  state.counters["peer_ms"] = median(peer_times) * 1e3;
  return {median(our_times), median(peer_times)};
}

/// Reading `arrays` once and `ours` in turn: counters `of_read`, the time of reading over ours, GB/s, and
/// what the machine can do at most. One thread is timed by the processor's clock, several by the wall's.
/// @return ours, in seconds
template <typename Ours>
double against_reading(benchmark::State& state, const std::vector<machine::Bytes>& arrays, int threads,
                       const Ours& ours) {
  machine::Clock* const clock = threads == 1 ? machine::processor_seconds : machine::seconds;
  double bytes = 0;
  for (const machine::Bytes& array : arrays) bytes += static_cast<double>(array.size());
  const auto reading = [&] {
    return time_of(
        [&] {
          for (const machine::Bytes& array : arrays) machine::read(array, threads);
        },
        clock);
  };
  std::vector<double> shares, reads, times;
  for ([[maybe_unused]] auto _ : state) {
    const double before = reading();
    times.push_back(time_of(ours, clock));
    reads.push_back((before + reading()) / 2);
    shares.push_back(reads.back() / times.back());
    state.SetIterationTime(times.back());
  }
  state.counters["of_read"] = median(shares);
  state.counters["GB/s"] = 1e-9 * bytes / median(times);
  state.counters["read_GB/s"] = 1e-9 * bytes / median(reads);
  state.counters["peak_GFLOP/s"] = 1e-9 * machine::peak();
  state.SetLabel(machine::best_instructions().name);
  return median(times);
}

}  // namespace attnscope::turns
