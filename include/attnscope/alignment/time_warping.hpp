#pragma once
#include <attnscope/core/layout.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace attnscope {

/// How time_warping() breaks ties.
struct TimeWarpingOptions {
  /// As the code of Whisper and of Hugging Face does: of three ways of which the two best cost the same, the
  /// way along the row is taken, even if it is the dearest; sums are kept in single precision.
  bool whisper_ties = false;
};

/// One place on a path.
struct WarpingStep {
  Index row = 0;     ///< from 0
  Index column = 0;  ///< from 0
  bool operator==(const WarpingStep&) const = default;
};

/// What time_warping() found.
struct TimeWarpingResult {
  std::vector<WarpingStep> path;  ///< from (0, 0) to the last row and column
  double cost = 0;                ///< the sum along the path
};

namespace detail {

/// Where a path comes from.
enum class Way : std::uint8_t { both, row, column };

inline Way cheapest_way(double both, double row, double column) {
  if (both <= row && both <= column) return Way::both;
  return row <= column ? Way::row : Way::column;
}
inline Way whisper_way(double both, double row, double column) {
  if (both < row && both < column) return Way::both;
  return row < both && row < column ? Way::row : Way::column;
}

/// What is too large for a Sum becomes infinity.
template <typename Sum>
Sum rounded(double sum) {
  constexpr Sum most = std::numeric_limits<Sum>::max(), infinity = std::numeric_limits<Sum>::infinity();
  if (std::abs(sum) <= static_cast<double>(most)) return static_cast<Sum>(sum);
  return sum > 0 ? infinity : -infinity;
}

/// [row x column] how the best path comes to each place, `way(both, row, column)` being how to choose from
/// the sums up to the place before in both, in the row above, in the column before. Sum: how sums are kept.
/// @throws ValueError a sum that is not finite, naming row and column
template <typename Sum, typename Choose>
Eigen::Matrix<Way, Eigen::Dynamic, Eigen::Dynamic> warping_ways(const Eigen::MatrixXd& cost,
                                                                const Choose& choose) {
  constexpr Sum far = std::numeric_limits<Sum>::infinity();
  Eigen::Matrix<Way, Eigen::Dynamic, Eigen::Dynamic> ways(cost.rows(), cost.cols());
  // One column of sums, written over from the top; before the first row and column there is only the start.
  std::vector<Sum> sums(static_cast<std::size_t>(cost.rows()), far);
  for (Index j = 0; j < cost.cols(); ++j) {
    Sum both = j == 0 ? Sum(0) : far, row = far;
    for (Index i = 0; i < cost.rows(); ++i) {
      Sum& sum = sums[static_cast<std::size_t>(i)];
      const Sum column = sum;
      const Way way = choose(both, row, column);
      const Sum before = way == Way::both ? both : way == Way::row ? row : column;
      sum = rounded<Sum>(cost(i, j) + static_cast<double>(before));
      require<ValueError>(std::isfinite(sum), "the costs up to row {} and column {} sum to {}", i, j, sum);
      ways(i, j) = way;
      both = column;
      row = sum;
    }
  }
  return ways;
}

}  // namespace detail

/// Dynamic time warping: the cheapest path from the first row and column to the last that goes on by one row,
/// one column or both at a time. cost: [row x column], finite, negative ones too. Of equally cheap ways the
/// one by both is taken, then that by the row. Cost: rows x columns, and as many bytes.
/// @throws ShapeError no rows or columns; ValueError a cost that is not finite, or a sum of costs (with
/// whisper_ties in single precision), naming row and column
inline TimeWarpingResult time_warping(const Eigen::MatrixXd& cost, TimeWarpingOptions options = {}) {
  require<ShapeError>(cost.size() > 0, "no path through {} rows and {} columns", cost.rows(), cost.cols());
  for (Index j = 0; j < cost.cols(); ++j)
    for (Index i = 0; i < cost.rows(); ++i)
      require<ValueError>(std::isfinite(cost(i, j)), "the cost of row {} and column {} is {}", i, j,
                          cost(i, j));
  const auto ways = options.whisper_ties ? detail::warping_ways<float>(cost, detail::whisper_way)
                                         : detail::warping_ways<double>(cost, detail::cheapest_way);
  TimeWarpingResult result;
  WarpingStep at{cost.rows() - 1, cost.cols() - 1};
  while (at.row >= 0 && at.column >= 0) {
    result.path.push_back(at);
    const detail::Way way = ways(at.row, at.column);
    if (way != detail::Way::column) --at.row;
    if (way != detail::Way::row) --at.column;
  }
  std::reverse(result.path.begin(), result.path.end());
  for (const WarpingStep& step : result.path) result.cost += cost(step.row, step.column);
  return result;
}

}  // namespace attnscope
