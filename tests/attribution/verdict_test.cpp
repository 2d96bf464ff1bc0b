#include <attnscope/attribution/verdict.hpp>
#include <attnscope/statistics/rank_correlation.hpp>
#include <attnscope/statistics/resampling.hpp>

#include <numbers>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

const std::string attention = "attention (received)", gradient = "the input gradient";

/// n pairs of correlated normal numbers.
struct Sample {
  Eigen::VectorXd x, y;
  Sample(Index n, double r, std::mt19937& generator) : x(n), y(n) {
    std::normal_distribution<double> normal;
    for (Index i = 0; i < n; ++i) {
      x(i) = normal(generator);
      y(i) = r * x(i) + std::sqrt(1 - r * r) * normal(generator);
    }
  }
};
/// Spearman's rho of the population that such pairs are from.
double true_rho(double r) { return 6 / std::numbers::pi * std::asin(r / 2); }
double rho(const Sample& sample) { return *spearman(sample.x, sample.y).statistic; }

}  // namespace

TEST_CASE("the four sentences") {
  CHECK(agreement_sentence(attention, gradient, .41, 34) ==
        "Attention (received) and the input gradient order the 34 tokens alike: rho = .41, 95 % interval .07 "
        "to "
        ".67.");
  CHECK(
      agreement_sentence(attention, gradient, -.5, 34) ==
      "Attention (received) and the input gradient order the 34 tokens oppositely: rho = -.50, 95 % interval "
      "-.73 to -.17.");
  CHECK(agreement_sentence(attention, gradient, .1, 34) ==
        "There is no evidence that attention (received) and the input gradient order the tokens alike or "
        "oppositely: rho = .10, 95 % interval -.25 to .42 covers 0 (n = 34).");
  CHECK(agreement_sentence(attention, gradient, {}, 34) ==
        "Nothing can be said of attention (received) and the input gradient: one of them gives all 34 tokens "
        "the "
        "same score.");
  CHECK(agreement_sentence(attention, gradient, 1, 3) ==
        "Nothing can be said of attention (received) and the input gradient: 3 tokens are too few, it takes "
        "4.");
}

TEST_CASE("a sentence says what it was told: small numbers, other things, another confidence") {
  CHECK(agreement_sentence("A", "b", 1, 10, {.things = "heads"}) ==
        "A and b order the 10 heads alike: rho = 1.00, 95 % interval .96 to 1.00.");
  CHECK(agreement_sentence("A", "b", -1, 10) ==
        "A and b order the 10 tokens oppositely: rho = -1.00, 95 % interval -1.00 to -.96.");
  CHECK(agreement_sentence("a", "b", .34, 34, {.confidence = .9}) ==
        "A and b order the 34 tokens alike: rho = .34, 90 % interval .05 to .58.");
  // The first digit of a bound that is nearly 0, for ".00" would not say on which side.
  CHECK(agreement_sentence("a", "b", .35, 34) ==
        "A and b order the 34 tokens alike: rho = .35, 95 % interval .003 to .62.");
  CHECK(
      agreement_sentence("a", "b", 0., 4) ==
      "There is no evidence that a and b order the tokens alike or oppositely: rho = .00, 95 % interval -.96 "
      "to .96 covers 0 (n = 4).");
}

TEST_CASE("the interval is Fisher's with the variance of Bonett and Wright") {
  const auto check = [](double rho_of_sample, Index n, double confidence, double lower, double upper) {
    const CorrelationInterval interval = spearman_interval(rho_of_sample, n, confidence);
    CHECK(*interval.lower == Approx(lower).epsilon(1e-12));
    CHECK(*interval.upper == Approx(upper).epsilon(1e-12));
  };
  // numpy and scipy's normal quantile
  check(.41, 34, .95, 0.06898634700944814, 0.6652238381464538);
  check(-.73, 9, .8, -0.9082626257594292, -0.32742866580597724);
  check(1, 4, .95, -0.691580398693983, 1);
  check(1, 10, .95, 0.9634989418514085, 1);
  check(-1, 5, .95, -1, -0.16080450680271896);
}

TEST_CASE("a perfect order of four is no evidence, of five it is: so says its exact p, too") {
  CHECK(verdict(spearman_interval(1, 4)) == Verdict::no_evidence);  // p = 2 / 4!
  CHECK(verdict(spearman_interval(1, 5)) == Verdict::alike);        // p = 2 / 5!
  CHECK(verdict(spearman_interval(-1, 5)) == Verdict::opposite);
  CHECK(verdict(spearman_interval(1, 3)) == Verdict::nothing);
  CHECK(verdict(spearman_interval({}, 30)) == Verdict::nothing);
  CHECK(verdict({0, .5}) == Verdict::no_evidence);
  CHECK(verdict({-.5, 0}) == Verdict::no_evidence);
}

TEST_CASE("of a hundred samples some 95 intervals hold the truth") {
  for (const Index n : {8, 34})
    for (const double r : {0., .6, .9}) {
      std::mt19937 generator(5);
      int holds = 0;
      for (int round = 0; round < 1000; ++round) {
        const CorrelationInterval interval = spearman_interval(rho({n, r, generator}), n);
        holds += *interval.lower <= true_rho(r) && true_rho(r) <= *interval.upper;
      }
      CHECK(holds > 930);
      CHECK(holds < 990);
    }
}

TEST_CASE("the bootstrap finds nearly the same interval where there is enough to draw from") {
  std::mt19937 generator(11);
  for (const double r : {-.5, 0., .7}) {
    const Sample sample(300, r, generator);
    const CorrelationInterval interval = spearman_interval(rho(sample), 300);
    const BootstrapResult drawn =
        bootstrap(sample.x, sample.y, [](const auto& x, const auto& y) { return spearman(x, y).statistic; });
    CHECK(std::abs(*interval.lower - *drawn.lower) < .03);
    CHECK(std::abs(*interval.upper - *drawn.upper) < .03);
  }
}

TEST_CASE("what is no correlation, and no confidence") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<ValueError>([] { spearman_interval(1.5, 9); }) == "rho = 1.5 is not within -1 .. 1");
  CHECK_THROWS_AS(spearman_interval(none, 9), ValueError);
  CHECK(message_of<ValueError>([] { spearman_interval(.5, 9, 1); }) ==
        "confidence = 1 is not between 0 and 1");
  CHECK_THROWS_AS(agreement_sentence("a", "b", .5, 9, {.confidence = 0}), ValueError);
}
