#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/colour_bar.hpp>
#include <attnscope/figure/sheet.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

/// The numbers of an axis from end to end.
struct AxisRange {
  double low = std::numeric_limits<double>::infinity();    ///< infinity before the first number
  double high = -std::numeric_limits<double>::infinity();  ///< -infinity before it

  /// From end to end.
  double length() const { return high - low; }

  /// Takes a number in; NaN is left out.
  void include(double value) {
    if (value < low) low = value;
    if (value > high) high = value;
  }

  /// The largest number of it, without its sign.
  double size() const { return std::max(std::abs(low), std::abs(high)); }
  /// Whether its ends are told apart by more than rounding, and no arithmetic on it overflows.
  bool has_length() const {
    return low < high && size() <= 1e300 && length() >= 1e-300 && length() >= 1e-12 * size();
  }

  /// The range with `share` of its length more at either end; one without length, if only rounding tells its
  /// numbers apart, or of nothing at all, gets some.
  AxisRange widened(double share = .05) const {
    if (!(low <= high)) return {0, 1};
    double more = share * length();
    if (!has_length() && size() <= 1e300) more = size() < 1e-300 ? 1 : size() / 2;
    return {low - more, high + more};
  }
};

namespace detail {

/// A number of an axis, and how it is written.
struct AxisTick {
  double value;
  std::string number;
};

/// At most about `most` round numbers within a range, each with the digits that tell it from its neighbours,
/// and without an exponent below a million. `whole`: none but whole numbers.
inline std::vector<AxisTick> axis_ticks(const AxisRange& range, int most, bool whole = false) {
  double step = round_step(range.length() / std::max(most, 1));
  if (whole) step = std::max(step, 1.);
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  const int telling = static_cast<int>(std::ceil(std::log10(largest / step))) + 1;
  const int whole_digits = largest < 1e6 ? static_cast<int>(std::floor(std::log10(largest))) + 1 : 0;
  const int digits = std::clamp(std::max(telling, whole_digits), 1, 17);
  std::vector<AxisTick> ticks;
  const double first = std::ceil(range.low / step - 1e-9);
  for (int i = 0; i <= std::max(most, 1) + 1; ++i)
    if (const double value = (first + i) * step; value <= range.high + 1e-9 * step)
      ticks.push_back({value, fmt::format("{:.{}g}", value + 0., digits)});
  return ticks;
}

}  // namespace detail

/// What stands along an axis.
enum class AxisNumbers {
  any,    ///< any round numbers
  whole,  ///< whole numbers alone, such as layers
  ranks,  ///< those of ranks, 1 at the far end: rank r is drawn at -r
  none,   ///< none at all
};

/// What a Plot is like before anything is drawn into it.
struct PlotFrame {
  std::string title = {};                    ///< above the frame; none where it is empty
  std::string x_title = {};                  ///< below the x axis
  std::string y_title = {};                  ///< beside the y axis, upwards
  AxisRange x = {};                          ///< from the left to the right edge of the frame
  AxisRange y = {};                          ///< from the lower edge to the upper one
  AxisNumbers x_numbers = AxisNumbers::any;  ///< along the x axis
  AxisNumbers y_numbers = AxisNumbers::any;  ///< along the y axis
  double last_rank = std::numeric_limits<double>::infinity();  ///< larger ranks have no number
  double left_room = 0;        ///< px for what is drawn of one's own to the left of the frame
  double right_room = 0;       ///< px to its right
  double width = 480;          ///< of the frame, 10 to 10000 px
  double height = 300;         ///< of the frame, 10 to 10000 px
  Theme theme = Theme::light;  ///< of all that is drawn
};

/// A frame with two linear axes, round numbers along them, lines behind the data, and room around it for a
/// title, a legend to the right and a note below. What is drawn is drawn into `svg()`.
class Plot {
 public:
  /// Draws frame, axes and numbers.
  /// @throws ValueError an axis without length, or of which only rounding tells the ends apart; a size that
  /// is not 10 to 10000 px
  explicit Plot(const PlotFrame& frame)
      : frame_(frame),
        sheet_(frame.title, frame.theme),
        x_title_{readable_line(frame.x_title), {.size = 12, .anchor = Anchor::middle}},
        y_title_{readable_line(frame.y_title, 60), {.size = 12, .anchor = Anchor::middle, .turn = -90}} {
    check(frame.x, "x");
    check(frame.y, "y");
    check_size(frame.width, "width");
    check_size(frame.height, "height");
    y_ticks_ = ticks(frame.y, static_cast<int>(frame.height / 40), frame.y_numbers, frame.last_rank);
    x_ticks_ = ticks_with_room();
    double numbers = 0;
    for (const detail::AxisTick& tick : y_ticks_) numbers = std::max(numbers, text_width(tick.number, size));
    // The first number along x, or the title of that axis, may reach further to the left.
    const double first = x_ticks_.empty() ? 0 : text_width(x_ticks_.front().number, size) / 2;
    left_ = std::ceil(Sheet::margin + std::max({y_title_.height() + (numbers > 0 ? numbers + gap : 0), first,
                                                frame.left_room, (x_title_.width() - frame.width) / 2}));
    top_ = sheet_.top() + std::max(0., (y_title_.width() - frame.height) / 2);
    draw_frame();
  }

  /// Where the figure is drawn.
  Svg& svg() { return sheet_.svg(); }
  /// The inside of the frame.
  Box box() const { return {left_, top_, frame_.width, frame_.height}; }
  /// Where a pair of numbers stands.
  Point at(double x, double y) const {
    return {left_ + (x - frame_.x.low) / frame_.x.length() * frame_.width,
            top_ + (frame_.y.high - y) / frame_.y.length() * frame_.height};
  }
  /// Whether a pair of numbers stands within the frame; NaN does not.
  bool holds(double x, double y) const {
    return frame_.x.low <= x && x <= frame_.x.high && frame_.y.low <= y && y <= frame_.y.high;
  }

  /// A line from point to point; it is broken where one is not within the frame.
  void line(const std::vector<Point>& points, const Stroke& stroke, std::string_view title = {}) {
    std::string path;
    bool drawing = false;
    for (const Point& point : points) {
      const bool within = holds(point.x, point.y);
      if (within) path += (drawing ? "L" : "M") + detail::place(at(point.x, point.y));
      drawing = within;
    }
    if (!path.empty()) draw_line(svg(), path, stroke, title);
  }

  /// The whole figure. `fallback`: what it is called where it has no title.
  std::string document(const Legend& legend, const std::string& note, const std::string& fallback,
                       const std::string& description) {
    const Box frame = box();
    double bottom = std::max(frame.bottom(), frame.centre().y + y_title_.width() / 2);
    if (!x_ticks_.empty()) bottom = std::max(bottom, frame.bottom() + 2 * gap + size);
    x_title_.draw(svg(), {frame.centre().x, bottom + x_title_.height() / 2});
    bottom += x_title_.height();
    double right = std::max(frame.right() + frame_.right_room, frame.centre().x + x_title_.width() / 2);
    for (const detail::AxisTick& tick : x_ticks_)
      right = std::max(right, at(tick.value, 0).x + text_width(tick.number, size) / 2);
    return sheet_.document({Sheet::margin, top_, right - Sheet::margin, bottom - top_}, legend, note,
                           fallback, description);
  }

 private:
  static constexpr double size = 10, gap = 6;

  static void check(const AxisRange& range, const char* name) {
    require<ValueError>(range.has_length(), "an axis {} cannot go from {} to {}", name, range.low,
                        range.high);
  }
  static void check_size(double px, const char* name) {
    require<ValueError>(px >= 10 && px <= 10'000, "a {} of {} px is not 10 to 10000", name, px);
  }

  static std::vector<detail::AxisTick> ticks(const AxisRange& range, int most, AxisNumbers numbers,
                                             double last_rank) {
    if (numbers == AxisNumbers::none) return {};
    std::vector<detail::AxisTick> all = detail::axis_ticks(range, most, numbers != AxisNumbers::any);
    if (numbers != AxisNumbers::ranks) return all;
    std::erase_if(all,
                  [&](const detail::AxisTick& tick) { return tick.value > -1 || -tick.value > last_rank; });
    // The best rank has its number wherever it is not too near to another.
    if (!all.empty() && all.back().value <= -5 && range.high >= -1) all.push_back({-1, ""});
    for (detail::AxisTick& tick : all) tick.number = fmt::format("{}", -tick.value);
    return all;
  }

  /// As many numbers along x as stand beside each other.
  std::vector<detail::AxisTick> ticks_with_room() const {
    for (int most = std::max(2, static_cast<int>(frame_.width / 40)); most > 0; --most) {
      std::vector<detail::AxisTick> all = ticks(frame_.x, most, frame_.x_numbers, frame_.last_rank);
      double widest = 0;
      for (const detail::AxisTick& tick : all) widest = std::max(widest, text_width(tick.number, size));
      const double step = all.size() > 1 ? (all[1].value - all[0].value) / frame_.x.length() : 1;
      if (widest + 2 * gap <= step * frame_.width) return all;
    }
    return {};
  }

  void draw_frame() {
    const Box frame = box();
    const ThemeColours colours = svg().colours();
    y_title_.draw(svg(), {Sheet::margin + y_title_.height() / 2, frame.centre().y});
    std::string grid, marks;
    for (const detail::AxisTick& tick : x_ticks_) {
      const double x = at(tick.value, 0).x;
      grid += fmt::format("M{} {}v{}", svg_number(x), svg_number(frame.top), svg_number(frame.height));
      marks += fmt::format("M{} {}v3", svg_number(x), svg_number(frame.bottom() + 1));
      svg().text({x, frame.bottom() + gap + size / 2}, tick.number,
                 {.size = size, .anchor = Anchor::middle, .colour = colours.quiet});
    }
    for (const detail::AxisTick& tick : y_ticks_) {
      const double y = at(0, tick.value).y;
      grid += fmt::format("M{} {}h{}", svg_number(frame.left), svg_number(y), svg_number(frame.width));
      marks += fmt::format("M{} {}h-3", svg_number(frame.left - 1), svg_number(y));
      svg().text({frame.left - gap, y}, tick.number,
                 {.size = size, .anchor = Anchor::end, .colour = colours.quiet});
    }
    if (!grid.empty()) svg().path(grid, colours.grid);
    if (!marks.empty()) svg().path(marks, colours.line);
    svg().frame(frame, colours.line);
  }

  PlotFrame frame_;
  Sheet sheet_;
  detail::Caption x_title_, y_title_;
  std::vector<detail::AxisTick> x_ticks_, y_ticks_;
  double left_ = 0, top_ = 0;
};

}  // namespace attnscope
