#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/colour.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace attnscope {

/// What the cells of one or more maps hold.
struct CellRange {
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
  bool undefined = false;  ///< whether some cell is NaN

  void merge(const CellRange& other) {
    smallest = std::min(smallest, other.smallest);
    largest = std::max(largest, other.largest);
    undefined = undefined || other.undefined;
  }
};

/// The range of the cells of `map` [row x column], NaN left out. Throws ShapeError for a map without cells
/// and ValueError for an infinite cell.
inline CellRange cell_range(const Eigen::MatrixXd& map) {
  require<ShapeError>(map.size() > 0, "a map of {} x {} has no cells", map.rows(), map.cols());
  CellRange range;
  for (Eigen::Index column = 0; column < map.cols(); ++column) {
    for (Eigen::Index row = 0; row < map.rows(); ++row) {
      const double value = map(row, column);
      require<ValueError>(!std::isinf(value), "row {}, column {} is {}", row, column, value);
      // NaN loses every comparison, and so changes neither end.
      if (value < range.smallest) range.smallest = value;
      if (value > range.largest) range.largest = value;
      if (std::isnan(value)) range.undefined = true;
    }
  }
  return range;
}

/// Which value has which colour: `low` and what is below it the lowest of the 256 levels of the palette,
/// `high` and what is above it the highest, in between the nearest.
struct ColourScale {
  Palette palette = Palette::white_to_blue;
  double low = 0;
  double high = 1;
  bool clips_below = false;  ///< whether some cell lies below low
  bool clips_above = false;  ///< whether some cell lies above high

  /// The level of NaN: a grey that is in no palette.
  static constexpr int undefined = palette_levels;

  /// The level of a value, 0 to 255; `undefined` for NaN.
  int level(double value) const {
    if (std::isnan(value)) return undefined;
    const double position = std::clamp((value - low) / (high - low), 0.0, 1.0);
    return static_cast<int>(std::lround(position * (palette_levels - 1)));
  }

  Colour colour(int level) const {
    return level == undefined ? Colour{170, 170, 170} : level_colour(palette, level);
  }
};

/// The scale from `low` to `high`, by default to the largest cell; where no cell exceeds low (all are equal,
/// or undefined) it ends at low + max(1, |low|), so that it always has a length. Throws ValueError unless
/// high - low is a positive, finite and normal number.
inline ColourScale colour_scale(const CellRange& range, Palette palette, double low,
                                std::optional<double> high) {
  const auto has_length = [&](double end) { return end > low && std::isnormal(end - low); };
  const double end = high                        ? *high
                     : has_length(range.largest) ? range.largest
                                                 : low + std::max(1.0, std::abs(low));
  require<ValueError>(has_length(end), "a colour scale cannot go from low = {} to high = {}", low, end);
  return {palette, low, end, range.smallest<low, range.largest> end};
}

}  // namespace attnscope
