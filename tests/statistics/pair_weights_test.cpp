#include <attnscope/statistics/pair_weights.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::made;

TEST_CASE("every pair is weighed, as one by one") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto [x, y] = made(static_cast<Index>(seed % 35), 1 + seed % 9, seed);
    const detail::Points points = detail::ordered_points(x, y);
    const auto weight = [](std::size_t k) { return 1 + static_cast<std::int64_t>(k * k % 7); };
    detail::PairWeights<std::int64_t> expected;
    for (std::size_t i = 0; i < points.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const bool same_x = points[i].first == points[j].first, same_y = points[i].second == points[j].second;
        const std::int64_t pair = weight(i) + weight(j);
        expected.all += pair;
        expected.tied_x += same_x ? pair : 0;
        expected.tied_y += same_y ? pair : 0;
        expected.tied_both += same_x && same_y ? pair : 0;
        expected.discordant += !same_x && points[i].second < points[j].second ? pair : 0;
      }
    const auto pairs = detail::pair_weights<std::int64_t>(
        points, [&](Index k) { return weight(static_cast<std::size_t>(k)); });
    CHECK(pairs.all == expected.all);
    CHECK(pairs.tied_x == expected.tied_x);
    CHECK(pairs.tied_y == expected.tied_y);
    CHECK(pairs.tied_both == expected.tied_both);
    CHECK(pairs.discordant == expected.discordant);
  }
}

TEST_CASE("groups of equal numbers have their sizes") {
  const Eigen::VectorXd x = test::numbers({12, 2, 1, 12, 2, 12}), y = test::numbers({1, 4, 7, 1, 0, 3});
  const auto pairs = detail::count_pairs(detail::ordered_points(x, y));
  CHECK(pairs.ties_x == std::vector<Index>{2, 3});
  CHECK(pairs.ties_y == std::vector<Index>{2});
  CHECK(pairs.all == 30);  // 15 pairs, each weighs 2
}
