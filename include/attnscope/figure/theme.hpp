#pragma once
#include <attnscope/figure/colour.hpp>

#include <array>
#include <cstddef>

namespace attnscope {

/// What a figure is drawn for: a white page, or a dark screen.
enum class Theme { light, dark };

/// The colours of a figure apart from those of its data.
struct ThemeColours {
  Colour background;  ///< of the whole page
  Colour text;        ///< what is not said to be another
  Colour quiet;       ///< text that says less: notes, numbers of an axis
  Colour line;        ///< frames and ticks
  Colour grid;        ///< lines behind the data
  Colour undefined;   ///< the cell of a number that is undefined (NaN); in no palette
};

/// The colours of a theme.
constexpr ThemeColours theme_colours(Theme theme) {
  if (theme == Theme::dark)
    return {.background = {24, 24, 27},
            .text = {236, 236, 236},
            .quiet = {170, 170, 175},
            .line = {130, 130, 135},
            .grid = {58, 58, 64},
            .undefined = {85, 85, 85}};
  return {.background = {255, 255, 255},
          .text = {0, 0, 0},
          .quiet = {90, 90, 90},
          .line = {120, 120, 120},
          .grid = {222, 222, 222},
          .undefined = {170, 170, 170}};
}

/// The palette for numbers of one sign that a theme has unless another is asked for.
constexpr Palette sequential_palette(Theme theme) {
  return theme == Theme::dark ? Palette::viridis : Palette::white_to_blue;
}

/// The palette for signed numbers: its middle is near the background of the theme.
constexpr Palette diverging_palette(Theme theme) {
  return theme == Theme::dark ? Palette::blue_black_orange : Palette::blue_white_orange;
}

/// The number of colours that `category_colour` tells apart.
inline constexpr std::size_t category_colours = 8;

/// The colour of the category of this number: blue, vermilion, green, purple, orange, sky blue, the colour of
/// text, yellow. They are those of Okabe and Ito (2008), which the colour-blind tell apart, but for yellow on
/// a light ground, where nobody sees it: there it is an olive so dark that it is no one's vermilion. From the
/// ninth on they repeat. Never let a colour be the only difference: category_style and category_stroke.
constexpr Colour category_colour(std::size_t category, Theme theme = Theme::light) {
  const std::array<Colour, category_colours> colours{
      {{0, 114, 178},
       {213, 94, 0},
       {0, 158, 115},
       {204, 121, 167},
       {230, 159, 0},
       {86, 180, 233},
       theme_colours(theme).text,
       theme == Theme::light ? Colour{90, 80, 30} : Colour{240, 228, 66}}};
  return colours[category % category_colours];
}

/// Black or white, whichever reads better on `ground`.
inline Colour text_colour_on(Colour ground) {
  const auto linear = [](std::uint8_t channel) { return std::pow(channel / 255.0, 2.2); };
  const double luminance =
      0.2126 * linear(ground.red) + 0.7152 * linear(ground.green) + 0.0722 * linear(ground.blue);
  // Where black and white have the same contrast, by the formula of WCAG 2.
  return luminance > 0.179 ? Colour{0, 0, 0} : Colour{255, 255, 255};
}

}  // namespace attnscope
