#pragma once
#include <attnscope/core/ranks.hpp>
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/plot.hpp>
#include <attnscope/figure/point_labels.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

namespace attnscope {

/// How attribution_scatter() draws.
struct AttributionScatterOptions {
  std::string title = {};                         ///< above the figure; none where it is empty
  std::vector<std::string> tokens{};              ///< [token], or none: no labels
  std::string attention_title = "attention";      ///< below the x axis
  std::string attribution_title = "attribution";  ///< beside the y axis
  bool ranks = false;          ///< ranks along both axes, 1 the largest, where few tokens dwarf the others
  std::string note = {};       ///< such as the correlation
  double width = 420;          ///< of the frame, 10 to 10000 px
  double height = 360;         ///< of the frame, 10 to 10000 px
  Theme theme = Theme::light;  ///< of paper or screen
};

/// What attention says of each token against what an attribution says of it (SVG): a point a token, labelled
/// where there is room, those first that either of the two ranks highest; a note counts the rest. `ranks`:
/// the ranks are drawn, with the line on which both agree, and the two best are at the upper right. A point's
/// title has values and ranks. Both are [token] vectors.
/// @throws ShapeError no tokens, vectors or labels of unlike length; ValueError a number that is not
/// finite, a width or height that is not 10 to 10000 px
inline std::string attribution_scatter(const Eigen::VectorXd& attention, const Eigen::VectorXd& attribution,
                                       const AttributionScatterOptions& options = {}) {
  const auto count = static_cast<std::size_t>(attention.size());
  require<ShapeError>(count > 0 && attribution.size() == attention.size(),
                      "attention of {} tokens, attribution of {}", attention.size(), attribution.size());
  detail::check_labels(options.tokens, attention.size(), "tokens");
  for (Eigen::Index i = 0; i < attention.size(); ++i) {
    require<ValueError>(std::isfinite(attention(i)), "token {}: the attention is {}", i, attention(i));
    require<ValueError>(std::isfinite(attribution(i)), "token {}: the attribution is {}", i, attribution(i));
  }
  const auto from_largest = [](const Eigen::VectorXd& numbers) -> Eigen::VectorXd {
    return average_ranks(-numbers);
  };
  const Eigen::VectorXd attention_rank = from_largest(attention),
                        attribution_rank = from_largest(attribution);
  // Rank 1 is drawn at the far end of an axis, as the largest value is.
  const Eigen::VectorXd x = options.ranks ? Eigen::VectorXd(-attention_rank) : attention,
                        y = options.ranks ? Eigen::VectorXd(-attribution_rank) : attribution;
  PlotFrame frame{.title = options.title,
                  .x_title = options.attention_title,
                  .y_title = options.attribution_title,
                  .width = options.width,
                  .height = options.height,
                  .theme = options.theme};
  if (options.ranks) {
    frame.x_numbers = frame.y_numbers = AxisNumbers::ranks;
    frame.last_rank = static_cast<double>(count);
    frame.x_title += ", rank";
    frame.y_title += ", rank";
  }
  for (const double value : x) frame.x.include(value);
  for (const double value : y) frame.y.include(value);
  frame.x = frame.x.widened();
  frame.y = frame.y.widened();

  // The best ranked choose their place first.
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto best_rank = [&](std::size_t i) {
    const auto token = static_cast<Eigen::Index>(i);
    return std::min(attention_rank(token), attribution_rank(token));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return best_rank(a) < best_rank(b); });
  Plot plot(frame);
  std::vector<Point> places;
  std::vector<std::string> words;
  for (const std::size_t i : order) {
    const auto token = static_cast<Eigen::Index>(i);
    places.push_back(plot.at(x(token), y(token)));
    words.push_back(options.tokens.empty() ? "" : readable_token(options.tokens[i]));
  }
  const std::vector<PointLabel> labels = place_labels(places, words, plot.box());
  const auto wanted = static_cast<std::size_t>(
      std::count_if(words.begin(), words.end(), [](const std::string& word) { return !word.empty(); }));
  std::vector<std::string> notes;
  if (!options.note.empty()) notes.push_back(options.note);
  if (wanted > labels.size())
    notes.push_back(
        fmt::format("{} of {} tokens have no room for their labels", wanted - labels.size(), count));
  if (options.ranks) {
    const double from = std::max(frame.x.low, frame.y.low), to = std::min(frame.x.high, frame.y.high);
    plot.line({{from, from}, {to, to}}, {plot.svg().colours().line, 1, 1, plain_dashes}, "equal ranks");
  }
  for (std::size_t n = count; n-- > 0;) {  // the best on top
    const auto token = static_cast<Eigen::Index>(order[n]);
    draw_mark(plot.svg(), places[n], category_style(0, options.theme), 4, .7,
              fmt::format("{}: {:.4g}, rank {:.4g}; {:.4g}, rank {:.4g}",
                          words[n].empty() ? fmt::format("token {}", token) : words[n], attention(token),
                          attention_rank(token), attribution(token), attribution_rank(token)));
  }
  for (const PointLabel& label : labels) plot.svg().text(label.at, label.words, {.size = 10});
  return plot.document({}, detail::joined_notes(notes), "attention against attribution",
                       fmt::format("{} tokens.", count));
}

}  // namespace attnscope
