#pragma once
#include <attnscope/core/ranks.hpp>

#include <unsupported/Eigen/SpecialFunctions>

#include <optional>

namespace attnscope {

/// Result of pearson(), spearman(), kendall() and weighted_kendall().
struct CorrelationResult {
  std::optional<double> statistic;  ///< -1 .. 1; nothing where it is undefined: constant numbers, n < 2
  std::optional<double> p_value;    ///< two-sided; nothing where it is undefined or not known
  Index n = 0;                      ///< pairs of numbers
};

namespace detail {

inline bool constant(const VectorView& x) { return x.size() == 0 || x.minCoeff() == x.maxCoeff(); }

/// x without its mean, in a unit in which squares neither overflow nor vanish. Twice: the first mean is
/// rounded, which matters where numbers differ in their last digits.
inline Eigen::VectorXd centred(const VectorView& x) {
  Eigen::VectorXd numbers = x / x.cwiseAbs().maxCoeff();
  for (int round = 0; round < 2; ++round) numbers.array() -= numbers.mean();
  return numbers;
}
/// The cosine of u and v, which are not 0: the correlation when they are centred.
inline double product_moment(const VectorView& u, const VectorView& v) {
  // The root of a square is exact: a perfect correlation is 1, not nearly so.
  return std::clamp(u.dot(v) / std::sqrt(u.squaredNorm() * v.squaredNorm()), -1.0, 1.0);
}
/// How often |r| or more comes of n independent normal pairs: Student's t = r sqrt((n - 2) / (1 - r^2)) with
/// n - 2 degrees of freedom. Two points always lie on a line.
inline double two_sided_p(double r, Index n) {
  if (n <= 2) return 1;
  return Eigen::numext::betainc(static_cast<double>(n) / 2 - 1, .5, (1 - r) * (1 + r));
}

}  // namespace detail

/// Pearson's product-moment correlation of x and y [n], p by Student's t. Infinite numbers have none. For n =
/// 2 p is 1. Within 1e-12 of scipy's pearsonr, its p up to n = 10^6 within 1e-9. Cost: linear.
/// @throws ShapeError unlike sizes; ValueError a number that is not finite, naming its index
inline CorrelationResult pearson(const VectorView& x, const VectorView& y) {
  detail::check_same_size(x, y);
  for (Index i = 0; i < x.size(); ++i) {
    require<ValueError>(std::isfinite(x(i)), "x[{}] is {}", i, x(i));
    require<ValueError>(std::isfinite(y(i)), "y[{}] is {}", i, y(i));
  }
  if (detail::constant(x) || detail::constant(y)) return {{}, {}, x.size()};
  const double r = detail::product_moment(detail::centred(x), detail::centred(y));
  return {r, detail::two_sided_p(r, x.size()), x.size()};
}

}  // namespace attnscope
