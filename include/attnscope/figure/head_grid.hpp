#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/map_options.hpp>
#include <attnscope/figure/panels.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace attnscope {

namespace detail {

// The number of columns that makes the figure about half as wide again as it is high and leaves few places
// empty. `aspect`: width over height of one map.
inline std::size_t landscape_columns(std::size_t maps, double aspect) {
  const auto count = static_cast<double>(maps);
  double lowest_cost = std::numeric_limits<double>::infinity();
  std::size_t best = 1;
  for (std::size_t columns = 1; columns <= maps; ++columns) {
    const auto width = static_cast<double>(columns), height = std::ceil(count / width);
    const double cost =
        std::abs(std::log(aspect * width / height / 1.5)) + 3 * (width * height - count) / count;
    if (cost < lowest_cost) {
      lowest_cost = cost;
      best = columns;
    }
  }
  return best;
}

}  // namespace detail

/// All heads of a layer [row x column] side by side on one colour scale (SVG): titled "head 0", "head 1", …
/// unless `map_titles` names them, with the row labels on the left, the column labels below, one colour bar.
///
/// The number of columns makes the figure landscape; a map is by default about 220 px long. Throws what
/// `heatmap` throws, with the head in the text, and ShapeError for no heads or heads of different shapes.
inline std::string head_grid(const std::vector<Eigen::MatrixXd>& heads, const MapOptions& options = {}) {
  require<ShapeError>(!heads.empty(), "a grid of no heads");
  const Eigen::Index rows = heads[0].rows(), columns = heads[0].cols();
  CellRange range;
  MapOptions titled = options;
  for (std::size_t head = 0; head < heads.size(); ++head) {
    const Eigen::MatrixXd& map = heads[head];
    require<ShapeError>(map.rows() == rows && map.cols() == columns, "head {} is {} x {}, head 0 is {} x {}",
                        head, map.rows(), map.cols(), rows, columns);
    in_context(fmt::format("head {}", head), [&] { range.merge(cell_range(map)); });
    if (options.map_titles.empty()) titled.map_titles.push_back(fmt::format("head {}", head));
  }
  detail::check_labels(titled, heads.size(), rows, columns);
  const detail::CellSize cell = detail::cell_size(options, rows, columns, 220);
  const double aspect = cell.width * static_cast<double>(columns) / (cell.height * static_cast<double>(rows));
  return detail::Panels(heads, range, detail::landscape_columns(heads.size(), aspect), cell, titled).svg();
}

}  // namespace attnscope
