#pragma once
#include <attnscope/core/ranks.hpp>
#include <attnscope/core/target_tally.hpp>

namespace attnscope::detail {

/// [value] the ranks of values, moved and scaled to -1 (the least) .. 1 (the most), 0 on average; equal
/// values share their mean rank. One value alone is 0.
inline Eigen::VectorXd centred_ranks(const Eigen::VectorXd& values) {
  const auto size = static_cast<double>(values.size());
  if (size < 2) return Eigen::VectorXd::Zero(values.size());
  Eigen::VectorXd ranks = average_ranks(values);
  for (double& rank : ranks) rank = (2 * rank - (size + 1)) / (size - 1);
  return ranks;
}

/// How similar to the query the tokens are that heads look at, beside how similar tokens are at the offsets
/// where the heads look.
class SimilarityTally {
 public:
  /// others: keys that the query sees and may be compared with; similarity: [other] to the query. Looking at
  /// any other key counts as looking at a token of middling similarity. tokens: of the example. Fewer than
  /// two others say nothing.
  template <typename Weight>
  void add(const SeenRow<Weight>& row, const std::vector<Index>& others, const Eigen::VectorXd& similarity,
           Index tokens) {
    if (others.size() < 2) return;
    reach_at_least(row.heads(), tokens);
    ++queries_;
    const Index keys = row.weights().cols(), slot = reach() - row.own();
    Eigen::RowVectorXd ranks = Eigen::RowVectorXd::Zero(keys), compared = ranks;
    const Eigen::VectorXd of_others = centred_ranks(similarity);
    for (std::size_t k = 0; k < others.size(); ++k) {
      ranks(others[k]) = of_others(static_cast<Index>(k));
      compared(others[k]) = 1;
    }
    ranks_.segment(slot, keys) += ranks;
    pairs_.segment(slot, keys) += compared;
    for (Index h = 0; h < row.heads(); ++h) {
      const Eigen::RowVectorXd weights = row.weights().row(h).template cast<double>();
      attended_(h) += weights.dot(ranks);
      mass_.row(h).segment(slot, keys) += weights.cwiseProduct(compared);
    }
  }
  void merge(SimilarityTally&& later) {
    if (later.queries_ == 0) return;
    if (queries_ == 0) return void(*this = std::move(later));
    const Index most = std::max(reach(), later.reach());
    reach_at_least(attended_.size(), most);
    later.reach_at_least(later.attended_.size(), most);
    add_to(attended_, later.attended_);
    add_to(mass_, later.mass_);
    add_to(ranks_, later.ranks_);
    add_to(pairs_, later.pairs_);
    queries_ += later.queries_;
  }
  Index queries() const { return queries_; }
  /// -1..1: the mean rank of what a head looks at; 1: always the most similar token, 0: no matter which.
  double score(Index head) const { return attended_(head) / static_cast<double>(queries_); }
  /// What the offsets at which the head looks would give whichever tokens stood there.
  double baseline(Index head) const {
    Eigen::RowVectorXd mean_ranks = Eigen::RowVectorXd::Zero(ranks_.size());
    for (Index k = 0; k < ranks_.size(); ++k)
      if (pairs_(k) > 0) mean_ranks(k) = ranks_(k) / pairs_(k);
    return mass_.row(head).dot(mean_ranks) / static_cast<double>(queries_);
  }

 private:
  Index reach() const { return ranks_.size() / 2; }
  void reach_at_least(Index heads, Index most) {
    if (attended_.size() == 0) attended_.setZero(heads);
    if (ranks_.size() > 2 * most) return;
    const Index old = ranks_.size(), first = most - reach();
    RowMatrix<double> mass = RowMatrix<double>::Zero(heads, 2 * most + 1);
    Eigen::RowVectorXd ranks = Eigen::RowVectorXd::Zero(2 * most + 1), pairs = ranks;
    if (old > 0) {
      for (Index h = 0; h < heads; ++h) std::copy_n(&mass_(h, 0), old, &mass(h, first));
      ranks.segment(first, old) = ranks_;
      pairs.segment(first, old) = pairs_;
    }
    mass_ = std::move(mass);
    ranks_ = std::move(ranks);
    pairs_ = std::move(pairs);
  }

  Eigen::VectorXd attended_;          // [head] sum of weight times rank
  RowMatrix<double> mass_;            // [head x reach + offset] sum of weights
  Eigen::RowVectorXd ranks_, pairs_;  // [reach + offset] sum of ranks, how many
  Index queries_ = 0;
};

}  // namespace attnscope::detail
