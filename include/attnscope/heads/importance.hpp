#pragma once
#include <attnscope/core/head_mask.hpp>
#include <attnscope/core/moments.hpp>
#include <attnscope/sweep.hpp>

namespace attnscope {

/// The four quantities that the literature calls head importance. Let s(b, i) = sum_j A_ij dL/dA_ij, example
/// b, query i; it equals the dot product of the head's output with the loss's gradient there.
struct ImportanceScores {
  Eigen::VectorXd elementwise;   ///< [head] sum_ij abs(A_ij dL/dA_ij)
  Eigen::VectorXd per_position;  ///< [head] sum_i abs(s): the code of Michel et al. 2019
  Eigen::VectorXd per_example;   ///< [head] abs(sum_i s): their paper; the size of dL/d(head gate)
  Eigen::VectorXd per_batch;     ///< [head] abs(sum of sum_i s over a batch): Hugging Face's run_bertology
};

/// In units of the loss. For every head elementwise >= per_position >= per_example >= per_batch.
struct ImportanceResult {
  ImportanceScores mean;  ///< over examples; per_batch, too, is divided by examples and not by batches, so
                          ///< that all four compare. undefined (NaN) without an example
  ImportanceScores standard_error;  ///< of the mean, over examples; of per_batch over batches. undefined
                                    ///< (NaN) for fewer than two
  Eigen::VectorXd gate_gradient;  ///< [head] mean over examples of sum_i s = dL/d(head gate), signed: a head
                                  ///< that is removed lowers the loss by about this
  Index examples = 0;             ///< how many were seen
  Index batches = 0;              ///< how many were seen: sweeps
  Index tokens = 0;               ///< how many queries were seen
};

namespace detail {

/// Sums over stretches of rows (examples, batches) of which only the moments are kept once both ends are
/// known, so that a data set takes no more memory than an example. Merging is associative: a state may begin
/// and end within a stretch.
template <typename Finish>
class Stretches {
 public:
  /// Before the first rows. begins: whether a stretch begins with them; an earlier state has its beginning
  /// otherwise.
  void start(bool begins, Index heads, Index kinds) {
    begun_ = begins;
    open().setZero(heads, kinds);
  }
  /// [head x kind] the sums of the stretch that may go on.
  Eigen::ArrayXXd& open() { return begun_ ? last_ : lead_; }
  void merge(const Stretches& later) {
    add_to(open(), later.lead_);
    if (!later.begun_) return;
    if (begun_) whole_.add(Finish()(last_));
    whole_.merge(later.whole_);
    last_ = later.last_;
    begun_ = true;
  }
  /// Of all stretches, those at either end as far as they were seen.
  Moments moments() const {
    Moments all;
    if (lead_.size() > 0) all.add(Finish()(lead_));
    all.merge(whole_);
    if (begun_) all.add(Finish()(last_));
    return all;
  }

 private:
  bool begun_ = false;    // whether any stretch began here
  Eigen::ArrayXXd lead_;  // what belongs to a stretch that began earlier
  Moments whole_;         // the stretches that began and ended here
  Eigen::ArrayXXd last_;  // the one that may go on
};

/// What is left of an example once it is whole: sums to importance.
struct FinishExample {
  Eigen::ArrayXXd operator()(const Eigen::ArrayXXd& sums) const {
    Eigen::ArrayXXd finished(sums.rows(), 4);
    std::copy_n(sums.data(), sums.size(), finished.data());
    for (Index h = 0; h < sums.rows(); ++h) finished(h, 3) = std::abs(sums(h, 2));
    return finished;
  }
};
struct FinishBatch {
  Eigen::ArrayXXd operator()(const Eigen::ArrayXXd& sums) const { return sums.abs(); }
};

}  // namespace detail

/// See importance(). An example begins with its first query, a batch with the first example of a sweep.
class ImportanceMeasure {
 public:
  ImportanceMeasure empty() const { return {}; }

  template <typename Weight, typename Gradient>
  void look(const RowProducts<Weight, Gradient>& rows) {
    if (heads_ == 0) start(rows);
    const Index h = rows.head();
    double elementwise = 0, per_position = 0, gate = 0;
    for (Index r = 0; r < rows.size(); ++r) {
      elementwise += rows[r].magnitude;
      per_position += std::abs(rows[r].sum);
      gate += rows[r].sum;
    }
    Eigen::ArrayXXd& sums = examples_.open();
    sums(h, 0) += elementwise;
    sums(h, 1) += per_position;
    sums(h, 2) += gate;
    batches_.open()(h) += gate;
    if (h == 0) tokens_ += rows.size();
  }
  /// @throws ShapeError the heads of two models meet
  void merge(ImportanceMeasure&& later) {
    if (later.heads_ == 0) return;
    require<ShapeError>(heads_ == 0 || heads_ == later.heads_,
                        "cannot pool the importance of {} heads and of {}", heads_, later.heads_);
    heads_ = later.heads_;
    tokens_ += later.tokens_;
    examples_.merge(later.examples_);
    batches_.merge(later.batches_);
  }
  ImportanceResult result() const {
    const detail::Moments examples = examples_.moments(), batches = batches_.moments();
    if (heads_ == 0) return {};
    const double batches_per_example =
        static_cast<double>(batches.count()) / static_cast<double>(examples.count());
    const auto scores = [&](const Eigen::ArrayXXd& example, const Eigen::ArrayXXd& batch) {
      return ImportanceScores{example.col(0), example.col(1), example.col(3),
                              batch.col(0) * batches_per_example};
    };
    return {scores(examples.mean(), batches.mean()),
            scores(examples.standard_error(), batches.standard_error()),
            examples.mean().col(2),
            examples.count(),
            batches.count(),
            tokens_};
  }

 private:
  void start(const HeadPlace& rows) {
    const bool begins = rows.query(0) == rows.layout().shown_queries(rows.example()).front().first;
    heads_ = rows.layout().shape().heads;
    examples_.start(begins, heads_, 3);
    batches_.start(begins && rows.example() == 0, heads_, 1);
  }

  Index heads_ = 0, tokens_ = 0;
  detail::Stretches<detail::FinishExample> examples_;  // [head x elementwise, per position, gate]
  detail::Stretches<detail::FinishBatch> batches_;     // [head x gate]
};

/// How much the loss hangs on each head, to first order, from attention and its gradient: importance(aligned(
/// attention, gradient)). gradient: [batch, head, query, key] d loss / d attention of the loss of ONE
/// backward pass (zeroed before it), finite, also where the attention is 0. Sum the loss over the examples of
/// a batch: with a mean over them every number is smaller by the batch's size. More examples: sweep an
/// ImportanceMeasure over them, a batch at a time. Cost: one pass over both, states of some twenty numbers a
/// head.
/// @throws what sweep throws
template <typename A>
ImportanceResult importance(const A& attention_and_gradient, const SweepOptions& how = {}) {
  return measured(ImportanceMeasure(), attention_and_gradient, how);
}

/// Importance a query instead of an example, as the papers' code divides it: by tokens, but by examples in
/// the last layer, where only the first token's output reaches the loss ("[CLS]"; last_layer_by_examples).
/// scores: [layer] of [head], means over `examples`. @throws ValueError no tokens
inline HeadScores importance_per_token(HeadScores scores, Index examples, Index tokens,
                                       bool last_layer_by_examples = false) {
  require<ValueError>(examples > 0 && tokens > 0, "importance of {} examples with {} tokens", examples,
                      tokens);
  const std::size_t divided = scores.size() - (last_layer_by_examples && !scores.empty() ? 1 : 0);
  for (std::size_t layer = 0; layer < divided; ++layer)
    scores[layer] *= static_cast<double>(examples) / static_cast<double>(tokens);
  return scores;
}

/// Every layer by itself divided by its Euclidean norm + 1e-20 (Michel et al. 2019), so that layers compare.
/// scores: [layer] of [head]. An undefined (NaN) score stays and stays out: give a head that was removed
/// already that.
inline HeadScores l2_normalized_by_layer(HeadScores scores) {
  for (Eigen::VectorXd& layer : scores) {
    double squares = 0;
    for (const double score : layer)
      if (!std::isnan(score)) squares += score * score;
    layer /= std::sqrt(squares) + 1e-20;
  }
  return scores;
}

/// (score - least) / (largest - least) over all layers (Hugging Face). scores: [layer] of [head]; 0
/// everywhere where all are equal. An undefined (NaN) score stays and stays out.
inline HeadScores min_max_normalized(HeadScores scores) {
  double least = undefined, largest = undefined;
  for (const Eigen::VectorXd& layer : scores)
    for (const double score : layer) {
      least = std::fmin(least, score);
      largest = std::fmax(largest, score);
    }
  const double range = largest > least ? largest - least : 1;
  for (Eigen::VectorXd& layer : scores)
    for (double& score : layer) score = (score - least) / range;
  return scores;
}

}  // namespace attnscope
