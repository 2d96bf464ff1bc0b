#pragma once
#include <attnscope/statistics/pair_weights.hpp>

namespace attnscope {

/// [k] the indices of the k largest numbers of x [n], the largest first; of equal ones the lower index goes
/// first. Cost: n log n. @throws ValueError k not in 1 .. n; NaN, naming its index
inline std::vector<Index> top_k(const VectorView& x, Index k) {
  detail::check_ordered("x", x);
  require<ValueError>(k >= 1 && k <= x.size(), "the {} largest of {} numbers", k, x.size());
  const auto order = detail::in_falling_order(x);
  std::vector<Index> top;
  for (Index i = 0; i < k; ++i) top.push_back(order[static_cast<std::size_t>(i)].second);
  return top;
}

/// Result of compare_top_k().
struct TopKResult {
  double overlap = 0;           ///< 0 .. 1: share of the k largest of x that are among those of y
  double kendall_distance = 0;  ///< 0 .. k^2 + k (k - 1) / 2: pairs in unlike order
  double normalized_distance =
      0;  ///< 0 .. 1: of the largest there is, that of two lists without a common one
};

/// How well the k largest numbers of x and of y [n] agree: which they are, and in which order. The distance
/// is Kendall's between top k lists (Fagin, Kumar and Sivakumar 2003, penalty 1/2): over the pairs of all
/// that stand in one of the lists it counts 1 where one list says otherwise than the other (what a list lacks
/// comes after what it has), and 1/2 where a list has both and the other neither. Ties: as in top_k(). Cost:
/// n log n.
/// @throws ShapeError unlike sizes; what top_k() throws
inline TopKResult compare_top_k(const VectorView& x, const VectorView& y, Index k) {
  detail::check_same_size(x, y);
  detail::check_ordered("y", y);
  const std::vector<Index> top_x = top_k(x, k), top_y = top_k(y, k);
  // Places 0 .. k - 1 in each list; k for all that it lacks.
  Eigen::VectorXd place_x = Eigen::VectorXd::Constant(x.size(), static_cast<double>(k)), place_y = place_x;
  for (Index place = 0; place < k; ++place) {
    place_x(top_x[static_cast<std::size_t>(place)]) = static_cast<double>(place);
    place_y(top_y[static_cast<std::size_t>(place)]) = static_cast<double>(place);
  }
  detail::Points listed;
  for (Index i = 0; i < x.size(); ++i)
    if (std::min(place_x(i), place_y(i)) < static_cast<double>(k))
      listed.emplace_back(place_x(i), place_y(i));
  std::sort(listed.begin(), listed.end());
  const auto pairs = detail::count_pairs(listed);  // each weighs 2; nothing is lacking in both lists
  const double size = static_cast<double>(k), common = 2 * size - static_cast<double>(listed.size());
  const double distance = static_cast<double>(2 * pairs.discordant + pairs.tied_x + pairs.tied_y) / 4;
  return {common / size, distance, distance / (size * size + size * (size - 1) / 2)};
}

}  // namespace attnscope
