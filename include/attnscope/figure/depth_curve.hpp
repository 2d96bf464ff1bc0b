#pragma once
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/plot.hpp>

#include <Eigen/Core>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// How depth_curve() draws.
struct DepthCurveOptions {
  std::string title = {};                  ///< above the figure; none where it is empty
  std::string metric = "value";            ///< the name of the axis
  std::vector<std::ptrdiff_t> layers{};    ///< [layer] its number in the model; none: 0, 1, …
  std::vector<double> baseline{};          ///< [layer] what stands beside the heads; NaN: none there
  std::string baseline_name = "baseline";  ///< in the legend
  std::optional<double> low = {};          ///< the lower end of the axis; by default below all that is drawn
  std::optional<double> high = {};         ///< the upper one; by default above it
  double width = 480;                      ///< of the frame, 10 to 10000 px
  double height = 300;                     ///< of the frame, 10 to 10000 px
  Theme theme = Theme::light;              ///< of paper or screen
};

namespace detail {

/// The mean of the numbers that are defined; NaN where none is.
inline double mean_defined(const Eigen::VectorXd& numbers) {
  double sum = 0, count = 0;
  for (const double number : numbers)
    if (!std::isnan(number)) {
      sum += number;
      ++count;
    }
  return sum / count;
}

inline void check_depth(const std::vector<Eigen::VectorXd>& layers, const DepthCurveOptions& options) {
  require<ShapeError>(!layers.empty(), "a curve of no layers");
  const auto count = static_cast<std::ptrdiff_t>(layers.size());
  check_labels(options.layers, count, "layer numbers");
  check_labels(options.baseline, count, "baseline numbers");
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (Eigen::Index h = 0; h < layers[l].size(); ++h)
      require<ValueError>(!std::isinf(layers[l](h)), "layer {}, head {}: the value is {}", l, h,
                          layers[l](h));
    const double baseline = options.baseline.empty() ? 0 : options.baseline[l];
    require<ValueError>(!std::isinf(baseline), "layer {}: the baseline is {}", l, baseline);
  }
}

}  // namespace detail

/// Any number of each head against depth (SVG): a dot a head, a line through the means of the layers, and a
/// dashed line for a baseline beside them, such as the locality of uniform attention. layers: [layer] of
/// [head], which may differ in length. A head whose number is undefined (NaN) has no dot, and a note counts
/// them; where no head of a layer has one the line is broken.
/// @throws ShapeError no layers, layer numbers or a baseline of another length; ValueError an infinite
/// number, ends of an axis that are none, a width or height that is not 10 to 10000 px
inline std::string depth_curve(const std::vector<Eigen::VectorXd>& layers,
                               const DepthCurveOptions& options = {}) {
  detail::check_depth(layers, options);
  const auto depth = [&](std::size_t l) {
    return static_cast<double>(options.layers.empty() ? static_cast<std::ptrdiff_t>(l) : options.layers[l]);
  };
  AxisRange x, y;
  std::vector<Point> means, baseline;
  std::size_t unknown = 0, heads = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    x.include(depth(l));
    for (const double value : layers[l]) {
      y.include(value);
      unknown += std::isnan(value);
      ++heads;
    }
    means.push_back({depth(l), detail::mean_defined(layers[l])});
    if (!options.baseline.empty()) {
      baseline.push_back({depth(l), options.baseline[l]});
      y.include(options.baseline[l]);
    }
  }
  x = x.length() > 0 ? x.widened() : AxisRange{x.low - 1, x.high + 1};
  y = y.widened();
  const CategoryStyle head = category_style(0, options.theme);
  const Stroke mean_line{category_colour(1, options.theme), 2},
      baseline_line{theme_colours(options.theme).quiet, 1.5, 1, plain_dashes};
  std::vector<LegendEntry> legend{{"one head", {head.colour}, head.shape}, {"mean of the layer", mean_line}};
  if (!baseline.empty()) legend.push_back({options.baseline_name, baseline_line});

  Plot plot({.title = options.title,
             .x_title = "layer",
             .y_title = options.metric,
             .x = x,
             .y = {options.low.value_or(y.low), options.high.value_or(y.high)},
             .x_numbers = AxisNumbers::whole,
             .width = options.width,
             .height = options.height,
             .theme = options.theme});
  plot.line(baseline, baseline_line);
  std::size_t drawn = 0;
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (Eigen::Index h = 0; h < layers[l].size(); ++h)
      if (const double value = layers[l](h); plot.holds(depth(l), value)) {
        ++drawn;
        draw_mark(plot.svg(), plot.at(depth(l), value), head, 3.5, .55,
                  fmt::format("layer {}, head {}: {:.4g}", depth(l), h, value));
      }
  plot.line(means, mean_line);
  std::vector<std::string> notes;
  if (unknown > 0) notes.push_back(fmt::format("undefined: {} of {} heads", unknown, heads));
  if (const std::size_t beyond = heads - unknown - drawn; beyond > 0)
    notes.push_back(fmt::format("beyond the ends of the axis: {} of {} heads", beyond, heads));
  return plot.document(Legend(std::move(legend)), detail::joined_notes(notes),
                       options.metric + " against depth",
                       fmt::format("{} of {} heads in {} layers.", options.metric, heads, layers.size()));
}

}  // namespace attnscope
