#pragma once
#include <attnscope/flow/capacity_grid.hpp>

namespace attnscope::detail {

/// [token of level `from` x token of level `to`] where a way leads down; from >= to.
inline BitMatrix reach_down(const CapacityGrid& grid, Index from, Index to) {
  BitMatrix reach(grid.tokens(), grid.tokens());
  for (Index i = 0; i < grid.tokens(); ++i) reach.set(i, i);
  for (Index l = from; l-- > to;) reach = reach * grid.down(l).out;
  return reach;
}
/// [token of level `from` x token of level `to`] where a way leads up; from <= to.
inline BitMatrix reach_up(const CapacityGrid& grid, Index from, Index to) {
  BitMatrix reach(grid.tokens(), grid.tokens());
  for (Index i = 0; i < grid.tokens(); ++i) reach.set(i, i);
  for (Index l = from; l < to; ++l) reach = reach * grid.up(l).out;
  return reach;
}

/// [from x set] the capacity of the arcs of a node that end in each set of nodes (a row of `sets`).
inline Eigen::MatrixXd capacity_into(const Arcs& arcs, const BitMatrix& sets) {
  Eigen::MatrixXd sums(arcs.capacity.rows(), sets.rows());
  for (Index k = 0; k < sums.rows(); ++k) {
    const double whole = arcs.capacity.row(k).sum();
    for (Index s = 0; s < sums.cols(); ++s) {
      Word outside = 0;
      for (Index w = 0; w < sets.words(); ++w) outside |= arcs.out.row(k)[w] & ~sets.row(s)[w];
      if (outside == 0) {
        sums(k, s) = whole;
        continue;
      }
      double sum = 0;
      for (Index w = 0; w < sets.words(); ++w)
        for_each_bit(arcs.out.row(k)[w] & sets.row(s)[w], w * BitMatrix::word_bits,
                     [&](Index q) { sum += arcs.capacity(k, q); });
      sums(k, s) = sum;
    }
  }
  return sums;
}

/// [token of level `depth` x input token] in units: the smaller of what leaves the upper token towards nodes
/// from which the input can be reached, and what enters the input from nodes that the upper token reaches. No
/// flow between the two exceeds it.
inline Eigen::MatrixXd trivial_cuts(const CapacityGrid& grid, Index depth) {
  const Eigen::MatrixXd leaves = capacity_into(grid.down(depth - 1), reach_up(grid, 0, depth - 1));
  const Eigen::MatrixXd enters = capacity_into(grid.up(0), reach_down(grid, depth, 1));
  return leaves.cwiseMin(enters.transpose());
}

}  // namespace attnscope::detail
