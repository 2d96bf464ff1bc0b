#include <attnscope/heads/locality.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("uniform attention scores exactly its baseline, the closed form") {
  for (const Index n : {1, 2, 4, 5, 10, 40})
    for (const Index w : {0, 1, 3, 7}) {
      AttentionTensor<double> a(1, 1, n, n);
      a.setConstant(1.0 / static_cast<double>(n));
      const LocalityResult result = locality(a, {.window = w});
      const double closed =
          n <= w ? 1 : static_cast<double>(n * (2 * w + 1) - w * (w + 1)) / static_cast<double>(n * n);
      CHECK(result.uniform_locality == Approx(closed).epsilon(1e-13));
      CHECK(result.locality(0) == Approx(closed).epsilon(1e-13));
    }
}

TEST_CASE("the identity is local, a shift by w + 1 is not") {
  const Index n = 20;
  CHECK(locality(Eigen::MatrixXd::Identity(n, n).eval(), {.window = 0}).locality(0) == 1);
  Eigen::MatrixXd shifted = Eigen::MatrixXd::Zero(n, n);
  for (Index i = 0; i < n; ++i) shifted(i, (i + 4) % n) = 1;
  CHECK(locality(shifted).locality(0) == 0);
  CHECK(locality(shifted, {.window = 4}).locality(0) == Approx(16. / 20));
  CHECK(locality(shifted).mean_distance(0) == Approx((16 * 4 + 4 * 16) / 20.));
}

TEST_CASE("the score of the head mean, of weights and of the mean itself, is one number") {
  const auto a = test::random_attention<float>(Layout({2, 5, 50, 50}));
  CHECK(locality(a).locality_score == Approx(locality(mean_heads(a)).locality(0)).epsilon(1e-6));
}

TEST_CASE("distances count from where the query stands") {
  Eigen::MatrixXd cached = Eigen::MatrixXd::Zero(2, 6);  // a step of generation: two queries, six keys
  cached(0, 4) = cached(1, 5) = 1;
  const AttentionView view(cached, {.causal = true, .query_offset = 4});
  CHECK(locality(view, {.window = 0}).locality(0) == 1);
  CHECK(locality(view).mean_distance(0) == 0);
}

TEST_CASE("excluded keys leave the baseline, but not the distances") {
  AttentionTensor<double> a(1, 1, 10, 10);
  a.setConstant(.1);
  const LocalityResult result = locality(exclude_tokens(a, {.keys = {{0, 5}}}));
  CHECK(result.locality(0) == Approx(result.uniform_locality));
  double near = 0;
  for (int i = 0; i < 10; ++i)
    for (int j = 0; j < 10; ++j) near += std::abs(i - j) <= 3 && j != 0 && j != 5 ? 1. / 8 : 0;
  CHECK(result.uniform_locality == Approx(near / 10));
}

TEST_CASE("a negative window is refused, unlike windows do not pool") {
  CHECK(message_of<ValueError>([] { LocalityMeasure({.window = -1}); }) == "window = -1 is negative");
  CHECK(message_of<ValueError>([] { LocalityMeasure().merge(LocalityMeasure({.window = 5})); }) ==
        "cannot pool localities of windows 3 and 5");
}
