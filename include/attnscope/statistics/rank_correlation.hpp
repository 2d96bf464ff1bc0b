#pragma once
#include <attnscope/statistics/correlation.hpp>
#include <attnscope/statistics/pair_weights.hpp>

#include <numbers>

namespace attnscope {
namespace detail {

inline void check_ranked(const VectorView& x, const VectorView& y) {
  check_same_size(x, y);
  check_ordered("x", x);
  check_ordered("y", y);
}

/// How often a random order of n has at most `discordant` pairs out of order, or at least as many in the
/// other tail. discordant: at most half of all pairs.
inline double exact_kendall_p(Index n, std::int64_t discordant) {
  // probability(k): of k pairs out of order. The next number comes before 0 .. all of those that stand.
  Eigen::ArrayXd probability = Eigen::ArrayXd::Zero(discordant + 1);
  probability(0) = 1;
  for (Index size = 2; size <= n; ++size) {
    double window = 0;
    Eigen::ArrayXd next(probability.size());
    for (Index k = 0; k < next.size(); ++k) {
      window += probability(k);
      if (k >= size) window -= probability(k - size);
      next(k) = window / static_cast<double>(size);
    }
    probability = next;
  }
  return std::min(1.0, 2 * probability.sum());
}

/// The variance of concordant - discordant pairs when the orders are independent (Kendall 1970). pairs: each
/// weighs 2.
inline double kendall_variance(Index size, const PairWeights<std::int64_t>& pairs) {
  const double n = static_cast<double>(size), all = static_cast<double>(pairs.all);
  const auto over_ties = [](const std::vector<Index>& ties, auto term) {
    double sum = 0;
    for (const Index tie : ties) sum += term(static_cast<double>(tie));
    return sum;
  };
  const auto squares = [](double t) { return t * (t - 1) * (2 * t + 5); };
  const auto triples = [](double t) { return t * (t - 1) * (t - 2); };
  const double spread =
      all * (2 * n + 5) - over_ties(pairs.ties_x, squares) - over_ties(pairs.ties_y, squares);
  return spread / 18 + static_cast<double>(pairs.tied_x) * static_cast<double>(pairs.tied_y) / (2 * all) +
         over_ties(pairs.ties_x, triples) * over_ties(pairs.ties_y, triples) / (9 * all * (n - 2));
}

/// Exact where scipy's method="auto" is; else the normal approximation.
inline double kendall_p(Index n, const PairWeights<std::int64_t>& pairs) {
  const std::int64_t rare = std::min(pairs.discordant, pairs.all - pairs.discordant) / 2;
  if (pairs.ties_x.empty() && pairs.ties_y.empty() && (n <= 33 || rare <= 1)) return exact_kendall_p(n, rare);
  const double difference = static_cast<double>(pairs.concordant_minus_discordant()) / 2;
  return std::erfc(std::abs(difference) / std::sqrt(2 * kendall_variance(n, pairs)));
}

/// (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y), of numbers that are not constant.
template <typename Number>
double tau_b(const PairWeights<Number>& pairs) {
  const double untied_x = static_cast<double>(pairs.all - pairs.tied_x);
  const double untied_y = static_cast<double>(pairs.all - pairs.tied_y);
  const double tau =
      static_cast<double>(pairs.concordant_minus_discordant()) / std::sqrt(untied_x) / std::sqrt(untied_y);
  return std::clamp(tau, -1.0, 1.0);
}

/// Vigna's tau where the largest x (among equals the largest y) has rank 0.
inline double weighted_tau(const VectorView& x, const VectorView& y) {
  const Index n = x.size();
  return tau_b(
      pair_weights<double>(ordered_points(x, y), [n](Index k) { return 1 / static_cast<double>(n - k); }));
}

/// Average ranks less their mean.
inline Eigen::VectorXd ranks_from_middle(const VectorView& x) {
  Eigen::VectorXd ranks = average_ranks(x);
  for (double& rank : ranks) rank -= static_cast<double>(x.size() + 1) / 2;
  return ranks;
}

}  // namespace detail

/// Spearman's rank correlation of x and y [n]: Pearson's of the average ranks, p by Student's t, nothing for
/// n = 2. Equal to scipy's spearmanr, p within 1e-9. Cost: n log n.
/// @throws ShapeError unlike sizes; ValueError NaN, naming its index; infinity is the largest number
inline CorrelationResult spearman(const VectorView& x, const VectorView& y) {
  detail::check_ranked(x, y);
  const Index n = x.size();
  if (detail::constant(x) || detail::constant(y)) return {{}, {}, n};
  const double r = detail::product_moment(detail::ranks_from_middle(x), detail::ranks_from_middle(y));
  if (n == 2) return {r, {}, n};
  return {r, detail::two_sided_p(r, n), n};
}

/// Kendall's tau-b of x and y [n]: (concordant - discordant) / sqrt(pairs untied in x * pairs untied in y).
/// Without ties p is exact up to n = 33, and beyond when at most one pair is in (or out of) order; else by
/// the normal approximation, its variance corrected for ties. Equal to scipy's kendalltau, p within 1e-9.
/// Cost: n log n.
/// @throws as spearman()
inline CorrelationResult kendall(const VectorView& x, const VectorView& y) {
  detail::check_ranked(x, y);
  if (detail::constant(x) || detail::constant(y)) return {{}, {}, x.size()};
  const auto pairs = detail::count_pairs(detail::ordered_points(x, y));
  return {detail::tau_b(pairs), detail::kendall_p(x.size(), pairs), x.size()};
}

/// Kendall's tau of x and y [n] in which a pair of ranks r and s (0: the largest number) weighs 1/(r + 1) +
/// 1/(s + 1), so that the top counts most (Vigna 2015): the mean of the taus that rank by x and by y. Equal
/// to scipy's weightedtau. Its distribution is not known: no p_value, permutation_test() gives one. Cost: n
/// log n.
/// @throws as spearman()
inline CorrelationResult weighted_kendall(const VectorView& x, const VectorView& y) {
  detail::check_ranked(x, y);
  if (detail::constant(x) || detail::constant(y)) return {{}, {}, x.size()};
  return {(detail::weighted_tau(x, y) + detail::weighted_tau(y, x)) / 2, {}, x.size()};
}

}  // namespace attnscope
