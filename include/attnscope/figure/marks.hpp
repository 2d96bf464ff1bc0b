#pragma once
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// How a line looks.
struct Stroke {
  Colour colour{};               ///< of it
  double width = 1.5;            ///< px
  double opacity = 1;            ///< 0..1
  std::string_view dashes = {};  ///< lengths of dashes and gaps in px, such as "5 4"; none: one line
};

/// Dashes of a line that is not of a category.
inline constexpr std::string_view plain_dashes = "5 4";

/// The dashes of the lines of a category: the first eight differ, the first of them has none.
constexpr std::string_view category_dashes(std::size_t category) {
  constexpr std::array<std::string_view, category_colours> dashes{"",    "8 3",  "3 2", "9 2 2 2",
                                                                  "5 4", "14 3", "2 3", "8 2 2 2 2 2"};
  return dashes[(category + category / category_colours) % dashes.size()];
}

/// How the line of a category looks: 64 of them differ, the first eight by their dashes alone as well as by
/// their colour.
inline Stroke category_stroke(std::size_t category, double width, double opacity, Theme theme) {
  return {category_colour(category, theme), width, opacity, category_dashes(category)};
}

/// How opaque lines are that show weights: weight / high, at most 1; and what a reader has to be told of it.
class LineOpacity {
 public:
  /// high: the weight of an opaque line, above 0.
  explicit LineOpacity(double high) : high_(high) {}

  /// The opacity of a weight of at least 0.
  double of(double weight) {
    differs_ = differs_ || weight != high_;
    clips_ = clips_ || weight > high_;
    return std::min(weight / high_, 1.);
  }
  /// Which weight has an opaque line, unless all that were asked for have just this one.
  std::string note(std::string_view look = "opaque") const {
    return differs_ ? fmt::format("{}: {:.3g}{}", look, high_, clips_ ? " and more" : "") : "";
  }

 private:
  double high_;
  bool differs_ = false, clips_ = false;
};

/// The number of shapes that `draw_mark` tells apart.
inline constexpr std::size_t mark_shapes = 8;

/// How the things of one category look: 64 of them differ, and the first eight do so by their shape alone as
/// well as by their colour, so that print in black and the colour-blind lose nothing.
struct CategoryStyle {
  Colour colour{};        ///< of the shape
  std::size_t shape = 0;  ///< of draw_mark
};
/// The look of the category of this number.
inline CategoryStyle category_style(std::size_t category, Theme theme) {
  return {category_colour(category, theme), (category + category / category_colours) % mark_shapes};
}

namespace detail {

/// What a viewer shows where the pointer rests on a shape; nothing for no words.
inline std::string hover_title(std::string_view words) {
  return words.empty() ? "" : fmt::format("<title>{}</title>", xml_text(words));
}

/// "x y" of a path.
inline std::string place(Point at) { return svg_number(at.x) + " " + svg_number(at.y); }

/// The corners of a shape of radius 1; none: a circle.
inline const std::vector<Point>& mark_corners(std::size_t shape) {
  static const std::array<std::vector<Point>, mark_shapes> corners{{
      {},
      {{-.85, -.85}, {.85, -.85}, {.85, .85}, {-.85, .85}},
      {{0, -1.15}, {1.1, .8}, {-1.1, .8}},
      {{0, -1.2}, {1.2, 0}, {0, 1.2}, {-1.2, 0}},
      {{0, 1.15}, {1.1, -.8}, {-1.1, -.8}},
      {{-.4, -1.1},
       {.4, -1.1},
       {.4, -.4},
       {1.1, -.4},
       {1.1, .4},
       {.4, .4},
       {.4, 1.1},
       {-.4, 1.1},
       {-.4, .4},
       {-1.1, .4},
       {-1.1, -.4},
       {-.4, -.4}},
      {{-1.1, -.55},
       {-.55, -1.1},
       {0, -.55},
       {.55, -1.1},
       {1.1, -.55},
       {.55, 0},
       {1.1, .55},
       {.55, 1.1},
       {0, .55},
       {-.55, 1.1},
       {-1.1, .55},
       {-.55, 0}},
      {{-1, -1}, {1, -1}, {-1, 1}, {1, 1}},
  }};
  return corners[shape % mark_shapes];
}

/// A shape around `at` in SVG's path notation.
inline std::string mark_path(Point at, std::size_t shape, double radius) {
  const std::vector<Point>& corners = mark_corners(shape);
  if (corners.empty()) {
    const std::string r = svg_number(radius), across = svg_number(2 * radius);
    return fmt::format("M{1} {2}a{0} {0} 0 1 0 {3} 0a{0} {0} 0 1 0 -{3} 0z", r, svg_number(at.x - radius),
                       svg_number(at.y), across);
  }
  std::string path;
  for (const Point& corner : corners)
    path += (path.empty() ? "M" : "L") + place({at.x + radius * corner.x, at.y + radius * corner.y});
  return path + "z";
}

}  // namespace detail

/// A line along a path in SVG's own notation; its `title` shows where a pointer rests on it.
inline void draw_line(Svg& svg, std::string_view path, const Stroke& stroke, std::string_view title = {}) {
  svg.markup("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"", path, hex(stroke.colour),
             svg_number(stroke.width));
  if (stroke.opacity < 1) svg.markup(" stroke-opacity=\"{}\"", svg_number(stroke.opacity));
  if (!stroke.dashes.empty()) svg.markup(" stroke-dasharray=\"{}\"", stroke.dashes);
  svg.markup(">{}</path>\n", detail::hover_title(title));
}

/// A straight line.
inline void draw_line(Svg& svg, Point from, Point to, const Stroke& stroke, std::string_view title = {}) {
  draw_line(svg, "M" + detail::place(from) + "L" + detail::place(to), stroke, title);
}

/// The inside of a path.
inline void draw_area(Svg& svg, std::string_view path, Colour fill, double opacity = 1,
                      std::string_view title = {}) {
  svg.markup("<path d=\"{}\" fill=\"{}\"", path, hex(fill));
  if (opacity < 1) svg.markup(" fill-opacity=\"{}\"", svg_number(opacity));
  svg.markup(">{}</path>\n", detail::hover_title(title));
}

/// The inside of a box.
inline void draw_box(Svg& svg, const Box& box, Colour fill, double opacity = 1, std::string_view title = {}) {
  const std::string width = svg_number(box.width);
  draw_area(
      svg,
      fmt::format("M{}h{}v{}h-{}z", detail::place({box.left, box.top}), width, svg_number(box.height), width),
      fill, opacity, title);
}

/// A filled shape of about `radius` px around a point: 0 circle, 1 square, 2 triangle, 3 diamond, 4 triangle
/// upside down, 5 plus, 6 cross, 7 hourglass; larger numbers begin again.
inline void draw_mark(Svg& svg, Point at, const CategoryStyle& style, double radius = 4, double opacity = 1,
                      std::string_view title = {}) {
  draw_area(svg, detail::mark_path(at, style.shape, radius), style.colour, opacity, title);
}

}  // namespace attnscope
