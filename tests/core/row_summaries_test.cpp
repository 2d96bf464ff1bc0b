#include <attnscope/core/row_summaries.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Two rows of three weights on the keys 4 .. 6 of eight, unfinished.
template <typename Weight>
struct TwoRows {
  Layout layout{{1, 1, 2, 8}};
  std::vector<Weight> raw{1, 2, 3, 9, 4, 5, 6, 9};  // 9: between the rows
  std::vector<Weight> factors{Weight(.5), Weight(.25)};
  std::vector<RowSummary> summaries{{.sum = 3}, {.sum = 3.75}};
  RowSummaries<Weight> rows() const {
    return {HeadPlace(0, 0, {0, 2}, layout), raw.data(), 4, {4, 7}, factors.data(), summaries.data()};
  }
};
}  // namespace

TEMPLATE_TEST_CASE("weights are raw numbers times the row's factor, and 0 elsewhere", "", float, double) {
  const TwoRows<TestType> two;
  const RowSummaries<TestType> rows = two.rows();
  CHECK(rows.weight(0, 4) == .5);
  CHECK(rows.weight(1, 6) == 1.5);
  CHECK(rows.weight(0, 3) == 0);
  CHECK(rows.weight(0, 7) == 0);
  CHECK(rows.mass(0, {0, 8}) == 3);
  CHECK(rows.mass(1, {5, 6}) == 1.25);
  CHECK(rows.mass(1, {0, 4}) == 0);
  CHECK(rows.mass(1, {7, 8}) == 0);
  CHECK(rows[1].sum == 3.75);
}

TEMPLATE_TEST_CASE("column sums are added where the keys stand", "", float, double) {
  const TwoRows<TestType> two;
  Eigen::RowVectorXd sums = Eigen::RowVectorXd::Ones(8), expected = sums;
  two.rows().add_columns(sums);
  expected.segment(4, 3) += Eigen::RowVector3d(1.5, 2.25, 3);
  CHECK(sums == expected);
}

TEMPLATE_TEST_CASE("stored rows are summarised as asked", "", float, double) {
  const std::vector<TestType> weights{TestType(.5), TestType(.25), TestType(.25), 0, 0, 1};
  const Layout layout({1, 1, 2, 3});
  const HeadRows<TestType> rows(weights.data(), 3, 0, 0, {0, 2}, 3, layout);
  Summariser<TestType> summariser;
  const auto all = summariser.of(rows, {});
  CHECK(all[0].sum == 1);
  CHECK(all[0].entropy == Approx(1.5 * std::log(2.)));
  CHECK(all[0].distance == .75);
  CHECK(all[1].distance == 1);
  CHECK(all[1].entropy == 0);
  CHECK(all[1].largest == 1);
  CHECK(all[0].smallest == .25);
  CHECK(all.weight(0, 0) == .5);
  if constexpr (std::is_same_v<TestType, float>) {
    std::vector<float> copy(6);
    CHECK(summariser.of(rows, {}, rows, copy.data())[0].sum == 1);
    CHECK(copy == weights);
  }
  const auto sums = summariser.of(rows, {.entropy = false, .distance = false});
  CHECK(sums[0].entropy == 0);
  CHECK(sums[0].distance == 0);
  CHECK(sums[0].sum == 1);
}
