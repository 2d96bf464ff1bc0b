#include <attnscope/figure/depth_curve.hpp>

#include <limits>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

const double nan_value = std::numeric_limits<double>::quiet_NaN();

/// The middles of the marks whose title contains `words`.
std::vector<Point> circles(const std::string& svg, const std::string& words) {
  std::vector<Point> found;
  for (const std::string& path : read_svg::elements(svg, "path")) {
    if (count(path, words) == 0) continue;
    double x = 0, y = 0, radius = 0;
    REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lfa%lf", &x, &y, &radius) ==
            3);
    found.push_back({x + radius, y});
  }
  return found;
}
/// The points of the line of this colour.
std::vector<Point> line(const std::string& svg, const std::string& colour) {
  std::vector<Point> points;
  for (const std::string& path : read_svg::elements(svg, "path")) {
    const std::string data = read_svg::between(path, " d=\"", "\"");
    if (count(path, "stroke=\"" + colour) == 0 || count(data, "L") < 2) continue;
    for (const char* at = data.c_str(); *at != '\0';) {
      char* end = nullptr;
      Point point;
      point.x = std::strtod(at + 1, &end);
      point.y = std::strtod(end, &end);
      points.push_back(point);
      at = end;
    }
  }
  return points;
}

}  // namespace

TEST_CASE("depth curve: a dot a head, and a line through their means") {
  const std::vector<Eigen::VectorXd> layers{Eigen::Vector3d(0, .5, 1), Eigen::Vector2d(.2, .6),
                                            Eigen::Vector2d(1, 1)};
  const std::string svg =
      depth_curve(layers, {.metric = "locality", .layers = {0, 4, 8}, .baseline = {.25, .25, .25}});
  // .5 of layer 0 and the mean of that layer are one height; layers are as far apart as their numbers.
  const Point middle = circles(svg, "<title>layer 0, head 1: 0.5</title>").at(0),
              low = circles(svg, "layer 0, head 0").at(0), high = circles(svg, "layer 8, head 1").at(0);
  CHECK(std::abs(middle.y - (low.y + high.y) / 2) < .02);
  const std::vector<Point> means = line(svg, "#d55e00"),
                           baseline = line(svg, hex(theme_colours(Theme::light).quiet));
  REQUIRE(means.size() == 3);
  CHECK(std::abs(means[0].y - middle.y) < .02);
  CHECK(std::abs(means[1].y - (low.y + .4 * (high.y - low.y))) < .02);
  CHECK(std::abs(means[1].x - (means[0].x + means[2].x) / 2) < .02);
  REQUIRE(baseline.size() == 3);
  CHECK(std::abs(baseline[2].y - (low.y + .25 * (high.y - low.y))) < .02);
  CHECK(count(svg, ">baseline</text>") == 1);
  CHECK(count(svg, "locality of 7 heads in 3 layers") == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("depth curve: what is undefined has no dot, and is counted; a layer without any breaks the line") {
  Eigen::Vector2d half(nan_value, .5);
  const std::string svg = depth_curve({half, Eigen::Vector2d(nan_value, nan_value), Eigen::Vector2d(.1, .1),
                                       Eigen::Vector2d(.3, .3), Eigen::Vector2d(.3, .3)});
  CHECK(count(svg, "undefined: 3 of 10 heads") == 1);
  CHECK(count(svg, "<title>layer 0") == 1);
  CHECK(line(svg, "#d55e00").size() == 4);
  CHECK(count(svg, "nan") == 0);
  CHECK(count(depth_curve({half, half}, {.baseline = {nan_value, nan_value}}), "nan") == 0);
  CHECK(count(depth_curve({Eigen::Vector2d(nan_value, nan_value)}), "undefined: 2 of 2 heads") == 1);
  CHECK(count(depth_curve({Eigen::VectorXd()}), "0 heads in 1 layers") == 1);
  CHECK(count(depth_curve({Eigen::Vector3d(.1, .5, .9)}, {.low = .2, .high = .6}),
              "beyond the ends of the axis: 2 of 3 heads") == 1);
}

TEST_CASE("depth curve: numbers that differ by rounding are drawn as one") {
  const std::vector<Eigen::VectorXd> layers{Eigen::Vector2d(1, 1 - 1.1e-16), Eigen::Vector2d(1, 1 - 2.2e-16)};
  CHECK(read_svg::misplaced(depth_curve(layers)) == "");
}

TEST_CASE("depth curve: whatever its words, its depth and its theme") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const std::size_t depth : {1u, 2u, 120u})
      for (const std::string& words : read_svg::hostile_tokens()) {
        const std::vector<Eigen::VectorXd> layers(depth, Eigen::Vector2d(-.3, 4e5));
        const std::string svg = depth_curve(layers, {.title = words,
                                                     .metric = words,
                                                     .baseline = std::vector<double>(depth, 3),
                                                     .baseline_name = words,
                                                     .theme = theme});
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg == depth_curve(layers, {.title = words,
                                          .metric = words,
                                          .baseline = std::vector<double>(depth, 3),
                                          .baseline_name = words,
                                          .theme = theme}));
      }
}

TEST_CASE("depth curve: what cannot be drawn is named") {
  const std::vector<Eigen::VectorXd> two{Eigen::Vector2d(0, 1),
                                         Eigen::Vector2d(0, std::numeric_limits<double>::infinity())};
  CHECK_THROWS_WITH(depth_curve({}), "a curve of no layers");
  CHECK_THROWS_WITH(depth_curve(two), "layer 1, head 1: the value is inf");
  CHECK_THROWS_WITH(depth_curve({two[0]}, {.layers = {1, 2}}), "2 layer numbers for 1");
  CHECK_THROWS_WITH(depth_curve({two[0]}, {.baseline = {1, 2}}), "2 baseline numbers for 1");
  CHECK_THROWS_WITH(depth_curve({two[0]}, {.width = -5}), "a width of -5 px is not 10 to 10000");
  CHECK_THROWS_WITH(depth_curve({two[0]}, {.height = std::nan("")}), "a height of nan px is not 10 to 10000");
  CHECK_THROWS_WITH(depth_curve({two[0]}, {.low = 3}), "an axis y cannot go from 3 to 1.05");
}
