#pragma once
#include <string_view>

namespace attnscope {

/// The version of this library, "major.minor.patch". CMake and every package take it from this line.
inline constexpr std::string_view version = "0.1.0";

namespace detail {

// The number before (0), between (1) or behind (2) the dots.
constexpr int version_part(int part) {
  int number = 0;
  for (const char c : version) {
    if (c == '.')
      --part;
    else if (part == 0)
      number = 10 * number + (c - '0');
  }
  return number;
}

}  // namespace detail

/// The first part of `version`, to compare with. While it is 0, a new minor version may break its users.
inline constexpr int version_major = detail::version_part(0);
/// The second part of `version`.
inline constexpr int version_minor = detail::version_part(1);
/// The third part of `version`.
inline constexpr int version_patch = detail::version_part(2);

}  // namespace attnscope
