#pragma once
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Options of distance_profile().
struct DistanceProfileOptions {
  double base = 2;  ///< above 1: a bin ends at this times its beginning, rounded down, and is never empty
  bool operator==(const DistanceProfileOptions&) const = default;
};

/// Result of distance_profile().
struct DistanceProfileResult {
  std::vector<Range> distances;  ///< [bin] tokens: [0, 1), [1, 2), [2, 4), [4, 8), ... as far as a query sees
  Eigen::MatrixXd mass;          ///< [head x bin] 0..1, mean over queries of the weight at these distances
  Eigen::RowVectorXd uniform;    ///< [bin] 0..1, what uniform attention over the visible keys would have
};

/// See distance_profile().
class DistanceProfileMeasure {
 public:
  /// @throws ValueError a base that is not above 1 and finite
  explicit DistanceProfileMeasure(DistanceProfileOptions options = {}) : options_(options) {
    require<ValueError>(options.base > 1 && std::isfinite(options.base), "base = {} is not above 1",
                        options.base);
  }
  DistanceProfileMeasure empty() const { return DistanceProfileMeasure(options_); }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false};

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    if (rows.head() == 0) rows_ += rows.size();
    for (Index r = 0; r < rows.size(); ++r) {
      const Range seen = rows.visible(r);
      if (seen.size() == 0) continue;
      const Index own = rows.position(r);
      const Index bins = bins_up_to(std::max(own - seen.first, seen.last - 1 - own));
      widen(rows.layout().shape().heads, bins);
      for (Index bin = 0; bin < bins; ++bin) add(rows, r, bin, within(distances_of(bin), own, seen));
    }
  }
  void merge(DistanceProfileMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool distance profiles of bases {} and {}",
                        options_.base, later.options_.base);
    if (later.ends_.size() > ends_.size()) ends_ = later.ends_;
    const Index bins = std::max(mass_.cols(), later.mass_.cols());
    widen(later.mass_.rows(), bins);
    later.widen(mass_.rows(), bins);
    add_to(mass_, later.mass_);
    add_to(uniform_, later.uniform_);
    rows_ += later.rows_;
  }
  DistanceProfileResult result() const {
    Index bins = uniform_.size();
    while (bins > 0 && uniform_(bins - 1) == 0) --bins;  // excluded keys alone
    DistanceProfileResult result;
    if (bins == 0) return result;
    for (Index bin = 0; bin < bins; ++bin) result.distances.push_back(distances_of(bin));
    result.mass = mass_.leftCols(bins) / static_cast<double>(rows_);
    result.uniform = uniform_.head(bins) / static_cast<double>(rows_);
    return result;
  }

 private:
  static constexpr double farthest = 0x1p62;

  struct Sides {
    Range before, after;  // of the query's own key; that one is before
  };
  /// The visible keys at these distances.
  static Sides within(Range distances, Index own, Range seen) {
    const auto visible = [&](Index first, Index last) {
      const Index begin = std::clamp(first, seen.first, seen.last);
      return Range{begin, std::clamp(last, begin, seen.last)};
    };
    Sides sides;
    sides.before = visible(own - distances.last + 1, own - distances.first + 1);
    if (distances.first > 0) sides.after = visible(own + distances.first, own + distances.last);
    return sides;
  }
  template <typename Weight>
  void add(const RowSummaries<Weight>& rows, Index r, Index bin, const Sides& sides) {
    for (const Range& keys : {sides.before, sides.after}) {
      if (keys.size() == 0) continue;
      mass_(rows.head(), bin) += rows.mass(r, keys);
      if (rows.head() > 0) continue;  // whatever the head
      if (const Index count = rows.layout().count_keys(rows.example(), keys); count > 0)
        uniform_(bin) += static_cast<double>(count) / static_cast<double>(rows.visible_keys(r));
    }
  }

  /// How many bins reach this distance; the ends of them are then known.
  Index bins_up_to(Index distance) {
    while (ends_.back() <= distance) {
      const double end = std::floor(static_cast<double>(ends_.back()) * options_.base);
      ends_.push_back(std::max(ends_.back() + 1, static_cast<Index>(std::min(end, farthest))));
    }
    return std::upper_bound(ends_.begin(), ends_.end(), distance) - ends_.begin() + 1;
  }
  Range distances_of(Index bin) const {
    const auto i = static_cast<std::size_t>(bin);
    return {bin == 0 ? 0 : ends_[i - 1], ends_[i]};
  }
  void widen(Index heads, Index bins) {
    const Index known = mass_.cols();
    if (known >= bins) return;
    Eigen::MatrixXd mass = Eigen::MatrixXd::Zero(known == 0 ? heads : mass_.rows(), bins);
    Eigen::RowVectorXd uniform = Eigen::RowVectorXd::Zero(bins);
    std::copy_n(mass_.data(), mass_.size(), mass.data());  // the new bins are columns behind the known ones
    std::copy_n(uniform_.data(), uniform_.size(), uniform.data());
    mass_ = std::move(mass);
    uniform_ = std::move(uniform);
  }

  DistanceProfileOptions options_;
  std::vector<Index> ends_{1};  // [bin] the first distance beyond it
  Eigen::MatrixXd mass_;        // [head x bin] sums over rows
  Eigen::RowVectorXd uniform_;  // [bin] sums over rows
  Index rows_ = 0;
};

/// How far a head looks: the weight by distance |i - j|, in bins whose width grows with the distance, over
/// all true queries. Distances count from the query's own position among the keys (Layout::position), before
/// and after it alike; in cross-attention they mean something only where keys and queries are numbered
/// alike. The mass of a row adds up to the sum of its weights. Set it beside `uniform`: few rows of causal
/// attention see far, so that even attention without a preference has little mass there. No bin lies
/// beyond the farthest visible key, and examples may have unlike lengths. attention: [batch, head, query,
/// key] of self-attention. Without a row everything is empty. Cost: one addition a weight.
/// @throws ValueError a base that is not above 1 and finite
template <typename A>
DistanceProfileResult distance_profile(const A& attention, DistanceProfileOptions options = {},
                                       const SweepOptions& how = {}) {
  return measured(DistanceProfileMeasure(options), attention, how);
}

}  // namespace attnscope
