#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/filter.hpp>
#include <attnscope/figure/map_options.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace attnscope::detail {

/// A map of a figure as it was given, with its name for errors ("head 3"). A place without a map stays empty.
struct GivenMap {
  const Eigen::MatrixXd* map;
  std::string name;
};

/// The maps of a figure as they are drawn, all of one shape: the rows and columns that are kept, and of each
/// square of `pool` x `pool` cells one number. A map without cells is an empty place.
struct DrawnMaps {
  std::vector<Eigen::MatrixXd> cells;
  Eigen::Index rows = 0;  // of a map as they are drawn
  Eigen::Index columns = 0;
  Eigen::Index pool = 1;
  CellRange range;  // of what is kept, before it is pooled
  std::vector<std::string> row_labels;
  std::vector<std::string> column_labels;
  std::vector<Eigen::Index> kept_rows;
  std::vector<Eigen::Index> kept_columns;
};

inline Eigen::Index rounded_up(Eigen::Index count, Eigen::Index width) { return (count + width - 1) / width; }

/// The narrowest squares such that no side of a map has more than `most_a_side`, and all maps have at most
/// `most_cells` of them.
inline Eigen::Index pool_width(Eigen::Index rows, Eigen::Index columns, std::size_t maps,
                               Eigen::Index most_cells, Eigen::Index most_a_side) {
  const auto too_many = [&](Eigen::Index width) {
    const Eigen::Index down = rounded_up(rows, width), across = rounded_up(columns, width);
    return std::max(down, across) > most_a_side ||
           (down * across > 1 && down * across * static_cast<Eigen::Index>(maps) > most_cells);
  };
  Eigen::Index width = 1;
  while (too_many(width)) ++width;
  return width;
}

/// Of two numbers the larger; in a map of signed numbers the one farther from 0. NaN gives way to any number.
inline double prevailing(double a, double b, bool is_signed) {
  if (std::isnan(a)) return b;
  if (is_signed) return std::abs(b) > std::abs(a) ? b : a;
  return b > a ? b : a;
}

inline Eigen::MatrixXd pooled(const Eigen::MatrixXd& map, const DrawnMaps& drawn, bool is_signed) {
  Eigen::MatrixXd cells = Eigen::MatrixXd::Constant(drawn.rows, drawn.columns, std::nan(""));
  for (std::size_t j = 0; j < drawn.kept_columns.size(); ++j)
    for (std::size_t i = 0; i < drawn.kept_rows.size(); ++i) {
      double& cell =
          cells(static_cast<Eigen::Index>(i) / drawn.pool, static_cast<Eigen::Index>(j) / drawn.pool);
      cell = prevailing(cell, map(drawn.kept_rows[i], drawn.kept_columns[j]), is_signed);
    }
  return cells;
}

/// Errors name the map, and the row and column as they were given.
inline DrawnMaps drawn_maps(const std::vector<GivenMap>& maps, const MapOptions& options,
                            Eigen::Index most_a_side) {
  const auto is_map = [](const GivenMap& given) { return given.map != nullptr; };
  const auto first = std::find_if(maps.begin(), maps.end(), is_map);
  require<ShapeError>(first != maps.end(), "a figure of no maps");
  const Eigen::Index rows = first->map->rows(), columns = first->map->cols();
  for (const auto& [map, name] : maps)
    require<ShapeError>(map == nullptr || (map->rows() == rows && map->cols() == columns),
                        "{} is {} x {}, {} is {} x {}", name, map ? map->rows() : 0, map ? map->cols() : 0,
                        first->name, rows, columns);
  check_labels(options.row_labels, rows, "row labels");
  check_labels(options.column_labels, columns, "column labels");

  DrawnMaps drawn;
  drawn.kept_rows = kept(options.rows, rows, "row");
  drawn.kept_columns = kept(options.columns, columns, "column");
  drawn.row_labels = kept_of(options.row_labels, drawn.kept_rows);
  drawn.column_labels = kept_of(options.column_labels, drawn.kept_columns);
  const auto rows_left = static_cast<Eigen::Index>(drawn.kept_rows.size());
  const auto columns_left = static_cast<Eigen::Index>(drawn.kept_columns.size());
  require<ValueError>(!options.pool || *options.pool > 0, "squares of {} cells cannot be pooled",
                      options.pool.value_or(1));
  require<ValueError>(options.most_cells > 0, "a figure of at most {} cells", options.most_cells);
  const auto count = static_cast<std::size_t>(std::count_if(maps.begin(), maps.end(), is_map));
  // No wider than a map: one square takes all of it then.
  drawn.pool = options.pool ? std::min(*options.pool, std::max({rows_left, columns_left, Eigen::Index{1}}))
                            : pool_width(rows_left, columns_left, count, options.most_cells, most_a_side);
  drawn.rows = rounded_up(rows_left, drawn.pool);
  drawn.columns = rounded_up(columns_left, drawn.pool);
  const bool is_signed = options.palette && is_diverging(*options.palette);
  for (const auto& [map, name] : maps) {
    drawn.cells.emplace_back();
    if (map == nullptr) continue;
    in_context(name,
               [&, &map = map] { drawn.range.merge(cell_range(*map, drawn.kept_rows, drawn.kept_columns)); });
    drawn.cells.back() = pooled(*map, drawn, is_signed);
  }
  return drawn;
}

/// What a reader must know of the cells beside the colour bar; empty where there is nothing.
inline std::string note_on(const DrawnMaps& drawn, const MapOptions& options) {
  std::vector<std::string> notes;
  const auto add = [&](bool is_so, const std::string& words) {
    if (is_so) notes.push_back(words);
  };
  const bool is_signed = options.palette && is_diverging(*options.palette);
  add(drawn.pool > 1, fmt::format("a cell: the {} of {} x {}", is_signed ? "farthest from 0" : "largest",
                                  drawn.pool, drawn.pool));
  add(options.scale == Scale::square_root, "square-root colour scale");
  add(options.scale == Scale::logarithmic, "logarithmic colour scale");
  add(drawn.range.undefined, "grey: undefined");
  return joined_notes(notes);
}

}  // namespace attnscope::detail
