#pragma once
#include <attnscope/sweep.hpp>

#include <numbers>

namespace attnscope {

/// The unit of entropies.
enum class EntropyUnit {
  nats,  ///< natural logarithm
  bits,  ///< logarithm to base 2
};

/// Options of entropy().
struct EntropyOptions {
  EntropyUnit unit = EntropyUnit::nats;  ///< of entropies and per_query
  double smoothing =
      0;  ///< s in 0..1: weights become (1 - s) A + s / visible keys first (Clark et al.: .0001)
  bool per_query = false;  ///< also give every row's entropy
  bool operator==(const EntropyOptions&) const = default;
};

/// Result of entropy().
struct EntropyResult {
  Eigen::VectorXd entropies;  ///< [head] mean over all true queries, in `unit`; 0 .. log(keys)
  Eigen::VectorXd
      normalized_entropies;      ///< [head] 0..1: mean of entropy / log(visible keys) over the queries that
                                 ///< see two keys or more; undefined (NaN) without such a query
  Index queries = 0;             ///< how many rows entropies are over
  Index normalized_queries = 0;  ///< how many normalized_entropies are over
  std::vector<Eigen::MatrixXd> per_query;  ///< [example] of [head x shown query], where asked for
};

/// See entropy().
class EntropyMeasure {
 public:
  /// @throws ValueError smoothing outside 0..1
  explicit EntropyMeasure(EntropyOptions options = {}) : options_(options) {
    require<ValueError>(options.smoothing >= 0 && options.smoothing <= 1, "smoothing = {} is not in 0..1",
                        options.smoothing);
  }
  EntropyMeasure empty() const { return EntropyMeasure(options_); }

  static constexpr SummaryParts summary_parts{.distance = false};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    RowMean::Head mean = mean_.of(rows), normalized = normalized_.of(rows);
    double log_seen = 0;
    Index seen_before = 0;
    RowValues* values = options_.per_query ? &rows_.at(rows) : nullptr;
    for (Index r = 0; r < rows.size(); ++r) {
      const double nats = row_entropy(rows, r);
      const Index seen = rows.visible_keys(r);
      mean.add(nats);
      if (seen > 1) {
        if (seen != seen_before) log_seen = std::log(static_cast<double>(seen_before = seen));
        normalized.add(nats / log_seen);
      }
      if (values) values->append(rows.head(), nats * unit());
    }
  }
  void merge(EntropyMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool entropies of other options");
    mean_.merge(later.mean_);
    normalized_.merge(later.normalized_);
    rows_.merge(std::move(later.rows_));
  }
  EntropyResult result() const {
    EntropyResult result{mean_.mean() * unit(), normalized_.mean(), mean_.rows(), normalized_.rows(), {}};
    for (const RowValues& example : rows_.parts()) result.per_query.push_back(example.matrix());
    return result;
  }

 private:
  double unit() const { return options_.unit == EntropyUnit::bits ? 1 / std::numbers::ln2 : 1; }

  template <typename Weight>
  double row_entropy(const RowSummaries<Weight>& rows, Index r) const {
    if (options_.smoothing == 0) return rows[r].entropy;
    const Range seen = rows.visible(r);
    const double share = options_.smoothing / static_cast<double>(rows.visible_keys(r));
    double nats = 0;
    for (Index j = seen.first; j < seen.last; ++j) {
      if (rows.layout().excludes_key(rows.example(), j)) continue;
      const double p = (1 - options_.smoothing) * rows.weight(r, j) + share;
      nats -= p > 0 ? p * std::log(p) : 0;
    }
    return nats;
  }

  EntropyOptions options_;
  RowMean mean_, normalized_;
  PerExample<RowValues> rows_;
};

/// How spread out each head attends: the entropy -sum_j A_ij log A_ij of its rows, 0 log 0 = 0, mean over all
/// true queries of all examples (Clark et al. 2019, section 3.3). attention: [batch, head, query, key]. 0:
/// one key takes all; log(visible keys): uniform. Causal rows see few keys at first: compare them by
/// normalized_entropies. Cost: one pass, one logarithm a weight. @throws what sweep throws; ValueError
/// smoothing outside 0..1
template <typename A>
EntropyResult entropy(const A& attention, EntropyOptions options = {}, const SweepOptions& how = {}) {
  return measured(EntropyMeasure(options), attention, how);
}

}  // namespace attnscope
