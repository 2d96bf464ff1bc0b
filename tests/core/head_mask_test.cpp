#include <attnscope/core/head_mask.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("layers of unlike head counts, and of none") {
  const HeadMask all = every_head({2, 0, 3});
  CHECK(heads_by_layer(all) == std::vector<Index>{2, 0, 3});
  CHECK(heads_by_layer(HeadScores{Eigen::Vector2d(1, 2), Eigen::VectorXd()}) == std::vector<Index>{2, 0});
  CHECK(heads_in(all) == std::vector<HeadId>{{0, 0}, {0, 1}, {2, 0}, {2, 1}, {2, 2}});
  CHECK(heads_in(all, false).empty());
  CHECK(every_head({}).empty());
  CHECK(message_of<ShapeError>([] { every_head({2, -1}); }) == "layer 1 has -1 heads");
}

TEST_CASE("a mask without some heads") {
  const HeadMask left = without(every_head({2, 0, 3}), {{0, 1}, {2, 0}});
  CHECK(left == HeadMask{{true, false}, {}, {false, true, true}});
  CHECK(heads_in(left) == std::vector<HeadId>{{0, 0}, {2, 1}, {2, 2}});
  CHECK(heads_in(left, false) == std::vector<HeadId>{{0, 1}, {2, 0}});
}

TEST_CASE("heads are ordered by layer, then head") {
  CHECK(HeadId{0, 7} < HeadId{1, 0});
  CHECK(HeadId{1, 0} < HeadId{1, 1});
}

TEST_CASE("a number that is not finite is named with its place") {
  const HeadScores scores{Eigen::Vector2d(1, 2), Eigen::Vector2d(3, std::numeric_limits<double>::infinity())};
  CHECK(score_of(scores, {1, 0}) == 3);
  CHECK_NOTHROW(require_finite("importance", {scores[0]}));
  CHECK(message_of<ValueError>([&] { require_finite("importance", scores); }) ==
        "layer 1, head 1: the importance is inf");
}
