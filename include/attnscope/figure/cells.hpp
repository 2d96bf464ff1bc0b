#pragma once
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/svg.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <vector>

namespace attnscope {

/// The level of each cell of a map (see ColourScale), in the order in which they are drawn.
using Levels = Eigen::Matrix<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The levels of the cells of `map` on `scale`.
inline Levels levels_of(const Eigen::MatrixXd& map, const ColourScale& scale) {
  return map.unaryExpr([&](double value) { return scale.level(value); });
}

namespace detail {

// `length` cells side by side that one stroke paints.
struct Run {
  int row;
  int column;
  int length;
};

using RunsByLevel = std::vector<std::vector<Run>>;

// The runs of one row of cells. Higher levels are painted later, so that a run passes under them: it ends
// where its level occurs for the last time before a lower one.
inline void append_runs(const Levels& levels, int row, RunsByLevel& runs) {
  struct Open {
    int level;
    int begin;
    int end;
  };
  std::vector<Open> open;  // from the lowest level to the highest
  const auto close_above = [&](int level) {
    for (; !open.empty() && open.back().level > level; open.pop_back()) {
      const Open& run = open.back();
      runs[static_cast<std::size_t>(run.level)].push_back({row, run.begin, run.end - run.begin});
    }
  };
  for (int column = 0; column < levels.cols(); ++column) {
    const int level = levels(row, column);
    close_above(level);
    if (level == 0) continue;  // the background
    if (open.empty() || open.back().level < level) open.push_back({level, column, column});
    open.back().end = column + 1;
  }
  close_above(0);
}

// Steps from run to run are short, hence their numbers, when runs are visited in strips of a few columns,
// down the first, up the next.
inline void sort_in_strips(std::vector<Run>& runs) {
  constexpr int strip_width = 12;  // the fewest bytes on random maps of 512 x 512
  const auto key = [](const Run& run) {
    const int strip = run.column / strip_width;
    return std::tuple(strip, strip % 2 == 0 ? run.row : -run.row, run.column);
  };
  std::sort(runs.begin(), runs.end(), [&](const Run& a, const Run& b) { return key(a) < key(b); });
}

// A stroke of width 1 along the middle of each run; every step is relative to the end of the run before.
inline void draw_runs(Svg& svg, const std::vector<Run>& runs, Colour colour) {
  const Run& first = runs.front();
  svg.markup("<path stroke=\"{}\" d=\"M{} {}.5h{}", hex(colour), first.column, first.row, first.length);
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Run& last = runs[i - 1];
    const int right = runs[i].column - last.column - last.length, down = runs[i].row - last.row;
    // A minus sign separates two numbers as well as a space does.
    svg.markup("m{}{}{}h{}", right, down < 0 ? "" : " ", down, runs[i].length);
  }
  svg.markup("\"/>\n");
}

}  // namespace detail

/// Paints a map of cells to fill `box`: the lowest level as one rectangle, and each other level that occurs
/// as one path on top of it, from low to high.
///
/// Cells of a level merge into one stroke along a row, also across cells of a higher level, which cover it. A
/// map of 512 x 512 causal random weights takes 0.3 MB, and 0.95 MB if all 256 levels are equally frequent in
/// it.
inline void draw_cells(Svg& svg, const Levels& levels, const ColourScale& scale, const Box& box) {
  svg.rectangle(box, scale.colour(0));
  detail::RunsByLevel runs(palette_levels + 1);
  for (int row = 0; row < levels.rows(); ++row) detail::append_runs(levels, row, runs);
  svg.markup("<g fill=\"none\" shape-rendering=\"crispEdges\" transform=\"translate({} {}) scale({} {})\">\n",
             svg_number(box.left), svg_number(box.top), box.width / static_cast<double>(levels.cols()),
             box.height / static_cast<double>(levels.rows()));
  for (std::size_t level = 0; level < runs.size(); ++level) {
    if (runs[level].empty()) continue;
    detail::sort_in_strips(runs[level]);
    detail::draw_runs(svg, runs[level], scale.colour(static_cast<int>(level)));
  }
  svg.markup("</g>\n");
}

}  // namespace attnscope
