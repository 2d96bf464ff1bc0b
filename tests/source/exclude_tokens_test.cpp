#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
const Eigen::Matrix3d A{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}};
}

TEST_CASE("excluded queries are not shown, in the middle as at the ends") {
  const auto a = test::random_attention<double>(Layout({1, 2, 700, 700}));
  const Eigen::MatrixXd all = entropy(a, {.per_query = true}).per_query[0];
  const EntropyResult some =
      entropy(exclude_tokens(a, {.queries = {{0, 300, 301, 699}}}), {.per_query = true});
  CHECK(some.queries == 696);
  REQUIRE(some.per_query[0].cols() == 696);
  CHECK(some.per_query[0].leftCols(299) == all.middleCols(1, 299));
  CHECK(some.per_query[0].rightCols(397) == all.middleCols(302, 397));
}

TEST_CASE("excluded keys lose their weight, and what is left is scaled to one") {
  const Eigen::MatrixXd received = received_attention(exclude_tokens(A, {.keys = {{1}}})).received[0];
  CHECK(received(0, 1) == 0);
  CHECK(received(0, 0) == Approx(.5 / .7 + .1 / .4 + .25 / .75));
  const Eigen::MatrixXd lost =
      received_attention(exclude_tokens(A, {.keys = {{1}}, .renormalise = false})).received[0];
  CHECK(lost(0, 0) == Approx(.85));
}

TEST_CASE("an excluded key is not visible: the normalised entropy knows") {
  const Eigen::Matrix3d uniform = Eigen::Matrix3d::Constant(1 / 3.);
  CHECK(entropy(exclude_tokens(uniform, {.keys = {{2}}})).normalized_entropies(0) == Approx(1));
}

TEST_CASE("a row whose whole mass is excluded becomes zero") {
  const Eigen::Matrix2d a{{1, 0}, {.5, .5}};
  const EntropyResult result = entropy(exclude_tokens(a, {.keys = {{0}}}), {.per_query = true});
  CHECK(result.per_query[0].isZero());
}

TEST_CASE("exclusions nest") {
  const auto nested =
      exclude_tokens(exclude_tokens(A, {.queries = {{0}}, .keys = {{0}}}), {.queries = {{2}}, .keys = {{2}}});
  CHECK(nested.layout().shown_queries(0) == std::vector<Range>{{1, 2}});
  CHECK(received_attention(nested).received[0] == Eigen::RowVector3d(0, 1, 0));
}

TEST_CASE("tokens that are not there") {
  CHECK(message_of<ShapeError>([] { exclude_tokens(A, {.queries = {{3}}}); }) ==
        "excluded_queries[0] names token 3, but the true tokens are 0 .. 2");
  CHECK(message_of<ShapeError>([] {
          exclude_tokens(A, {.keys = {{0}, {1}}});
        }) == "excluded_keys has 2 entries for a batch of 1");
  CHECK(message_of<ShapeError>([] {
          exclude_tokens(exclude_tokens(A, {.keys = {{0}}}), {.keys = {{0}, {1}}});
        }) == "2 lists of excluded keys for 1 batch elements");
}
