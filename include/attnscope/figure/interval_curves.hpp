#pragma once
#include <attnscope/figure/plot.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// A number that was estimated, and where it may lie; NaN ends: no interval is drawn.
struct IntervalPoint {
  double x = 0;      ///< along the x axis
  double y = 0;      ///< the estimate
  double lower = 0;  ///< where its interval begins
  double upper = 0;  ///< where it ends
};
/// One line of estimates.
struct IntervalSeries {
  std::string name;                   ///< in the legend
  std::vector<IntervalPoint> points;  ///< in the order of the line
};

/// How interval_curves() draws.
struct IntervalCurvesOptions {
  std::string title = {};                    ///< above the figure; none where it is empty
  std::string x_title = {};                  ///< below the x axis
  std::string y_title = {};                  ///< beside the y axis
  std::string note = {};                     ///< below the figure
  AxisNumbers x_numbers = AxisNumbers::any;  ///< along the x axis
  std::optional<double> low = {};   ///< the lower end of the y axis; by default below all that is drawn
  std::optional<double> high = {};  ///< the upper one; by default above it
  double width = 480;               ///< of the frame, 10 to 10000 px
  double height = 300;              ///< of the frame, 10 to 10000 px
  Theme theme = Theme::light;       ///< of paper or screen
};

/// Estimates with their intervals (SVG): a mark and a line of its own look for each series, an upright bar
/// from lower to upper at each point. Series stand side by side, up to 4 px apart, so that bars at the same x
/// are told apart. A point whose y is undefined (NaN) breaks the line.
/// @throws ShapeError no points; ValueError an infinite number; ends of an axis that are none, a width or
/// height that is not 10 to 10000 px
inline std::string interval_curves(const std::vector<IntervalSeries>& series,
                                   const IntervalCurvesOptions& options = {}) {
  AxisRange x, y;
  for (const IntervalSeries& one : series)
    for (const IntervalPoint& point : one.points) {
      for (const double value : {point.x, point.y, point.lower, point.upper})
        require<ValueError>(!std::isinf(value), "{}: a number is {}", one.name, value);
      x.include(point.x);
      for (const double value : {point.y, point.lower, point.upper}) y.include(value);
    }
  require<ShapeError>(x.low <= x.high, "curves of no points");
  x = x.length() > 0 ? x.widened() : AxisRange{x.low - 1, x.high + 1};
  y = y.widened();
  Plot plot({.title = options.title,
             .x_title = options.x_title,
             .y_title = options.y_title,
             .x = x,
             .y = {options.low.value_or(y.low), options.high.value_or(y.high)},
             .x_numbers = options.x_numbers,
             .width = options.width,
             .height = options.height,
             .theme = options.theme});
  const double count = static_cast<double>(series.size());
  const double apart = std::min(4., 24 / count) * x.length() / options.width;
  std::vector<LegendEntry> legend;
  for (std::size_t s = 0; s < series.size(); ++s) {
    const CategoryStyle style = category_style(s, options.theme);
    const Stroke bar{style.colour, 1.2, .8}, line = category_stroke(s, 1.5, .8, options.theme);
    const double aside = (static_cast<double>(s) - (count - 1) / 2) * apart;
    std::vector<Point> middles;
    for (const IntervalPoint& point : series[s].points) {
      const double at = point.x + aside;
      middles.push_back({at, point.y});
      plot.line({{at, point.lower}, {at, point.upper}}, bar);
    }
    plot.line(middles, line);
    for (const IntervalPoint& point : series[s].points)
      if (plot.holds(point.x + aside, point.y))
        draw_mark(plot.svg(), plot.at(point.x + aside, point.y), style, 3.5, 1,
                  fmt::format("{}, {:.4g}: {:.4g} ({:.4g} to {:.4g})", series[s].name, point.x, point.y,
                              point.lower, point.upper));
    legend.push_back({series[s].name, line, style.shape});
  }
  return plot.document(Legend(std::move(legend)), options.note, options.y_title,
                       fmt::format("{} of {} series with intervals.", options.y_title, series.size()));
}

}  // namespace attnscope
