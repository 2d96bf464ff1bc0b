#pragma once
#include <attnscope/values/block_output.hpp>

namespace attnscope {

namespace detail {

/// [example] of [head x key] the norms of the vectors f_h(x_j), as a norm weighs them.
template <typename Scalar>
std::vector<Eigen::MatrixXd> vector_norms(const LayerValues<Scalar>& values, Through through) {
  const Layout& layout = values.layout();
  std::vector<Eigen::MatrixXd> norms;
  for (Index b = 0; b < layout.shape().batch; ++b) norms.emplace_back(values.heads(), layout.keys(b));
  each_head_vectors(values, through, [&](Index b, Index h, Range keys, const Eigen::MatrixXd& vectors) {
    norms[static_cast<std::size_t>(b)].row(h).segment(keys.first, keys.size()) =
        vectors.rowwise().norm().transpose();
  });
  return norms;
}

}  // namespace detail

/// [example] of [head x key] |f_h(x_j)|: how long the vector is that a head makes of a key, at full weight.
/// Times A_hij it is the norm-based map of one head (Kobayashi et al. 2020), see head_norm_maps(): small at
/// the keys that a head looks at to do nothing. Cost: keys head dim model products.
template <typename Scalar>
std::vector<Eigen::MatrixXd> value_norms(const LayerValues<Scalar>& values) {
  return detail::vector_norms(values, Through::attention);
}

namespace detail {

/// Dot products between the vectors that the heads make of one key: with them |sum_h a_h f_h|^2 = a' G a.
class ValueGrams {
 public:
  template <typename Scalar>
  ValueGrams(const LayerValues<Scalar>& values, Through through, int threads) : heads_(values.heads()) {
    constexpr Index at_once = 16;
    const Layout& layout = values.layout();
    std::vector<Task> tasks;
    for (Index b = 0; b < layout.shape().batch; ++b) {
      grams_.emplace_back(heads_ * heads_, layout.keys(b));
      for (Index first = 0; first < layout.keys(b); first += at_once)
        tasks.push_back({b, {first, std::min(layout.keys(b), first + at_once)}});
    }
    const auto count = static_cast<Index>(tasks.size());
    const auto work = [&] {
      return [&](Index task) {
        fill(values, through, tasks[static_cast<std::size_t>(task)]);
        return task;
      };
    };
    ordered_tasks(count, thread_count(threads, count), work, [](Index, Index) {});
  }
  /// [head x head] of one key.
  Eigen::Map<const Eigen::MatrixXd> of(Index example, Index key) const {
    return {grams_[static_cast<std::size_t>(example)].col(key).data(), heads_, heads_};
  }

 private:
  template <typename Scalar>
  void fill(const LayerValues<Scalar>& values, Through through, const Task& task) {
    const Index keys = task.queries.size();
    Eigen::MatrixXd vectors(values.model(), heads_ * keys);  // a column each head and key
    for (Index h = 0; h < heads_; ++h) {
      const Eigen::MatrixXd of_head = head_vectors(values, through, task.example, h, task.queries);
      for (Index k = 0; k < keys; ++k) vectors.col(k * heads_ + h) = of_head.row(k).transpose();
    }
    for (Index k = 0; k < keys; ++k) {
      const auto of_key = vectors.middleCols(k * heads_, heads_);
      Eigen::Map<Eigen::MatrixXd>(
          grams_[static_cast<std::size_t>(task.example)].col(task.queries.first + k).data(), heads_, heads_)
          .noalias() = of_key.transpose() * of_key;
    }
  }

  Index heads_;
  std::vector<Eigen::MatrixXd> grams_;  // [example] of [head * head x key]
};

}  // namespace detail

/// See norm_maps().
template <typename Scalar>
class NormMapsMeasure {
 public:
  /// threads: for what is computed of the values alone, at once; 0: as many as the machine has.
  /// @throws ValueError no residual or norm to go through
  explicit NormMapsMeasure(LayerValues<Scalar> values, ThroughOptions options = {}, int threads = 0)
      : values_(std::move(values)),
        through_(detail::reach(values_, options)),
        grams_(std::make_shared<const detail::ValueGrams>(values_, through_, threads)) {}
  NormMapsMeasure empty() const {
    NormMapsMeasure same = *this;
    same.examples_ = {};
    return same;
  }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    detail::MapPart::Rows norms = squares_between_tokens(block).cwiseMax(0).cwiseSqrt();
    const Eigen::VectorXd own =
        detail::own_rows(block, values_, detail::own_mixed(block, values_), through_).rowwise().norm();
    for (Index r = 0; r < block.size(); ++r)
      if (const auto key = detail::own_key(block, r, values_)) norms(r, *key) = own(r);
    if (through_ == Through::norm)
      norms.array().colwise() /= detail::output_rows(block, values_, through_).divisors.array();
    examples_.at(block).append(block.query(0), norms);
  }
  void merge(NormMapsMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  std::vector<Eigen::MatrixXd> result() const { return detail::matrices(examples_); }

 private:
  /// [row x key] a' G a, the weights of all heads on a key around its Gram matrix.
  template <typename Weight>
  detail::MapPart::Rows squares_between_tokens(const Block<Weight>& block) const {
    detail::MapPart::Rows squares(block.size(), block.keys());
    Eigen::MatrixXd weights(block.size(), block.heads()), product(block.size(), block.heads());
    for (Index key = 0; key < block.keys(); ++key) {
      for (Index h = 0; h < block.heads(); ++h)
        weights.col(h) = block.head(h).matrix().col(key).template cast<double>();
      product.noalias() = weights * grams_->of(block.example(), key);
      squares.col(key) = product.cwiseProduct(weights).rowwise().sum();
    }
    return squares;
  }

  LayerValues<Scalar> values_;
  Through through_;
  std::shared_ptr<const detail::ValueGrams> grams_;
  PerExample<detail::MapPart> examples_;
};

/// How much each key really gives each query (Kobayashi et al. 2020, 2021): |sum_h A_hij f_h(x_j)|, the
/// Euclidean norm taken after the sum over heads; through the residual x_i is added to the query's own key;
/// through the norm every vector is centred, weighed and divided as layer norm divides row i, its bias left
/// out. [example] of [query x key]; rows of queries that are not shown are 0; rows do not sum to 1. A
/// residual of no key (cross-attention) is in no column. Accurate to 1e-7 of the sum over heads of the norms.
/// Cost: per key head^2 model + head dim model products once, then head^2 per weight of the head mean: no
/// vector per query and key is ever made. Memory: keys head^2 numbers an example, and the maps.
/// @throws ValueError no residual or norm to go through; ShapeError values of another attention
template <typename A, typename Scalar>
std::vector<Eigen::MatrixXd> norm_maps(const A& attention, const LayerValues<Scalar>& values,
                                       ThroughOptions options = {}, const SweepOptions& how = {}) {
  return measured(NormMapsMeasure<Scalar>(values, options, how.threads), attention, how);
}

/// See head_norm_maps().
template <typename Scalar>
class HeadNormMapsMeasure {
 public:
  /// @throws ValueError no residual or norm to go through
  explicit HeadNormMapsMeasure(LayerValues<Scalar> values, ThroughOptions options = {})
      : values_(std::move(values)),
        through_(detail::reach(values_, options)),
        norms_(
            std::make_shared<const std::vector<Eigen::MatrixXd>>(detail::vector_norms(values_, through_))) {}
  HeadNormMapsMeasure empty() const {
    HeadNormMapsMeasure same = *this;
    same.examples_ = {};
    return same;
  }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    const Eigen::VectorXd divisors = through_ == Through::norm
                                         ? detail::output_rows(block, values_, through_).divisors
                                         : Eigen::VectorXd::Ones(block.size());
    const Eigen::MatrixXd& norms = (*norms_)[static_cast<std::size_t>(block.example())];
    detail::HeadMapParts& maps = examples_.at(block);
    for (Index h = 0; h < block.heads(); ++h) {
      detail::MapPart::Rows rows = block.head(h).matrix().template cast<double>();
      if (rows.size() > 0) {
        rows.array().rowwise() *= norms.row(h).head(rows.cols()).array();
        rows.array().colwise() /= divisors.array();
      }
      maps.append(h, block.query(0), rows);
    }
  }
  void merge(HeadNormMapsMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  std::vector<std::vector<Eigen::MatrixXd>> result() const {
    std::vector<std::vector<Eigen::MatrixXd>> result;
    for (const detail::HeadMapParts& example : examples_.parts()) result.push_back(example.matrices());
    return result;
  }

 private:
  LayerValues<Scalar> values_;
  Through through_;
  std::shared_ptr<const std::vector<Eigen::MatrixXd>> norms_;  // [example] of [head x key]
  PerExample<detail::HeadMapParts> examples_;
};

/// How much each head by itself gives each query of each key (Kobayashi et al. 2020): |A_hij f_h(x_j)|, which
/// is A_hij times value_norms(). Through the norm every vector is centred, weighed and divided as layer norm
/// divides row i, of all heads and the residual. The residual is of no head: it is in no map. [example] of
/// [head] of [query x key]; rows of queries that are not shown are 0. The heads' maps add up to no less than
/// norm_maps() between unlike tokens, for what heads undo of one another counts here. Cost: keys head dim
/// model products once, the maps, and, through the norm, what block_outputs() takes.
/// @throws ValueError no residual or norm to go through; ShapeError values of another attention
template <typename A, typename Scalar>
std::vector<std::vector<Eigen::MatrixXd>> head_norm_maps(const A& attention,
                                                         const LayerValues<Scalar>& values,
                                                         ThroughOptions options = {},
                                                         const SweepOptions& how = {}) {
  return measured(HeadNormMapsMeasure<Scalar>(values, options), attention, how);
}

}  // namespace attnscope
