#pragma once
#include <attnscope/figure/cells.hpp>
#include <attnscope/figure/colour_scale.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace attnscope {

namespace detail {

/// Multiples of a round step within [low, high], at most `most` + 1 of them.
inline std::vector<double> even_numbers(double low, double high, int most) {
  const double step = round_step((high - low) / most), first = std::ceil(low / step);
  std::vector<double> numbers;
  for (int i = 0; i <= most; ++i) {
    const double value = (first + i) * step;
    if (value <= high) numbers.push_back(value);
  }
  return numbers;
}

/// Numbers within [low, high] for a scale that is not linear, the roundest first: 0, then 1, 5 and 2 times
/// powers of ten, down to a ten-thousandth of the largest, and the same below zero.
inline std::vector<double> round_numbers(double low, double high) {
  std::vector<double> numbers;
  const auto add = [&](double value) {
    if (low <= value && value <= high) numbers.push_back(value);
  };
  add(0);
  const int exponent = static_cast<int>(std::floor(std::log10(std::max(std::abs(low), std::abs(high)))));
  for (const int factor : {1, 5, 2})
    for (int power = exponent; power >= exponent - 4; --power)
      for (const int sign : {1, -1}) add(sign * factor * std::pow(10, power));
  return numbers;
}

}  // namespace detail

/// The bar beside a map that tells which colour is which number: its two ends, and as many round numbers
/// between them as have room. Where cells lie beyond an end, its number has a "≤" or "≥".
class ColourBar {
 public:
  static constexpr double least_height = 72;  ///< px that its numbers need

  /// height: px.
  ColourBar(const ColourScale& scale, double height) : scale_(scale), height_(height) {
    const double length = scale.high - scale.low;
    // As many digits as it takes to tell a hundredth of the length.
    const double largest = std::max(std::abs(scale.low), std::abs(scale.high));
    const int enough = std::clamp(static_cast<int>(std::ceil(std::log10(largest / length))) + 3, 3, 17);
    const int digits = scale.scale == Scale::linear ? enough : 3;
    const auto number = [&](double value) { return fmt::format("{:.{}g}", value + 0.0, digits); };

    ticks_.push_back({0, (scale.clips_below ? "≤ " : "") + number(scale.low)});
    ticks_.push_back({1, (scale.clips_above ? "≥ " : "") + number(scale.high)});
    const bool is_linear = scale.scale == Scale::linear;
    const int most = static_cast<int>(std::clamp(height / 40, 1.0, 10.0));
    // Round numbers of many sizes are read more easily where they are not crowded.
    const double least = (is_linear ? 1.4 : 2.2) * size;
    const auto has_room = [&](double position) {
      return std::all_of(ticks_.begin(), ticks_.end(), [&](const Tick& tick) {
        return std::abs(tick.position - position) * height >= least;
      });
    };
    for (const double value : is_linear ? detail::even_numbers(scale.low, scale.high, most)
                                        : detail::round_numbers(scale.low, scale.high)) {
      const double position = scale.position(value);
      if (has_room(position)) ticks_.push_back({position, number(value)});
    }
    std::sort(ticks_.begin(), ticks_.end(),
              [](const Tick& a, const Tick& b) { return a.position < b.position; });
  }

  /// How wide the bar is with its numbers, in px.
  double width() const {
    double widest = 0;
    for (const Tick& tick : ticks_) widest = std::max(widest, text_width(tick.number, size));
    return std::ceil(bar_width + gap + widest);
  }

  /// Draws it with its upper left corner at `at`.
  void draw(Svg& svg, Point at) const {
    const Box bar{at.x, at.y, bar_width, height_};
    constexpr int steps = 64;  // about as fine as the eye sees
    draw_cells(svg,
               Levels::NullaryExpr(steps, 1,
                                   [](Eigen::Index row) {
                                     return (palette_levels - 1) * (steps - 1 - static_cast<int>(row)) /
                                            (steps - 1);
                                   }),
               scale_, bar);
    svg.frame(bar, svg.colours().line);
    std::string lines;
    for (const Tick& tick : ticks_) {
      const double y = bar.bottom() - tick.position * height_;
      svg.text({bar.right() + gap, y}, tick.number, {.size = size});
      lines += fmt::format("M{} {}h3", svg_number(bar.right() + 1), svg_number(y));
    }
    svg.path(lines, svg.colours().line);
  }

 private:
  struct Tick {
    double position;  // 0 at the lower end, 1 at the upper
    std::string number;
  };

  static constexpr double bar_width = 14;
  static constexpr double gap = 7;
  static constexpr double size = 10;

  ColourScale scale_;
  double height_;
  std::vector<Tick> ticks_;
};

}  // namespace attnscope
