#include <attnscope/core/target_tally.hpp>

#include "support/catch.hpp"

using namespace attnscope;
using detail::OffsetContest;
using detail::SeenRow;
using detail::TargetTally;

namespace {

/// Two heads, three queries, four keys.
struct Fixture {
  Eigen::Matrix<double, 6, 4, Eigen::RowMajor> weights{{.1, .2, .3, .4}, {.5, .5, 0, 0}, {0, 0, 1, 0},
                                                       {.7, .1, .1, .1}, {0, 0, 0, 0},   {.2, .2, .2, .4}};
  Layout layout{{1, 2, 3, 4}, {.excluded_keys = {{3}}}};
  Block<double> block{weights.data(), 12, 4, 0, {0, 3}, 4, layout};
  SeenRow<double> row(Index r) const { return {block, r}; }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a row knows its keys, and which of them the query sees") {
  CHECK(row(1).own() == 1);
  CHECK(row(1).visible() == 3);
  CHECK(row(1).sees(2));
  CHECK(!row(1).sees(3));  // excluded
  CHECK(!row(1).sees(-1));
  CHECK(!row(1).sees(4));
  CHECK(row(0).head(1)[0] == .7);
}

TEST_CASE_METHOD(Fixture, "the largest weight is the first of equals, and none without weight") {
  CHECK(row(0).largest() == std::vector<Index>{3, 0});
  CHECK(row(1).largest() == std::vector<Index>{0, -1});
  CHECK(row(0).largest_without(std::array<Index, 3>{0, 3, 9}) == std::vector<Index>{2, 1});
  CHECK(row(2).largest_without(std::array<Index, 1>{2}) == std::vector<Index>{-1, 3});
}

TEST_CASE_METHOD(Fixture, "mass, hits and chance are means over the queries that see a target") {
  const auto add = [&](TargetTally& tally, Index r, const std::vector<Index>& targets) {
    tally.add(row(r), targets, row(r).largest());
  };
  TargetTally tally, later;
  add(tally, 0, {0, 1});
  add(tally, 1, {3, -1, 4});  // sees none of them
  add(later, 2, {2, 3});
  CHECK(tally.queries() == 1);
  tally.merge(later);
  CHECK(tally.queries() == 2);
  CHECK(tally.mass(0) == Approx((.3 + 1) / 2));
  CHECK(tally.mass(1) == Approx((.8 + .2) / 2));
  CHECK(tally.hit_rate(0) == Approx(.5));
  CHECK(tally.hit_rate(1) == Approx(.5));
  CHECK(tally.chance() == Approx((2 / 3. + 1 / 3.) / 2));
  TargetTally empty;
  empty.merge(tally);
  CHECK(empty.mass(0) == tally.mass(0));
}

TEST_CASE_METHOD(Fixture, "offsets compete for the same targets") {
  OffsetContest contest, later;
  contest.add(row(0), std::array<Index, 2>{1, 2}, {1, 3}, 2);
  later.add(row(1), std::array<Index, 1>{2}, {2, 2}, 2);
  later.add(row(2), std::array<Index, 1>{0}, {1, 0}, 2);
  contest.merge(later);
  CHECK(contest.queries() == 3);
  CHECK(contest.accuracy(0) == Approx(2 / 3.));
  CHECK(contest.accuracy(1) == Approx(2 / 3.));
  CHECK(contest.baseline() == Approx(2 / 3.));
  CHECK(contest.best_offset() == 1);

  OffsetContest far;  // neither the token itself nor what is out of reach is an offset
  far.add(row(0), std::array<Index, 2>{0, 2}, {0, 0}, 1);
  CHECK(far.baseline() == 0);
}
