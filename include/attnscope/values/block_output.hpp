#pragma once
#include <attnscope/source/layer_values.hpp>
#include <attnscope/values/map_rows.hpp>

#include <optional>

namespace attnscope {

/// How far tokens are followed through the attention block (Kobayashi et al. 2021).
enum class Through {
  attention,  ///< what the heads add up to
  residual,   ///< and the residual connection around them
  norm,       ///< and the layer norm behind that
};

/// Options of what is followed through an attention block.
struct ThroughOptions {
  std::optional<Through> through{};  ///< none: as far as the layer's values go
};

namespace detail {

/// What is asked for, or as far as it goes. @throws ValueError it does not go as far
template <typename Scalar>
Through reach(const LayerValues<Scalar>& values, ThroughOptions options) {
  const Through most = values.has_norm()       ? Through::norm
                       : values.has_residual() ? Through::residual
                                               : Through::attention;
  const Through asked = options.through.value_or(most);
  require<ValueError>(asked <= most, "the layer's values have no {}",
                      values.has_residual() ? "norm_weight" : "residual");
  return asked;
}

/// @throws ShapeError unless these are the values of that attention
template <typename Scalar>
void require_fit(const LayerValues<Scalar>& values, const Layout& attention, Index example) {
  const Layout& layout = values.layout();
  require<ShapeError>(attention.shape().heads == layout.shape().heads, "values of {} heads for {}",
                      layout.shape().heads, attention.shape().heads);
  require<ShapeError>(attention.shape().batch == layout.shape().batch, "values of {} batch elements for {}",
                      layout.shape().batch, attention.shape().batch);
  require<ShapeError>(attention.queries(example) == layout.queries(example) &&
                          attention.keys(example) == layout.keys(example),
                      "batch element {}: values of {} x {} true tokens for attention of {} x {}", example,
                      layout.queries(example), layout.keys(example), attention.queries(example),
                      attention.keys(example));
}

/// The key that is row r's own token; nothing where that is no key.
template <typename Weight, typename Scalar>
std::optional<Index> own_key(const Block<Weight>& block, Index r, const LayerValues<Scalar>& values) {
  if (!values.self_attention()) return {};
  const Index own = block.layout().position(block.example(), block.query(r));
  return own >= 0 && own < block.keys() ? std::optional(own) : std::nullopt;
}

template <typename Weight>
Range queries_of(const Block<Weight>& block) {
  return {block.query(0), block.query(0) + block.size()};
}

/// [row x head * dim] sum_j A_hij v_hj, heads side by side.
template <typename Weight, typename Scalar>
Eigen::MatrixXd mixed_values(const Block<Weight>& block, const LayerValues<Scalar>& values) {
  Eigen::MatrixXd mixed = Eigen::MatrixXd::Zero(block.size(), values.heads() * values.dim());
  if (block.size() == 0 || block.keys() == 0) return mixed;
  for (Index h = 0; h < block.heads(); ++h)
    mixed.middleCols(h * values.dim(), values.dim()).noalias() =
        block.head(h).matrix().template cast<double>() * values.values(block.example(), h, {0, block.keys()});
  return mixed;
}

/// Layer norm without its division: (v - mean v) * weight, each row its own mean. What it does to a sum is
/// the sum of what it does to the parts.
template <typename Scalar>
void centre_and_weigh(const LayerValues<Scalar>& values, Eigen::MatrixXd& rows) {
  if (rows.size() == 0) return;
  const Eigen::VectorXd means = rows.rowwise().mean();
  rows.colwise() -= means;
  rows.array().rowwise() *= values.norm_weight().row(0).array();
}

/// [key x model] f_h(x_j) of these true keys, as a norm weighs them.
template <typename Scalar>
Eigen::MatrixXd head_vectors(const LayerValues<Scalar>& values, Through through, Index example, Index head,
                             Range keys) {
  Eigen::MatrixXd vectors = values.transformed(example, head, keys);
  if (through == Through::norm) centre_and_weigh(values, vectors);
  return vectors;
}
/// act(example, head, keys, head_vectors) until all true keys were seen, some at a time.
template <typename Scalar, typename Act>
void each_head_vectors(const LayerValues<Scalar>& values, Through through, const Act& act) {
  constexpr Index at_once = 64;
  const Layout& layout = values.layout();
  for (Index b = 0; b < layout.shape().batch; ++b)
    for (Index h = 0; h < values.heads(); ++h)
      for (Index first = 0; first < layout.keys(b); first += at_once) {
        const Range keys{first, std::min(layout.keys(b), first + at_once)};
        act(b, h, keys, head_vectors(values, through, b, h, keys));
      }
}

/// [row x head * dim] A_hii v_hi, what each query gets of its own key, heads side by side.
template <typename Weight, typename Scalar>
Eigen::MatrixXd own_mixed(const Block<Weight>& block, const LayerValues<Scalar>& values) {
  const Index dim = values.dim();
  Eigen::MatrixXd own = Eigen::MatrixXd::Zero(block.size(), block.heads() * dim);
  for (Index h = 0; h < block.heads(); ++h)
    for (Index r = 0; r < block.size(); ++r)
      if (const auto key = own_key(block, r, values))
        own.row(r).segment(h * dim, dim) = static_cast<double>(block.across_heads(r)(h, *key)) *
                                           values.values(block.example(), h, {*key, *key + 1});
  return own;
}

/// [row x model] what each query gets of itself: of its own key and, through the residual, x_i; centred and
/// weighed by a norm, but not divided.
template <typename Weight, typename Scalar>
Eigen::MatrixXd own_rows(const Block<Weight>& block, const LayerValues<Scalar>& values,
                         const Eigen::MatrixXd& own_mixed, Through through) {
  Eigen::MatrixXd own = values.project(own_mixed);
  if (through != Through::attention) own += values.residual(block.example(), queries_of(block));
  if (through == Through::norm) centre_and_weigh(values, own);
  return own;
}

/// [row x model] what is added to the stream: sum_hj A_hij f_h(x_j) + output bias.
template <typename Weight, typename Scalar>
Eigen::MatrixXd attention_output(const Block<Weight>& block, const LayerValues<Scalar>& values) {
  Eigen::MatrixXd output = values.project(mixed_values(block, values));
  if (values.output_bias().size() > 0) output.rowwise() += values.output_bias().row(0);
  return output;
}

/// [row] what layer norm divides these rows by.
template <typename Scalar>
Eigen::VectorXd norm_divisors(const LayerValues<Scalar>& values, const Eigen::MatrixXd& rows) {
  if (rows.size() == 0) return Eigen::VectorXd::Ones(rows.rows());
  const Eigen::VectorXd means = rows.rowwise().mean();
  return ((rows.colwise() - means).array().square().rowwise().mean() + values.norm_epsilon()).sqrt();
}

/// What the block gives for some rows.
struct OutputRows {
  Eigen::MatrixXd rows;      ///< [row x model], biases included, before the division of a norm and its bias
  Eigen::VectorXd divisors;  ///< [row] the norm's; 1 without
};
template <typename Weight, typename Scalar>
OutputRows output_rows(const Block<Weight>& block, const LayerValues<Scalar>& values, Through through) {
  OutputRows output{attention_output(block, values), Eigen::VectorXd::Ones(block.size())};
  if (through == Through::attention) return output;
  output.rows += values.residual(block.example(), queries_of(block));
  if (through == Through::residual) return output;
  output.divisors = norm_divisors(values, output.rows);
  centre_and_weigh(values, output.rows);
  return output;
}

}  // namespace detail

/// See block_outputs().
template <typename Scalar>
class BlockOutputMeasure {
 public:
  /// @throws ValueError no residual or norm to go through
  explicit BlockOutputMeasure(LayerValues<Scalar> values, ThroughOptions options = {})
      : values_(std::move(values)), through_(detail::reach(values_, options)) {}
  BlockOutputMeasure empty() const { return BlockOutputMeasure(values_, {through_}); }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    detail::OutputRows output = detail::output_rows(block, values_, through_);
    output.rows.array().colwise() /= output.divisors.array();
    if (through_ == Through::norm && values_.norm_bias().size() > 0)
      output.rows.rowwise() += values_.norm_bias().row(0);
    const auto make = [&] {
      return detail::MapPart(block.layout().queries(block.example()), values_.model());
    };
    examples_.at(block, make).append(block.query(0), output.rows);
  }
  void merge(BlockOutputMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  std::vector<Eigen::MatrixXd> result() const { return detail::matrices(examples_); }

 private:
  LayerValues<Scalar> values_;
  Through through_;
  PerExample<detail::MapPart> examples_;
};

/// What an attention block gives: sum_hj A_hij f_h(x_j) + output bias, plus the residual, layer norm of that,
/// as far as asked for. [example] of [query x model]; rows of queries that are not shown are 0. Values and
/// attention of one layer; the check that values mean what they should: it is what the model computed. Cost:
/// queries keys head dim + queries head dim model products, results of queries x model.
/// @throws ValueError no residual or norm to go through; ShapeError values of another attention
template <typename A, typename Scalar>
std::vector<Eigen::MatrixXd> block_outputs(const A& attention, const LayerValues<Scalar>& values,
                                           ThroughOptions options = {}, const SweepOptions& how = {}) {
  return measured(BlockOutputMeasure<Scalar>(values, options), attention, how);
}

}  // namespace attnscope
