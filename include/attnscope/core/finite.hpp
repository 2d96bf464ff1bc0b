#pragma once
#include <Eigen/Core>

#include <cmath>

namespace attnscope::detail {

/// Whether no number of a matrix, row or column is infinite or NaN.
template <typename Numbers>
bool all_finite(const Eigen::DenseBase<Numbers>& numbers) {
  for (Eigen::Index j = 0; j < numbers.cols(); ++j)
    for (Eigen::Index i = 0; i < numbers.rows(); ++i)
      if (!std::isfinite(numbers.derived()(i, j))) return false;
  return true;
}

}  // namespace attnscope::detail
