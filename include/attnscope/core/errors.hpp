#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

// NaN is what an undefined number is, infinite weights are found by asking, and exponentials round by adding
// a large number: nothing of that survives these flags.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "attnscope needs IEEE arithmetic: compile without -ffast-math, -Ofast and what they stand for"
#endif

namespace attnscope {

/// What every function of the library throws, in every build mode. The text names the place and the number.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Sizes or indices that do not fit together.
struct ShapeError : Error {
  using Error::Error;
};
/// A number that cannot be what it is given as: not finite, negative, a row of attention that sums to two.
struct ValueError : Error {
  using Error::Error;
};
/// A file that cannot be read or written, or that is not what its name says.
struct FileError : Error {
  using Error::Error;
};
/// The caller's progress callback asked to stop.
struct Stopped : Error {
  Stopped() : Error("stopped by the progress callback") {}
};

/// Throws Kind with the formatted text unless `holds`; the text is only built when it is needed.
template <typename Kind, typename... Args>
void require(bool holds, fmt::format_string<Args...> text, Args&&... args) {
  if (!holds) throw Kind(fmt::format(text, std::forward<Args>(args)...));
}

/// `act()`; an Error that leaves it keeps its kind and gets "context: " in front of its text.
template <typename Act>
decltype(auto) in_context(const std::string& context, Act&& act) {
  const auto named = [&](const Error& error) { return context + ": " + error.what(); };
  try {
    return std::forward<Act>(act)();
  } catch (const ShapeError& error) {
    throw ShapeError(named(error));
  } catch (const ValueError& error) {
    throw ValueError(named(error));
  } catch (const FileError& error) {
    throw FileError(named(error));
  }
}

}  // namespace attnscope
