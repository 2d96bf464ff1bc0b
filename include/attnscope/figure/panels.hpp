#pragma once
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/cells.hpp>
#include <attnscope/figure/colour_bar.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/map_options.hpp>
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace attnscope::detail {

// Where maps of one size stand, in rows of `columns`.
struct Grid {
  std::size_t count;
  std::size_t columns;
  Box first;
  double step_right;
  double step_down;

  static constexpr double gap = 16;

  bool is_leftmost(std::size_t i) const { return i % columns == 0; }
  bool is_lowest(std::size_t i) const { return i + columns >= count; }
  Box map(std::size_t i) const {
    const auto column = static_cast<double>(i % columns), row = static_cast<double>(i / columns);
    return {first.left + column * step_right, first.top + row * step_down, first.width, first.height};
  }
  Box extent() const {
    const double width = static_cast<double>(columns) * step_right - gap;
    return {first.left, first.top, width, map(count - 1).bottom() - first.top};
  }
};

// A figure of maps of one shape: in rows of `columns` (at most as many as there are maps), the labels of the
// axes to the left and below, one colour bar to the right.
class Panels {
 public:
  // Keeps a reference to `maps`.
  Panels(const std::vector<Eigen::MatrixXd>& maps, const CellRange& range, std::size_t columns, CellSize cell,
         const MapOptions& options)
      : maps_(maps),
        scale_(colour_scale(range, scale_options(options))),
        title_{readable_line(options.title), {.size = 15, .bold = true}},
        row_title_{readable_line(options.row_title), {.size = 12, .anchor = Anchor::middle, .turn = -90}},
        column_title_{readable_line(options.column_title), {.size = 12, .anchor = Anchor::middle}},
        note_{range.undefined ? "grey: undefined" : "", {.size = 10}},
        row_labels_(options.row_labels, cell.height),
        column_labels_(options.column_labels, cell.width) {
    for (const std::string& title : options.map_titles) {
      map_titles_.push_back({readable_line(title, 40), {.size = 12}});
      map_title_height_ = std::max(map_title_height_, map_titles_.back().height());
    }
    arrange(columns, cell);
  }

  std::string svg() const {
    const Box maps = grid_.extent();
    // A very small map may be shorter than the titles of its axes, and than a readable colour bar.
    const double width = std::max(maps.width, column_title_.width());
    const double height = std::max(maps.height, row_title_.width());
    const ColourBar bar(scale_, std::max(maps.height, ColourBar::least_height));
    const Point bar_at{maps.left + width + Grid::gap, maps.top};
    const double labels_end = std::max({maps.top + height, maps.top + ColourBar::least_height + Grid::gap / 2,
                                        maps.bottom() + column_labels_.extent()});
    const double column_title_end = labels_end + column_title_.height();
    const double right =
        std::max({bar_at.x + bar.width(), maps.left + title_.width(), maps.left + note_.width()});

    Svg svg(scale_.theme);
    title_.draw(svg, {maps.left, margin + title_.height() / 2});
    row_title_.draw(svg, {margin + row_title_.height() / 2, maps.top + height / 2});
    for (std::size_t i = 0; i < maps_.size(); ++i) draw_map(svg, i);
    bar.draw(svg, bar_at);
    column_title_.draw(svg, {maps.left + width / 2, labels_end + column_title_.height() / 2});
    note_.draw(svg, {maps.left, column_title_end + note_.height() / 2});
    return svg.document({.width = right + margin,
                         .height = column_title_end + note_.height() + margin,
                         .title = title_.words.empty() ? "heatmap" : title_.words,
                         .description = description()});
  }

 private:
  static constexpr double margin = 16;

  void arrange(std::size_t columns, CellSize cell) {
    const Box first{margin + row_title_.height() + row_labels_.extent(),
                    margin + title_.height() + map_title_height_,
                    cell.width * static_cast<double>(maps_[0].cols()),
                    cell.height * static_cast<double>(maps_[0].rows())};
    double column_width = first.width;
    for (const Caption& title : map_titles_) column_width = std::max(column_width, title.width());
    const double row_height = map_title_height_ + first.height;
    grid_ = {maps_.size(), columns, first, column_width + Grid::gap, row_height + Grid::gap};
  }

  void draw_map(Svg& svg, std::size_t i) const {
    const Box map = grid_.map(i);
    draw_cells(svg, levels_of(maps_[i], scale_), scale_, map);
    svg.frame(map, svg.colours().line);
    if (!map_titles_.empty()) map_titles_[i].draw(svg, {map.left, map.top - map_title_height_ / 2});
    if (grid_.is_leftmost(i)) row_labels_.draw_rows(svg, map);
    if (grid_.is_lowest(i)) column_labels_.draw_columns(svg, map);
  }

  std::string description() const {
    const std::string count = maps_.size() == 1 ? "A map" : fmt::format("{} maps", maps_.size());
    return fmt::format("{} of {} rows and {} columns, coloured from {:.4g} to {:.4g}.", count,
                       maps_[0].rows(), maps_[0].cols(), scale_.low, scale_.high);
  }

  const std::vector<Eigen::MatrixXd>& maps_;
  ColourScale scale_;
  Caption title_, row_title_, column_title_, note_;
  AxisLabels row_labels_, column_labels_;
  std::vector<Caption> map_titles_;
  double map_title_height_ = 0;
  Grid grid_{};
};

}  // namespace attnscope::detail
