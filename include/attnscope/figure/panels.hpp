#pragma once
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/cells.hpp>
#include <attnscope/figure/colour_bar.hpp>
#include <attnscope/figure/drawn_maps.hpp>
#include <attnscope/figure/hover.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/map_options.hpp>
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace attnscope::detail {

/// Where maps of one size stand, in rows of `columns`.
struct Grid {
  std::size_t count;
  std::size_t columns;
  Box first;
  double step_right;
  double step_down;
  double gap;

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

/// What one kind of figure has of its own.
struct PanelStyle {
  std::string name = "heatmap";  // for those who cannot see it, where it has no title
  std::size_t columns = 1;       // maps side by side, at most as many as there are
  CellSize cell{};
  double gap = 16;     // between two maps
  int level_step = 1;  // of the colour scale
  std::string row_title = "query";
  std::string column_title = "key";
  std::vector<std::string> map_titles = {};
  // Where the grid itself has axes (layers, heads), their labels; its maps then have none.
  std::vector<std::string> row_headings = {};
  std::vector<std::string> column_headings = {};
  // The lines of text in each cell of the first map, row by row, or none.
  std::vector<std::vector<std::string>> cell_lines = {};
};

/// A figure of maps of one shape on one colour scale: in rows of style.columns, the labels of the axes to the
/// left and below, one colour bar to the right.
class Panels {
 public:
  Panels(DrawnMaps maps, PanelStyle style, const MapOptions& options)
      : maps_(std::move(maps)),
        style_(std::move(style)),
        scale_(colour_scale(maps_.range, scale_options(options, style_.level_step))),
        title_{readable_line(options.title), {.size = 15, .bold = true}},
        row_title_{readable_line(options.row_title.value_or(style_.row_title)),
                   {.size = 12, .anchor = Anchor::middle, .turn = -90}},
        column_title_{readable_line(options.column_title.value_or(style_.column_title)),
                      {.size = 12, .anchor = Anchor::middle}},
        note_{note_on(maps_, options), {.size = 10, .colour = theme_colours(options.theme).quiet}} {
    for (const std::string& title : style_.map_titles) {
      map_titles_.push_back({readable_line(title, 40), {.size = 12}});
      map_title_height_ = std::max(map_title_height_, map_titles_.back().height());
    }
    arrange();
  }

  std::string svg() const {
    const Box maps = grid_.extent();
    // A very small map may be shorter than the titles of its axes, and than a readable colour bar.
    const double width = std::max(maps.width, column_title_.width());
    const double height = std::max(maps.height, row_title_.width());
    const ColourBar bar(scale_, std::max(maps.height, ColourBar::least_height));
    const Point bar_at{maps.left + width + bar_gap, maps.top};
    const double labels_end = std::max({maps.top + height, maps.top + ColourBar::least_height + bar_gap / 2,
                                        maps.bottom() + column_labels_.column_extent()});
    const double column_title_end = labels_end + column_title_.height();
    const double right =
        std::max({bar_at.x + bar.width(), maps.left + title_.width(), maps.left + note_.width()});

    Svg svg(scale_.theme);
    title_.draw(svg, {maps.left, margin + title_.height() / 2});
    row_title_.draw(svg, {margin + row_title_.height() / 2, maps.top + height / 2});
    for (std::size_t i = 0; i < maps_.cells.size(); ++i) {
      if (maps_.cells[i].size() > 0) draw_map(svg, i);
      if (!has_headings()) draw_labels(svg, i);
    }
    if (has_headings()) draw_headings(svg);
    bar.draw(svg, bar_at);
    column_title_.draw(svg, {maps.left + width / 2, labels_end + column_title_.height() / 2});
    note_.draw(svg, {maps.left, column_title_end + note_.height() / 2});
    return svg.document({.width = right + margin,
                         .height = column_title_end + note_.height() + margin,
                         .title = title_.words.empty() ? style_.name : title_.words,
                         .description = description()});
  }

 private:
  static constexpr double margin = 16, bar_gap = 16;
  static constexpr Eigen::Index most_hover_cells = 1024;

  bool has_headings() const { return !style_.row_headings.empty(); }

  Eigen::Index map_count() const {
    return std::count_if(maps_.cells.begin(), maps_.cells.end(),
                         [](const Eigen::MatrixXd& map) { return map.size() > 0; });
  }

  void arrange() {
    const auto& [width, height] = style_.cell;
    Box first{0, margin + title_.height() + map_title_height_, width * static_cast<double>(maps_.columns),
              height * static_cast<double>(maps_.rows)};
    double column_width = first.width;
    for (const Caption& title : map_titles_) column_width = std::max(column_width, title.width());
    const double row_height = map_title_height_ + first.height;
    const double right = column_width + style_.gap, down = row_height + style_.gap;
    const auto pool = static_cast<double>(maps_.pool);
    row_labels_ =
        has_headings() ? AxisLabels(style_.row_headings, down) : AxisLabels(maps_.row_labels, height / pool);
    column_labels_ = has_headings() ? AxisLabels(style_.column_headings, right)
                                    : AxisLabels(maps_.column_labels, width / pool);
    first.left = margin + row_title_.height() + row_labels_.extent();
    grid_ = {maps_.cells.size(), style_.columns, first, right, down, style_.gap};
  }

  void draw_map(Svg& svg, std::size_t i) const {
    const Box map = grid_.map(i);
    const Levels levels = levels_of(maps_.cells[i], scale_);
    draw_cells(svg, levels, scale_, map);
    svg.frame(map, svg.colours().line);
    if (i == 0 && !style_.cell_lines.empty()) draw_cell_lines(svg, levels, map);
    if (!map_titles_.empty()) map_titles_[i].draw(svg, {map.left, map.top - map_title_height_ / 2});
    if (maps_.pool == 1 && maps_.cells[i].size() * map_count() <= most_hover_cells)
      draw_hover(svg, maps_.cells[i], map, hover_names(maps_.row_labels, maps_.kept_rows, row_title_),
                 hover_names(maps_.column_labels, maps_.kept_columns, column_title_));
  }

  void draw_labels(Svg& svg, std::size_t i) const {
    if (grid_.is_leftmost(i)) row_labels_.draw_rows(svg, grid_.map(i));
    if (grid_.is_lowest(i)) column_labels_.draw_columns(svg, grid_.map(i));
  }

  // Each beside the middle of its row of maps, and below the middle of its column.
  void draw_headings(Svg& svg) const {
    Box maps = grid_.extent();
    const double left = maps.left, above = map_title_height_ + style_.gap;
    maps.top -= above / 2;
    row_labels_.draw_rows(svg, maps);
    maps.top += above / 2;
    maps.left = left - style_.gap / 2;
    column_labels_.draw_columns(svg, maps);
  }

  void draw_cell_lines(Svg& svg, const Levels& levels, const Box& map) const {
    constexpr double size = 10, line_height = 12;
    for (Eigen::Index row = 0; row < levels.rows(); ++row)
      for (Eigen::Index column = 0; column < levels.cols(); ++column) {
        const auto& lines = style_.cell_lines[static_cast<std::size_t>(row * levels.cols() + column)];
        const double x = map.left + (static_cast<double>(column) + 0.5) * style_.cell.width;
        double y = map.top + (static_cast<double>(row) + 0.5) * style_.cell.height -
                   line_height / 2 * static_cast<double>(lines.size() - 1);
        const Colour ink = text_colour_on(scale_.colour(levels(row, column)));
        for (const std::string& line : lines) {
          svg.text({x, y}, line, {.size = size, .anchor = Anchor::middle, .colour = ink});
          y += line_height;
        }
      }
  }

  static std::vector<std::string> hover_names(const std::vector<std::string>& labels,
                                              const std::vector<Eigen::Index>& numbers,
                                              const Caption& title) {
    std::vector<std::string> names = labels;
    if (names.empty())
      for (const Eigen::Index i : numbers) names.push_back(fmt::format("{} {}", title.words, i));
    return names;
  }

  std::string description() const {
    const Eigen::Index maps = map_count();
    return fmt::format("{} of {} rows and {} columns, coloured from {:.4g} to {:.4g}.",
                       maps == 1 ? "A map" : fmt::format("{} maps", maps), maps_.kept_rows.size(),
                       maps_.kept_columns.size(), scale_.low, scale_.high);
  }

  DrawnMaps maps_;
  PanelStyle style_;
  ColourScale scale_;
  Caption title_, row_title_, column_title_, note_;
  AxisLabels row_labels_{{}, 1}, column_labels_{{}, 1};
  std::vector<Caption> map_titles_;
  double map_title_height_ = 0;
  Grid grid_{};
};

}  // namespace attnscope::detail
