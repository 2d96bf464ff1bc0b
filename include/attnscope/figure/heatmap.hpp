#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/map_options.hpp>
#include <attnscope/figure/panels.hpp>

#include <Eigen/Core>

#include <string>
#include <vector>

namespace attnscope {

/// A matrix of weights [row x column] as a picture (SVG): row 0 at the top, one cell a weight, a colour bar
/// with numbers. A NaN cell is grey, and a note below says so; weights beyond `low` and `high` have the
/// colour of that end, and the colour bar says so.
///
/// By default a map is up to 640 px long, a cell 1 to 28 px. Cells are never pooled: a map of 512 x 512
/// causal weights takes 0.1 to 0.9 MB. Throws ShapeError for an empty matrix and for labels that are not one
/// a row or column, ValueError for an infinite weight, for `high` not above `low` and for a cell size that is
/// none.
template <typename Derived>
std::string heatmap(const Eigen::MatrixBase<Derived>& weights, const MapOptions& options = {}) {
  const std::vector<Eigen::MatrixXd> map{weights.template cast<double>()};
  const CellRange range = in_context("weights", [&] { return cell_range(map[0]); });
  detail::check_labels(options, 1, map[0].rows(), map[0].cols());
  const detail::CellSize cell = detail::cell_size(options, map[0].rows(), map[0].cols(), 640);
  return detail::Panels(map, range, 1, cell, options).svg();
}

}  // namespace attnscope
