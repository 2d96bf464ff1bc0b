#pragma once
// Catch2 2.13 (Debian 12) and 3.x behind one include.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

/// The text of the exception of kind `Kind` that `act()` throws; fails the test when it throws nothing.
template <typename Kind, typename Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Kind& error) {
    return error.what();
  }
  FAIL("nothing was thrown");
  return {};
}
