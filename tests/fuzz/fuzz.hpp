#pragma once
// What every target of the fuzzer shares: the table they stand in, the rule they check, and how input is cut
// up.
#include <attnscope/core/errors.hpp>

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// Ends the process, which libFuzzer takes for a crash: the input is kept.
[[noreturn]] inline void found(std::string_view what) {
  std::fprintf(stderr, "FOUND: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}
inline void expect(bool holds, std::string_view what) {
  if (!holds) found(what);
}

/// What `act` gives, or nothing where it throws an error of the library. Any other exception ends the
/// process.
template <typename Act>
auto accepted(const Act& act) -> std::optional<decltype(act())> {
  try {
    return act();
  } catch (const attnscope::Error&) {
    return std::nullopt;
  }
}

struct Target {
  /// May throw attnscope::Error.
  using Run = void (*)(FuzzedDataProvider& data);
  using Seeds = std::vector<std::string> (*)();
  Run run;
  Seeds seeds;
};
inline std::map<std::string, Target, std::less<>>& targets() {
  static std::map<std::string, Target, std::less<>> all;
  return all;
}
/// An object of this type puts a target into the table.
struct Register {
  Register(const char* name, Target::Run run, Target::Seeds seeds) { targets()[name] = {run, seeds}; }
};

// Cutting up the input. FuzzedDataProvider takes numbers from its end and texts from its front, where a
// backslash before another character ends a text.

inline std::string text(FuzzedDataProvider& data, std::size_t most = 64) {
  return data.ConsumeRandomLengthString(most);
}
/// All that is left, in memory of exactly that size, so that a sanitizer sees every access beyond its end.
inline std::vector<std::byte> rest(FuzzedDataProvider& data) {
  return data.ConsumeRemainingBytes<std::byte>();
}
inline std::string rest_text(FuzzedDataProvider& data) { return data.ConsumeRemainingBytesAsString(); }
template <typename List>
const auto& one_of(FuzzedDataProvider& data, const List& list) {
  return list[data.ConsumeIntegralInRange<std::size_t>(0, std::size(list) - 1)];
}
inline std::ptrdiff_t up_to(FuzzedDataProvider& data, std::ptrdiff_t most, std::ptrdiff_t least = 0) {
  return data.ConsumeIntegralInRange<std::ptrdiff_t>(least, most);
}
/// Any double: an everyday one, one at an edge, or any bits.
inline double number(FuzzedDataProvider& data) {
  using Limits = std::numeric_limits<double>;
  constexpr double edges[] = {0,
                              -0.,
                              1,
                              -1,
                              Limits::quiet_NaN(),
                              Limits::infinity(),
                              -Limits::infinity(),
                              5e-324,
                              1e308,
                              -1e308,
                              1e-300,
                              1e15,
                              .5,
                              -1e-9};
  switch (data.ConsumeIntegralInRange<int>(0, 3)) {
    case 0:
      return one_of(data, edges);
    case 1:
      return data.ConsumeFloatingPoint<double>();
    default:
      return data.ConsumeIntegral<std::int16_t>() / 256.;
  }
}
inline std::vector<std::string> texts(FuzzedDataProvider& data, std::size_t count) {
  std::vector<std::string> all(count);
  for (std::string& one : all) one = text(data, 24);
  return all;
}

/// How a text of a seed is written down, so that text() gives it back.
inline std::string seed_text(std::string_view text) {
  std::string written;
  for (const char c : text) {
    written += c;
    if (c == '\\') written += c;
  }
  return written + "\\\n";
}
template <typename Bytes>
std::string string_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace fuzz
