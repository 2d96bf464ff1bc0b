#pragma once
#include <attnscope/attribution/model_output.hpp>
#include <attnscope/core/evaluations.hpp>

#include <cmath>
#include <numbers>
#include <vector>

namespace attnscope {

/// Where a path integral over 0 .. 1 is sampled with m points.
enum class PathRule {
  gauss_legendre,  ///< exact for polynomials of degree 2m - 1: the fewest gradients for a smooth model
  midpoint,        ///< (k - 1/2) / m; error of order 1 / m^2, also where the gradient has kinks
  right            ///< k / m, the sum of Hao et al. 2021; error of order 1 / m
};

/// The integral over 0 .. 1 of f is nearly sum_k weights(k) f(positions(k)).
struct PathPoints {
  Eigen::VectorXd positions;  ///< [m] in 0 .. 1, rising
  Eigen::VectorXd weights;    ///< [m] they sum to 1
};

/// The points of a rule. Cost: m^2 for Gauss-Legendre. @throws ValueError less than one step
inline PathPoints path_points(PathRule rule, Index steps) {
  require<ValueError>(steps >= 1, "steps = {} is less than 1", steps);
  const double m = static_cast<double>(steps);
  PathPoints points{Eigen::VectorXd(steps), Eigen::VectorXd::Constant(steps, 1 / m)};
  for (Index k = 0; k < steps; ++k) {
    const double place = static_cast<double>(k);
    if (rule != PathRule::gauss_legendre) {
      points.positions(k) = (place + (rule == PathRule::right ? 1 : .5)) / m;
      continue;
    }
    // Newton's method on the Legendre polynomial P_m from a guess that is nearer to its root than to others.
    double x = -std::cos(std::numbers::pi * (place + .75) / (m + .5)), slope = 1;
    for (int round = 0; round < 10; ++round) {
      double before = 1, value = x;
      for (Index degree = 2; degree <= steps; ++degree) {
        const double n = static_cast<double>(degree);
        before = std::exchange(value, ((2 * n - 1) * x * value - (n - 1) * before) / n);
      }
      slope = m * (x * value - before) / (x * x - 1);
      const double step = value / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    points.positions(k) = (1 + x) / 2;
    points.weights(k) = 1 / ((1 - x * x) * slope * slope);
  }
  return points;
}

/// The caller's model as one number F of a tensor laid out as a matrix: embeddings [token x dimension], or
/// the attention of a layer [head * query x key], the heads below each other.
using ScalarModel = std::function<double(const Eigen::MatrixXd& input)>;
/// dF / d input, of the same shape, at any input.
using GradientModel = std::function<Eigen::MatrixXd(const Eigen::MatrixXd& input)>;

/// How integrated_gradients() samples the path.
struct IntegratedGradientsOptions {
  Index steps = 50;                          ///< gradients that are asked for
  PathRule rule = PathRule::gauss_legendre;  ///< where on the path
  Eigen::MatrixXd baseline{};                ///< where the path begins, of the input's shape; empty: all 0
};

/// What integrated_gradients() found.
struct IntegratedGradientsResult {
  Eigen::MatrixXd attributions;  ///< of the input's shape
  Eigen::VectorXd tokens;        ///< [row] their sum: for embeddings a score per token
  double score = 0;              ///< F of the input
  double baseline_score = 0;     ///< F of the baseline
  double completeness_gap = 0;   ///< sum of attributions - (score - baseline_score); 0 for exact integrals
};

namespace detail {

inline double finite_score(const ScalarModel& model, const Eigen::MatrixXd& at, const char* where) {
  const double score = model(at);
  require<ValueError>(std::isfinite(score), "the score of the {} is {}", where, score);
  return score;
}

}  // namespace detail

/// Integrated gradients (Sundararajan, Taly and Yan 2017): what each number of the input adds to F on the
/// straight path from a baseline x' to the input x,
///
///     (x - x') * integral over a in 0 .. 1 of dF/dx at x' + a (x - x'),
///
/// elementwise. Complete: the attributions sum to F(x) - F(x'); `completeness_gap` is how much the sampled
/// integral misses, so a large one asks for more steps. Only differences from the baseline are explained:
/// choose one that says nothing (the embeddings of [PAD] or [MASK], all 0). One example a call; padding
/// is not part of the input. Cost: `steps` gradients, two scores.
/// @throws ShapeError a baseline or gradient of another shape; ValueError a number that is not finite, naming
/// the step and the place; less than one step; Stopped
inline IntegratedGradientsResult integrated_gradients(const ScalarModel& score, const GradientModel& gradient,
                                                      const Eigen::MatrixXd& input,
                                                      const IntegratedGradientsOptions& options = {},
                                                      const ScoreProgress& progress = {}) {
  const PathPoints points = path_points(options.rule, options.steps);
  detail::require_finite_matrix("input", input);
  const Eigen::MatrixXd baseline =
      options.baseline.size() == 0 ? Eigen::MatrixXd::Zero(input.rows(), input.cols()) : options.baseline;
  detail::require_finite_matrix("baseline", baseline, "input", input);
  const Eigen::MatrixXd path = input - baseline;
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(input.rows(), input.cols());
  ProgressCount count(options.steps, progress);
  for (Index k = 0; k < options.steps; ++k) {
    const Eigen::MatrixXd slope = gradient(baseline + points.positions(k) * path);
    in_context(
        fmt::format("step {} of {} (at {:.4g} of the path)", k + 1, options.steps, points.positions(k)),
        [&] { detail::require_finite_matrix("gradient", slope, "input", input); });
    mean += points.weights(k) * slope;
    count();
  }
  IntegratedGradientsResult result{path.cwiseProduct(mean),
                                   {},
                                   detail::finite_score(score, input, "input"),
                                   detail::finite_score(score, baseline, "baseline")};
  result.tokens = result.attributions.rowwise().sum();
  result.completeness_gap = result.attributions.sum() - (result.score - result.baseline_score);
  return result;
}

/// How self_attribution() samples the path.
struct SelfAttributionOptions {
  Index steps = 20;                          ///< gradients that are asked for
  PathRule rule = PathRule::gauss_legendre;  ///< Hao et al.: right
};

/// What self_attribution() found.
struct SelfAttributionResult {
  std::vector<Eigen::MatrixXd> maps;  ///< [head] of [query x key]
  Eigen::MatrixXd map;                ///< [query x key] their sum
  Eigen::VectorXd tokens;             ///< [key] its column sums, which add up to score - baseline_score
  Eigen::VectorXd
      head_importance;  ///< [head] its largest attribution, what Hao et al. prune by (mean over examples)
  double score = 0;     ///< F of the attention as it is
  double baseline_score = 0;    ///< F without any attention in this layer
  double completeness_gap = 0;  ///< as in IntegratedGradientsResult
};

/// Self-attention attribution (Hao, Dong, Wei and Xu 2021, AttAttr): integrated gradients of the attention of
/// ONE layer, all its heads together, from no attention at all: A * integral of dF/dA at a A. What F gains by
/// query i looking at key j, of either sign.
/// attention: [head * query x key], the heads below each other, as attention_rows() gives it. Cost: `steps`
/// gradients, two scores.
/// @throws ShapeError rows that are no multiple of `heads`; what integrated_gradients() throws
inline SelfAttributionResult self_attribution(const ScalarModel& score, const GradientModel& gradient,
                                              const Eigen::MatrixXd& attention, Index heads,
                                              const SelfAttributionOptions& options = {},
                                              const ScoreProgress& progress = {}) {
  require<ShapeError>(heads >= 1 && attention.rows() % heads == 0, "{} rows of attention of {} heads",
                      attention.rows(), heads);
  const IntegratedGradientsResult all = integrated_gradients(
      score, gradient, attention, {.steps = options.steps, .rule = options.rule}, progress);
  const Index queries = attention.rows() / heads;
  SelfAttributionResult result{{},
                               Eigen::MatrixXd::Zero(queries, attention.cols()),
                               {},
                               Eigen::VectorXd::Zero(heads),
                               all.score,
                               all.baseline_score,
                               all.completeness_gap};
  for (Index head = 0; head < heads; ++head) {
    const Eigen::MatrixXd& map =
        result.maps.emplace_back(all.attributions.middleRows(head * queries, queries));
    result.map += map;
    if (map.size() > 0) result.head_importance(head) = map.maxCoeff();
  }
  result.tokens = result.map.colwise().sum();
  return result;
}

}  // namespace attnscope
