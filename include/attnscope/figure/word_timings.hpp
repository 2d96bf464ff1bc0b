#pragma once
#include <attnscope/figure/cells.hpp>
#include <attnscope/figure/colour_bar.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/plot.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// A word and when it was spoken, in seconds.
struct TimedWord {
  std::string word = {};  ///< as it is written
  double start = 0;       ///< from 0
  double end = 0;         ///< not before start
};

/// A cell that a path runs through.
struct MapStep {
  std::ptrdiff_t row = 0;     ///< from 0, the uppermost
  std::ptrdiff_t column = 0;  ///< from 0, the leftmost
};

/// The cells of any path whose steps have row and column, such as that of token_times().
template <typename Path>
std::vector<MapStep> map_steps(const Path& path) {
  std::vector<MapStep> steps;
  for (const auto& step : path) steps.push_back({step.row, step.column});
  return steps;
}

/// How word_timings() draws.
struct WordTimingsOptions {
  std::string title = {};               ///< above the figure; none where it is empty
  Eigen::MatrixXd map{};                ///< [token x frame] drawn above the words; empty: none
  std::vector<MapStep> path{};          ///< drawn over the map
  std::vector<std::string> tokens{};    ///< [token], the rows of the map, or none
  double frames_per_second = 50;        ///< of the map
  std::optional<Palette> palette = {};  ///< by default sequential_palette(theme)
  std::optional<double> low = {};   ///< of the map's colours; by default 0, or the smallest if that is below
  std::optional<double> high = {};  ///< by default the largest
  double width = 640;               ///< of the frame, 10 to 10000 px
  Theme theme = Theme::light;       ///< of paper or screen
};

namespace detail {

inline void check_timings(const std::vector<TimedWord>& words, const WordTimingsOptions& options) {
  require<ShapeError>(!words.empty() || options.map.size() > 0, "timings of no words");
  for (std::size_t n = 0; n < words.size(); ++n)
    require<ValueError>(std::isfinite(words[n].start) && std::isfinite(words[n].end) && words[n].start >= 0 &&
                            words[n].start <= words[n].end,
                        "word {}: from {} to {} seconds", n, words[n].start, words[n].end);
  require<ValueError>(options.frames_per_second > 0 && std::isfinite(options.frames_per_second),
                      "frames_per_second = {} is not above 0", options.frames_per_second);
  check_labels(options.tokens, options.map.rows(), "tokens");
  for (std::size_t n = 0; n < options.path.size(); ++n) {
    const MapStep& step = options.path[n];
    require<ShapeError>(step.row >= 0 && step.row < options.map.rows() && step.column >= 0 &&
                            step.column < options.map.cols(),
                        "step {} of the path: row {}, column {} of {} x {}", n, step.row, step.column,
                        options.map.rows(), options.map.cols());
  }
}

/// A word with a place of its own in one of several lines.
struct PlacedWord {
  std::size_t word;
  std::size_t line;
  double left;
};

/// Words centred on their times, each in the first of `lines` lines in which it touches none before it; those
/// that fit into none are left out. centres, widths: [word] px.
inline std::vector<PlacedWord> words_in_lines(const std::vector<double>& centres,
                                              const std::vector<double>& widths, std::size_t lines,
                                              double low, double high) {
  std::vector<double> ends(lines, low);
  std::vector<PlacedWord> placed;
  for (std::size_t w = 0; w < centres.size(); ++w) {
    if (widths[w] <= 0) continue;
    const double left = std::clamp(centres[w] - widths[w] / 2, low, std::max(low, high - widths[w]));
    for (std::size_t line = 0; line < lines; ++line) {
      if (left < ends[line] || left + widths[w] > high) continue;
      ends[line] = left + widths[w] + 5;
      placed.push_back({w, line, left});
      break;
    }
  }
  return placed;
}

/// The names of words below their bars, in at most four lines.
class TimedNames {
 public:
  TimedNames(const std::vector<TimedWord>& words, double seconds, double width, double size) {
    std::vector<double> widths;
    for (const TimedWord& word : words) {
      names_.push_back(readable_token(word.word, 24));
      widths.push_back(text_width(names_.back(), size));
      centres_.push_back((word.start + word.end) / 2 / seconds * width);
    }
    placed_ = words_in_lines(centres_, widths, 4, 0, width);
  }
  const std::string& name(std::size_t word) const { return names_[word]; }
  /// px from the left end of the axis.
  double centre(std::size_t word) const { return centres_[word]; }
  const std::vector<PlacedWord>& placed() const { return placed_; }
  std::size_t lines() const {
    std::size_t most = 0;
    for (const PlacedWord& word : placed_) most = std::max(most, word.line + 1);
    return most;
  }

 private:
  std::vector<std::string> names_;
  std::vector<double> centres_;
  std::vector<PlacedWord> placed_;
};

/// The colours of the map above the words.
inline ColourScale timings_scale(const WordTimingsOptions& options) {
  return in_context("map", [&] {
    const CellRange range = cell_range(options.map);
    ScaleOptions scale{.palette = options.palette.value_or(sequential_palette(options.theme)),
                       .low = options.low,
                       .high = options.high,
                       .theme = options.theme};
    if (!scale.low && !is_diverging(scale.palette) && range.smallest < 0) scale.low = range.smallest;
    return colour_scale(range, scale);
  });
}

}  // namespace detail

/// When words were spoken (SVG): a bar for each over a time axis in seconds, its word below in the first of
/// four lines that has room; a note counts the words without. Above them, where it is given, the map of
/// weights of tokens on frames that the times come from, with the path through it and its colour bar; what is
/// undefined (NaN) is grey, with a note.
/// @throws ShapeError no words and no map, labels or a path that do not fit the map; ValueError a word that
/// ends before it starts or starts before 0, a time that is not finite, an infinite weight, colours that
/// cannot go from low to high, a width that is not 10 to 10000 px, or more tokens than that
inline std::string word_timings(const std::vector<TimedWord>& words, const WordTimingsOptions& options = {}) {
  detail::check_timings(words, options);
  const bool with_map = options.map.size() > 0;
  const double frames = static_cast<double>(options.map.cols()),
               rows = static_cast<double>(options.map.rows());
  AxisRange time{0, with_map ? frames / options.frames_per_second : 0};
  for (const TimedWord& word : words) time.include(word.end);
  if (!(time.high > 0)) time.high = 1;
  constexpr double bar = 14, line = 14, size = 10;
  const detail::TimedNames names(words, time.high, options.width, size);
  // Few rows are higher, since the colour bar has its least height.
  const double pitch = with_map ? std::clamp(std::floor(320 / rows), 1.,
                                             std::max(16., std::ceil(ColourBar::least_height / rows)))
                                : 0;
  const double map_height = with_map ? pitch * rows : 0;
  const double words_height = words.empty() ? 0 : 10 + bar + static_cast<double>(names.lines()) * line + 10;
  const AxisLabels labels(options.tokens, pitch > 0 ? pitch : 1);
  std::optional<ColourScale> scale;
  std::optional<ColourBar> bar_of_map;
  if (with_map) {
    scale = detail::timings_scale(options);
    bar_of_map.emplace(*scale, std::min(map_height, 160.));
  }
  Plot plot({.title = options.title,
             .x_title = "seconds",
             .x = time,
             .y = {0, 1},
             .y_numbers = AxisNumbers::none,
             .left_room = labels.extent(),
             .right_room = bar_of_map ? Sheet::margin + bar_of_map->width() : 0,
             .width = options.width,
             .height = map_height + words_height,
             .theme = options.theme});
  Svg& svg = plot.svg();
  const Box frame = plot.box();
  const auto x_of = [&](double seconds) { return plot.at(seconds, 0).x; };
  if (with_map) {
    const Box map{frame.left, frame.top, x_of(frames / options.frames_per_second) - frame.left, map_height};
    draw_cells(svg, levels_of(options.map, *scale), *scale, map);
    bar_of_map->draw(svg, {frame.right() + Sheet::margin, frame.top});
    labels.draw_rows(svg, map);
    std::string path;
    for (const MapStep& step : options.path)
      path += (path.empty() ? "M" : "L") +
              detail::place({map.left + (static_cast<double>(step.column) + .5) / frames * map.width,
                             map.top + (static_cast<double>(step.row) + .5) * pitch});
    if (!path.empty()) draw_line(svg, path, {category_colour(1, options.theme), 2});
    svg.frame(map, svg.colours().line);
  }
  const double bars = frame.top + map_height + 10;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const double left = x_of(words[w].start), right = std::max(x_of(words[w].end), left + 1);
    draw_box(svg, {left, bars, right - left, bar}, category_colour(w % 2 == 0 ? 0 : 5, options.theme), 1,
             fmt::format("{}: {:.2f} to {:.2f} s", names.name(w), words[w].start, words[w].end));
  }
  std::string leads;
  for (const detail::PlacedWord& word : names.placed()) {
    const double y = bars + bar + 6 + (static_cast<double>(word.line) + .5) * line;
    svg.text({frame.left + word.left, y}, names.name(word.word), {.size = size});
    leads += fmt::format("M{}v4", detail::place({frame.left + names.centre(word.word), bars + bar}));
  }
  if (!leads.empty()) svg.path(leads, svg.colours().line);
  const std::size_t left_out = words.size() - names.placed().size();
  std::vector<std::string> notes;
  if (with_map && options.map.hasNaN()) notes.push_back("grey: undefined");
  if (left_out > 0)
    notes.push_back(fmt::format("{} of {} words have no room for their names", left_out, words.size()));
  return plot.document({}, detail::joined_notes(notes), "when words were spoken",
                       fmt::format("{} words over {:.4g} seconds.", words.size(), time.high));
}

}  // namespace attnscope
