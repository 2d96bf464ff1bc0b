#pragma once
#include <attnscope/flow/flow_normalisation.hpp>
#include <attnscope/flow/layer_maps.hpp>
#include <attnscope/values/block_output.hpp>

namespace attnscope {

/// Result of contributions().
struct ContributionsResult {
  /// [example] of [query x key], 0..1; with `residuals` a row sums to 1, or is 0: nothing came near the
  /// output, or the query is not shown.
  std::vector<Eigen::MatrixXd> maps;
  /// [example] of [query] 0..1: the share of a residual that stands on no key (cross-attention); else 0.
  std::vector<Eigen::VectorXd> residuals;
};

namespace detail {

/// Rows that parts come near to: |y| - |y - t| in L1 norms, each coordinate by itself. With u = t sign y that
/// is min(u, 2 |y| - u), so that nothing cancels where t is small beside y. Sums in short runs.
template <typename Number>
class Targets {
 public:
  using Rows = RowMatrix<Number>;

  explicit Targets(const Rows& output)
      : signs_((output.array() < 0)
                   .select(Rows::Constant(output.rows(), output.cols(), -1),
                           Rows::Ones(output.rows(), output.cols()))),
        twice_(2 * output.cwiseAbs()) {}
  Index size() const { return signs_.rows(); }
  Index width() const { return signs_.cols(); }
  /// [row]
  Eigen::VectorXd nearness(const Rows& parts) const {
    Eigen::VectorXd near = Eigen::VectorXd::Zero(size());
    constexpr Index run = 256;  // the longest sum in single precision
    for (Index first = 0; first < width(); first += run) {
      const Index count = std::min(run, width() - first);
      const auto along = parts.middleCols(first, count).cwiseProduct(signs_.middleCols(first, count));
      near += along.cwiseMin(twice_.middleCols(first, count) - along).rowwise().sum().template cast<double>();
    }
    return near;
  }

 private:
  Rows signs_, twice_;
};

/// [example] of [(key, head) x model] the vectors f_h(x_j), as a norm weighs them, in the precision of the
/// values.
template <typename Scalar, typename Rows>
std::vector<Rows> vectors_by_key(const LayerValues<Scalar>& values, Through through) {
  const Layout& layout = values.layout();
  const Index heads = values.heads();
  std::vector<Rows> vectors;
  for (Index b = 0; b < layout.shape().batch; ++b)
    vectors.emplace_back(layout.keys(b) * heads, values.model());
  each_head_vectors(values, through, [&](Index b, Index h, Range keys, const Eigen::MatrixXd& some) {
    Rows& all = vectors[static_cast<std::size_t>(b)];
    for (Index k = 0; k < keys.size(); ++k)
      all.row((keys.first + k) * heads + h) = some.row(k).template cast<typename Rows::Scalar>();
  });
  return vectors;
}

}  // namespace detail

/// See contributions().
template <typename Scalar>
class ContributionsMeasure {
 public:
  /// @throws ValueError no residual or norm to go through
  explicit ContributionsMeasure(LayerValues<Scalar> values, ThroughOptions options = {})
      : values_(std::move(values)),
        through_(detail::reach(values_, options)),
        vectors_(std::make_shared<const std::vector<Rows>>(
            detail::vectors_by_key<Scalar, Rows>(values_, through_))) {}
  ContributionsMeasure empty() const {
    ContributionsMeasure same = *this;
    same.examples_ = {};
    return same;
  }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    // All of it times what the norm divides by, which goes again when rows are made to sum to 1.
    detail::OutputRows output = detail::output_rows(block, values_, through_);
    if (through_ == Through::norm && values_.norm_bias().size() > 0)
      output.rows += output.divisors * values_.norm_bias().row(0);
    const Eigen::MatrixXd own = detail::own_rows(block, values_, detail::own_mixed(block, values_), through_);

    // One more column, for residuals of no key.
    detail::MapPart::Rows shares = detail::MapPart::Rows::Zero(block.size(), layout_keys(block) + 1);
    for (Index first = 0; first < block.size(); first += rows_at_once) {
      const Range rows{first, std::min(block.size(), first + rows_at_once)};
      between_tokens(
          block, rows,
          detail::Targets<Number>(output.rows.middleRows(first, rows.size()).template cast<Number>()),
          shares);
    }
    const Eigen::VectorXd by_itself = detail::Targets<double>(output.rows).nearness(own);
    for (Index r = 0; r < block.size(); ++r)
      shares(r, detail::own_key(block, r, values_).value_or(shares.cols() - 1)) = by_itself(r);
    shares = rows_normalised(shares.cwiseMax(0));
    examples_
        .at(block, [&] { return detail::MapPart(block.layout().queries(block.example()), shares.cols()); })
        .append(block.query(0), shares);
  }
  void merge(ContributionsMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  ContributionsResult result() const {
    ContributionsResult result;
    for (const detail::MapPart& example : examples_.parts()) {
      const Eigen::MatrixXd all = example.matrix();
      result.maps.emplace_back(all.leftCols(all.cols() - 1));
      result.residuals.emplace_back(all.rightCols(1));
    }
    return result;
  }

 private:
  using Number = std::conditional_t<std::is_same_v<Scalar, double>, double, float>;
  using Rows = typename detail::Targets<Number>::Rows;
  static constexpr Index rows_at_once = 16;

  template <typename Weight>
  static Index layout_keys(const Block<Weight>& block) {
    return block.layout().keys(block.example());
  }
  /// Fills shares(rows, keys), residuals left out. One key at a time: the vectors that the heads make of it,
  /// for as many rows as leave room in the cache.
  template <typename Weight>
  void between_tokens(const Block<Weight>& block, Range rows, const detail::Targets<Number>& output,
                      detail::MapPart::Rows& shares) const {
    const Index heads = block.heads();
    const Rows& vectors = (*vectors_)[static_cast<std::size_t>(block.example())];
    Rows weights(rows.size(), heads), part(rows.size(), output.width());
    for (Index key = 0; key < block.keys(); ++key) {
      for (Index h = 0; h < heads; ++h)
        weights.col(h) = block.head(h, rows).matrix().col(key).template cast<Number>();
      part.noalias() = weights * vectors.middleRows(key * heads, heads);
      shares.col(key).segment(rows.first, rows.size()) = output.nearness(part);
    }
  }

  LayerValues<Scalar> values_;
  Through through_;
  std::shared_ptr<const std::vector<Rows>> vectors_;
  PerExample<detail::MapPart> examples_;
};

/// How near each key's contribution T_i(x_j) = sum_h A_hij f_h(x_j) brings the query to what the block gives
/// it, y_i (ALTI, Ferrando et al. 2022): max(0, |y_i| - |y_i - T_i(x_j)|) in L1 norms, divided by its sum
/// over the row. Through the residual x_i belongs to the query's own key; through the norm T is centred,
/// weighed and divided as row i is. y_i has the biases in it, T has not. Rows sum to 1, so the maps of a
/// stack multiply to a rollout, the newer layer on the left, and NO residual is added: it is in them. Cost:
/// queries keys heads model products and queries keys model absolute values: a rollout's map costs as much as
/// the model's attention times model / dim. Memory: keys heads model numbers an example, and the maps.
/// @throws ValueError no residual or norm to go through; ShapeError values of another attention
template <typename A, typename Scalar>
ContributionsResult contributions(const A& attention, const LayerValues<Scalar>& values,
                                  ThroughOptions options = {}, const SweepOptions& how = {}) {
  return measured(ContributionsMeasure<Scalar>(values, options), attention, how);
}

namespace detail {

/// [example] the contributions of one layer, of the same tokens on either side.
template <typename A, typename Scalar>
std::vector<Eigen::MatrixXd> square_contributions(const A& attention, const LayerValues<Scalar>& values,
                                                  ThroughOptions options, const SweepOptions& how) {
  require<ValueError>(values.self_attention(),
                      "these are values of cross-attention: its residual stands on no key to go on from");
  const Layout layout = source_of(attention).layout();
  for (Index b = 0; b < layout.shape().batch; ++b) check_self_attention(layout, b);
  return contributions(attention, values, options, how).maps;
}

/// product = map * product of every example. @throws ShapeError they are of unlike batch or tokens
template <typename Matrix>
void multiply_each(const std::vector<Matrix>& maps, std::vector<Matrix>& product) {
  require<ShapeError>(maps.size() == product.size(), "{} batch elements, those before have {}", maps.size(),
                      product.size());
  for (std::size_t b = 0; b < maps.size(); ++b) {
    require<ShapeError>(maps[b].rows() == product[b].rows(),
                        "batch element {}: {} tokens, the layers before have {}", b, maps[b].rows(),
                        product[b].rows());
    product[b] = maps[b] * product[b];
  }
}

}  // namespace detail

/// How much of each input token is in each token above the last layer: the product of the layers'
/// contributions(), the newer one on the left (ALTI, Ferrando et al. 2022). NO residual is added: it is in
/// the maps, as far as the options or the values go. [example] of [query x input token], 0..1; rows sum to 1
/// where no map has a row of 0. layers, values: of as many layers, the first one first; self-attention of the
/// same tokens. Cost: contributions() of each layer, and tokens^3 multiplications.
/// @throws ShapeError no layers, values of other layers, layers of unlike batch or tokens; ValueError values
/// of cross-attention; what contributions() throws; all but the first two naming the layer
template <StackLayers Layers, std::ranges::sized_range Values>
requires std::ranges::sized_range<Layers> std::vector<Eigen::MatrixXd> contribution_rollout(
    Layers&& layers, Values&& values, ThroughOptions options = {}, const SweepOptions& how = {}) {
  const auto count = static_cast<Index>(std::ranges::size(layers));
  require<ShapeError>(count > 0, "there are no layers to roll out");
  require<ShapeError>(static_cast<Index>(std::ranges::size(values)) == count,
                      "values of {} layers for attention of {}", std::ranges::size(values), count);
  std::vector<Eigen::MatrixXd> product;
  auto of_layer = std::ranges::begin(values);
  Index l = 0;
  for (const auto& layer : layers) {
    in_context(fmt::format("layer {}", l), [&] {
      std::vector<Eigen::MatrixXd> maps = detail::with_layer(layer, [&](const auto& attention) {
        return detail::with_values(*of_layer, [&](const auto& numbers) {
          return detail::square_contributions(attention, numbers, options, how);
        });
      });
      if (l == 0)
        product = std::move(maps);
      else
        detail::multiply_each(maps, product);
    });
    ++of_layer;
    ++l;
  }
  return product;
}

}  // namespace attnscope
