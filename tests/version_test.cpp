#include <attnscope/version.hpp>

#include "support/catch.hpp"

#include <fmt/format.h>

TEST_CASE("the parts of the version are those of its text, known while compiling") {
  using namespace attnscope;
  constexpr int parts[] = {version_major, version_minor, version_patch};
  CHECK(fmt::format("{}.{}.{}", parts[0], parts[1], parts[2]) == version);
}
