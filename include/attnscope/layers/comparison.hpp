#pragma once
#include <attnscope/layers/head_numbers.hpp>

#include <string>

namespace attnscope {

/// Four layers spread over the depth of a model: 0, n/3, 2n/3, n - 1, each once. n: how many layers there
/// are.
inline std::vector<Index> default_layers(Index n) {
  if (n <= 0) return {};
  std::vector<Index> layers{0, n / 3, 2 * n / 3, n - 1};
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

/// How the heads of each layer differ in one number: result of spread_by_layer(). Heads whose number is
/// undefined are passed over; a layer of no others is undefined.
struct SpreadByLayer {
  Eigen::VectorXd mean;       ///< [layer] over heads
  Eigen::VectorXd deviation;  ///< [layer] standard deviation, divided by all heads
  Eigen::VectorXd min;        ///< [layer] of the heads
  Eigen::VectorXd max;        ///< [layer] of the heads
};

/// How the heads of each layer differ. values: [layer] of [head]; the layers may have unlike head counts.
inline SpreadByLayer spread_by_layer(const std::vector<Eigen::VectorXd>& values) {
  const Index layers = static_cast<Index>(values.size());
  const Eigen::VectorXd none = Eigen::VectorXd::Constant(layers, undefined);
  SpreadByLayer spread{none, none, none, none};
  for (Index l = 0; l < layers; ++l) {
    std::vector<double> defined;
    for (const double value : values[static_cast<std::size_t>(l)])
      if (!std::isnan(value)) defined.push_back(value);
    if (defined.empty()) continue;
    const Eigen::Map<const Eigen::ArrayXd> heads(defined.data(), static_cast<Index>(defined.size()));
    spread.mean(l) = heads.mean();
    spread.deviation(l) = std::sqrt((heads - heads.mean()).square().mean());
    spread.min(l) = heads.minCoeff();
    spread.max(l) = heads.maxCoeff();
  }
  return spread;
}

/// One number of the heads, over the layers compared.
struct ComparedNumber {
  std::string name;                    ///< "entropies", …: head_number_list
  std::vector<Eigen::VectorXd> heads;  ///< [layer] of [head]
  SpreadByLayer spread;                ///< [layer] over heads
  Eigen::MatrixXd difference;          ///< [layer x layer] how much larger the mean of the column's layer is
};

/// Result of compare_layers().
struct LayerComparison {
  std::vector<Index> layers;            ///< which layers of the model these are
  std::vector<ComparedNumber> numbers;  ///< in the order of head_number_list
  Eigen::VectorXd uniform_locality;     ///< [layer] to set beside locality

  /// @throws ValueError no number has this name
  const ComparedNumber& number(std::string_view name) const {
    const auto found = std::find_if(numbers.begin(), numbers.end(),
                                    [&](const ComparedNumber& number) { return number.name == name; });
    require<ValueError>(found != numbers.end(), "no number of heads is named {}", name);
    return *found;
  }
};

namespace detail {

/// [layer] of [head] one number of each layer's heads.
inline std::vector<Eigen::VectorXd> values_by_layer(const std::vector<HeadNumbers>& layers,
                                                    Eigen::VectorXd HeadNumbers::*values) {
  std::vector<Eigen::VectorXd> all;
  for (const HeadNumbers& layer : layers) all.push_back(layer.*values);
  return all;
}

/// [layer] the locality of uniform attention.
inline Eigen::VectorXd uniform_by_layer(const std::vector<HeadNumbers>& layers) {
  Eigen::VectorXd all(static_cast<Index>(layers.size()));
  for (std::size_t l = 0; l < layers.size(); ++l) all(static_cast<Index>(l)) = layers[l].uniform_locality;
  return all;
}

}  // namespace detail

/// Layers side by side whose numbers are known, from a HeadNumbersMeasure a layer swept over a corpus.
/// indices: [layer] its index in the model. @throws ShapeError unlike counts
inline LayerComparison compare_layers(const std::vector<HeadNumbers>& layers, std::vector<Index> indices) {
  require<ShapeError>(layers.size() == indices.size(), "{} layers with {} indices", layers.size(),
                      indices.size());
  LayerComparison comparison{std::move(indices), {}, detail::uniform_by_layer(layers)};
  for (const auto& [name, values] : head_number_list) {
    ComparedNumber number{std::string(name), detail::values_by_layer(layers, values), {}, {}};
    number.spread = spread_by_layer(number.heads);
    const Eigen::VectorXd& mean = number.spread.mean;
    number.difference.resize(mean.size(), mean.size());
    for (Index a = 0; a < mean.size(); ++a)
      for (Index b = 0; b < mean.size(); ++b) number.difference(a, b) = mean(b) - mean(a);
    comparison.numbers.push_back(std::move(number));
  }
  return comparison;
}

/// Layers of a model side by side: every number of every head, its mean and spread over the heads of a layer,
/// and the differences between layers. attention: [layer] of any attention [batch, head, query, key]; without
/// options.layers those of default_layers() are compared, and only they are read, one sweep each.
/// @throws ShapeError a layer that is not there; what sweep throws, naming the layer
template <StackLayer A>
LayerComparison compare_layers(const std::vector<A>& attention, LayersOptions options = {},
                               const SweepOptions& how = {}) {
  if (options.layers.empty()) options.layers = default_layers(static_cast<Index>(attention.size()));
  return compare_layers(numbers_of_layers(attention, options, how), options.layers);
}

}  // namespace attnscope
