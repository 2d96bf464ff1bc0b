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

/// How metric_map() draws.
struct MetricMapOptions {
  /// `layers` and `heads` choose, `layer_names` and `head_names` name them.
  MapOptions map = {};
  /// Decimals of the numbers; by default as many as show three digits of the largest, and "1.2e-08" where
  /// that is below 1e-4 or from 1e6 on. Of a number from 1e15 on no decimal is known, and it is "1e+15".
  std::optional<int> decimals = {};
  /// [layer][head] a word below each number, such as the role of the head; or none at all.
  std::vector<std::vector<std::string>> roles = {};
};

namespace detail {

/// As many as show three digits of the largest number, 0 to 6; none where only an exponent shows them.
inline std::optional<int> decimals_for(const CellRange& range) {
  const double largest = std::max(std::abs(range.smallest), std::abs(range.largest));
  if (largest == 0 || std::isinf(largest)) return 2;  // infinite: no number at all
  if (largest < 1e-4 || largest >= 1e6) return std::nullopt;
  return static_cast<int>(std::clamp(2 - std::floor(std::log10(largest)), 0.0, 6.0));
}

inline std::string metric_number(double value, std::optional<int> decimals) {
  if (std::isnan(value)) return "\u2013";
  if (!decimals || std::abs(value) >= 1e15) return fmt::format("{:.3g}", value + 0.0);
  return fmt::format("{:.{}f}", value + 0.0, *decimals);
}

/// The number of each cell that is kept, row by row, and below it the role.
inline std::vector<std::vector<std::string>> metric_lines(const Eigen::MatrixXd& values,
                                                          const std::vector<Eigen::Index>& layers,
                                                          const std::vector<Eigen::Index>& heads,
                                                          const MetricMapOptions& options) {
  const std::optional<int> decimals =
      options.decimals ? options.decimals : decimals_for(cell_range(values, layers, heads));
  require<ValueError>(!decimals || (0 <= *decimals && *decimals <= 12), "{} decimals are not 0 to 12",
                      decimals.value_or(0));
  std::vector<std::vector<std::string>> cells;
  for (const Eigen::Index layer : layers)
    for (const Eigen::Index head : heads) {
      cells.push_back({metric_number(values(layer, head), decimals)});
      if (options.roles.empty()) continue;
      const auto& roles = options.roles[static_cast<std::size_t>(layer)];
      cells.back().push_back(readable_line(roles[static_cast<std::size_t>(head)], 14));
    }
  return cells;
}

/// Room for the text of every cell, at least `least` px either way.
inline CellSize cell_around(const std::vector<std::vector<std::string>>& cells, double least) {
  double width = std::max(least, 30.0);
  for (const auto& lines : cells)
    for (const std::string& line : lines) width = std::max(width, text_width(line, 10) + 8);
  const std::size_t lines = cells.empty() ? 0 : cells.front().size();
  return {std::ceil(width), std::max(least, 12 + 12 * static_cast<double>(lines))};
}

}  // namespace detail

/// One number of each head, such as its entropy (SVG): a row a layer, layer 0 at the top, a column a head,
/// the number printed in each cell, in black or white, whichever reads better on its colour.
///
/// values: [layer x head]; NaN is a head that is not there or whose number is undefined: grey, with a dash.
/// Signed numbers are for a diverging palette, whose middle is 0. A cell is as large as its text asks for,
/// and at least `cell_size`. `rows`, `columns`, their labels, `pool` and `most_cells` of the options mean
/// nothing here.
/// @throws what `heatmap` throws; ShapeError roles that are not one a head; ValueError decimals not 0 to 12
inline std::string metric_map(const Eigen::MatrixXd& values, const MetricMapOptions& options = {}) {
  const auto layers = kept(options.map.layers, values.rows(), "layer");
  const auto heads = kept(options.map.heads, values.cols(), "head");
  detail::check_labels(options.roles, values.rows(), "layers of roles");
  for (const auto& roles : options.roles)
    require<ShapeError>(std::ssize(roles) == values.cols(), "{} roles for {}", roles.size(), values.cols());
  MapOptions map = options.map;
  map.rows = map.layers;
  map.columns = map.heads;
  map.row_labels = detail::names_of(map.layer_names, values.rows(), "layer names");
  map.column_labels = detail::names_of(map.head_names, values.cols(), "head names");
  map.pool = 1;
  detail::PanelStyle style{.name = "metric map", .row_title = "layer", .column_title = "head"};
  in_context("values", [&] { style.cell_lines = detail::metric_lines(values, layers, heads, options); });
  const double least = map.cell_size ? detail::cell_size(map, 1, 1, 0).width : 0;
  style.cell = detail::cell_around(style.cell_lines, least);
  return detail::map_grid({{&values, "values"}}, {.side = 640}, std::move(style), map);
}

}  // namespace attnscope
