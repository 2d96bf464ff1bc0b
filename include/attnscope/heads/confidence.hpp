#pragma once
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Result of confidence().
struct ConfidenceResult {
  Eigen::VectorXd confidence;  ///< [head] 0..1; undefined (NaN) without a query
};

/// See confidence().
class ConfidenceMeasure {
 public:
  ConfidenceMeasure empty() const { return {}; }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    RowMean::Head mean = mean_.of(rows);
    for (Index r = 0; r < rows.size(); ++r) mean.add(rows[r].largest);
  }
  void merge(ConfidenceMeasure&& later) { mean_.merge(later.mean_); }
  ConfidenceResult result() const { return {mean_.mean()}; }

 private:
  RowMean mean_;
};

/// How much of a row its largest weight takes: max_j A_ij, mean over all true queries (Voita et al. 2019,
/// section 4; they leave out the end-of-sequence token: see exclude_tokens()). attention: [batch, head,
/// query, key]. Cost: one pass.
template <typename A>
ConfidenceResult confidence(const A& attention, const SweepOptions& how = {}) {
  return measured(ConfidenceMeasure(), attention, how);
}

}  // namespace attnscope
