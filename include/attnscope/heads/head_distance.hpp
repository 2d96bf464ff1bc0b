#pragma once
#include <attnscope/sweep.hpp>

#include <numbers>

namespace attnscope {

/// Options of head_distance().
struct HeadDistanceOptions {
  double smoothing =
      0;  ///< s in 0..1: weights become (1 - s) A + s / visible keys first (Clark et al.: .001)
  bool operator==(const HeadDistanceOptions&) const = default;
};

/// Result of head_distance().
struct HeadDistanceResult {
  Eigen::MatrixXd mean_distances;  ///< [head x head] nats, 0 .. ln 2: mean over the rows; 0 on the diagonal;
                                   ///< undefined (NaN) without a row
  Eigen::MatrixXd summed_distances;   ///< [head x head] nats: sum over the rows; long texts dominate it
  Eigen::MatrixXd similarity_matrix;  ///< [head x head] 0..1: 1 - mean_distances / ln 2
  Index rows = 0;                     ///< how many rows they are over
};

/// See head_distance().
class HeadDistanceMeasure {
 public:
  /// @throws ValueError smoothing outside 0..1
  explicit HeadDistanceMeasure(HeadDistanceOptions options = {}) : options_(options) {
    require<ValueError>(options.smoothing >= 0 && options.smoothing <= 1, "smoothing = {} is not in 0..1",
                        options.smoothing);
  }
  HeadDistanceMeasure empty() const { return HeadDistanceMeasure(options_); }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    if (entropies_.size() == 0) entropies_.setZero(block.heads(), block.heads());
    rows_ += block.size();
    RowMatrix<Weight> smoothed;
    for (Index r = 0; r < block.size(); ++r) {
      const Range seen = block.layout().visible(block.example(), block.query(r));
      if (seen.size() == 0) continue;
      if (options_.smoothing == 0) {
        add(block.across_heads(r).middleCols(seen.first, seen.size()));
      } else {
        smooth(block, r, seen, smoothed);
        add(smoothed);
      }
    }
  }
  void merge(HeadDistanceMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool distances of smoothing {} and {}",
                        options_.smoothing, later.options_.smoothing);
    add_to(entropies_, later.entropies_);
    rows_ += later.rows_;
  }
  HeadDistanceResult result() const {
    const Eigen::MatrixXd mixed = entropies_.selfadjointView<Eigen::Lower>();
    Eigen::MatrixXd sum = mixed;
    for (Index g = 0; g < sum.cols(); ++g)
      for (Index h = 0; h < sum.rows(); ++h)  // rounding may take the distance of nearly equal heads below 0
        sum(h, g) = std::max(mixed(h, g) - (mixed(h, h) + mixed(g, g)) / 2, 0.);
    const Eigen::MatrixXd mean = sum / static_cast<double>(rows_);  // 0 / 0: undefined
    Eigen::MatrixXd similarity = mean;
    for (Index i = 0; i < similarity.size(); ++i) similarity(i) = 1 - mean(i) / std::numbers::ln2;
    return {mean, sum, similarity, rows_};
  }

 private:
  /// rows: [head x visible key], one query's.
  template <typename Rows>
  void add(const Rows& rows) {
    using Weight = typename Rows::Scalar;
    const auto row = [&](Index h) {
      return std::span<const Weight>(rows.data() + h * rows.outerStride(),
                                     static_cast<std::size_t>(rows.cols()));
    };
    for (Index h = 0; h < rows.rows(); ++h)
      for (Index g = 0; g <= h; ++g) entropies_(h, g) += vector_math::entropy_of_mean(row(h), row(g));
  }
  template <typename Weight>
  void smooth(const Block<Weight>& block, Index r, Range seen, RowMatrix<Weight>& smoothed) const {
    const Layout& layout = block.layout();
    const Index keys = layout.count_keys(block.example(), seen);
    const double share = options_.smoothing / static_cast<double>(keys);
    smoothed = block.across_heads(r).middleCols(seen.first, seen.size()) *
               static_cast<Weight>(1 - options_.smoothing);
    for (Index j = 0; j < seen.size(); ++j)
      if (!layout.excludes_key(block.example(), seen.first + j))
        smoothed.col(j).array() += static_cast<Weight>(share);
  }

  HeadDistanceOptions options_;
  // [head x head], lower triangle, summed over rows: the entropy of the mean of the two heads' rows; on the
  // diagonal therefore that of the head's own. Their Jensen-Shannon distance is what mixing adds.
  Eigen::MatrixXd entropies_;
  Index rows_ = 0;
};

/// How differently the heads attend: the Jensen-Shannon divergence H((p + q) / 2) - (H(p) + H(q)) / 2 between
/// the rows p and q of each pair of heads, in nats (Clark et al. 2019, section 6: summed over rows, smoothed
/// by .001). 0: the same weights; ln 2: no key in common. Its square root is a metric. Rows that sum below 1
/// are taken as they are: the divergence stays within 0 .. ln 2, and heads that drop unlike mass differ. A
/// row that sees one key adds 0 (but counts as a row) unless mass is dropped. attention: [batch, head, query,
/// key]; heads of several layers: all_heads(). Cost: one pass, one logarithm a visible weight and pair of
/// heads; states of heads^2 numbers. Single precision is within 1e-6 of double.
/// @throws what sweep throws; ValueError smoothing outside 0..1
template <typename A>
HeadDistanceResult head_distance(const A& attention, HeadDistanceOptions options = {},
                                 const SweepOptions& how = {}) {
  return measured(HeadDistanceMeasure(options), attention, how);
}

}  // namespace attnscope
