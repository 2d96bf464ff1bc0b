#pragma once
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Options of sink().
struct SinkOptions {
  double threshold = 0.3;  ///< a head whose first key receives more than this is a sink head (Gu et al. 2024)
  bool operator==(const SinkOptions&) const = default;
};

/// Result of sink().
struct SinkResult {
  Eigen::VectorXd
      sink_mass;  ///< [head] 0..1, mean weight on the first true key; undefined (NaN) without a query
  double sink_rate = undefined;  ///< 0..1, share of the heads whose sink_mass exceeds the threshold
};

/// See sink().
class SinkMeasure {
 public:
  /// Any threshold: one below 0 makes a sink of every head, one from 1 on of none.
  explicit SinkMeasure(SinkOptions options = {}) : options_(options) {}
  SinkMeasure empty() const { return SinkMeasure(options_); }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    RowMean::Head mass = mass_.of(rows);
    for (Index r = 0; r < rows.size(); ++r) mass.add(rows.weight(r, 0));
  }
  void merge(SinkMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool sinks of thresholds {} and {}",
                        options_.threshold, later.options_.threshold);
    mass_.merge(later.mass_);
  }
  SinkResult result() const {
    const Eigen::VectorXd mass = mass_.mean();
    if (mass.size() == 0) return {mass};
    double sinks = 0;
    for (const double of_head : mass) {
      if (std::isnan(of_head)) return {mass};
      sinks += of_head > options_.threshold ? 1 : 0;
    }
    return {mass, sinks / static_cast<double>(mass.size())};
  }

 private:
  SinkOptions options_;
  RowMean mass_;
};

/// Attention sinks: the weight on the first true key (a "[CLS]", a "<bos>", or just the first word), mean
/// over all true queries, and the share of heads that make a sink of it (Xiao et al. 2024; Gu et al. 2024,
/// "When attention sink emerges"). Every other key: received_attention(). Every other metric without the
/// sink: exclude_tokens(). attention: [batch, head, query, key]. Cost: one weight a row.
template <typename A>
SinkResult sink(const A& attention, SinkOptions options = {}, const SweepOptions& how = {}) {
  return measured(SinkMeasure(options), attention, how);
}

}  // namespace attnscope
