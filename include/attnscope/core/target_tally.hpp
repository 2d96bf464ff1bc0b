#pragma once
#include <attnscope/core/states.hpp>
#include <attnscope/core/vector_math.hpp>

#include <array>

/// Tallies of whether heads look where they should: each query has some keys as its targets, from none to
/// many.
namespace attnscope::detail {

/// What one query sees, in all heads side by side.
template <typename Weight>
class SeenRow {
 public:
  SeenRow(const Block<Weight>& block, Index r)
      : weights_(block.across_heads(r)),
        layout_(&block.layout()),
        example_(block.example()),
        own_(layout_->position(example_, block.query(r))),
        range_(layout_->visible(example_, block.query(r))),
        count_(layout_->count_keys(example_, range_)) {}

  const MatrixView<Weight>& weights() const { return weights_; }  ///< [head x key]
  Index heads() const { return weights_.rows(); }
  Index own() const { return own_; }        ///< the key at which the query itself stands
  Range range() const { return range_; }    ///< the keys it may see, excluded ones among them
  Index visible() const { return count_; }  ///< how many it really sees
  bool sees(Index key) const {
    return range_.first <= key && key < range_.last && !layout_->excludes_key(example_, key);
  }
  /// [key] what one head sees.
  std::span<const Weight> head(Index h) const {
    return {weights_.data() + h * weights_.outerStride(), static_cast<std::size_t>(weights_.cols())};
  }
  /// [head] where the largest weight stands, the first of equals; -1 for a head without weight.
  std::vector<Index> largest() const {
    std::vector<Index> keys;
    for (Index h = 0; h < heads(); ++h) keys.push_back(vector_math::first_largest(head(h)));
    return keys;
  }
  /// The same without some keys.
  std::vector<Index> largest_without(std::span<const Index> without) const {
    std::vector<Index> keys;
    std::vector<Weight> left;
    for (Index h = 0; h < heads(); ++h) {
      left.assign(head(h).begin(), head(h).end());
      for (const Index key : without)
        if (key < weights_.cols()) left[static_cast<std::size_t>(key)] = 0;
      keys.push_back(vector_math::first_largest(std::span<const Weight>(left)));
    }
    return keys;
  }

 private:
  MatrixView<Weight> weights_;
  const Layout* layout_;
  Index example_, own_;
  Range range_;
  Index count_;
};

/// How much of their weight, and how often their largest weight, the heads put on targets, over the queries
/// that see a target.
class TargetTally {
 public:
  /// targets: keys, those that the query does not see are passed over; largest: SeenRow::largest
  template <typename Weight>
  void add(const SeenRow<Weight>& row, std::span<const Index> targets, const std::vector<Index>& largest) {
    if (mass_.size() == 0) mass_ = hits_ = Eigen::VectorXd::Zero(row.heads());
    Index seen = 0;
    for (const Index target : targets) {
      if (!row.sees(target)) continue;
      ++seen;
      for (Index h = 0; h < row.heads(); ++h) {
        mass_(h) += static_cast<double>(row.weights()(h, target));
        hits_(h) += largest[static_cast<std::size_t>(h)] == target ? 1 : 0;
      }
    }
    if (seen == 0) return;
    ++queries_;
    shares_ += static_cast<double>(seen) / static_cast<double>(row.visible());
  }
  void merge(const TargetTally& later) {
    add_to(mass_, later.mass_);
    add_to(hits_, later.hits_);
    shares_ += later.shares_;
    queries_ += later.queries_;
  }
  Index queries() const { return queries_; }  ///< how many see a target
  double mass(Index head) const { return mass_(head) / static_cast<double>(queries_); }  ///< 0..1
  double hit_rate(Index head) const { return hits_(head) / static_cast<double>(queries_); }
  /// 0..1, the mass of uniform attention, and how often a key chosen at random is a target.
  double chance() const { return shares_ / static_cast<double>(queries_); }

 private:
  Eigen::VectorXd mass_, hits_;  // [head]
  double shares_ = 0;
  Index queries_ = 0;
};

/// How often the heads' largest weight falls on a target, beside how often each fixed offset does.
class OffsetContest {
 public:
  /// Offsets -reach .. reach, without 0, compete.
  template <typename Weight>
  void add(const SeenRow<Weight>& row, std::span<const Index> targets, const std::vector<Index>& largest,
           Index reach) {
    tally_.add(row, targets, largest);
    if (offset_hits_.size() == 0) offset_hits_.setZero(2 * reach + 1);
    for (const Index target : targets)
      if (const Index offset = target - row.own();
          row.sees(target) && offset != 0 && std::abs(offset) <= reach)
        offset_hits_(reach + offset) += 1;
  }
  void merge(const OffsetContest& later) {
    tally_.merge(later.tally_);
    add_to(offset_hits_, later.offset_hits_);
  }
  Index queries() const { return tally_.queries(); }
  double accuracy(Index head) const { return tally_.hit_rate(head); }
  /// The accuracy of the best fixed offset.
  double baseline() const { return offset_hits_.maxCoeff() / static_cast<double>(queries()); }
  /// Which that is.
  Index best_offset() const {
    Index best = 0;
    offset_hits_.maxCoeff(&best);
    return best - offset_hits_.size() / 2;
  }

 private:
  TargetTally tally_;
  Eigen::VectorXd offset_hits_;  // [reach + offset]
};

}  // namespace attnscope::detail
