#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/map_grid.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

struct MetricMapOptions {
  /// `layers` and `heads` choose, `layer_names` and `head_names` name them.
  MapOptions map = {};
  /// Decimals of the numbers; by default as many as show three digits of the largest.
  std::optional<int> decimals = {};
  /// [layer][head] a word below each number, such as the role of the head; or none at all.
  std::vector<std::vector<std::string>> roles = {};
};

namespace detail {

// As many as show three digits of the largest number, 0 to 6.
inline int decimals_for(const CellRange& range) {
  const double largest = std::max(std::abs(range.smallest), std::abs(range.largest));
  if (!std::isnormal(largest)) return 2;
  return static_cast<int>(std::clamp(2 - std::floor(std::log10(largest)), 0.0, 6.0));
}

// The number of each cell that is kept, row by row, and below it the role.
inline std::vector<std::vector<std::string>> metric_lines(const Eigen::MatrixXd& values,
                                                          const std::vector<Eigen::Index>& layers,
                                                          const std::vector<Eigen::Index>& heads,
                                                          const MetricMapOptions& options) {
  const int decimals = options.decimals.value_or(decimals_for(cell_range(values, layers, heads)));
  require<ValueError>(0 <= decimals && decimals <= 12, "{} decimals are not 0 to 12", decimals);
  std::vector<std::vector<std::string>> cells;
  for (const Eigen::Index layer : layers)
    for (const Eigen::Index head : heads) {
      const double value = values(layer, head);
      cells.push_back({std::isnan(value) ? "\u2013" : fmt::format("{:.{}f}", value + 0.0, decimals)});
      if (options.roles.empty()) continue;
      const auto& roles = options.roles[static_cast<std::size_t>(layer)];
      cells.back().push_back(readable_line(roles[static_cast<std::size_t>(head)], 14));
    }
  return cells;
}

// Room for the text of every cell.
inline CellSize cell_around(const std::vector<std::vector<std::string>>& cells) {
  double width = 30;
  for (const auto& lines : cells)
    for (const std::string& line : lines) width = std::max(width, text_width(line, 10) + 8);
  return {std::ceil(width), 12 + 12 * static_cast<double>(cells.front().size())};
}

}  // namespace detail

/// One number of each head, such as its entropy (SVG): a row a layer, layer 0 at the top, a column a head,
/// the number printed in each cell, in black or white, whichever reads better on its colour.
///
/// values: [layer x head]; NaN is a head that is not there or whose number is undefined: grey, with a dash.
/// Signed numbers are for a diverging palette, whose middle is 0. `rows`, `columns`, their labels, `pool` and
/// `most_cells` of the options mean nothing here.
/// @throws what `heatmap` throws; ShapeError roles that are not one a head; ValueError decimals not 0 to 12
inline std::string metric_map(const Eigen::MatrixXd& values, const MetricMapOptions& options = {}) {
  const auto layers = kept(options.map.layers, values.rows(), "layer");
  const auto heads = kept(options.map.heads, values.cols(), "head");
  detail::check_labels(options.roles, values.rows(), "layers of roles");
  for (const auto& roles : options.roles) detail::check_labels(roles, values.cols(), "roles");
  MapOptions map = options.map;
  map.rows = map.layers;
  map.columns = map.heads;
  map.row_labels = detail::names_of(map.layer_names, values.rows(), "layer names");
  map.column_labels = detail::names_of(map.head_names, values.cols(), "head names");
  map.pool = 1;
  detail::PanelStyle style{.name = "metric map", .row_title = "layer", .column_title = "head"};
  in_context("values", [&] { style.cell_lines = detail::metric_lines(values, layers, heads, options); });
  if (!map.cell_size) style.cell = detail::cell_around(style.cell_lines);
  return detail::map_grid({{&values, "values"}}, {.side = 640}, std::move(style), map);
}

}  // namespace attnscope
