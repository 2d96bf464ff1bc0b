#pragma once
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Options of locality().
struct LocalityOptions {
  Index window = 3;  ///< tokens on either side
  bool operator==(const LocalityOptions&) const = default;
};

/// Result of locality(), of self-attention.
struct LocalityResult {
  Eigen::VectorXd locality;             ///< [head] 0..1, mean mass within the window
  Eigen::VectorXd mean_distance;        ///< [head] tokens, mean of sum_j A_ij |i - j|
  double locality_score = undefined;    ///< 0..1, locality of the mean over heads
  double uniform_locality = undefined;  ///< 0..1, what uniform attention over the visible keys would score
};

/// See locality().
class LocalityMeasure {
 public:
  /// @throws ValueError window < 0
  explicit LocalityMeasure(LocalityOptions options = {}) : options_(options) {
    require<ValueError>(options.window >= 0, "window = {} is negative", options.window);
  }
  LocalityMeasure empty() const { return LocalityMeasure(options_); }

  static constexpr SummaryParts summary_parts{.entropy = false};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    RowMean::Head mass = mass_.of(rows), distance = distance_.of(rows), uniform = uniform_.of(rows);
    for (Index r = 0; r < rows.size(); ++r) {
      const Range near = window(rows, r);
      mass.add(rows.mass(r, near));
      distance.add(rows[r].distance);
      const auto keys = static_cast<double>(rows.layout().count_keys(rows.example(), near));
      const Index seen = rows.visible_keys(r);
      uniform.add(seen > 0 ? keys / static_cast<double>(seen) : 0);
    }
  }
  void merge(LocalityMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool localities of windows {} and {}",
                        options_.window, later.options_.window);
    mass_.merge(later.mass_);
    distance_.merge(later.distance_);
    uniform_.merge(later.uniform_);
  }
  LocalityResult result() const {
    const Eigen::VectorXd mass = mass_.mean(), uniform = uniform_.mean();
    if (mass.size() == 0) return {};
    return {mass, distance_.mean(), mass.mean(),
            uniform(0)};  // locality is linear: the head mean's is the mean
  }

 private:
  /// The visible keys within the window of row r.
  Range window(const HeadPlace& rows, Index r) const {
    const Range seen = rows.visible(r);
    const Index own = rows.position(r);
    const Index first = std::clamp(own - options_.window, seen.first, seen.last);
    return {first, std::clamp(own + options_.window + 1, first, seen.last)};
  }

  LocalityOptions options_;
  RowMean mass_, distance_, uniform_;
};

/// How near the attention stays: the mass within distance |i - j| <= window, and the mean distance, over all
/// true queries. Distances count from the query's own position among the keys. Set it beside
/// uniform_locality: on short texts uniform attention is "local" too, [n(2w+1) - w(w+1)] / n^2 for n > w
/// tokens without a causal mask. attention: [batch, head, query, key] of self-attention. Cost: one pass.
/// @throws ValueError window < 0
template <typename A>
LocalityResult locality(const A& attention, LocalityOptions options = {}, const SweepOptions& how = {}) {
  return measured(LocalityMeasure(options), attention, how);
}

}  // namespace attnscope
