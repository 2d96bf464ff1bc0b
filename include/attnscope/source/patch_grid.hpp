#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

namespace attnscope {

using Eigen::Index;

/// Where the patches of an image stand among the keys: row by row, from the top left, one after the other.
struct PatchGrid {
  Index rows = 0;     ///< of patches
  Index columns = 0;  ///< of patches
  Index first = 1;    ///< keys before the patches: [CLS], registers, the text before an image
  Index after = 0;    ///< keys behind them: the text after an image
};

/// [row x column] the weights that one query gives to the patches of an image, as they lie in it: for
/// heatmap(). weights: [key] of one query, such as `head_maps(attention)[head].row(query)`. They sum below 1
/// where other keys take some. @throws ShapeError a grid that does not fill the keys
inline Eigen::MatrixXd patch_grid(
    const Eigen::Ref<const Eigen::RowVectorXd, 0, Eigen::InnerStride<>>& weights, PatchGrid grid) {
  const auto& [rows, columns, first, after] = grid;
  require<ShapeError>(rows >= 0 && columns >= 0 && first >= 0 && after >= 0 &&
                          first + rows * columns + after == weights.size(),
                      "{} keys are not {} + {} x {} patches + {}", weights.size(), first, rows, columns,
                      after);
  Eigen::MatrixXd image(rows, columns);
  for (Index y = 0; y < rows; ++y)
    for (Index x = 0; x < columns; ++x) image(y, x) = weights(first + y * columns + x);
  return image;
}

}  // namespace attnscope
