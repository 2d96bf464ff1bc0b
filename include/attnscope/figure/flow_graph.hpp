#pragma once
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/token_columns.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace attnscope {

/// An edge of a stack's graph: from token `from` above layer `layer` to token `to` below it.
struct LayerEdge {
  std::ptrdiff_t layer = 0;  ///< from 0, the lowest
  std::ptrdiff_t from = 0;   ///< the number of the upper token
  std::ptrdiff_t to = 0;     ///< the number of the lower token
};

/// Edges of any kind that has layer, from and to, such as those of minimum_cut().
template <typename Edges>
std::vector<LayerEdge> layer_edges(const Edges& edges) {
  std::vector<LayerEdge> all;
  for (const auto& edge : edges) all.push_back({edge.layer, edge.from, edge.to});
  return all;
}

/// How flow_graph() draws, and what.
struct FlowGraphOptions {
  std::string title = {};                    ///< above the figure; none where it is empty
  std::vector<std::string> tokens{};         ///< [token], or none: their numbers
  std::vector<std::ptrdiff_t> layers{};      ///< [layer] its number in the model; none: 0, 1, …
  std::optional<std::ptrdiff_t> query = {};  ///< a token at the top, with a ring around it
  std::optional<std::ptrdiff_t> input = {};  ///< a token at the bottom, with a ring around it
  std::vector<LayerEdge> marked{};           ///< such as a minimum cut, on top of the others
  std::string marked_name = "minimum cut";   ///< in the legend
  Eigen::MatrixXd shares{};      ///< [level x token] 0..1 or empty: how large the dots are, such as rollout's
                                 ///< rows; a note says so; level 0 are the inputs, l + 1 stands above layer l
  double least_weight = .02;     ///< smaller edges are left out, unless they are marked
  std::optional<double> high{};  ///< the weight of the widest and most opaque edges; by default the largest
  Theme theme = Theme::light;    ///< of paper or screen
};

namespace detail {

inline void check_flow_graph(const std::vector<Eigen::MatrixXd>& layers, const FlowGraphOptions& options) {
  require<ShapeError>(!layers.empty() && layers[0].size() > 0, "a graph of no layers or no tokens");
  const Eigen::Index tokens = layers[0].rows();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    require<ShapeError>(layers[l].rows() == tokens && layers[l].cols() == tokens,
                        "layer {} is {} x {}, not {} x {}", l, layers[l].rows(), layers[l].cols(), tokens,
                        tokens);
    for (Eigen::Index i = 0; i < tokens; ++i)
      for (Eigen::Index k = 0; k < tokens; ++k)
        require<ValueError>(std::isfinite(layers[l](i, k)) && layers[l](i, k) >= 0,
                            "layer {}, row {}, column {}: the weight is {}", l, i, k, layers[l](i, k));
  }
  const auto check_token = [&](std::ptrdiff_t token, const char* what) {
    require<ShapeError>(token >= 0 && token < tokens, "{} {} of {} tokens", what, token, tokens);
  };
  if (options.query) check_token(*options.query, "query");
  if (options.input) check_token(*options.input, "input");
  const auto count = static_cast<std::ptrdiff_t>(layers.size());
  for (std::size_t n = 0; n < options.marked.size(); ++n) {
    const LayerEdge& edge = options.marked[n];
    require<ShapeError>(edge.layer >= 0 && edge.layer < count && edge.from >= 0 && edge.from < tokens &&
                            edge.to >= 0 && edge.to < tokens,
                        "marked edge {}: layer {}, from {} to {}, of {} layers and {} tokens", n, edge.layer,
                        edge.from, edge.to, count, tokens);
  }
  check_labels(options.tokens, tokens, "tokens");
  check_labels(options.layers, count, "layer numbers");
  require<ShapeError>(
      options.shares.size() == 0 || (options.shares.rows() == count + 1 && options.shares.cols() == tokens),
      "shares are {} x {}, not {} levels x {} tokens", options.shares.rows(), options.shares.cols(),
      count + 1, tokens);
  // Rows of attention may sum to a little more than 1.
  for (Eigen::Index level = 0; level < options.shares.rows(); ++level)
    for (Eigen::Index i = 0; i < options.shares.cols(); ++i)
      require<ValueError>(options.shares(level, i) >= 0 && options.shares(level, i) <= 1.02,
                          "level {}, token {}: a share of {} is not 0 to 1", level, i,
                          options.shares(level, i));
  require<ValueError>(options.least_weight >= 0, "least_weight = {} is below 0", options.least_weight);
  require<ValueError>(!options.high || (*options.high > 0 && std::isfinite(*options.high)),
                      "high = {} is not above 0", options.high.value_or(0));
}

}  // namespace detail

/// A stack as the graph that rollout and attention flow walk through (SVG; Abnar & Zuidema 2020): a column of
/// tokens above each layer and one of the inputs, the top one to the left; an edge for each weight, as opaque
/// and as wide as it is large, and marked edges, such as the bottleneck between two tokens, in another
/// colour. layers: [layer] of [upper token x lower token], such as layer_maps() gives. Small edges are left
/// out, and a note counts them. An edge takes about 130 bytes.
/// @throws ShapeError no layers, layers of unlike shape, an edge, query, input, label or share that does not
/// fit; ValueError a weight that is not finite or is negative, naming layer, row and column; a share that is
/// not 0..1, naming level and token
inline std::string flow_graph(const std::vector<Eigen::MatrixXd>& layers,
                              const FlowGraphOptions& options = {}) {
  detail::check_flow_graph(layers, options);
  const std::size_t count = layers.size();
  const std::vector<std::string> tokens = detail::names_of(options.tokens, layers[0].rows(), "tokens");
  std::vector<std::string> gaps;
  double largest = 0;
  for (std::size_t l = count; l-- > 0;) {
    gaps.push_back(
        fmt::format("layer {}", options.layers.empty() ? static_cast<std::ptrdiff_t>(l) : options.layers[l]));
    largest = std::max(largest, layers[l].maxCoeff());
  }
  const double high = options.high.value_or(largest > 0 ? largest : 1);
  TokenColumns columns({.title = options.title,
                        .left_title = "output",
                        .right_title = "input",
                        .left = tokens,
                        .right = tokens,
                        .gap_titles = gaps,
                        .columns = count + 1,
                        .between = std::clamp(900 / static_cast<double>(count), 60., 180.),
                        .left_strip = 10,
                        .right_strip = 10,
                        .theme = options.theme});
  // Level l + 1 stands above layer l, and the highest level is the first column.
  const auto at = [&](std::size_t level, std::ptrdiff_t token) { return columns.at(count - level, token); };
  const auto title = [&](std::size_t l, Eigen::Index i, Eigen::Index k) {
    return fmt::format("{}: {} \u2013 {}: {:.3g}", gaps[count - 1 - l],
                       readable_token(tokens[static_cast<std::size_t>(i)], 40),
                       readable_token(tokens[static_cast<std::size_t>(k)], 40), layers[l](i, k));
  };
  std::set<std::tuple<std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t>> marked;
  for (const LayerEdge& edge : options.marked) marked.insert({edge.layer, edge.from, edge.to});

  const Colour plain = category_colour(0, options.theme), strong = category_colour(1, options.theme);
  std::size_t drawn = 0, omitted = 0;
  LineOpacity opacity(high);
  const auto draw = [&](std::size_t l, Eigen::Index i, Eigen::Index k, Colour colour, double least_opacity) {
    const double size = opacity.of(layers[l](i, k));
    draw_line(columns.svg(), at(l + 1, i), at(l, k),
              {colour, .6 + 3 * size, std::max(least_opacity, .15 + .75 * size)}, title(l, i, k));
    ++drawn;
  };
  for (std::size_t l = count; l-- > 0;)
    for (Eigen::Index i = 0; i < layers[l].rows(); ++i)
      for (Eigen::Index k = 0; k < layers[l].cols(); ++k) {
        if (!(layers[l](i, k) > 0) || marked.contains({static_cast<std::ptrdiff_t>(l), i, k})) continue;
        if (layers[l](i, k) < options.least_weight)
          ++omitted;
        else
          draw(l, i, k, plain, 0);
      }
  for (const auto& [l, i, k] : marked) draw(static_cast<std::size_t>(l), i, k, strong, .95);

  const double largest_dot = std::min(9., .5 * columns.pitch());
  const auto radius = [&](std::size_t level, std::ptrdiff_t token) {
    if (options.shares.size() == 0) return .2 * largest_dot;
    const double share = options.shares(static_cast<Eigen::Index>(level), token);
    return std::clamp(largest_dot * std::sqrt(std::max(share, 0.)), .08 * largest_dot, largest_dot);
  };
  for (std::size_t level = 0; level <= count; ++level)
    for (std::ptrdiff_t token = 0; token < layers[0].rows(); ++token)
      draw_mark(columns.svg(), at(level, token), {columns.svg().colours().text, 0}, radius(level, token));
  const auto ring = [&](std::size_t level, std::ptrdiff_t token) {
    draw_line(columns.svg(), detail::mark_path(at(level, token), 0, radius(level, token) + 2), {strong, 2});
  };
  if (options.query) ring(count, *options.query);
  if (options.input) ring(0, *options.input);

  std::vector<LegendEntry> legend;
  if (!options.marked.empty()) legend = {{"edge", {plain, 2.5}}, {options.marked_name, {strong, 2.5}}};
  std::vector<std::string> notes;
  if (const std::string opaque = opacity.note("widest"); !opaque.empty()) notes.push_back(opaque);
  if (omitted > 0)
    notes.push_back(fmt::format("{} edges below {:.3g} are left out", omitted, options.least_weight));
  if (options.shares.size() > 0) notes.push_back("the area of a dot is the share of its token");
  return columns.document(Legend(legend), detail::joined_notes(notes), "graph of a stack",
                          fmt::format("{} layers, {} tokens, {} edges, {} of them marked.", count,
                                      layers[0].rows(), drawn, marked.size()));
}

}  // namespace attnscope
