#include <attnscope/figure/filter.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace attnscope;

using Numbers = std::vector<Eigen::Index>;

TEST_CASE("filter: keeps all, or those that are named in their order, without those that are left out") {
  CHECK(kept({}, 3, "row") == Numbers{0, 1, 2});
  CHECK(kept({.only = {2, 0}}, 3, "row") == Numbers{2, 0});
  CHECK(kept({.without = {1}}, 3, "row") == Numbers{0, 2});
  CHECK(kept({.only = {2, 1, 0}, .without = {1}}, 3, "row") == Numbers{2, 0});
  CHECK(kept(all_but_first, 3, "row") == Numbers{1, 2});
  CHECK(kept({}, 0, "row").empty());
}

TEST_CASE("filter: what is not there, and a filter that leaves nothing, are refused by name") {
  CHECK(message_of<ShapeError>([] { kept({.only = {3}}, 3, "column"); }) == "filter: column 3 of 3");
  CHECK(message_of<ShapeError>([] { kept({.without = {-1}}, 3, "head"); }) == "filter: head -1 of 3");
  CHECK(message_of<ShapeError>([] { kept(all_but_first, 1, "row"); }) == "filter: no row of 1 is left");
  CHECK(message_of<ValueError>([] { kept({.only = {2, 0, 2}}, 3, "head"); }) == "filter: head 2 twice");
  CHECK(kept({.without = {0, 0}}, 2, "head") == Numbers{1});
}

TEST_CASE("filter: labels follow, and no labels stay none") {
  CHECK(kept_of(std::vector<std::string>{"a", "b", "c"}, {2, 0}) == std::vector<std::string>{"c", "a"});
  CHECK(kept_of(std::vector<std::string>(), {2, 0}).empty());
}
