#include "../examples/analyze/figure_choice.hpp"

#include "support/catch.hpp"

TEST_CASE("a * stands for any characters, everything else for itself") {
  CHECK(matches("self.0.heads", "self.0.heads"));
  CHECK(!matches("self.0.head", "self.0.heads"));
  CHECK(!matches("self.0.heads", "self.0.head"));
  CHECK(!matches("self.0", "selfx0"));
  CHECK(matches("*", ""));
  CHECK(matches("*.roles", "cross.roles"));
  CHECK(!matches("*.roles", "cross.roles.x"));
  CHECK(matches("self.*", "self.10.mean"));
  CHECK(matches("s*.1*.m*n", "self.10.mean"));
  CHECK(matches("*a*a", "aba"));
  CHECK(!matches("*a*a", "ab"));
  CHECK(matches("a**", "a"));
  CHECK(!matches("", "a"));
}

TEST_CASE("a choice is of any of its patterns, and says which of them is of no name") {
  const FigureChoice some({"self.model", "*.roles"}), all({"all"}), none({"none"});
  CHECK(some("self.model"));
  CHECK(some("cross.roles"));
  CHECK(!some("self.entropy"));
  CHECK(all("anything"));
  CHECK(!none("anything"));
  CHECK(some.unknown({"self.model", "self.roles"}) == std::nullopt);
  CHECK(some.unknown({"self.model"}) == "*.roles");
  CHECK(all.unknown({}) == std::nullopt);
  CHECK(none.unknown({}) == std::nullopt);
}
