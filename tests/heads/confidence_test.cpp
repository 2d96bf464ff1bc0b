#include <attnscope/heads/confidence.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("confidence is the mean of the largest weights") {
  const Eigen::Matrix3d a{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}};
  CHECK(confidence(a).confidence(0) == Approx((.5 + .6 + .5) / 3));
  CHECK(confidence(Eigen::MatrixXd::Identity(4, 4).eval()).confidence(0) == 1);
}

TEST_CASE("without the end of the sequence, as key only or as query too") {
  const Eigen::Matrix3d a{{.1, .2, .7}, {.3, .1, .6}, {0, 0, 1}};
  const auto without_key = exclude_tokens(a, {.keys = {{2}}, .renormalise = false});
  CHECK(confidence(without_key).confidence(0) == Approx((.2 + .3 + 0) / 3));
  const auto without_both = exclude_tokens(a, {.queries = {{2}}, .keys = {{2}}, .renormalise = false});
  CHECK(confidence(without_both).confidence(0) == Approx((.2 + .3) / 2));
}
