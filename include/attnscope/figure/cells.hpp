#pragma once
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/svg.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace attnscope {

/// The level of each cell of a map (see ColourScale), in the order in which they are drawn.
using Levels = Eigen::Matrix<int, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The levels of the cells of `map` on `scale`.
inline Levels levels_of(const Eigen::MatrixXd& map, const ColourScale& scale) {
  return map.unaryExpr([&](double value) { return scale.level(value); });
}

namespace detail {

/// `length` cells side by side that one stroke paints.
struct Run {
  int row;
  int column;
  int length;
};

using RunsByLevel = std::vector<std::vector<Run>>;

/// A run whose end is not yet known.
struct OpenRun {
  int level;
  int begin;
  int end;
};

/// The runs of one row of cells. Higher levels are painted later, so that a run passes under them: it ends
/// where its level occurs for the last time before a lower one.
/// `open`, from the lowest level to the highest, is empty before and after: its memory is asked for once.
inline void append_runs(const Levels& levels, int row, std::vector<OpenRun>& open, RunsByLevel& runs) {
  const auto close_above = [&](int level) {
    for (; !open.empty() && open.back().level > level; open.pop_back()) {
      const OpenRun& run = open.back();
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

/// Steps from run to run are short, hence their numbers, when runs are visited in strips of a few columns,
/// down the first, up the next.
inline void sort_in_strips(std::vector<Run>& runs) {
  constexpr int strip_width = 12;  // the fewest bytes on random maps of 512 x 512
  // One number a run, so that the order takes one comparison: strip, then row, then column.
  const auto key = [](const Run& run) {
    const int strip = run.column / strip_width;
    const int row = strip % 2 == 0 ? run.row : std::numeric_limits<int>::max() - run.row;
    return (static_cast<std::int64_t>(strip) << 40) + static_cast<std::int64_t>(row) * strip_width +
           run.column % strip_width;
  };
  std::sort(runs.begin(), runs.end(), [&](const Run& a, const Run& b) { return key(a) < key(b); });
}

/// A stroke of width 1 along the middle of each run; every step is relative to the end of the run before.
inline void draw_runs(Svg& svg, const std::vector<Run>& runs, Colour colour) {
  const Run& first = runs.front();
  std::string data = fmt::format("M{} {}.5h{}", first.column, first.row, first.length);
  // Not fmt: half of the time of a large figure would go into reading its format.
  const auto append = [&](char command, int number) {
    char digits[12];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    if (command != '\0') data += command;
    data.append(digits, end);
  };
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const Run& last = runs[i - 1];
    const int down = runs[i].row - last.row;
    append('m', runs[i].column - last.column - last.length);
    // A minus sign separates two numbers as well as a space does.
    append(down < 0 ? '\0' : ' ', down);
    append('h', runs[i].length);
  }
  svg.markup("<path stroke=\"{}\" d=\"{}\"/>\n", hex(colour), data);
}

}  // namespace detail

/// Paints a map of cells to fill `box`: the lowest level as one rectangle, and each other level that occurs
/// as one path on top of it, from low to high.
///
/// Cells of a level merge into one stroke along a row, also across cells of a higher level, which cover it. A
/// map of 512 x 512 causal random weights takes 0.3 MB, and 0.95 MB if all 256 levels are equally frequent in
/// it.
/// Rows overlap by a fiftieth of a pixel: where the edge of a row runs through the middle of a pixel, as in
/// rows of 2.5 px, rounding else leaves that pixel to neither.
inline void draw_cells(Svg& svg, const Levels& levels, const ColourScale& scale, const Box& box) {
  svg.rectangle(box, scale.colour(0));
  const double width = box.width / static_cast<double>(levels.cols()),
               height = box.height / static_cast<double>(levels.rows());
  detail::RunsByLevel runs(palette_levels + 1);
  std::vector<detail::OpenRun> open;
  for (int row = 0; row < levels.rows(); ++row) detail::append_runs(levels, row, open, runs);
  svg.markup(
      "<g fill=\"none\" shape-rendering=\"crispEdges\" stroke-width=\"{:.4g}\" "
      "transform=\"translate({} {}) scale({} {})\">\n",
      1 + 0.02 / height, svg_number(box.left), svg_number(box.top), width, height);
  for (std::size_t level = 0; level < runs.size(); ++level) {
    if (runs[level].empty()) continue;
    detail::sort_in_strips(runs[level]);
    detail::draw_runs(svg, runs[level], scale.colour(static_cast<int>(level)));
  }
  svg.markup("</g>\n");
}

}  // namespace attnscope
