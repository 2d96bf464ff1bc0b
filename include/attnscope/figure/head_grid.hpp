#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/map_grid.hpp>

#include <Eigen/Core>

#include <string>
#include <vector>

namespace attnscope {

/// All heads of a layer [row x column] side by side on one colour scale (SVG): titled "head 0", "head 1", …
/// unless `head_names` or `map_titles` names them, with the row labels on the left, the column labels below,
/// one colour bar. `heads` chooses some of them.
///
/// The number of columns makes the figure landscape; a map is by default about 220 px long.
/// @throws what `heatmap` throws, with the head in the text; ShapeError no heads, heads of different shapes
inline std::string head_grid(const std::vector<Eigen::MatrixXd>& heads, const MapOptions& options = {}) {
  require<ShapeError>(!heads.empty(), "a grid of no heads");
  return detail::titled_grid(heads, "head", options.heads, options.head_names, options);
}

/// One map of each layer, such as the mean over its heads, side by side: as `head_grid`, titled "layer 0",
/// "layer 1", … `layer_names` and `layers` name and choose them. @throws what `head_grid` throws, with the
/// layer
inline std::string layer_grid(const std::vector<Eigen::MatrixXd>& layers, const MapOptions& options = {}) {
  require<ShapeError>(!layers.empty(), "a grid of no layers");
  return detail::titled_grid(layers, "layer", options.layers, options.layer_names, options);
}

}  // namespace attnscope
