// What attention from queries and keys takes beyond its inputs: one block of rows for each thread, and what
// the measures keep.
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/source/query_key.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/address_sanitizer.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

/// The most memory that this process has had so far.
double peak_megabytes() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Megabytes that a sweep over the last `rows` queries of a causal text takes beyond queries and keys.
double swept_megabytes(Index tokens, Index heads, Index rows, int threads) {
  constexpr Index dim = 64;
  const auto numbers = [&](Index count) {
    std::vector<float> all(static_cast<std::size_t>(heads * count * dim));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float>(i * i % 31) / 31;
    return all;
  };
  const std::vector<float> queries = numbers(rows), keys = numbers(tokens);
  const double before = peak_megabytes();
  // As many rows as fill several tasks; more of them need no other buffers.
  const QueryKeyAttention<float> attention(
      queries.data(), keys.data(),
      Layout({1, heads, rows, tokens}, {.causal = true, .query_offset = tokens - rows}), heads, dim);
  EntropyMeasure entropy;
  ConfidenceMeasure confidence;
  ReceivedMeasure received;
  sweep(attention, SweepOptions{.threads = threads}, entropy, confidence, received);
  return entropy.result().queries == rows ? peak_megabytes() - before : -1;
}

/// The same, measured in a process of its own: a peak never falls.
[[maybe_unused]] double swept_alone(Index tokens, Index heads, Index rows, int threads) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const double megabytes = swept_megabytes(tokens, heads, rows, threads);
    ::_exit(::write(ends[1], &megabytes, sizeof megabytes) == sizeof megabytes ? 0 : 1);
  }
  double megabytes = -1;
  CHECK(::read(ends[0], &megabytes, sizeof megabytes) == sizeof megabytes);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return megabytes;
}

}  // namespace

TEST_CASE("long contexts take some megabytes beside their queries and keys") {
#if defined(ATTNSCOPE_ADDRESS_SANITIZER)
  SUCCEED("the sanitizer keeps freed memory, and a shadow of all");
#else
  const double many_heads = swept_alone(32'768, 8, 600, 2), long_text = swept_alone(131'072, 1, 600, 2);
  CAPTURE(many_heads, long_text);
  CHECK(many_heads > 0);
  CHECK(many_heads < 200);
  CHECK(long_text > 0);
  CHECK(long_text < 100);
#endif
}
