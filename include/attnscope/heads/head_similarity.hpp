#pragma once
#include <attnscope/sweep.hpp>

#include <optional>

namespace attnscope {

/// Result of head_similarity().
struct HeadSimilarityResult {
  Eigen::MatrixXd similarity_matrix;  ///< [head x head] 0..1; undefined (NaN) for a head without weight
  std::optional<double>
      avg_pairwise_similarity;  ///< mean off the diagonal; nothing for one head, or an undefined one
  std::optional<double> diversity_score;  ///< 1 minus that
};

/// See head_similarity().
class HeadSimilarityMeasure {
 public:
  HeadSimilarityMeasure empty() const { return {}; }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    if (gram_.size() == 0) gram_.setZero(block.heads(), block.heads());
    vector_math::add_gram(block, gram_);
  }
  void merge(HeadSimilarityMeasure&& later) { add_to(gram_, later.gram_); }
  HeadSimilarityResult result() const {
    const Index heads = gram_.rows();
    const Eigen::VectorXd norms = gram_.diagonal().cwiseSqrt();
    const Eigen::MatrixXd gram = gram_.selfadjointView<Eigen::Lower>();
    HeadSimilarityResult result{gram.cwiseQuotient(norms * norms.transpose()), {}, {}};  // 0 / 0: undefined
    for (Index h = 0; h < heads; ++h)
      if (norms(h) > 0) result.similarity_matrix(h, h) = 1;  // exactly, not within rounding
    if (heads < 2 || result.similarity_matrix.hasNaN()) return result;
    const double off_diagonal = result.similarity_matrix.sum() - static_cast<double>(heads);
    result.avg_pairwise_similarity = off_diagonal / static_cast<double>(heads * (heads - 1));
    result.diversity_score = 1 - *result.avg_pairwise_similarity;
    return result;
  }

 private:
  Eigen::MatrixXd gram_;  // lower triangle of the dot products between heads
};

/// How alike the heads attend: the cosine between two heads, each flattened over batch, query and key, and
/// the diversity 1 - mean off the diagonal. The weights are not centred: heads that attend everywhere are
/// alike by that alone. attention: [batch, head, query, key]. Cost: heads^2 / 2 operations a weight, states
/// of heads^2 numbers.
template <typename A>
HeadSimilarityResult head_similarity(const A& attention, const SweepOptions& how = {}) {
  return measured(HeadSimilarityMeasure(), attention, how);
}

}  // namespace attnscope
