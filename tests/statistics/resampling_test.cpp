#include <attnscope/statistics/rank_correlation.hpp>
#include <attnscope/statistics/resampling.hpp>

#include "statistics/made_numbers.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using test::made, test::numbers;

namespace {
const Eigen::VectorXd x = numbers({.1, .9, .4, .3, .8, .6, .2, .7}),
                      y = numbers({.2, .7, .5, .1, .9, .3, .4, .8});
const auto rho = [](const auto& a, const auto& b) { return spearman(a, b).statistic; };
const auto mean_of_x = [](std::span<const Index> chosen) {
  double sum = 0;
  for (const Index i : chosen) sum += x(i);
  return sum / static_cast<double>(chosen.size());
};
}  // namespace

TEST_CASE("indices are drawn as make_resampling.py draws them, all equally often") {
  std::mt19937_64 generator(7);
  std::vector<Index> drawn;
  for (int i = 0; i < 12; ++i) drawn.push_back(detail::draw_below(generator, 10));
  CHECK(drawn == std::vector<Index>{5, 0, 8, 6, 1, 8, 9, 8, 1, 0, 6, 5});
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(detail::draw_below(generator, 7))];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);
}

TEST_CASE("the permutation test of the script") {
  const PermutationResult result = permutation_test(x, y, rho, {.permutations = 499, .seed = 3});
  CHECK(*result.statistic == Approx(.761904761905).epsilon(1e-11));
  CHECK(*result.p_value == Approx(.026).epsilon(1e-12));
  CHECK(result.permutations == 499);
}

TEST_CASE("many permutations come near the share of all orders") {
  const Eigen::VectorXd a = x.head(6), b = y.head(6);
  CHECK(*permutation_test(a, b, rho, {.permutations = 20000}).p_value == Approx(.0583333333333).margin(.006));
  const auto tau = [](const auto& u, const auto& v) { return kendall(u, v).statistic; };
  CHECK(*permutation_test(x, y, tau, {.permutations = 20000}).p_value ==
        Approx(*kendall(x, y).p_value).margin(.006));
}

TEST_CASE("a p that is valid: no more often below .1 than one time in ten") {
  int below = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto [a, b] = made(9, 1000000, 7919 * seed + 1);
    below += *permutation_test(a, b, rho, {.permutations = 99, .seed = seed}).p_value <= .1;
  }
  CHECK(below > 20);
  CHECK(below < 60);
}

TEST_CASE("the interval of the script") {
  const BootstrapResult result = bootstrap(x, y, rho, {.resamples = 500, .confidence = .9, .seed = 4});
  CHECK(*result.statistic == Approx(.761904761905).epsilon(1e-11));
  CHECK(*result.lower == Approx(.332489451477).epsilon(1e-11));
  CHECK(*result.upper == Approx(.973684210526).epsilon(1e-11));
  CHECK(result.resamples == 500);
  CHECK(*result.covers(.9));
  CHECK(!*result.covers(0));
  CHECK(!*result.covers(.98));
  // Three pairs: some resamples hold one pair thrice.
  CHECK(bootstrap(x.head(3), y.head(3), rho, {.resamples = 200, .seed = 1}).resamples == 176);
}

TEST_CASE("the interval of a mean is what its standard error says") {
  const BootstrapResult result = bootstrap(8, mean_of_x, {.resamples = 20000});
  const double mean = x.mean(), error = std::sqrt((x.array() - mean).square().mean() / 8);
  CHECK(*result.statistic == Approx(mean));
  CHECK(*result.lower == Approx(mean - 1.96 * error).margin(.01));
  CHECK(*result.upper == Approx(mean + 1.96 * error).margin(.01));
}

TEST_CASE("the seed decides, and nothing else") {
  const auto interval = [](std::uint64_t seed) {
    return bootstrap(x, y, rho, {.resamples = 50, .seed = seed});
  };
  CHECK(interval(1).lower == interval(1).lower);
  CHECK(interval(1).lower != interval(2).lower);
  const auto p = [](std::uint64_t seed) {
    return permutation_test(x, y, rho, {.permutations = 999, .seed = seed}).p_value;
  };
  CHECK(p(1) == p(1));
  CHECK(p(1) != p(4));
}

TEST_CASE("what is undefined stays so") {
  const Eigen::VectorXd constant = numbers({1, 1, 1, 1, 1, 1, 1, 1});
  const PermutationResult test = permutation_test(x, constant, rho);
  CHECK(!test.statistic);
  CHECK(!test.p_value);
  CHECK(test.permutations == 0);
  const BootstrapResult interval = bootstrap(x, constant, rho);
  CHECK(!interval.statistic);
  CHECK(!interval.lower);
  CHECK(!interval.upper);
  CHECK(!interval.covers(0));
  CHECK(interval.resamples == 0);
  CHECK(!bootstrap(0, [](std::span<const Index> chosen) {
           return 0. / static_cast<double>(chosen.size());
         }).lower);
  // A statistic that is undefined for some orders only.
  const auto sometimes = [](const auto&, const auto& b) { return b(0) < .5 ? std::nan("") : b(0); };
  const PermutationResult some =
      permutation_test(x, Eigen::VectorXd(y.reverse()), sometimes, {.permutations = 800});
  CHECK((some.permutations > 300 && some.permutations < 500));
}

TEST_CASE("what cannot be resampled") {
  CHECK(message_of<ShapeError>([&] { permutation_test(x, y.head(3), rho); }) ==
        "x has 8 numbers, but y has 3");
  CHECK(message_of<ShapeError>([&] { bootstrap(x.head(2), y, rho); }) == "x has 2 numbers, but y has 8");
  CHECK(message_of<ShapeError>([&] { bootstrap(-1, mean_of_x); }) == "-1 things to draw from");
  CHECK(message_of<ValueError>([&] { permutation_test(x, y, rho, {.permutations = 0}); }) ==
        "permutations = 0 is less than 1");
  CHECK(message_of<ValueError>([&] { bootstrap(x, y, rho, {.resamples = 0}); }) ==
        "resamples = 0 is less than 1");
  CHECK(message_of<ValueError>([&] { bootstrap(x, y, rho, {.confidence = 1}); }) ==
        "confidence = 1 is not between 0 and 1");
}

TEST_CASE("a statistic may be infinite: the interval ends there, and is no NaN") {
  const auto infinite_at_times = [](std::span<const Index> chosen) {
    return chosen[0] == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(chosen[0]);
  };
  const BootstrapResult result = bootstrap(3, infinite_at_times, {.resamples = 500});
  CHECK(*result.lower == 1);
  CHECK(*result.upper == std::numeric_limits<double>::infinity());
  CHECK(result.covers(5) == true);
}
