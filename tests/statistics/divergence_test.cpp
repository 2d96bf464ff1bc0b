#include <attnscope/statistics/divergence.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::made, test::numbers;

namespace {
const double ln2 = std::numbers::ln2, infinity = std::numeric_limits<double>::infinity();

Eigen::VectorXd distribution(Index n, std::uint64_t seed) {
  const Eigen::VectorXd x = made(n, 100, seed).x;
  return x / x.sum();
}
}  // namespace

TEST_CASE("published divergences, and scipy's") {
  const Eigen::VectorXd p = numbers({.5, .3, .2}), q = numbers({.2, .5, .3});
  CHECK(total_variation(p, q) == Approx(.3).epsilon(1e-14));
  CHECK(jensen_shannon(p, q) == Approx(.0508746125).epsilon(1e-9));
  CHECK(kullback_leibler(p, q) == Approx(.5 * std::log(2.5) + .3 * std::log(.6) + .2 * std::log(2. / 3)));
  const Eigen::VectorXd u = numbers({.1, .9, .4, .3, .8, .6, .2, .7}) / 4;
  const Eigen::VectorXd v = numbers({.2, .7, .5, .1, .9, .3, .4, .8}) / 3.9;
  CHECK(total_variation(u, v) == Approx(.167948717949).epsilon(1e-11));
  CHECK(jensen_shannon(u, v) == Approx(.0225477585699).epsilon(1e-11));
  CHECK(kullback_leibler(u, v) == Approx(.096370942599).epsilon(1e-11));
}

TEST_CASE("what divergences promise") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Index n = static_cast<Index>(5 + 20 * seed);
    const Eigen::VectorXd p = distribution(n, seed), q = distribution(n, seed + 100),
                          r = distribution(n, seed + 200);
    const Eigen::VectorXd m = (p + q) / 2;
    CHECK(total_variation(p, q) == total_variation(q, p));
    CHECK(jensen_shannon(p, q) == Approx(jensen_shannon(q, p)).epsilon(1e-12));
    CHECK(jensen_shannon(p, q) ==
          Approx((kullback_leibler(p, m) + kullback_leibler(q, m)) / 2).margin(1e-13));
    CHECK(std::sqrt(jensen_shannon(p, q)) <=
          std::sqrt(jensen_shannon(p, r)) + std::sqrt(jensen_shannon(r, q)) + 1e-12);
    CHECK(kullback_leibler(p, m) >= 2 * std::pow(total_variation(p, m), 2));  // Pinsker
    CHECK(jensen_shannon(p, p) == 0);
    // Rounding does not make it negative.
    for (const double near : {1e-8, 1e-9, 1e-12}) CHECK(jensen_shannon(p, p + near * (q - p)) >= 0);
    CHECK(kullback_leibler(p, p) == 0);
    CHECK(total_variation(p, p) == 0);
  }
}

TEST_CASE("nothing in common, nothing at all, mass left out") {
  const Eigen::VectorXd left = numbers({1, 0}), right = numbers({0, 1}), half = numbers({.5, 0}), none(0);
  CHECK(total_variation(left, right) == 1);
  CHECK(jensen_shannon(left, right) == Approx(ln2).epsilon(1e-14));
  CHECK(kullback_leibler(left, right) == infinity);
  CHECK(kullback_leibler(left, numbers({.5, .5})) == Approx(ln2));
  CHECK(total_variation(left, half) == .25);
  CHECK(kullback_leibler(half, left) == Approx(.5 * std::log(.5)));
  CHECK(total_variation(none, none) == 0);
  CHECK(jensen_shannon(none, none) == 0);
  CHECK(kullback_leibler(none, none) == 0);
}

TEST_CASE("what is no distribution") {
  const Eigen::VectorXd p = numbers({.5, .5});
  for (auto* divergence : {&total_variation, &jensen_shannon, &kullback_leibler}) {
    CHECK(message_of<ShapeError>([&] { divergence(p, numbers({1})); }) == "p has 2 numbers, but q has 1");
    CHECK(message_of<ValueError>([&] { divergence(p, numbers({1.5, -.5})); }) == "q[1] is -0.5");
    CHECK(message_of<ValueError>([&] { divergence(numbers({infinity, 0}), p); }) == "p[0] is inf");
    CHECK(message_of<ValueError>([&] { divergence(numbers({0, std::nan("")}), p); }) == "p[1] is nan");
    CHECK(message_of<ValueError>([&] { divergence(p, numbers({1, 2})); }) == "q sums to 3, more than 1");
    CHECK(divergence(numbers({.505, .505}), numbers({.505, .505})) == 0);
  }
}

TEST_CASE("a probability at the end of the range of numbers is none of 0") {
  const Eigen::Vector2d p(1, 0), q(1e-320, 1);
  CHECK(kullback_leibler(p, q) == Approx(736.827));  // 320 ln 10, but for the digits that 1e-320 lacks
}
