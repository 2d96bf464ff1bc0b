#include <attnscope/figure/colour.hpp>

#include <algorithm>
#include <limits>

#include "figure/lightness.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("colour: hex has two digits a channel") {
  CHECK(hex({0, 10, 255}) == "#000aff");
  CHECK(hex({}) == "#000000");
}

TEST_CASE("colour: viridis is the published table") {
  CHECK(hex(colour_at(Palette::viridis, 0)) == "#440154");
  CHECK(hex(colour_at(Palette::viridis, 0.25)) == "#3b528b");
  CHECK(hex(colour_at(Palette::viridis, 128 / 255.0)) == "#21918c");
  CHECK(hex(colour_at(Palette::viridis, 1)) == "#fde725");
}

TEST_CASE("colour: white_to_blue goes from white to dark blue") {
  CHECK(hex(colour_at(Palette::white_to_blue, 0)) == "#ffffff");
  CHECK(hex(colour_at(Palette::white_to_blue, 1)) == "#0a1e64");
}

TEST_CASE("colour: the lightness of a palette changes in one direction, and that of white_to_blue evenly") {
  const double white = lightness(level_colour(Palette::white_to_blue, 0));
  const double blue = lightness(level_colour(Palette::white_to_blue, 255));
  CHECK(white == Approx(100).margin(0.1));
  CHECK(blue == Approx(15).margin(1));
  for (int level = 1; level < palette_levels; ++level) {
    INFO(level);
    CHECK(lightness(level_colour(Palette::white_to_blue, level)) <
          lightness(level_colour(Palette::white_to_blue, level - 1)));
    CHECK(lightness(level_colour(Palette::viridis, level)) >
          lightness(level_colour(Palette::viridis, level - 1)) - 0.1);
    CHECK(lightness(level_colour(Palette::white_to_blue, level)) ==
          Approx(white + (blue - white) * level / 255).margin(0.5));
  }
}

TEST_CASE("colour: cividis is the published table, and its lightness only rises") {
  CHECK(hex(colour_at(Palette::cividis, 0)) == "#00224e");
  CHECK(hex(level_colour(Palette::cividis, 127)) == "#7c7b78");
  CHECK(hex(colour_at(Palette::cividis, 1)) == "#fee838");
  for (int level = 1; level < palette_levels; ++level)
    CHECK(lightness(level_colour(Palette::cividis, level)) >
          lightness(level_colour(Palette::cividis, level - 1)) - 0.1);
}

TEST_CASE("colour: a diverging palette goes as far from its middle to either side, in blue and in orange") {
  for (const Palette palette : {Palette::blue_white_orange, Palette::blue_black_orange}) {
    REQUIRE(is_diverging(palette));
    const double middle = lightness(level_colour(palette, 128));
    CHECK(level_colour(palette, 127) == level_colour(palette, 128));
    for (int away = 0; away < 128; ++away) {
      INFO(away);
      const Colour below = level_colour(palette, 127 - away), above = level_colour(palette, 128 + away);
      CHECK(lightness(below) == Approx(lightness(above)).margin(4));
      CHECK(std::abs(lightness(below) - middle) == Approx(away / 127.0 * 80).margin(7));
      if (away > 8) CHECK((below.blue > below.red && above.red > above.blue));
    }
  }
  CHECK(hex(level_colour(Palette::blue_white_orange, 0)) == hex(level_colour(Palette::white_to_blue, 255)));
  CHECK_FALSE(is_diverging(Palette::cividis));
}

TEST_CASE("colour: a position has the colour of the nearest level") {
  CHECK(colour_at(Palette::viridis, 0.4 / 255) == level_colour(Palette::viridis, 0));
  CHECK(colour_at(Palette::viridis, 0.6 / 255) == level_colour(Palette::viridis, 1));
  CHECK(colour_at(Palette::viridis, 254.6 / 255) == level_colour(Palette::viridis, 255));
}

TEST_CASE("colour: positions and levels outside of a palette are refused") {
  CHECK(message_of<ValueError>([] { colour_at(Palette::viridis, 1.5); }) ==
        "position 1.5 of a palette is not between 0 and 1");
  CHECK(message_of<ValueError>([] {
          colour_at(Palette::viridis, std::numeric_limits<double>::quiet_NaN());
        }) == "position nan of a palette is not between 0 and 1");
  CHECK(message_of<ValueError>([] { level_colour(Palette::viridis, 256); }) ==
        "level 256 is not between 0 and 255");
  CHECK_THROWS_AS(level_colour(Palette::white_to_blue, -1), ValueError);
}
