#include <attnscope/figure/marks.hpp>

#include <set>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

TEST_CASE("marks: 64 categories look different, the first eight by shape alone") {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    std::set<std::size_t> shapes;
    std::set<std::string> looks;
    for (std::size_t i = 0; i < 64; ++i) {
      const CategoryStyle style = category_style(i, theme);
      if (i < 8) shapes.insert(style.shape);
      looks.insert(hex(style.colour) + detail::mark_path({0, 0}, style.shape, 4));
    }
    CHECK(shapes.size() == 8);
    CHECK(looks.size() == 64);
  }
}

TEST_CASE("marks: the lines of 64 categories look different, the first eight by their dashes alone") {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    std::set<std::string_view> dashes;
    std::set<std::string> looks;
    for (std::size_t i = 0; i < 64; ++i) {
      const Stroke stroke = category_stroke(i, 2, .5, theme);
      if (i < 8) dashes.insert(stroke.dashes);
      looks.insert(hex(stroke.colour) + std::string(stroke.dashes));
    }
    CHECK(dashes.size() == 8);
    CHECK(looks.size() == 64);
  }
  CHECK(category_dashes(0) == "");
}

TEST_CASE("marks: a weight is as opaque as it is large, and what is opaque is said") {
  LineOpacity opacity(.5);
  CHECK(opacity.of(.5) == 1);
  CHECK(opacity.note() == "");  // all are
  CHECK(opacity.of(.125) == .25);
  CHECK(opacity.note() == "opaque: 0.5");
  CHECK(opacity.of(3) == 1);
  CHECK(opacity.note("widest") == "widest: 0.5 and more");
}

TEST_CASE("marks: a shape lies around its point, within its radius and a quarter more") {
  for (std::size_t shape = 0; shape < mark_shapes; ++shape) {
    double left = 0, right = 0, top = 0, bottom = 0;
    for (const Point& corner : detail::mark_corners(shape)) {
      left = std::min(left, corner.x);
      right = std::max(right, corner.x);
      top = std::min(top, corner.y);
      bottom = std::max(bottom, corner.y);
    }
    CHECK(right - left <= 2.5);
    CHECK(std::abs(right + left) < 1e-12);
    CHECK(std::abs(top + bottom) < .4);
  }
  // The circle as two arcs from its left to its right and back.
  CHECK(detail::mark_path({10, 20}, 0, 4) == "M6 20a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z");
  CHECK(detail::mark_path({10, 20}, 1, 10) == "M1.5 11.5L18.5 11.5L18.5 28.5L1.5 28.5z");
  CHECK(detail::mark_path({0, 0}, 9, 4) == detail::mark_path({0, 0}, 1, 4));
}

TEST_CASE("marks: lines and areas say their colour, opacity, dashes and title, and nothing needless") {
  Svg svg;
  draw_line(svg, {1, 2}, {3, 4.5}, {{0, 114, 178}, 2, .5, plain_dashes}, "a < b");
  draw_line(svg, Point{0, 0}, Point{1, 1}, Stroke{});
  draw_box(svg, {1, 2, 3, 4}, {213, 94, 0}, .25);
  const std::string text = svg.document({});
  CHECK(
      count(
          text,
          "<path d=\"M1 2L3 4.5\" fill=\"none\" stroke=\"#0072b2\" stroke-width=\"2\" stroke-opacity=\"0.5\" "
          "stroke-dasharray=\"5 4\"><title>a &lt; b</title></path>\n") == 1);
  CHECK(count(text, "<path d=\"M0 0L1 1\" fill=\"none\" stroke=\"#000000\" stroke-width=\"1.5\"></path>") ==
        1);
  CHECK(count(text, "<path d=\"M1 2h3v4h-3z\" fill=\"#d55e00\" fill-opacity=\"0.25\"></path>") == 1);
}
