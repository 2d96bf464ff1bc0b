#pragma once
#include <attnscope/source/any.hpp>
#include <attnscope/values/block_output.hpp>

namespace attnscope {

/// Result of mixing().
struct MixingResult {
  /// 0..1, mean over the true queries of all examples that define it: 0 where tokens keep to themselves, .5
  /// where others weigh as much as they do. undefined (NaN) without such a query.
  double mixing_ratio = undefined;
  Index queries = 0;                       ///< how many it is over
  std::vector<Eigen::VectorXd> per_query;  ///< [example] of [shown query]; undefined (NaN) where nothing
                                           ///< reaches the query, not even itself
};

/// See mixing().
template <typename Scalar>
class MixingMeasure {
 public:
  /// @throws ValueError no residual or norm to go through
  explicit MixingMeasure(LayerValues<Scalar> values, ThroughOptions options = {})
      : values_(std::move(values)), through_(detail::reach(values_, options)) {}
  MixingMeasure empty() const { return MixingMeasure(values_, {through_}); }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    std::vector<double>& ratios = examples_.at(block, [] { return Ratios(); }).values;
    const Eigen::MatrixXd own = detail::own_mixed(block, values_);
    Eigen::MatrixXd others = values_.project(detail::mixed_values(block, values_) - own);
    if (through_ == Through::norm) detail::centre_and_weigh(values_, others);
    const Eigen::VectorXd itself = detail::own_rows(block, values_, own, through_).rowwise().norm();
    for (Index r = 0; r < block.size(); ++r) {
      const double context = others.row(r).norm();
      ratios.push_back(context / (context + itself(r)));  // 0 / 0: undefined; a norm divides both alike
    }
  }
  void merge(MixingMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  MixingResult result() const {
    MixingResult result;
    double sum = 0;
    for (const Ratios& example : examples_.parts()) {
      result.per_query.emplace_back(Eigen::VectorXd::Map(example.values.data(), example.size()));
      for (const double ratio : example.values)
        if (!std::isnan(ratio)) {
          sum += ratio;
          ++result.queries;
        }
    }
    if (result.queries > 0) result.mixing_ratio = sum / static_cast<double>(result.queries);
    return result;
  }

 private:
  /// A Part of PerExample.
  struct Ratios {
    std::vector<double> values;  // [shown query]

    Index size() const { return static_cast<Index>(values.size()); }
    void merge(Ratios&& later) { values.insert(values.end(), later.values.begin(), later.values.end()); }
  };

  LayerValues<Scalar> values_;
  Through through_;
  PerExample<Ratios> examples_;
};

/// How much of a token's new vector comes from others (Kobayashi et al. 2021): with v_ij what key j
/// contributes to query i, |sum_{j != i} v_ij| / (|sum_{j != i} v_ij| + |v_ii|), Euclidean norms. v_ij =
/// sum_h A_hij f_h(x_j); through the residual v_ii has x_i added; through the norm every v_ij is centred and
/// weighed by it. Biases are nobody's. Where a query's own token is no key (cross-attention), v_ii is the
/// residual alone. Cost: queries keys head dim + 2 queries head dim model products, states of one number a
/// query.
/// @throws ValueError no residual or norm to go through; ShapeError values of another attention
template <typename A, typename Scalar>
MixingResult mixing(const A& attention, const LayerValues<Scalar>& values, ThroughOptions options = {},
                    const SweepOptions& how = {}) {
  return measured(MixingMeasure<Scalar>(values, options), attention, how);
}

/// [layer] the mixing ratios. layers, values: ranges of as many, a layer each, of a precision that is known
/// or that of a file.
/// @throws ShapeError unlike numbers of layers; what mixing throws, naming the layer
template <typename Layers, typename Values>
Eigen::VectorXd mixing_by_layer(const Layers& layers, const Values& values, ThroughOptions options = {},
                                const SweepOptions& how = {}) {
  const auto count = static_cast<Index>(std::size(layers));
  require<ShapeError>(std::size(layers) == std::size(values), "the values of {} layers for {}",
                      std::size(values), count);
  Eigen::VectorXd ratios(count);
  Index layer = 0;
  auto value = std::begin(values);
  for (const auto& attention : layers) {
    const auto ratio = [&](const auto& weights) {
      return detail::with_values(
          *value, [&](const auto& numbers) { return mixing(weights, numbers, options, how).mixing_ratio; });
    };
    ratios(layer) =
        in_context(fmt::format("layer {}", layer), [&] { return detail::with_layer(attention, ratio); });
    ++layer;
    ++value;
  }
  return ratios;
}

}  // namespace attnscope
