#include <attnscope/core/agglomerate.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Distances between points on a line.
Eigen::MatrixXd on_a_line(const std::vector<double>& at) {
  const Index n = static_cast<Index>(at.size());
  const auto distance = [&](Index i, Index j) {
    return std::abs(at[static_cast<std::size_t>(i)] - at[static_cast<std::size_t>(j)]);
  };
  return Eigen::MatrixXd::NullaryExpr(n, n, distance);
}
void check(const ClusterMerge& merge, Index first, Index second, double distance, Index size) {
  CHECK(merge.first == first);
  CHECK(merge.second == second);
  CHECK(merge.distance == Approx(distance));
  CHECK(merge.size == size);
}
}  // namespace

TEST_CASE("average and complete linkage of points on a line, by hand") {
  const Eigen::MatrixXd distances = on_a_line({5, 0, 1, 9});
  const auto average = detail::agglomerate(distances, detail::Linkage::average);
  REQUIRE(average.size() == 3);
  check(average[0], 1, 2, 1, 2);
  check(average[1], 0, 3, 4, 2);
  check(average[2], 4, 5, (5 + 4 + 9 + 8) / 4., 4);
  const auto complete = detail::agglomerate(distances, detail::Linkage::complete);
  REQUIRE(complete.size() == 3);
  check(complete[2], 4, 5, 9, 4);
}

TEST_CASE("the average is over all pairs of heads, however unlike the clusters' sizes") {
  const auto merges = detail::agglomerate(on_a_line({0, 1, 2.5, 20}), detail::Linkage::average);
  check(merges[1], 2, 4, 2, 3);
  check(merges[2], 3, 5, (20 + 19 + 17.5) / 3, 4);
}

TEST_CASE("of equally near pairs the lowest heads merge first") {
  const auto merges = detail::agglomerate(Eigen::MatrixXd::Ones(4, 4), detail::Linkage::average);
  check(merges[0], 0, 1, 1, 2);
  check(merges[1], 2, 4, 1, 3);
  check(merges[2], 3, 5, 1, 4);
}

TEST_CASE("merging stops at the bound, and at what is infinitely far") {
  const Eigen::MatrixXd distances = on_a_line({0, 1, 3, 10});
  CHECK(detail::agglomerate(distances, detail::Linkage::complete, 3).size() == 1);
  CHECK(detail::agglomerate(distances, detail::Linkage::complete, 3.1).size() == 2);
  Eigen::MatrixXd apart = Eigen::MatrixXd::Constant(2, 2, std::numeric_limits<double>::infinity());
  CHECK(detail::agglomerate(apart, detail::Linkage::complete).empty());
  CHECK(detail::agglomerate(Eigen::MatrixXd(0, 0), detail::Linkage::average).empty());
  CHECK(detail::agglomerate(Eigen::MatrixXd::Zero(1, 1), detail::Linkage::average).empty());
}

TEST_CASE("clusters after some merges are numbered by their lowest head") {
  const auto merges = detail::agglomerate(on_a_line({5, 0, 1, 9}), detail::Linkage::average);
  CHECK(detail::clusters_after(merges, 0, 4) == std::vector<Index>{0, 1, 2, 3});
  CHECK(detail::clusters_after(merges, 1, 4) == std::vector<Index>{0, 1, 1, 2});
  CHECK(detail::clusters_after(merges, 2, 4) == std::vector<Index>{0, 1, 1, 0});
  CHECK(detail::clusters_after(merges, 3, 4) == std::vector<Index>{0, 0, 0, 0});
}
