#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/colour_bar.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/names.hpp>
#include <attnscope/figure/sheet.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// How neuron_view() draws.
struct NeuronViewOptions {
  std::string title = {};                    ///< above the figure; none where it is empty
  std::string query_token = "query";         ///< beside its vector
  std::vector<std::string> key_tokens{};     ///< [key], or none
  std::optional<double> scale{};             ///< of the dot products; by default 1 / sqrt(dim)
  std::optional<Eigen::VectorXd> weights{};  ///< [key] what the model made of them, where more than a softmax
                                             ///< (a bias, a cap) lies between; by default their softmax
  Theme theme = Theme::light;                ///< of paper or screen
};

namespace detail {

inline void check_neuron_view(const Eigen::VectorXd& query, const Eigen::MatrixXd& keys,
                              const NeuronViewOptions& options) {
  require<ShapeError>(query.size() > 0 && keys.rows() > 0, "a neuron view of {} dimensions and {} keys",
                      query.size(), keys.rows());
  require<ShapeError>(keys.cols() == query.size(), "a query of {} dimensions, keys of {}", query.size(),
                      keys.cols());
  check_labels(options.key_tokens, keys.rows(), "key tokens");
  require<ShapeError>(!options.weights || options.weights->size() == keys.rows(), "{} weights for {} keys",
                      options.weights ? options.weights->size() : 0, keys.rows());
  for (Eigen::Index d = 0; d < query.size(); ++d) {
    require<ValueError>(std::isfinite(query(d)), "query, dimension {}: {}", d, query(d));
    for (Eigen::Index j = 0; j < keys.rows(); ++j)
      require<ValueError>(std::isfinite(keys(j, d)), "key {}, dimension {}: {}", j, d, keys(j, d));
  }
  require<ValueError>(!options.scale || std::isfinite(*options.scale), "scale = {}",
                      options.scale.value_or(0));
  if (options.weights)
    for (Eigen::Index j = 0; j < keys.rows(); ++j)
      require<ValueError>((*options.weights)(j) >= 0 && (*options.weights)(j) <= 1.02,
                          "key {}: the weight is {}", j, (*options.weights)(j));
}

}  // namespace detail

/// How one query comes by its weights (SVG), the neuron view of BertViz (Vig, 2019), a row a key: the key's
/// vector, below that of the query; their product, dimension by dimension; the scaled dot product; and the
/// softmax over the keys that are given (leave out those that the query may not see), the longest bar for the
/// largest. Signed numbers have a diverging palette, each block one of its own scale. query: [dim], keys:
/// [key x dim].
/// @throws ShapeError no dimensions or keys, sizes that do not fit; ValueError a number that is not finite,
/// naming key and dimension, a weight outside 0..1
inline std::string neuron_view(const Eigen::VectorXd& query, const Eigen::MatrixXd& keys,
                               const NeuronViewOptions& options = {}) {
  detail::check_neuron_view(query, keys, options);
  const Eigen::MatrixXd product = keys.array().rowwise() * query.transpose().array();
  const double scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(query.size())));
  for (Eigen::Index j = 0; j < keys.rows(); ++j)
    for (Eigen::Index d = 0; d < keys.cols(); ++d)
      require<ValueError>(std::isfinite(product(j, d)), "key {}, dimension {}: the product is {}", j, d,
                          product(j, d));
  const Eigen::VectorXd dots = scale * product.rowwise().sum();
  for (Eigen::Index j = 0; j < keys.rows(); ++j)
    require<ValueError>(std::isfinite(dots(j)), "key {}: the dot product is {}", j, dots(j));
  Eigen::VectorXd weights = (dots.array() - dots.maxCoeff()).exp();
  weights /= weights.sum();
  if (options.weights) weights = *options.weights;

  const ScaleOptions diverging{.palette = diverging_palette(options.theme), .theme = options.theme};
  CellRange range = cell_range(keys);
  range.merge(cell_range(query));
  const ColourScale vectors = colour_scale(range, diverging),
                    products = colour_scale(cell_range(product), diverging),
                    sums = colour_scale(cell_range(dots), diverging);

  constexpr double size = 10, gap = 18, weight_width = 48, bar_length = 90, dot_width = 14;
  const auto dot = [&](Eigen::Index key) { return fmt::format("{:.3g}", dots(key) + 0.); };
  double dot_numbers = 0;
  for (Eigen::Index j = 0; j < keys.rows(); ++j)
    dot_numbers = std::max(dot_numbers, std::ceil(text_width(dot(j), size)));
  Sheet sheet(options.title, options.theme);
  Svg& svg = sheet.svg();
  const ThemeColours colours = svg.colours();
  const double rows = static_cast<double>(keys.rows()), pitch = std::clamp(std::floor(900 / rows), 1., 16.);
  const double cell = std::clamp(std::floor(256 / static_cast<double>(query.size())), 1., 16.);
  const double width = cell * static_cast<double>(query.size());
  const AxisLabels labels(options.key_tokens, pitch);
  const detail::Caption query_word{readable_token(options.query_token),
                                   {.size = 11, .anchor = Anchor::end, .bold = true}};
  const double left = Sheet::margin + std::max(labels.extent(), query_word.width() + 6);
  const double block = std::max(width, 80.);  // a title has room above it
  const double query_top = sheet.top() + 20, top = query_top + 14 + 8, height = pitch * rows;
  const Box query_box{left, query_top, width, 14}, keys_box{left, top, width, height},
      product_box{left + block + gap, top, width, height},
      dots_box{product_box.left + block + gap, top, dot_width, height};
  const double bars = dots_box.right() + 5 + std::max(dot_numbers, 24.) + gap;

  const auto title = [&](double x, const std::string& words) {
    svg.text({x, sheet.top() + 9}, words, {.size = 11, .bold = true});
  };
  title(left, "query, keys");
  title(product_box.left, "product");
  title(dots_box.left, "dot");
  title(bars, options.weights ? "weight" : "softmax");
  query_word.draw(svg, {left - 6, query_box.centre().y});
  const auto draw = [&](const Eigen::MatrixXd& map, const ColourScale& colour, const Box& box) {
    draw_cells(svg, levels_of(map, colour), colour, box);
    svg.frame(box, colours.line);
  };
  draw(query.transpose(), vectors, query_box);
  draw(keys, vectors, keys_box);
  draw(product, products, product_box);
  draw(dots, sums, dots_box);
  labels.draw_rows(svg, keys_box);
  const double heaviest = weights.maxCoeff() > 0 ? weights.maxCoeff() : 1;
  const auto length = [&](Eigen::Index key) { return bar_length * weights(key) / heaviest; };
  const auto step = static_cast<Eigen::Index>(std::ceil(1.1 * size / pitch));
  for (Eigen::Index j = 0; j < keys.rows(); ++j) {
    const double y = top + (static_cast<double>(j) + .5) * pitch;
    draw_box(svg, {bars, y - .4 * pitch, length(j), .8 * pitch}, category_colour(0, options.theme), 1,
             fmt::format("{:.4g}", weights(j)));
    if (j % step != 0) continue;
    svg.text({dots_box.right() + 5, y}, dot(j), {.size = size, .colour = colours.quiet});
    svg.text({bars + length(j) + 5, y}, fmt::format("{:.3f}", weights(j)),
             {.size = size, .colour = colours.quiet});
  }
  const double bar_height = std::max(ColourBar::least_height, std::min(height, 160.));
  const ColourBar vector_bar(vectors, bar_height), product_bar(products, bar_height);
  double x = bars + bar_length + weight_width;
  title(x, "query, keys");
  vector_bar.draw(svg, {x, query_top});
  x += std::max(vector_bar.width(), 75.) + gap;
  title(x, "product");
  product_bar.draw(svg, {x, query_top});
  const double right = x + std::max(product_bar.width(), 60.);
  const double bottom = std::max(top + height, query_top + bar_height + 6);
  return sheet.document(
      {Sheet::margin, sheet.top(), right - Sheet::margin, bottom - sheet.top()}, {}, "",
      "how a query comes by its weights",
      fmt::format("{} keys of {} dimensions; dot products times {:.4g}.", keys.rows(), query.size(), scale));
}

}  // namespace attnscope
