#include <attnscope/attribution/integrated_gradients.hpp>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::explained, test::wave;

namespace {
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Attention by a query over tokens x [token x dimension], then a logistic score.
double pooled(const Eigen::MatrixXd& x) {
  const Eigen::VectorXd a = test::softmax(x * wave(x.cols(), 1, 1));
  return logistic(2 * a.dot(x * wave(x.cols(), 1, 2).col(0)));
}
Eigen::MatrixXd pooled_gradient(const Eigen::MatrixXd& x) {
  const Eigen::VectorXd query = wave(x.cols(), 1, 1), read = wave(x.cols(), 1, 2);
  const Eigen::VectorXd a = test::softmax(x * query), value = x * read;
  const double f = pooled(x), slope = 2 * f * (1 - f);
  const Eigen::VectorXd of_logits = a.array() * (value.array() - a.dot(value));
  return slope * (a * read.transpose() + of_logits * query.transpose());
}

/// Two heads of three queries.
Eigen::MatrixXd contexts(const Eigen::MatrixXd& attention) {
  return attention.topRows(3) * wave(3, 2, 5) + attention.bottomRows(3) * wave(3, 2, 6);
}
double layer(const Eigen::MatrixXd& attention) {
  const Eigen::RowVectorXd mean = contexts(attention).array().tanh().matrix().colwise().mean();
  return logistic(3 * (mean(0) - .5 * mean(1)));
}
Eigen::MatrixXd layer_gradient(const Eigen::MatrixXd& attention) {
  const double f = layer(attention);
  Eigen::MatrixXd of_contexts = 1 - contexts(attention).array().tanh().square();
  of_contexts.col(1) *= -.5;
  of_contexts *= 3 * f * (1 - f) / 3;
  Eigen::MatrixXd slope(6, 3);
  slope << of_contexts * wave(3, 2, 5).transpose(), of_contexts * wave(3, 2, 6).transpose();
  return slope;
}

const std::map<std::string, PathRule> rules{
    {"gauss_legendre", PathRule::gauss_legendre}, {"midpoint", PathRule::midpoint}, {"right", PathRule::right}};
}  // namespace

TEST_CASE("points of every rule lie in 0 .. 1, rise, and weigh 1 in all") {
  for (const auto& [name, rule] : rules)
    for (const Index steps : {1, 2, 3, 10, 51, 300}) {
      const PathPoints points = path_points(rule, steps);
      CHECK(points.weights.sum() == Approx(1).epsilon(1e-13));
      CHECK(points.positions.minCoeff() > 0);
      CHECK(points.positions.maxCoeff() <= 1);
      CHECK(std::is_sorted(points.positions.begin(), points.positions.end()));
    }
  CHECK(path_points(PathRule::right, 4).positions(0) == .25);
  CHECK(path_points(PathRule::right, 4).positions(3) == 1);
  CHECK(path_points(PathRule::midpoint, 4).positions(0) == .125);
  CHECK(message_of<ValueError>([] { path_points(PathRule::midpoint, 0); }) == "steps = 0 is less than 1");
}

TEST_CASE("m points of Gauss and Legendre integrate polynomials of degree 2m - 1 exactly, and no further") {
  for (const Index steps : {1, 2, 3, 7, 20}) {
    const PathPoints points = path_points(PathRule::gauss_legendre, steps);
    const auto missed = [&](Index degree) {
      const Eigen::ArrayXd powers = points.positions.array().pow(static_cast<double>(degree));
      return std::abs(points.weights.dot(powers.matrix()) - 1 / static_cast<double>(degree + 1));
    };
    for (Index degree = 0; degree < 2 * steps; ++degree) CHECK(missed(degree) < 1e-14);
    if (steps < 7) CHECK(missed(2 * steps) > 1e-9);
  }
}

TEST_CASE("a polynomial model: attributions by hand, no gap") {
  // F = x0^3 + x0 x1 on the path a x: x0 (3 a^2 x0^2 + a x1) and x1 (a x0) integrate to x0^3 + x0 x1 / 2 each.
  const auto score = [](const Eigen::MatrixXd& x) { return std::pow(x(0), 3) + x(0) * x(1); };
  const auto gradient = [](const Eigen::MatrixXd& x) {
    Eigen::MatrixXd slope(1, 2);
    slope << 3 * x(0) * x(0) + x(1), x(0);
    return slope;
  };
  Eigen::MatrixXd x(1, 2);
  x << .7, -1.3;
  const auto result = integrated_gradients(score, gradient, x, {.steps = 2});
  CHECK(result.attributions(0) == Approx(.343 - .455).epsilon(1e-14));
  CHECK(result.attributions(1) == Approx(-.455).epsilon(1e-14));
  CHECK(result.tokens(0) == Approx(.343 - .91).epsilon(1e-14));
  CHECK(result.score == Approx(.343 - .91));
  CHECK(result.baseline_score == 0);
  CHECK(std::abs(result.completeness_gap) < 1e-15);
  // One point is not enough, and the gap says so.
  CHECK(std::abs(integrated_gradients(score, gradient, x, {.steps = 1}).completeness_gap) > .05);
  // From the input itself there is no path.
  CHECK(integrated_gradients(score, gradient, x, {.baseline = x}).attributions.isZero());
}

TEST_CASE("the numbers of the script, by every rule, from a baseline") {
  const Eigen::MatrixXd x = wave(4, 3, 3), baseline = .3 * wave(4, 3, 9);
  const std::map<std::string, Index> steps{{"gauss_legendre", 12}, {"midpoint", 7}, {"right", 20}};
  for (const auto& [name, rule] : rules) {
    const auto result = integrated_gradients(pooled, pooled_gradient, x,
                                             {.steps = steps.at(name), .rule = rule, .baseline = baseline});
    for (Index i = 0; i < 4; ++i)
      for (Index j = 0; j < 3; ++j)
        CHECK(result.attributions(i, j) ==
              Approx(explained(fmt::format("integrated.{}.{}.{}", name, i, j))).epsilon(1e-11).margin(1e-14));
    CHECK(result.tokens.isApprox(result.attributions.rowwise().sum(), 1e-14));
    CHECK(result.completeness_gap == Approx(explained("integrated." + name + ".gap")).margin(1e-14));
    CHECK(result.score == pooled(x));
    CHECK(result.baseline_score == pooled(baseline));
  }
}

TEST_CASE("self-attribution: the numbers of the script, by head, query and key") {
  const Eigen::MatrixXd heads = test::attention_of(6, 3).attention;
  for (const auto& [name, steps] : std::map<std::string, Index>{{"gauss_legendre", 16}, {"right", 20}}) {
    const auto result =
        self_attribution(layer, layer_gradient, heads, 2, {.steps = steps, .rule = rules.at(name)});
    REQUIRE(result.maps.size() == 2);
    for (Index row = 0; row < 6; ++row)
      for (Index key = 0; key < 3; ++key)
        CHECK(result.maps[static_cast<std::size_t>(row / 3)](row % 3, key) ==
              Approx(explained(fmt::format("self.{}.{}.{}", name, row, key))).epsilon(1e-11).margin(1e-14));
    CHECK(result.map.isApprox(result.maps[0] + result.maps[1], 1e-14));
    CHECK(result.tokens.isApprox(result.map.colwise().sum().transpose(), 1e-14));
    CHECK(result.head_importance(1) == result.maps[1].maxCoeff());
    CHECK(result.baseline_score == .5);
    CHECK(result.tokens.sum() ==
          Approx(result.score - result.baseline_score + result.completeness_gap).epsilon(1e-12));
    CHECK(result.completeness_gap == Approx(explained("self." + name + ".gap")).margin(1e-14));
  }
  CHECK(message_of<ShapeError>([&] { self_attribution(layer, layer_gradient, heads, 4); }) ==
        "6 rows of attention of 4 heads");
  CHECK(message_of<ShapeError>([&] { self_attribution(layer, layer_gradient, heads, 0); }) ==
        "6 rows of attention of 0 heads");
}

TEST_CASE("progress is told of every gradient, and stops") {
  std::vector<std::pair<Index, Index>> seen;
  const ScoreProgress progress = [&](Index done, Index total) {
    seen.emplace_back(done, total);
    return done < 3;
  };
  const Eigen::MatrixXd x = wave(4, 3, 3);
  CHECK_THROWS_AS(integrated_gradients(pooled, pooled_gradient, x, {.steps = 5}, progress), Stopped);
  CHECK(seen == std::vector<std::pair<Index, Index>>{{1, 5}, {2, 5}, {3, 5}});
}

TEST_CASE("what is not finite or has another shape is named with step and place") {
  const Eigen::MatrixXd x = wave(4, 3, 3);
  const auto message = [&](const ScalarModel& score, const GradientModel& gradient, Eigen::MatrixXd baseline,
                           const Eigen::MatrixXd& input) {
    try {
      integrated_gradients(score, gradient, input, {.steps = 4, .rule = PathRule::right, .baseline = baseline});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  Index asked = 0;
  const GradientModel third_is_nan = [&](const Eigen::MatrixXd& at) {
    Eigen::MatrixXd slope = pooled_gradient(at);
    if (++asked == 3) slope(2, 1) = std::nan("");
    return slope;
  };
  CHECK(message(pooled, third_is_nan, {}, x) == "step 3 of 4 (at 0.75 of the path): the gradient[2, 1] is nan");
  const GradientModel turned = [](const Eigen::MatrixXd& at) { return at.transpose(); };
  CHECK(message(pooled, turned, {}, x) ==
        "step 1 of 4 (at 0.25 of the path): the gradient is [3 x 4], but the input is [4 x 3]");
  CHECK(message(pooled, pooled_gradient, wave(1, 3, 0), x) ==
        "the baseline is [1 x 3], but the input is [4 x 3]");
  const auto infinite = [](const Eigen::MatrixXd& at) { return at.isZero() ? 0. : INFINITY; };
  CHECK(message(infinite, pooled_gradient, {}, x) == "the score of the input is inf");
  const auto nowhere = [](const Eigen::MatrixXd& at) { return at.isZero() ? std::nan("") : 0.; };
  CHECK(message(nowhere, pooled_gradient, {}, x) == "the score of the baseline is nan");
  Eigen::MatrixXd hole = x;
  hole(3, 2) = INFINITY;
  CHECK(message(pooled, pooled_gradient, {}, hole) == "the input[3, 2] is inf");
  CHECK(message(pooled, pooled_gradient, hole, x) == "the baseline[3, 2] is inf");
}
