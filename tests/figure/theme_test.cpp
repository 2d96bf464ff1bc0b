#include <attnscope/figure/theme.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "figure/lightness.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

// How well one colour reads on another, 1 to 21 (WCAG 2).
double contrast(Colour a, Colour b) {
  const double light = luminance(a) + 0.05, dark = luminance(b) + 0.05;
  return std::max(light, dark) / std::min(light, dark);
}

int distance(Colour a, Colour b) {
  return std::max({std::abs(a.red - b.red), std::abs(a.green - b.green), std::abs(a.blue - b.blue)});
}

}  // namespace

TEST_CASE("theme: text and lines can be read on the background") {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    const ThemeColours colours = theme_colours(theme);
    CHECK(contrast(colours.text, colours.background) > 12);
    CHECK(contrast(colours.quiet, colours.background) > 4.5);
    CHECK(contrast(colours.line, colours.background) > 3);
    CHECK(contrast(colours.grid, colours.background) > 1.2);
    CHECK(contrast(colours.grid, colours.background) < 2);
  }
  CHECK(hex(theme_colours(Theme::light).background) == "#ffffff");
  CHECK(lightness(theme_colours(Theme::dark).background) < 15);
}

TEST_CASE("theme: the colour of undefined cells is in no palette") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const Palette palette : {Palette::white_to_blue, Palette::viridis, Palette::cividis,
                                  Palette::blue_white_orange, Palette::blue_black_orange})
      for (int level = 0; level < palette_levels; ++level)
        CHECK(distance(level_colour(palette, level), theme_colours(theme).undefined) > 8);
}

TEST_CASE("theme: its palettes are near the background where a value is nothing") {
  CHECK(sequential_palette(Theme::light) == Palette::white_to_blue);
  CHECK(sequential_palette(Theme::dark) == Palette::viridis);
  for (const Theme theme : {Theme::light, Theme::dark}) {
    CHECK(is_diverging(diverging_palette(theme)));
    CHECK(distance(level_colour(diverging_palette(theme), 128), theme_colours(theme).background) <= 3);
  }
}

TEST_CASE("theme: categories have eight colours, then repeat") {
  for (const Theme theme : {Theme::light, Theme::dark}) {
    std::set<std::string> different;
    for (std::size_t i = 0; i < category_colours; ++i) {
      different.insert(hex(category_colour(i, theme)));
      CHECK(category_colour(i + category_colours, theme) == category_colour(i, theme));
      CHECK(contrast(category_colour(i, theme), theme_colours(theme).background) > 2.1);
    }
    CHECK(different.size() == category_colours);
  }
  CHECK(hex(category_colour(0)) == "#0072b2");
  CHECK(hex(category_colour(6)) == "#000000");
  CHECK(hex(category_colour(6, Theme::dark)) == "#ececec");
}

TEST_CASE("theme: text on a colour is black or white, whichever has more contrast") {
  for (const Palette palette : {Palette::white_to_blue, Palette::cividis, Palette::blue_black_orange})
    for (int level = 0; level < palette_levels; ++level) {
      const Colour ground = level_colour(palette, level);
      INFO(level << " " << hex(ground));
      CHECK(contrast(text_colour_on(ground), ground) > 4.3);
    }
  CHECK(hex(text_colour_on({255, 255, 255})) == "#000000");
  CHECK(hex(text_colour_on({0, 0, 0})) == "#ffffff");
}
