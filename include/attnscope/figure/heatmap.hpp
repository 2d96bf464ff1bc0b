#pragma once
#include <attnscope/figure/map_grid.hpp>

#include <Eigen/Core>

#include <string>

namespace attnscope {

/// A matrix of weights [row x column] as a picture (SVG): row 0 at the top, one cell a weight, a colour bar
/// with numbers. A NaN cell is grey, and a note below says so; weights beyond `low` and `high` have the
/// colour of that end, and the colour bar says so. Viewers show the numbers of up to 1024 cells beside the
/// pointer.
///
/// By default a map is up to 640 px long, a cell 1 to 28 px. Of more than `most_cells` (270,000, a little
/// above 512 x 512) the largest of each square of pool x pool is drawn, and a note says so; a map of 512 x
/// 512 causal weights takes 0.1 to 0.9 MB. `heads`, `layers` and their names mean nothing here.
/// @throws ShapeError an empty matrix, labels that are not one a row or column, a filter of what is not
/// there; ValueError an infinite weight, `high` not above `low`, a cell size that is none
template <typename Derived>
std::string heatmap(const Eigen::MatrixBase<Derived>& weights, const MapOptions& options = {}) {
  const Eigen::MatrixXd map = weights.template cast<double>();
  return detail::map_grid({{&map, "weights"}}, {.side = 640}, {.map_titles = options.map_titles}, options);
}

}  // namespace attnscope
