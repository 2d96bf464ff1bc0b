#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/theme.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

namespace attnscope {

/// What the cells of one or more maps hold.
struct CellRange {
  double smallest = std::numeric_limits<double>::infinity();           ///< infinity where no cell is defined
  double largest = -std::numeric_limits<double>::infinity();           ///< -infinity where none is
  double smallest_positive = std::numeric_limits<double>::infinity();  ///< infinity where none is above 0
  bool undefined = false;                                              ///< whether some cell is NaN

  /// The cells of other maps as well.
  void merge(const CellRange& other) {
    smallest = std::min(smallest, other.smallest);
    largest = std::max(largest, other.largest);
    smallest_positive = std::min(smallest_positive, other.smallest_positive);
    undefined = undefined || other.undefined;
  }
};

/// The range of those cells of `map` [row x column] that lie in these rows and columns, NaN left out.
/// @throws ShapeError there are none; ValueError an infinite cell
inline CellRange cell_range(const Eigen::MatrixXd& map, const std::vector<Eigen::Index>& rows,
                            const std::vector<Eigen::Index>& columns) {
  require<ShapeError>(!rows.empty() && !columns.empty(), "a map of {} x {} has no cells", rows.size(),
                      columns.size());
  CellRange range;
  for (const Eigen::Index column : columns) {
    for (const Eigen::Index row : rows) {
      const double value = map(row, column);
      require<ValueError>(!std::isinf(value), "row {}, column {} is {}", row, column, value);
      // NaN loses every comparison, and so changes neither end.
      if (value < range.smallest) range.smallest = value;
      if (value > range.largest) range.largest = value;
      if (value > 0 && value < range.smallest_positive) range.smallest_positive = value;
      if (std::isnan(value)) range.undefined = true;
    }
  }
  return range;
}

/// The range of all cells of a map. @throws as above
inline CellRange cell_range(const Eigen::MatrixXd& map) {
  const auto all = [](Eigen::Index count) {
    std::vector<Eigen::Index> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), Eigen::Index{0});
    return numbers;
  };
  return cell_range(map, all(map.rows()), all(map.cols()));
}

/// How numbers are spread over the colours of a palette: by their size, by the root of it (of a negative
/// number, minus the root of its size), or by its logarithm. The last two tell small weights apart beside
/// large ones, such as those of an attention sink.
enum class Scale { linear, square_root, logarithmic };

/// Which value has which colour: `low` and what is below it the lowest of the 256 levels of the palette,
/// `high` and what is above it the highest, in between the nearest.
struct ColourScale {
  Palette palette = Palette::white_to_blue;  ///< of all levels
  double low = 0;                            ///< the value of the lowest colour
  double high = 1;                           ///< the value of the highest one
  bool clips_below = false;                  ///< whether some cell lies below low
  bool clips_above = false;                  ///< whether some cell lies above high
  Scale scale = Scale::linear;               ///< how values between them are spread
  Theme theme = Theme::light;                ///< of the colour of NaN
  int step = 1;  ///< only each step-th level is used, a divisor of 255: fewer colours, and fewer bytes

  /// The level of NaN: a grey that is in no palette.
  static constexpr int undefined = palette_levels;

  /// Where a number lies between low (0) and high (1); NaN for NaN. On a diverging palette 0 lies at its
  /// middle, 0.5, and each end spreads its side on its own.
  double position(double value) const {
    const double clipped = std::clamp(value, low, high);
    if (!is_diverging(palette)) return (spread(clipped) - spread(low)) / (spread(high) - spread(low));
    return clipped < 0 ? 0.5 - 0.5 * (spread(clipped) / spread(low))
                       : 0.5 + 0.5 * (spread(clipped) / spread(high));
  }

  /// The level of a value, 0 to 255; `undefined` for NaN.
  int level(double value) const {
    if (std::isnan(value)) return undefined;
    return step * static_cast<int>(position(value) * (palette_levels - 1) / step + 0.5);
  }

  /// What a level looks like, 0 to 255 or `undefined`.
  Colour colour(int level) const {
    return level == undefined ? theme_colours(theme).undefined : level_colour(palette, level);
  }

  /// What is spread evenly over the colours.
  double spread(double value) const {
    switch (scale) {
      case Scale::square_root:
        return std::copysign(std::sqrt(std::abs(value)), value);
      case Scale::logarithmic:
        return std::log(value);
      default:
        return value;
    }
  }
};

/// What a colour scale is to be.
struct ScaleOptions {
  Palette palette = Palette::white_to_blue;  ///< of all levels
  std::optional<double> low = {};            ///< the value of the lowest colour
  std::optional<double> high = {};           ///< the value of the highest colour
  Scale scale = Scale::linear;               ///< how values between them are spread
  Theme theme = Theme::light;                ///< of the colour of NaN
  int step = 1;                              ///< see ColourScale
};

namespace detail {

inline double default_high(const CellRange& range, const ScaleOptions& options) {
  const auto or_one = [](double high) { return high > 0 && std::isnormal(high) ? high : 1; };
  if (is_diverging(options.palette))
    return options.low ? -*options.low : or_one(std::max(-range.smallest, range.largest));
  return options.scale == Scale::logarithmic ? or_one(range.largest) : range.largest;
}

inline double default_low(const CellRange& range, const ScaleOptions& options, double high) {
  if (is_diverging(options.palette)) return -high;
  if (options.scale != Scale::logarithmic) return 0;
  const double floor = 1e-4 * high, low = std::max(range.smallest_positive, floor);
  return low < high ? low : floor;
}

}  // namespace detail

/// The colour scale for cells of this range.
///
/// By default it ends at the largest cell and starts at 0; a logarithmic one at the smallest positive cell,
/// at least at 1e-4 of its end; that of a diverging palette goes as far to either side of 0, which has the
/// colour of the middle whatever the ends. Where no cell exceeds low (all are equal, or undefined) it ends at
/// low + max(1, |low|), so that it always has a length.
/// @throws ValueError unless high - low is a positive, finite and normal number; a logarithmic scale from
/// low <= 0; a diverging palette unless low < 0 < high
inline ColourScale colour_scale(const CellRange& range, const ScaleOptions& options = {}) {
  const auto has_length = [](double low, double high) { return high > low && std::isnormal(high - low); };
  double high = options.high.value_or(detail::default_high(range, options));
  const double low = options.low.value_or(detail::default_low(range, options, high));
  if (!options.high && !has_length(low, high)) high = low + std::max(1.0, std::abs(low));
  require<ValueError>(has_length(low, high), "a colour scale cannot go from low = {} to high = {}", low,
                      high);
  require<ValueError>(options.scale != Scale::logarithmic || low > 0,
                      "a logarithmic colour scale cannot start at low = {}", low);
  require<ValueError>(!is_diverging(options.palette) || (low < 0 && high > 0),
                      "a diverging palette cannot go from low = {} to high = {}: its middle is 0", low, high);
  return {options.palette, low,           high,        range.smallest<low, range.largest> high,
          options.scale,   options.theme, options.step};
}

}  // namespace attnscope
