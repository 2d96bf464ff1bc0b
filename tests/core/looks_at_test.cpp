#include <attnscope/core/looks_at.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
struct Rows {
  int seen = 0;
  void look(const HeadRows<float>&) { ++seen; }
};
struct Sums {
  static constexpr SummaryParts summary_parts{.entropy = false, .columns = true};
  void look(const RowSummaries<float>&) {}
};
struct AllParts {
  void look(const RowSummaries<float>&) {}
};
struct Heads {
  void look(const Block<float>&) {}
};
struct Pairs {
  int seen = 0;
  void look(const HeadRows<float>&, const HeadRows<double>&) { ++seen; }
};
struct Products {
  void look(const RowProducts<float, double>&) {}
};
}  // namespace

TEST_CASE("what a measure looks at is told from its look()") {
  STATIC_REQUIRE(detail::LooksAtRows<Rows, float>);
  STATIC_REQUIRE(detail::LooksAtRows<Pairs, float, double>);
  STATIC_REQUIRE_FALSE(detail::LooksAtRows<Sums, float>);
  STATIC_REQUIRE(detail::ComparesHeads<Heads, float>);
  STATIC_REQUIRE_FALSE(detail::ComparesHeads<Rows, float>);
  STATIC_REQUIRE(detail::NeedsSummariesAlone<Sums, float>);
  STATIC_REQUIRE_FALSE(detail::NeedsSummariesAlone<Rows, float>);
  STATIC_REQUIRE(detail::looks_at_products<Products, float, double>);
  STATIC_REQUIRE_FALSE(detail::looks_at_products<Pairs, float, double>);
  STATIC_REQUIRE(detail::PairsHeads<Pairs, float, double>);
  STATIC_REQUIRE(detail::PairsHeads<Products, float, double>);
  STATIC_REQUIRE_FALSE(detail::PairsHeads<Rows, float, double>);
  STATIC_REQUIRE(detail::Sees<Rows, float, double>);
  STATIC_REQUIRE_FALSE(detail::Sees<Pairs, float>);
}

TEST_CASE("the parts of a summary that a measure needs: none, all, or those it names") {
  constexpr SummaryParts none = detail::parts_for<Rows, float>();
  constexpr SummaryParts all = detail::parts_for<AllParts, float>();
  constexpr SummaryParts some = detail::parts_for<Sums, float>();
  CHECK((!none.entropy && !none.distance && !none.columns));
  CHECK((all.entropy && all.distance && !all.columns));
  CHECK((!some.entropy && some.distance && some.columns));
}

TEST_CASE("a measure that knows nothing of companions sees the first alone") {
  const float numbers[2] = {};
  const double beside[2] = {};
  const Layout layout({1, 1, 1, 2});
  const HeadRows<float> rows(numbers, 2, 0, 0, {0, 1}, 2, layout);
  const HeadRows<double> companion(beside, 2, 0, 0, {0, 1}, 2, layout);
  Rows one;
  Pairs both;
  detail::show(one, rows, companion);
  detail::show(both, rows, companion);
  detail::show(both, rows);
  CHECK(one.seen == 1);
  CHECK(both.seen == 1);
}
