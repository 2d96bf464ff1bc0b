#pragma once
#include <attnscope/figure/colour.hpp>

#include <cmath>

/// Relative luminance, 0 to 1, of a colour of sRGB.
inline double luminance(attnscope::Colour colour) {
  const auto linear = [](std::uint8_t channel) {
    const double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

/// CIE lightness, 0 to 100.
inline double lightness(attnscope::Colour colour) {
  const double y = luminance(colour);
  return y > 0.008856 ? 116 * std::cbrt(y) - 16 : 903.3 * y;
}
