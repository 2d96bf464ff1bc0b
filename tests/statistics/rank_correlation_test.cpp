#include <attnscope/statistics/rank_correlation.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <fstream>
#include <limits>
#include <random>

using namespace attnscope;
using test::made, test::numbers;

namespace {

/// The same number, or both undefined.
bool same(const std::optional<double>& ours, double expected) {
  if (!ours) return std::isnan(expected);
  return std::abs(*ours - expected) <= 1e-9 * std::max(std::abs(expected), 1e-3);
}

int sign(double a, double b) { return (a > b) - (a < b); }

/// Tau-b of all pairs, one by one; weight(i, j) of a pair.
template <typename Weight>
double plain_tau(const Eigen::VectorXd& x, const Eigen::VectorXd& y, const Weight& weight) {
  double xy = 0, xx = 0, yy = 0;
  for (Index i = 0; i < x.size(); ++i)
    for (Index j = 0; j < i; ++j) {
      const int a = sign(x(i), x(j)), b = sign(y(i), y(j));
      xy += a * b * weight(i, j);
      xx += a * a * weight(i, j);
      yy += b * b * weight(i, j);
    }
  return xy / std::sqrt(xx * yy);
}

/// How many come before i when the largest x is first, among equals the largest y.
double position(const Eigen::VectorXd& x, const Eigen::VectorXd& y, Index i) {
  double before = 0;
  for (Index j = 0; j < x.size(); ++j)
    before += x(j) > x(i) || (x(j) == x(i) && (y(j) > y(i) || (y(j) == y(i) && j < i)));
  return before;
}

const double no_number = std::numeric_limits<double>::quiet_NaN(),
             inf = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("published pairs") {
  struct Case {
    Eigen::VectorXd x, y;
    double rho, rho_p, tau, tau_p;
  };
  const std::vector<Case> cases{{numbers({.1, .25, .05, .4, .2}), numbers({.15, .2, .05, .35, .25}), .9,
                                 .03738607347, .8, .08333333333},
                                {numbers({1, 2, 2, 3, 4, 4, 4, 5}), numbers({2, 1, 3, 3, 5, 4, 4, 6}),
                                 .9256265453, .0009719602, .8406728075, .0062366804},
                                {numbers({12, 2, 1, 12, 2}), numbers({1, 4, 7, 1, 0}), -.5407380704,
                                 .3467146140, -.4714045208, .2827454599},
                                {numbers({1, 2, 3, 4, 5, 6, 7}), numbers({10, 9, 2.5, 6, 4, 3, 2}),
                                 -.7857142857, .0362384627, -.7142857143, .0301587302}};
  for (const Case& c : cases) {
    CHECK(*spearman(c.x, c.y).statistic == Approx(c.rho).margin(1e-10));
    CHECK(*spearman(c.x, c.y).p_value == Approx(c.rho_p).margin(1e-10));
    CHECK(*kendall(c.x, c.y).statistic == Approx(c.tau).margin(1e-10));
    CHECK(*kendall(c.x, c.y).p_value == Approx(c.tau_p).margin(1e-10));
    CHECK(kendall(c.x, c.y).n == c.x.size());
  }
  CHECK(*weighted_kendall(cases[2].x, cases[2].y).statistic == Approx(-.56694968153682723).epsilon(1e-12));
  CHECK(!weighted_kendall(cases[2].x, cases[2].y).p_value);
}

TEST_CASE("scipy's numbers, with and without ties") {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/statistics/data/correlations.dat");
  Index n, lines = 0;
  std::uint64_t levels, seed;
  double slope;
  while (file >> n >> levels >> slope >> seed) {
    double expected[7];
    for (double& number : expected) {
      std::string word;
      file >> word;
      number = std::stod(word);
    }
    const auto [x, y] = made(n, levels, slope, seed);
    const CorrelationResult r = pearson(x, y), rho = spearman(x, y), tau = kendall(x, y);
    CAPTURE(n, levels, slope, seed);
    CHECK(same(r.statistic, expected[0]));
    CHECK(same(r.p_value, expected[1]));
    CHECK(same(rho.statistic, expected[2]));
    CHECK(same(rho.p_value, expected[3]));
    CHECK(same(tau.statistic, expected[4]));
    CHECK(same(tau.p_value, expected[5]));
    CHECK(same(weighted_kendall(x, y).statistic, expected[6]));
    ++lines;
  }
  CHECK(lines == 333);
}

TEST_CASE("tau is what all pairs say, one by one") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const auto [x, y] = made(static_cast<Index>(3 + seed % 20), seed % 3 == 0 ? 1000000 : 2 + seed % 7, seed);
    if (detail::constant(x) || detail::constant(y)) continue;
    CAPTURE(seed);
    CHECK(*kendall(x, y).statistic == Approx(plain_tau(x, y, [](Index, Index) { return 1; })).margin(1e-12));
    const auto weighted = [](const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
      return plain_tau(
          a, b, [&](Index i, Index j) { return 1 / (position(a, b, i) + 1) + 1 / (position(a, b, j) + 1); });
    };
    CHECK(*weighted_kendall(x, y).statistic == Approx((weighted(x, y) + weighted(y, x)) / 2).margin(1e-12));
  }
}

TEST_CASE("the exact p counts orders") {
  for (Index n = 2; n <= 7; ++n) {
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 1, static_cast<double>(n));
    std::vector<double> distances;  // |tau| of every order
    Eigen::VectorXd y = x;
    do distances.push_back(std::abs(*kendall(x, y).statistic));
    while (std::next_permutation(y.begin(), y.end()));
    do {
      const double own = std::abs(*kendall(x, y).statistic);
      const auto as_far =
          std::count_if(distances.begin(), distances.end(), [&](double d) { return d > own - 1e-9; });
      const double p = static_cast<double>(as_far) / static_cast<double>(distances.size());
      REQUIRE(*kendall(x, y).p_value == Approx(p).epsilon(1e-12));
    } while (std::next_permutation(y.begin(), y.end()));
  }
}

TEST_CASE("where the exact p ends") {
  const auto ordered = [](Index n, Index exchanged) {
    Eigen::VectorXd y = Eigen::VectorXd::LinSpaced(n, 1, static_cast<double>(n));
    for (Index k = 0; k < exchanged; ++k) std::swap(y(3 * k), y(3 * k + 1));
    return kendall(Eigen::VectorXd::LinSpaced(n, 1, static_cast<double>(n)), y);
  };
  // 2/n! and 2/(n-1)!, however long the order is.
  CHECK(*ordered(34, 0).p_value == Approx(2 / std::tgamma(35)));
  CHECK(*ordered(60, 1).p_value == Approx(2 / std::tgamma(60)));
  CHECK(*ordered(200, 1).p_value == 0);
  // scipy's kendalltau at 33 and 34
  CHECK(*ordered(33, 2).p_value == Approx(1.28982958953e-34).epsilon(1e-8));
  CHECK(*ordered(34, 2).p_value == Approx(1.49110779982e-16).epsilon(1e-8));
}

TEST_CASE("only the order matters, either way") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto [x, y] = made(12, seed % 2 ? 1000000 : 6, seed);
    const Eigen::VectorXd stretched = (x.array() * 1e-7 + .1).exp(), turned = -y, shifted = x.array() * 3 + 5;
    for (auto* correlation : {&spearman, &kendall}) {
      const CorrelationResult one = correlation(x, y), other = correlation(y, x),
                              mirrored = correlation(x, turned);
      CHECK(*one.statistic == Approx(*other.statistic).margin(1e-15));
      CHECK(*one.p_value == Approx(*other.p_value).margin(1e-15));
      CHECK(*correlation(stretched, y).statistic == *one.statistic);
      CHECK(*mirrored.statistic == Approx(-*one.statistic).margin(1e-15));
      CHECK(*mirrored.p_value == Approx(*one.p_value).epsilon(1e-12));
    }
    CHECK(*weighted_kendall(x, y).statistic == Approx(*weighted_kendall(y, x).statistic).margin(1e-15));
    CHECK(*weighted_kendall(stretched, y).statistic == *weighted_kendall(x, y).statistic);
    CHECK(*pearson(shifted, y).statistic == Approx(*pearson(x, y).statistic).margin(1e-12));
    CHECK(*pearson(x, turned).statistic == Approx(-*pearson(x, y).statistic).margin(1e-15));
  }
}

TEST_CASE("perfect agreement is exactly 1, its opposite -1") {
  for (const Index n : {2, 3, 7, 100, 1001}) {
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, -1, 1).array().cube() + .1, y = -x.array().exp();
    CHECK(*spearman(x, x).statistic == 1);
    CHECK(*spearman(x, y).statistic == -1);
    CHECK(*kendall(x, x).statistic == Approx(1).margin(1e-15));
    CHECK(*kendall(x, y).statistic == Approx(-1).margin(1e-15));
    CHECK(*weighted_kendall(x, y).statistic == Approx(-1).margin(1e-12));
    if (n > 2) CHECK(*spearman(x, y).p_value == 0);
  }
}

TEST_CASE("two points, infinity, the end of a row") {
  const Eigen::VectorXd x = numbers({1, 2}), y = numbers({5, 3});
  CHECK(*spearman(x, y).statistic == -1);
  CHECK(!spearman(x, y).p_value);
  CHECK(*kendall(x, y).p_value == 1);
  CHECK(*spearman(numbers({-inf, 1, 2, inf}), numbers({-4, 0, 1, 2})).statistic == 1);
  Eigen::MatrixXd rows(2, 3);
  rows << 1, 2, 3, 3, 1, 2;
  CHECK(*spearman(rows.row(0), rows.row(1)).statistic == Approx(-.5));
  CHECK(*kendall(rows.row(0), rows.row(1)).statistic == Approx(-1. / 3));
}

TEST_CASE("undefined correlations of ranks") {
  const Eigen::VectorXd x = numbers({1, 2, 3}), same_number = numbers({.1, .1, .1}), none(0),
                        one = numbers({4});
  for (auto* correlation : {&spearman, &kendall, &weighted_kendall}) {
    for (const auto& result : {correlation(x, same_number), correlation(same_number, x),
                               correlation(none, none), correlation(one, one)}) {
      CHECK(!result.statistic);
      CHECK(!result.p_value);
    }
    CHECK(correlation(x, same_number).n == 3);
    CHECK(message_of<ShapeError>([&] { correlation(x, one); }) == "x has 3 numbers, but y has 1");
    CHECK(message_of<ValueError>([&] { correlation(x, numbers({1, no_number, 2})); }) == "y[1] is nan");
    CHECK(message_of<ValueError>([&] { correlation(numbers({1, 3, no_number}), x); }) == "x[2] is nan");
  }
}

TEST_CASE("a hundred thousand numbers") {
  const auto [x, y] = made(100000, 1000000, 3);
  const auto start = std::chrono::steady_clock::now();
  CHECK(std::abs(*kendall(x, y).statistic) < .01);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));  // pair by pair it takes minutes
}
