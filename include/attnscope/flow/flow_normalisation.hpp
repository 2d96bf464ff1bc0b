#pragma once
#include <attnscope/core/states.hpp>

#include <span>
#include <vector>

namespace attnscope {

/// [row x column] each row of the matrix divided by its own sum; a zero row stays zero.
template <typename Derived>
typename Derived::PlainObject rows_normalised(const Eigen::MatrixBase<Derived>& matrix) {
  typename Derived::PlainObject rows = matrix;
  for (Index i = 0; i < rows.rows(); ++i)
    if (const auto sum = rows.row(i).sum(); sum > 0) rows.row(i) /= sum;
  return rows;
}

/// What a layer would be if it knew nothing but who sees whom: every token keeps what it gives to itself (its
/// residual connection, mostly), and the rest of its row is spread evenly over the other tokens it sees,
/// those with a capacity above 0. capacity: [upper token x lower token].
inline Eigen::MatrixXd evenly_spread(const Eigen::MatrixXd& capacity) {
  Eigen::MatrixXd even = capacity;
  for (Index i = 0; i < even.rows(); ++i) {
    double rest = 0;
    Index others = 0;
    for (Index k = 0; k < even.cols(); ++k)
      if (k != i && capacity(i, k) > 0) {
        rest += capacity(i, k);
        ++others;
      }
    for (Index k = 0; k < even.cols(); ++k)
      if (k != i && capacity(i, k) > 0) even(i, k) = rest / static_cast<double>(others);
  }
  return even;
}

/// [upper token x input] flow(i, j) / even(i, j), where `even` is the flow through the evenly spread layers
/// of the same stack; 1: as much as the receptive fields alone give. Undefined (NaN) where i cannot be
/// reached from j.
inline Eigen::MatrixXd receptive_field_normalised(const Eigen::MatrixXd& flow, const Eigen::MatrixXd& even) {
  return (even.array() > 0).select(flow.cwiseQuotient(even), undefined);
}

}  // namespace attnscope
