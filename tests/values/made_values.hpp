#pragma once
// Layers with values, made up, and the plainest possible loops over them: every vector of head, query and key
// is built.
#include <attnscope/source/layer_values.hpp>
#include <attnscope/values/block_output.hpp>

#include "support/pattern.hpp"

namespace attnscope::test {

template <typename Scalar>
struct MadeLayer {
  Layout layout;
  Index kv_heads = 1, dim = 1, model = 1;
  AttentionTensor<Scalar> attention{};
  std::vector<Scalar> value{}, value_bias{}, projection{}, output_bias{}, residual{}, norm_weight{},
      norm_bias{};
  double epsilon = 1e-3;
  bool self_attention = true;

  AttentionView<Scalar> view() const { return {attention.data(), layout}; }
  LayerValues<Scalar> values() const {
    LayerValueParts<Scalar> parts{value_bias, projection, output_bias, residual, norm_weight, norm_bias};
    parts.norm_epsilon = epsilon;
    parts.self_attention = self_attention;
    return {value, layout, kv_heads, dim, parts};
  }
};

/// What may not be read is NaN: values and residual of padding.
template <typename Scalar>
void spoil_padding(MadeLayer<Scalar>& layer) {
  const Layout& layout = layer.layout;
  const Shape& s = layout.shape();
  const auto nan = std::numeric_limits<Scalar>::quiet_NaN();
  const auto spoil = [&](std::vector<Scalar>& numbers, Index row, Index width) {
    for (Index c = 0; c < width; ++c) numbers[static_cast<std::size_t>(row * width + c)] = nan;
  };
  const auto outside = [](Index token, Index start, Index count) {
    return token < start || token >= start + count;
  };
  for (Index b = 0; b < s.batch; ++b) {
    for (Index h = 0; h < layer.kv_heads; ++h)
      for (Index j = 0; j < s.keys; ++j)
        if (outside(j, layout.key_start(b), layout.keys(b)))
          spoil(layer.value, (b * layer.kv_heads + h) * s.keys + j, layer.dim);
    for (Index i = 0; i < s.queries && !layer.residual.empty(); ++i)
      if (outside(i, layout.query_start(b), layout.queries(b)))
        spoil(layer.residual, b * s.queries + i, layer.model);
  }
}

template <typename Scalar = double>
MadeLayer<Scalar> random_layer(const Layout& layout, Index kv_heads, Index dim, Index model,
                               unsigned seed = 1) {
  const Shape& s = layout.shape();
  MadeLayer<Scalar> layer{layout, kv_heads, dim, model, random_attention<Scalar>(layout, seed)};
  std::mt19937 generator(seed + 100);
  std::normal_distribution<double> normal;
  const auto numbers = [&](Index count, double mean, double scale) {
    std::vector<Scalar> all(static_cast<std::size_t>(count));
    for (Scalar& x : all) x = static_cast<Scalar>(mean + scale * normal(generator));
    return all;
  };
  layer.value = numbers(s.batch * kv_heads * s.keys * dim, 0, 1);
  layer.value_bias = numbers(kv_heads * dim, 0, .5);
  layer.projection = numbers(s.heads * dim * model, 0, .6);
  layer.output_bias = numbers(model, 0, .5);
  layer.residual = numbers(s.batch * s.queries * model, 0, 2);
  layer.norm_weight = numbers(model, 1, .3);
  layer.norm_bias = numbers(model, 0, .3);
  spoil_padding(layer);
  return layer;
}

/// The layer of make_values.py: causal, 6 and 4 tokens, 4 heads on 2 value heads of width 3, model 5.
inline MadeLayer<double> formula_layer() {
  const Layout layout({2, 4, 6, 6}, self_padding({6, 4}, {0, 2}, {.causal = true}));
  const auto formula = [](double phase, Index count, double mean = 0, double scale = 1) {
    std::vector<double> numbers;
    for (Index n = 0; n < count; ++n)
      numbers.push_back(mean + scale * std::sin(phase + 1.7 * std::pow(static_cast<double>(n), 1.1)));
    return numbers;
  };
  MadeLayer<double> layer{layout, 2, 3, 5, pattern(layout), formula(0, 72), formula(1, 6), formula(2, 60)};
  layer.output_bias = formula(3, 5);
  layer.residual = formula(4, 60, 0, 3);
  layer.norm_weight = formula(5, 5, 1, .5);
  layer.norm_bias = formula(6, 5);
  spoil_padding(layer);
  return layer;
}

/// One example, loop by loop.
struct PlainBlock {
  std::vector<Eigen::MatrixXd> parts;  // [query] of [key + 1 x model]; the last row: a residual of no key
  Eigen::MatrixXd output;              // [query x model] with biases
};

template <typename Scalar>
PlainBlock plain_block(const MadeLayer<Scalar>& layer, Index b, Through through) {
  const Layout& layout = layer.layout;
  const Shape& s = layout.shape();
  const Index keys = layout.keys(b), queries = layout.queries(b);
  const auto at = [](const std::vector<Scalar>& numbers, Index index) {
    return numbers.empty() ? 0.0 : static_cast<double>(numbers[static_cast<std::size_t>(index)]);
  };
  PlainBlock block{{}, Eigen::MatrixXd::Zero(queries, layer.model)};
  for (Index i = 0; i < queries; ++i) {
    Eigen::MatrixXd parts = Eigen::MatrixXd::Zero(keys + 1, layer.model);
    const Range seen = layout.visible(b, i);
    for (Index h = 0; h < s.heads; ++h)
      for (Index j = seen.first; j < seen.last; ++j)
        for (Index d = 0; d < layer.dim; ++d) {
          const Index kv = h / (s.heads / layer.kv_heads), stored = layout.key_start(b) + j;
          const double value =
              at(layer.value, ((b * layer.kv_heads + kv) * s.keys + stored) * layer.dim + d) +
              at(layer.value_bias, kv * layer.dim + d);
          const double weighed =
              static_cast<double>(layer.attention(b, h, layout.query_start(b) + i, stored)) * value;
          for (Index m = 0; m < layer.model; ++m) {
            const Index row = h * layer.dim + d;
            const double projection = layer.projection.empty() ? (m == row ? 1.0 : 0.0)
                                                               : at(layer.projection, row * layer.model + m);
            parts(j, m) += weighed * projection;
          }
        }
    const Index position = layout.position(b, i);
    const bool is_key = layer.self_attention && position >= 0 && position < keys;
    if (through != Through::attention)
      for (Index m = 0; m < layer.model; ++m)
        parts(is_key ? position : keys, m) +=
            at(layer.residual, (b * s.queries + layout.query_start(b) + i) * layer.model + m);
    Eigen::RowVectorXd output = parts.colwise().sum();
    for (Index m = 0; m < layer.model; ++m) output(m) += at(layer.output_bias, m);
    if (through == Through::norm) {
      const double variance = (output.array() - output.mean()).square().mean();
      const auto norm = [&](auto row) {
        row.array() -= row.mean();
        for (Index m = 0; m < layer.model; ++m)
          row(m) *= at(layer.norm_weight, m) / std::sqrt(variance + layer.epsilon);
      };
      for (Index j = 0; j <= keys; ++j) norm(parts.row(j));
      norm(output.row(0));
      for (Index m = 0; m < layer.model; ++m) output(m) += at(layer.norm_bias, m);
    }
    block.parts.push_back(parts);
    block.output.row(i) = output;
  }
  return block;
}

inline constexpr Through every_reach[] = {Through::attention, Through::residual, Through::norm};

/// Layouts of every kind, with as many heads as value heads or more.
inline std::vector<MadeLayer<double>> many_layers() {
  std::vector<MadeLayer<double>> layers;
  const auto add = [&](Layout layout, Index kv_heads, Index dim, Index model) {
    layers.push_back(random_layer(layout, kv_heads, dim, model, static_cast<unsigned>(layers.size() + 1)));
  };
  add(Layout({1, 1, 5, 5}), 1, 3, 4);
  add(Layout({2, 4, 7, 7}, self_padding({7, 4}, {0, 3})), 2, 3, 10);
  add(Layout({2, 4, 7, 7}, self_padding({5, 7}, {}, {.causal = true})), 1, 2, 6);
  add(Layout({1, 2, 9, 9}, {.causal = true, .sliding_window = 3}), 2, 4, 5);
  add(Layout({1, 3, 3, 8}, {.causal = true, .query_offset = 5}), 3, 2, 6);
  add(Layout({1, 2, 6, 4}, {.causal = true, .query_offset = -2}), 2, 2, 3);  // the first queries see nothing
  add(Layout({2, 2, 4, 6}, {.query_lengths = {4, 2}, .key_lengths = {5, 6}, .key_starts = {1, 0}}), 2, 3, 6);
  layers.back().self_attention = false;
  add(Layout({1, 2, 6, 6}), 2, 3, 6);
  layers.back().projection.clear();
  layers.back().value_bias.clear();
  return layers;
}

}  // namespace attnscope::test
