#pragma once
#include <attnscope/core/ranks.hpp>
#include <attnscope/core/vector_math.hpp>

namespace attnscope {
namespace detail {

/// What is said of sums a hair above 1: the tolerance of a sweep.
inline constexpr double distribution_tolerance = 2e-2;

inline std::span<const double> span_of(const VectorView& x) {
  return {x.data(), static_cast<std::size_t>(x.size())};
}
/// name: "p". @throws ValueError what is no distribution, nor a part of one
inline void check_distribution(const char* name, const VectorView& p) {
  for (Index i = 0; i < p.size(); ++i)
    require<ValueError>(std::isfinite(p(i)) && p(i) >= 0, "{}[{}] is {}", name, i, p(i));
  const double sum = vector_math::sum(span_of(p));
  require<ValueError>(sum <= 1 + distribution_tolerance, "{} sums to {}, more than 1", name, sum);
}
inline void check_distributions(const VectorView& p, const VectorView& q) {
  require<ShapeError>(p.size() == q.size(), "p has {} numbers, but q has {}", p.size(), q.size());
  check_distribution("p", p);
  check_distribution("q", q);
}

}  // namespace detail

/// Total variation distance of two distributions: half the sum of |p - q|, 0..1. p, q: [n]; they may sum
/// below 1, as rows of attention without their sink do, and are taken as they are. Cost: linear.
/// @throws ShapeError unlike sizes
/// @throws ValueError a number that is negative or not finite, naming its index; a sum above 1.02
inline double total_variation(const VectorView& p, const VectorView& q) {
  detail::check_distributions(p, q);
  double sum = 0;
  for (Index i = 0; i < p.size(); ++i) sum += std::abs(p(i) - q(i));
  return sum / 2;
}

/// Jensen-Shannon divergence H((p + q) / 2) - (H(p) + H(q)) / 2 in nats, 0 .. ln 2 (Lin 1991). Exactly 0 for
/// p = q; its root is a metric (Endres & Schindelin 2003). Between all heads of a layer at once:
/// head_distance(). p, q, cost and errors: as of total_variation().
inline double jensen_shannon(const VectorView& p, const VectorView& q) {
  detail::check_distributions(p, q);
  const auto mixed = [](const VectorView& a, const VectorView& b) {
    return vector_math::entropy_of_mean(detail::span_of(a), detail::span_of(b));
  };
  return std::max(0.0, mixed(p, q) - (mixed(p, p) + mixed(q, q)) / 2);
}

/// Kullback-Leibler divergence sum p ln(p / q) in nats, with 0 ln 0 = 0; infinite where q = 0 < p. Not
/// negative when both sum to 1. p, q, cost and errors: as of total_variation().
inline double kullback_leibler(const VectorView& p, const VectorView& q) {
  detail::check_distributions(p, q);
  double sum = 0;
  for (Index i = 0; i < p.size(); ++i)
    if (p(i) > 0) sum += p(i) * (std::log(p(i)) - std::log(q(i)));
  return sum;
}

}  // namespace attnscope
