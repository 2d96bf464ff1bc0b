#pragma once
// What this machine can do at most, measured when it is asked: single-precision multiply-adds of one core,
// and how fast memory is read.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <span>
#include <thread>
#include <vector>

namespace attnscope::machine {

/// Of all threads: time that others take from the cores does not count.
inline double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
using Clock = double();

/// Independent chains of multiply-adds, more than the latency of the units needs. @return operations
template <typename Vector>
[[gnu::always_inline]] inline double multiply_adds(std::ptrdiff_t rounds) {
  float factor = 0.999f, summand = 0.001f;
  benchmark::DoNotOptimize(factor);  // or the compiler knows the result
  benchmark::DoNotOptimize(summand);
  const Vector f = Vector{} + factor, s = Vector{} + summand;
  Vector a = f, b = a + f, c = b + f, d = c + f, e = d + f,
         g = e + f;  // all different: equal chains would be one
  Vector h = g + f, i = h + f, j = i + f, k = j + f, l = k + f, m = l + f;
  for (std::ptrdiff_t round = 0; round < rounds; ++round) {
    a = a * f + s, b = b * f + s, c = c * f + s, d = d * f + s;
    e = e * f + s, g = g * f + s, h = h * f + s, i = i * f + s;
    j = j * f + s, k = k * f + s, l = l * f + s, m = m * f + s;
  }
  const Vector sum = a + b + c + d + e + g + h + i + j + k + l + m;
  float kept = sum[0];
  benchmark::DoNotOptimize(kept);
  return 2.0 * 12 * static_cast<double>(rounds) * (sizeof(Vector) / sizeof(float));
}

/// Loads every byte once, but for the last ones that fill no round of eight vectors. In integers, since
/// numbers of any type may lie there; eight sums, in registers; asked for far ahead, which makes some
/// machines read a fifth faster than their own foresight does, and no machine slower.
template <typename Vector>
[[gnu::always_inline]] inline void load(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t ahead = 16384;
  std::array<Vector, 8> sums{};
  for (const std::byte* end = from + bytes / sizeof(sums) * sizeof(sums); from != end; from += sizeof(sums)) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < sums.size(); ++i) {
      __builtin_prefetch(from + i * sizeof(Vector) + ahead);
      Vector next;
      std::memcpy(&next, from + i * sizeof(Vector), sizeof(Vector));
      sums[i] += next;
    }
  }
  for (std::size_t i = 1; i < sums.size(); ++i) sums[0] += sums[i];
  std::uint64_t kept = sums[0][0];
  for (std::size_t lane = 1; lane < sizeof(Vector) / sizeof(kept); ++lane) kept += sums[0][lane];
  benchmark::DoNotOptimize(kept);
}

using Floats16 [[gnu::vector_size(16)]] = float;
using Words16 [[gnu::vector_size(16)]] = std::uint64_t;
inline double multiply_adds_baseline(std::ptrdiff_t rounds) { return multiply_adds<Floats16>(rounds); }
inline void load_baseline(const std::byte* from, std::size_t bytes) { load<Words16>(from, bytes); }
#ifdef __x86_64__
using Floats32 [[gnu::vector_size(32)]] = float;
using Words32 [[gnu::vector_size(32)]] = std::uint64_t;
using Floats64 [[gnu::vector_size(64)]] = float;
using Words64 [[gnu::vector_size(64)]] = std::uint64_t;
[[gnu::target("avx2,fma")]] inline double multiply_adds_avx2(std::ptrdiff_t rounds) {
  return multiply_adds<Floats32>(rounds);
}
[[gnu::target("avx2")]] inline void load_avx2(const std::byte* from, std::size_t bytes) {
  load<Words32>(from, bytes);
}
[[gnu::target("avx512f")]] inline double multiply_adds_avx512(std::ptrdiff_t rounds) {
  return multiply_adds<Floats64>(rounds);
}
[[gnu::target("avx512f")]] inline void load_avx512(const std::byte* from, std::size_t bytes) {
  load<Words64>(from, bytes);
}
#endif

struct Instructions {
  const char* name;
  double (*multiply_adds)(std::ptrdiff_t);
  void (*load)(const std::byte*, std::size_t);
};
inline Instructions best_instructions() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return {"AVX-512", multiply_adds_avx512, load_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {"AVX2", multiply_adds_avx2, load_avx2};
#endif
  return {"baseline", multiply_adds_baseline, load_baseline};
}

/// Operations a second of one core now, the most in three times a few milliseconds: an interruption is not
/// it.
inline double peak() {
  double most = 0;
  for (int i = 0; i < 3; ++i) {
    const double start = processor_seconds();
    const double operations = best_instructions().multiply_adds(1'000'000);
    most = std::max(most, operations / (processor_seconds() - start));
  }
  return most;
}

using Bytes = std::span<const std::byte>;

/// Reads memory once, in one stream a thread, each its own part.
inline void read(Bytes bytes, int threads = 1) {
  const auto load = best_instructions().load;
  const std::size_t part = bytes.size() / static_cast<std::size_t>(threads);
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back(load, bytes.data() + static_cast<std::size_t>(t) * part, part);
  load(bytes.data(), part);
  for (std::thread& other : others) other.join();
}

}  // namespace attnscope::machine
