#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/filter.hpp>
#include <attnscope/figure/names.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// How one map, or several of one shape on one colour scale, are filtered, labelled, coloured and sized.
struct MapOptions {
  std::string title = {};                        ///< above the figure; none where it is empty
  std::vector<std::string> map_titles = {};      ///< one a map that is shown; by default its layer or head
  std::vector<std::string> row_labels = {};      ///< tokens, one a row, or none at all
  std::vector<std::string> column_labels = {};   ///< tokens, one a column, or none at all
  std::vector<std::string> head_names = {};      ///< one a head; by default "0", "1", …
  std::vector<std::string> layer_names = {};     ///< one a layer; by default "0", "1", …
  std::optional<std::string> row_title = {};     ///< by default "query", of each figure its own
  std::optional<std::string> column_title = {};  ///< by default "key", of each figure its own
  Filter rows = {};                              ///< the rows that are shown, of each map
  Filter columns = {};                           ///< the columns; `all_but_first` leaves the sink out
  Filter heads = {};                             ///< the heads that are shown, of a figure of heads
  Filter layers = {};                            ///< the layers that are shown, of a figure of layers
  std::optional<double> low = {};        ///< the value of the lowest colour; by default see colour_scale
  std::optional<double> high = {};       ///< the value of the highest colour; by default the largest cell
  std::optional<Palette> palette = {};   ///< by default sequential_palette(theme)
  Scale scale = Scale::linear;           ///< how values between low and high are spread over the colours
  std::optional<double> cell_size = {};  ///< px, 0.1 to 1000; by default a whole number, at least 1
  Eigen::Index most_cells = 270000;  ///< drawn in all maps together; where there are more, they are pooled
  std::optional<Eigen::Index> pool =
      {};                      ///< draw one cell for pool x pool; by default 1 where most_cells allows
  Theme theme = Theme::light;  ///< of paper or screen
};

namespace detail {

inline ScaleOptions scale_options(const MapOptions& options, int step = 1) {
  return {.palette = options.palette.value_or(sequential_palette(options.theme)),
          .low = options.low,
          .high = options.high,
          .scale = options.scale,
          .theme = options.theme,
          .step = step};
}

/// The size of a cell in px.
struct CellSize {
  double width;
  double height;
};

/// Squares, with about `side` px for the longer side of the map, but taller or wider ones where its shorter
/// side would be very short. Whole numbers, so that a screen shows every cell.
inline CellSize default_cell_size(Eigen::Index rows, Eigen::Index columns, double side) {
  const auto fitting = [](double length, Eigen::Index count) {
    return std::clamp(std::floor(length / static_cast<double>(count)), 1.0, 28.0);
  };
  const double square = std::min(fitting(side, rows), fitting(side, columns));
  return {std::max(square, fitting(side / 4, columns)), std::max(square, fitting(side / 4, rows))};
}

inline CellSize cell_size(const MapOptions& options, Eigen::Index rows, Eigen::Index columns, double side) {
  if (!options.cell_size) return default_cell_size(rows, columns, side);
  const double size = *options.cell_size;
  require<ValueError>(0.1 <= size && size <= 1000, "a cell size of {} px is not between 0.1 and 1000", size);
  return {size, size};
}

}  // namespace detail
}  // namespace attnscope
