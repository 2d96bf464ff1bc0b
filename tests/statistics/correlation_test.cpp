#include <attnscope/statistics/correlation.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace attnscope;
using test::made, test::numbers;

TEST_CASE("Pearson's correlation by hand") {
  // Deviations (-2, -1, 0, 1, 2) and (-1, -2, 1, 0, 2): 8 of 10.
  const CorrelationResult result = pearson(numbers({1, 2, 3, 4, 5}), numbers({2, 1, 4, 3, 5}));
  CHECK(*result.statistic == Approx(.8).epsilon(1e-14));
  CHECK(*result.p_value == Approx(.1040880386).epsilon(1e-9));  // scipy
  CHECK(result.n == 5);
}

TEST_CASE("Student's p at its known points") {
  // One degree of freedom: Cauchy. Two: 1 - |t| / sqrt(2 + t^2) = 1 - |r|.
  CHECK(detail::two_sided_p(.5, 3) == Approx(1 - 2 / 3.141592653589793 * std::asin(.5)).epsilon(1e-12));
  CHECK(detail::two_sided_p(.75, 4) == Approx(.25).epsilon(1e-12));
  CHECK(detail::two_sided_p(-.75, 4) == Approx(.25).epsilon(1e-12));
  for (const Index n : {3, 4, 5, 50, 100000}) {
    CHECK(detail::two_sided_p(0, n) == 1);
    CHECK(detail::two_sided_p(1, n) == 0);
  }
  // scipy: 2 t.sf(|r| sqrt((n - 2) / (1 - r^2)), n - 2)
  CHECK(detail::two_sided_p(.01, 100000) == Approx(.00156518974528).epsilon(1e-9));
}

TEST_CASE("unit and offset do not matter, however large") {
  const auto [x, y] = made(50, 1000, 7);
  const double r = *pearson(x, y).statistic;
  for (const double unit : {1e-300, 1e-9, 1e9, 1e304}) {
    CHECK(*pearson(x * unit, y).statistic == Approx(r).epsilon(1e-12));
    CHECK(*pearson(x, -unit * y).statistic == Approx(-r).epsilon(1e-12));
  }
  CHECK(*pearson(x.array() + 1e9, y).statistic == Approx(r).epsilon(1e-8));
  CHECK(*pearson(x, x).statistic == 1);
  CHECK(*pearson(x, 3 - x.array() * 2).statistic == Approx(-1).epsilon(1e-14));
}

TEST_CASE("two points lie on a line, however near they are") {
  const Eigen::VectorXd y = numbers({1, 0});
  CHECK(*pearson(numbers({1, 1 - 1.2e-16}), y).statistic == 1);
  CHECK(*pearson(numbers({1 - 1.2e-16, 1}), y).statistic == -1);
  CHECK(*pearson(numbers({1, 1 + 2.3e-16}), y).statistic == -1);
  CHECK(*pearson(numbers({7e300, std::nextafter(7e300, 0)}), y).statistic == 1);
  CHECK(*pearson(numbers({.1, .3}), numbers({.7, .2})).statistic == Approx(-1).epsilon(1e-15));
}

TEST_CASE("any vector is taken") {
  Eigen::Matrix<double, 2, 3, Eigen::RowMajor> rows;
  rows << 1, 2, 4, 2, 3, 1;
  const Eigen::MatrixXd columns = rows;
  const double r = *pearson(rows.row(0), rows.row(1)).statistic;
  CHECK(r == *pearson(columns.row(0), columns.row(1)).statistic);
  CHECK(r == *pearson(columns.row(0).transpose(), Eigen::RowVectorXd(rows.row(1))).statistic);
  const std::vector<double> list{1, 2, 4};
  CHECK(*pearson(Eigen::Map<const Eigen::VectorXd>(list.data(), 3), rows.row(1)).statistic == r);
}

TEST_CASE("undefined products of moments") {
  const Eigen::VectorXd x = numbers({1, 2, 3});
  // .1 three times: the mean is another number.
  for (const auto& result : {pearson(x, numbers({.1, .1, .1})), pearson(numbers({.1, .1, .1}), x),
                             pearson(numbers({}), numbers({})), pearson(numbers({1}), numbers({2}))}) {
    CHECK(!result.statistic);
    CHECK(!result.p_value);
  }
  CHECK(*pearson(numbers({1, 3}), numbers({4, 2})).statistic == -1);
  CHECK(*pearson(numbers({1, 3}), numbers({4, 2})).p_value == 1);
}

TEST_CASE("what has no product of moments") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Eigen::VectorXd x = numbers({1, 2, 3});
  CHECK(message_of<ShapeError>([&] { pearson(x, numbers({1, 2})); }) == "x has 3 numbers, but y has 2");
  CHECK(message_of<ValueError>([&] { pearson(numbers({1, infinity, 0}), x); }) == "x[1] is inf");
  CHECK(message_of<ValueError>([&] { pearson(x, numbers({1, 2, std::sqrt(-1.)})); }) == "y[2] is -nan");
}
