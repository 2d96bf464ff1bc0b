#include <attnscope/core/ranks.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace attnscope;
using test::made, test::numbers;

TEST_CASE("equal numbers share the mean of their ranks") {
  CHECK(average_ranks(numbers({12, 2, 1, 12, 2})) == numbers({4.5, 2.5, 1, 4.5, 2.5}));
  CHECK(average_ranks(numbers({0, -0., 0})) == numbers({2, 2, 2}));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(average_ranks(numbers({infinity, -1, -infinity})) == numbers({3, 2, 1}));
  CHECK(average_ranks(numbers({})).size() == 0);
}

TEST_CASE("a rank is how many are less, and half of those that are equal") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Eigen::VectorXd x = made(40, seed % 2 ? 8 : 1000000, seed).x, ranks = average_ranks(x);
    for (Index i = 0; i < x.size(); ++i) {
      const double less = static_cast<double>((x.array() < x(i)).count());
      const double equal = static_cast<double>((x.array() == x(i)).count());
      CHECK(ranks(i) == less + (equal + 1) / 2);
    }
  }
}

TEST_CASE("what has no rank") {
  const Eigen::VectorXd x = numbers({1, std::numeric_limits<double>::quiet_NaN()});
  CHECK(message_of<ValueError>([&] { average_ranks(x); }) == "x[1] is nan");
}
