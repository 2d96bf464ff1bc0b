#pragma once
#include <fmt/format.h>

#include <cstddef>
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

namespace detail {

/// A text with so many "{}", and no other field: counted when the caller is compiled. fmt's own check of a
/// text takes three to six times as long to compile, and the library has hundreds of them.
template <std::size_t Fields>
struct MessageText {
  consteval MessageText(const char* literal) : text(literal) {
    std::size_t found = 0;
    for (const char* at = literal; *at != 0; ++at) {
      if (*at != '{' && *at != '}') continue;
      const char bracket = *at, next = *++at;
      if (next == bracket) continue;  // one of them, in the text
      if (bracket != '{' || next != '}') throw "a field of a message is {}: give formatted text instead";
      ++found;
    }
    if (found != Fields) throw "a message has other fields than arguments";
  }
  const char* text;
};

template <typename Kind>
[[noreturn, gnu::cold, gnu::noinline]] void fail(fmt::string_view text, fmt::format_args arguments) {
  throw Kind(fmt::vformat(text, arguments));
}

/// Of the Error that is being handled.
[[noreturn, gnu::cold]] inline void rethrow_in_context(const std::string& context) {
  const auto named = [&](const Error& error) { return context + ": " + error.what(); };
  try {
    throw;
  } catch (const ShapeError& error) {
    throw ShapeError(named(error));
  } catch (const ValueError& error) {
    throw ValueError(named(error));
  } catch (const FileError& error) {
    throw FileError(named(error));
  }
}

}  // namespace detail

/// Throws Kind with the text, its fields "{}" replaced as by fmt::format, unless `holds`; the text is only
/// built when it is needed.
template <typename Kind, typename... Args>
void require(bool holds, detail::MessageText<sizeof...(Args)> text, const Args&... args) {
  if (!holds) detail::fail<Kind>(text.text, fmt::make_format_args(args...));
}

/// `act()`; an Error that leaves it keeps its kind and gets "context: " in front of its text.
template <typename Act>
decltype(auto) in_context(const std::string& context, Act&& act) {
  try {
    return std::forward<Act>(act)();
  } catch (const Error&) {
    detail::rethrow_in_context(context);
  }
}

}  // namespace attnscope
