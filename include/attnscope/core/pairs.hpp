#pragma once
#include <attnscope/core/layout.hpp>

#include <cmath>

/// What is asked of numbers between all pairs of heads before they are worked with.
namespace attnscope::detail {

/// pairs: what a number is, such as "distance". A pair whose two numbers are both NaN is symmetric.
/// @throws ShapeError a matrix that is not square
/// @throws ValueError the first pair (h, g) whose number is another than that of (g, h)
inline void check_symmetric(const char* pairs, const Eigen::MatrixXd& matrix) {
  require<ShapeError>(matrix.rows() == matrix.cols(),
                      "a {} for each pair of heads needs a square matrix, not {} x {}", pairs, matrix.rows(),
                      matrix.cols());
  for (Index h = 0; h < matrix.rows(); ++h)
    for (Index g = 0; g < h; ++g) {
      const double one = matrix(h, g), other = matrix(g, h);
      const bool same =
          one == other || std::abs(one - other) <= 1e-8 * std::max(std::abs(one), std::abs(other));
      require<ValueError>(same || (std::isnan(one) && std::isnan(other)),
                          "the {} of heads {} and {} is {}, but that of {} and {} is {}", pairs, g, h, other,
                          h, g, one);
    }
}

/// @throws ShapeError, ValueError what is not symmetric; the first distance that is undefined, infinite or
/// negative, or that of a head to itself which is not 0
inline void check_distances(const Eigen::MatrixXd& distances) {
  check_symmetric("distance", distances);
  for (Index h = 0; h < distances.rows(); ++h) {
    for (Index g = 0; g < h; ++g)
      require<ValueError>(std::isfinite(distances(h, g)) && distances(h, g) >= 0,
                          "the distance of heads {} and {} is {}", g, h, distances(h, g));
    require<ValueError>(distances(h, h) == 0, "head {} has the distance {} to itself (a similarity?)", h,
                        distances(h, h));
  }
}

}  // namespace attnscope::detail
