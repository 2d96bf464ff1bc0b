#include <attnscope/figure/colour_scale.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

Eigen::MatrixXd matrix(double a, double b, double c, double d) {
  Eigen::MatrixXd m(2, 2);
  m << a, b, c, d;
  return m;
}

ColourScale scale_of(const Eigen::MatrixXd& map, double low = 0, std::optional<double> high = {}) {
  return colour_scale(cell_range(map), {.low = low, .high = high});
}

}  // namespace

TEST_CASE("colour_scale: the range of cells leaves NaN out and tells of it") {
  const CellRange range = cell_range(matrix(0.5, not_a_number, -2, 0.25));
  CHECK(range.smallest == -2);
  CHECK(range.largest == 0.5);
  CHECK(range.undefined);
  CHECK_FALSE(cell_range(matrix(1, 2, 3, 4)).undefined);
}

TEST_CASE("colour_scale: merging ranges is the range of all cells") {
  CellRange range;
  range.merge(cell_range(matrix(1, 2, 3, 4)));
  range.merge(cell_range(matrix(-1, not_a_number, 0, 0)));
  CHECK(range.smallest == -1);
  CHECK(range.largest == 4);
  CHECK(range.undefined);
}

TEST_CASE("colour_scale: infinite cells and empty maps are refused by name") {
  CHECK(message_of<ValueError>([] { cell_range(matrix(0, 1, -infinity, 0)); }) == "row 1, column 0 is -inf");
  CHECK(message_of<ShapeError>([] { cell_range(Eigen::MatrixXd(0, 5)); }) == "a map of 0 x 5 has no cells");
}

TEST_CASE("colour_scale: a level is the nearest of 256 between low and high") {
  const ColourScale scale = scale_of(matrix(0, 0, 0, 0), -1, 1);
  CHECK(scale.level(-1) == 0);
  CHECK(scale.level(1) == 255);
  CHECK(scale.level(0) == 128);
  CHECK(scale.level(-1 + 2 * 0.49 / 255) == 0);
  CHECK(scale.level(-1 + 2 * 0.51 / 255) == 1);
}

TEST_CASE("colour_scale: values beyond an end have its colour, and the scale tells") {
  const ColourScale scale = scale_of(matrix(-5, 0, 0.5, 7), 0, 1);
  CHECK(scale.level(-5) == 0);
  CHECK(scale.level(7) == 255);
  CHECK(scale.clips_below);
  CHECK(scale.clips_above);
  const ColourScale whole = scale_of(matrix(0, 0, 0.5, 1), 0, 1);
  CHECK_FALSE(whole.clips_below);
  CHECK_FALSE(whole.clips_above);
}

TEST_CASE("colour_scale: NaN has a grey of its own") {
  const ColourScale scale;
  CHECK(scale.level(not_a_number) == ColourScale::undefined);
  CHECK(hex(scale.colour(ColourScale::undefined)) == "#aaaaaa");
  CHECK(scale.colour(255) == level_colour(Palette::white_to_blue, 255));
}

TEST_CASE("colour_scale: ends at the largest cell, and has a length even where all cells are equal") {
  CHECK(scale_of(matrix(0, 0.1, 0.7, 0.2)).high == 0.7);
  CHECK(scale_of(matrix(0, 0, 0, 0)).high == 1);
  CHECK(scale_of(matrix(not_a_number, not_a_number, not_a_number, not_a_number)).high == 1);
  CHECK(scale_of(matrix(3, 3, 3, 3), 3).high == 6);
  CHECK(scale_of(matrix(3, 3, 3, 3), 3).level(3) == 0);
  CHECK(scale_of(matrix(0, 0, 0, 5e-324)).high == 1);
  CHECK(scale_of(matrix(1e300, 0, 0, 0)).level(5e299) == 128);
}

TEST_CASE("colour_scale: the square root and the logarithm spread small numbers") {
  const CellRange range = cell_range(matrix(0, 0.01, 0.25, 1));
  const ColourScale root = colour_scale(range, {.scale = Scale::square_root});
  CHECK(root.low == 0);
  CHECK(root.position(0.25) == Approx(0.5));
  CHECK(root.position(0.01) == Approx(0.1));
  CHECK(root.level(1) == 255);
  const ColourScale logarithmic = colour_scale(range, {.scale = Scale::logarithmic});
  CHECK(logarithmic.low == 0.01);
  CHECK(logarithmic.clips_below);  // the 0
  CHECK(logarithmic.position(0.1) == Approx(0.5));
  CHECK(logarithmic.level(0) == 0);
  CHECK(logarithmic.level(1) == 255);
  CHECK(logarithmic.level(not_a_number) == ColourScale::undefined);
  const ColourScale deep = colour_scale(cell_range(matrix(1e-9, 1, 1, 1)), {.scale = Scale::logarithmic});
  CHECK(deep.low == 1e-4);
  for (const Eigen::MatrixXd& map : {matrix(0, 0, 0, 0), matrix(not_a_number, -1, -1, -2)})
    CHECK(colour_scale(cell_range(map), {.scale = Scale::logarithmic}).high == 1);
  CHECK(colour_scale(cell_range(matrix(3, 3, 3, 3)), {.scale = Scale::logarithmic}).level(3) == 255);
  CHECK(message_of<ValueError>([&] { colour_scale(range, {.low = 0, .scale = Scale::logarithmic}); }) ==
        "a logarithmic colour scale cannot start at low = 0");
}

TEST_CASE("colour_scale: a diverging one goes as far to either side of zero") {
  const CellRange range = cell_range(matrix(-3, 0, 1, 2));
  const auto diverging = [&](ScaleOptions options) {
    options.palette = Palette::blue_white_orange;
    const ColourScale scale = colour_scale(range, options);
    CHECK(scale.position(0) == 0.5);
    CHECK(scale.position(scale.low / 4) == Approx(0.375));
    CHECK(scale.position(scale.high / 4) == Approx(0.625));
    CHECK(scale.level(scale.low) == 0);
    CHECK(scale.level(scale.high) == 255);
    CHECK(scale.level(not_a_number) == ColourScale::undefined);
    return std::pair(scale.low, scale.high);
  };
  CHECK(diverging({}) == std::pair(-3.0, 3.0));
  CHECK(diverging({.high = 2}) == std::pair(-2.0, 2.0));
  CHECK(diverging({.low = -5}) == std::pair(-5.0, 5.0));
  CHECK(diverging({.low = -1, .high = 2}) == std::pair(-1.0, 2.0));
  const ColourScale root =
      colour_scale(range, {.palette = Palette::blue_white_orange, .scale = Scale::square_root});
  CHECK(root.position(-0.75) == Approx(0.25));
  CHECK(root.position(0.75) == Approx(0.75));
  const ColourScale nothing =
      colour_scale(cell_range(matrix(0, 0, 0, not_a_number)), {.palette = Palette::blue_black_orange});
  CHECK(nothing.low == -1);
  CHECK(nothing.high == 1);
}

TEST_CASE("colour_scale: a diverging palette is for both sides of zero") {
  const auto refused = [](ScaleOptions options) {
    options.palette = Palette::blue_white_orange;
    return message_of<ValueError>([&] { colour_scale(cell_range(matrix(-3, 0, 1, 2)), options); });
  };
  CHECK(refused({.low = 0}) == "a diverging palette cannot go from low = 0 to high = 1: its middle is 0");
  CHECK(refused({.low = 1}) == "a diverging palette cannot go from low = 1 to high = 2: its middle is 0");
  CHECK(refused({.low = -2, .high = -1}) ==
        "a diverging palette cannot go from low = -2 to high = -1: its middle is 0");
  CHECK(refused({.low = -1, .high = 0}) ==
        "a diverging palette cannot go from low = -1 to high = 0: its middle is 0");
}

TEST_CASE("colour_scale: with fewer levels a value has the nearest of them") {
  const ColourScale scale{.step = 5};
  CHECK(scale.level(0) == 0);
  CHECK(scale.level(1) == 255);
  CHECK(scale.level(2.4 / 255) == 0);
  CHECK(scale.level(2.6 / 255) == 5);
  CHECK(scale.level(252.6 / 255) == 255);
}

TEST_CASE("colour_scale: ends that make no scale are refused") {
  const Eigen::MatrixXd map = matrix(0, 0, 0, 1);
  CHECK(message_of<ValueError>([&] { scale_of(map, 0.5, 0.5); }) ==
        "a colour scale cannot go from low = 0.5 to high = 0.5");
  CHECK(message_of<ValueError>([&] { scale_of(map, 0.5, 0.25); }) ==
        "a colour scale cannot go from low = 0.5 to high = 0.25");
  CHECK_THROWS_AS(scale_of(map, 0, not_a_number), ValueError);
  CHECK_THROWS_AS(scale_of(map, not_a_number), ValueError);
  CHECK_THROWS_AS(scale_of(map, 0, infinity), ValueError);
  CHECK_THROWS_AS(scale_of(map, -infinity), ValueError);
  CHECK_THROWS_AS(scale_of(map, -1.7e308, 1.7e308), ValueError);
}
