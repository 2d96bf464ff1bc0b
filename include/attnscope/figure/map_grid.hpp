#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/drawn_maps.hpp>
#include <attnscope/figure/map_options.hpp>
#include <attnscope/figure/panels.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope::detail {

/// The number of columns that makes the figure about half as wide again as it is high and leaves few places
/// empty. `aspect`: width over height of one map.
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

/// How large a map is to be.
struct MapSize {
  double side;                                                          // px, about
  Eigen::Index most_a_side = std::numeric_limits<Eigen::Index>::max();  // cells; more are pooled
};

/// The one way from matrices to a figure: filter, pool, lay out, draw. Where style says nothing of them, the
/// options make the size of a cell, and columns = 0 a landscape.
inline std::string map_grid(const std::vector<GivenMap>& maps, const MapSize& size, PanelStyle style,
                            const MapOptions& options) {
  check_labels(style.map_titles, static_cast<Eigen::Index>(maps.size()), "map titles");
  DrawnMaps drawn = drawn_maps(maps, options, size.most_a_side);
  if (!(style.cell.width > 0)) style.cell = cell_size(options, drawn.rows, drawn.columns, size.side);
  const double aspect = style.cell.width * static_cast<double>(drawn.columns) /
                        (style.cell.height * static_cast<double>(drawn.rows));
  if (style.columns == 0) style.columns = landscape_columns(maps.size(), aspect);
  return Panels(std::move(drawn), std::move(style), options).svg();
}

/// Maps side by side, titled "<what> <name>" unless options.map_titles names them.
inline std::string titled_grid(const std::vector<Eigen::MatrixXd>& maps, std::string_view what,
                               const Filter& filter, const std::vector<std::string>& named,
                               const MapOptions& options) {
  const auto count = static_cast<Eigen::Index>(maps.size());
  const std::vector<std::string> names = names_of(named, count, fmt::format("{} names", what));
  PanelStyle style{.name = fmt::format("{}s", what), .columns = 0, .map_titles = options.map_titles};
  std::vector<GivenMap> shown;
  for (const Eigen::Index i : kept(filter, count, what)) {
    const std::string title = fmt::format("{} {}", what, names[static_cast<std::size_t>(i)]);
    shown.push_back({&maps[static_cast<std::size_t>(i)], title});
    if (options.map_titles.empty()) style.map_titles.push_back(title);
  }
  return map_grid(shown, {.side = 220}, std::move(style), options);
}

}  // namespace attnscope::detail
