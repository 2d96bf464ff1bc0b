#pragma once
#include <attnscope/sweep.hpp>

#include <numeric>

namespace attnscope {

/// Result of received_attention().
struct ReceivedResult {
  std::vector<Eigen::MatrixXd>
      received;  ///< [example] of [head x key]: sum over queries of the weight on a key
  std::vector<Eigen::MatrixXd>
      mean_received;  ///< [example] of [head x key], 0..1: the same, divided by the queries
                      ///< that see the key; undefined (NaN) where nobody does
};

/// See received_attention().
class ReceivedMeasure {
 public:
  ReceivedMeasure empty() const { return {}; }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false, .columns = true};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    Columns& columns = examples_.at(rows);
    rows.add_columns(columns.sums.row(rows.head()));
    if (rows.head() == 0) columns.count_seers(rows);
  }
  void merge(ReceivedMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  ReceivedResult result() const {
    ReceivedResult result;
    for (const Columns& example : examples_.parts()) {
      result.received.emplace_back(example.sums);
      const Eigen::RowVectorXd seers = example.seers();
      Eigen::MatrixXd& mean = result.mean_received.emplace_back(example.sums);
      for (Index key = 0; key < mean.cols(); ++key) mean.col(key) /= seers(key);
    }
    return result;
  }

 private:
  struct Columns {
    RowMatrix<double> sums;    // [head x key]
    Eigen::RowVectorXd steps;  // [key] queries that see it, less those that see the key before; one more key

    Columns(const Layout& layout, Index example) {
      sums.setZero(layout.shape().heads, layout.keys(example));
      steps.setZero(layout.keys(example) + 1);
    }
    void count_seers(const HeadPlace& rows) {
      for (Index r = 0; r < rows.size(); ++r) {
        const Range seen = rows.visible(r);
        steps(seen.first) += 1;
        steps(seen.last) -= 1;
      }
    }
    /// [key] queries that see it
    Eigen::RowVectorXd seers() const {
      Eigen::RowVectorXd count = steps.head(steps.size() - 1);
      std::partial_sum(count.begin(), count.end(), count.begin());
      return count;
    }
    void merge(Columns&& later) {
      sums += later.sums;
      steps += later.steps;
    }
  };
  PerExample<Columns> examples_;
};

/// The attention that each key receives: sum_i A_ij, and its mean over the queries that see the key, which is
/// the sink score alpha_j = sum_i A_ij / (n - j) of causal attention (Gu et al. 2024, "When attention sink
/// emerges"). attention: [batch, head, query, key]; examples keep their own keys. Cost: one pass, states of
/// heads x keys.
template <typename A>
ReceivedResult received_attention(const A& attention, const SweepOptions& how = {}) {
  return measured(ReceivedMeasure(), attention, how);
}

}  // namespace attnscope
