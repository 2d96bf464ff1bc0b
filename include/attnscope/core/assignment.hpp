#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <cmath>
#include <limits>
#include <vector>

namespace attnscope {

using Eigen::Index;

/// Which row goes with which column.
struct Assignment {
  std::vector<Index> column;  ///< [row] the column of its own; -1 for the rows left over, if there are more
  double cost = 0;            ///< the sum over the rows that have one
};

namespace detail {

/// Shortest augmenting paths (Jonker and Volgenant 1987): rows are placed one by one, each along the path
/// that raises the cost least. There are at least as many columns as rows.
class AssignmentSolver {
 public:
  explicit AssignmentSolver(const Eigen::MatrixXd& cost)
      : cost_(cost),
        row_price_(Eigen::VectorXd::Zero(cost.rows())),
        column_price_(Eigen::VectorXd::Zero(cost.cols())),
        row_of_(static_cast<std::size_t>(cost.cols()), -1) {
    for (Index row = 0; row < cost.rows(); ++row) place(row);
  }
  /// [column] its row, or -1
  const std::vector<Index>& rows() const { return row_of_; }

 private:
  Index& row_of(Index column) { return row_of_[static_cast<std::size_t>(column)]; }

  /// What a row pays for a column above its prices; never negative for columns reached, 0 for its own.
  double reduced(Index row, Index column) const {
    return cost_(row, column) - row_price_(row) - column_price_(column);
  }
  void place(Index row) {
    constexpr double far = std::numeric_limits<double>::infinity();
    Eigen::VectorXd reach = Eigen::VectorXd::Constant(cost_.cols(), far);   // the path to each column
    std::vector<Index> before(static_cast<std::size_t>(cost_.cols()), -1);  // -1: straight from the row
    std::vector<bool> closed(static_cast<std::size_t>(cost_.cols()), false);
    Index from = row, column = -1;
    double length = 0;
    while (from >= 0) {
      Index nearest = -1;
      for (Index c = 0; c < cost_.cols(); ++c) {
        if (closed[static_cast<std::size_t>(c)]) continue;
        if (const double path = length + reduced(from, c); path < reach(c)) {
          reach(c) = path;
          before[static_cast<std::size_t>(c)] = column;
        }
        if (nearest < 0 || reach(c) < reach(nearest)) nearest = c;
      }
      column = nearest;
      length = reach(column);
      from = row_of(column);
      if (from >= 0) closed[static_cast<std::size_t>(column)] = true;
    }
    row_price_(row) += length;
    for (Index c = 0; c < cost_.cols(); ++c)
      if (closed[static_cast<std::size_t>(c)]) {
        row_price_(row_of(c)) += length - reach(c);
        column_price_(c) -= length - reach(c);
      }
    for (Index next; (next = before[static_cast<std::size_t>(column)]) >= 0; column = next)
      row_of(column) = row_of(next);
    row_of(column) = row;
  }

  const Eigen::MatrixXd& cost_;
  Eigen::VectorXd row_price_, column_price_;
  std::vector<Index> row_of_;
};

}  // namespace detail

/// The cheapest way to give every row a column of its own, or every column a row where there are fewer. cost:
/// [row x column], finite, negative ones too. Cost: rows^2 x columns of the smaller side first.
/// @throws ValueError a cost that is not finite, naming row and column
inline Assignment cheapest_assignment(const Eigen::MatrixXd& cost) {
  for (Index i = 0; i < cost.rows(); ++i)
    for (Index j = 0; j < cost.cols(); ++j)
      require<ValueError>(std::isfinite(cost(i, j)), "the cost of row {} and column {} is {}", i, j,
                          cost(i, j));
  const bool wide = cost.rows() <= cost.cols();
  const Eigen::MatrixXd turned = wide ? cost : Eigen::MatrixXd(cost.transpose());
  const std::vector<Index> rows = detail::AssignmentSolver(turned).rows();
  Assignment result{std::vector<Index>(static_cast<std::size_t>(cost.rows()), -1)};
  for (Index c = 0; c < turned.cols(); ++c)
    if (const Index r = rows[static_cast<std::size_t>(c)]; r >= 0) {
      result.column[static_cast<std::size_t>(wide ? r : c)] = wide ? c : r;
      result.cost += turned(r, c);
    }
  return result;
}

}  // namespace attnscope
