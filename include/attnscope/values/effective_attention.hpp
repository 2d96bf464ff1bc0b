#pragma once
#include <attnscope/values/block_output.hpp>

#include <Eigen/QR>

namespace attnscope {

/// Options of effective_attention().
struct EffectiveAttentionOptions {
  /// Directions in which the values reach less than this share of the most are none. 0: max(keys, dim) times
  /// the rounding of the values' own precision.
  double tolerance = 0;
};

/// Result of effective_attention().
struct EffectiveAttentionResult {
  std::vector<std::vector<Eigen::MatrixXd>> maps;  ///< [example] of [head] of [query x key], of either sign;
                                                   ///< rows of queries that are not shown are 0
  /// [example] of [head] 0..1: the mean over shown queries of |A_eff| / |A|, Euclidean norms of a row: 1
  /// where all of the attention matters; undefined (NaN) without a row that has weight.
  std::vector<Eigen::VectorXd> effective_share;
};

/// See effective_attention().
template <typename Scalar>
class EffectiveAttentionMeasure {
 public:
  /// @throws ValueError a tolerance outside 0..1
  explicit EffectiveAttentionMeasure(LayerValues<Scalar> values, EffectiveAttentionOptions options = {})
      : values_(std::move(values)), options_(options) {
    require<ValueError>(options.tolerance >= 0 && options.tolerance < 1, "tolerance = {}", options.tolerance);
  }
  EffectiveAttentionMeasure empty() const { return EffectiveAttentionMeasure(values_, options_); }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    detail::require_fit(values_, block.layout(), block.example());
    Heads& heads = examples_.at(block);
    for (Index h = 0; h < block.heads(); ++h) {
      const detail::MapPart::Rows effective = effective_rows(block.head(h));
      heads.add(h, block.head(h), effective);
    }
  }
  void merge(EffectiveAttentionMeasure&& later) { examples_.merge(std::move(later.examples_)); }
  EffectiveAttentionResult result() const {
    EffectiveAttentionResult result;
    for (const Heads& example : examples_.parts()) {
      result.maps.push_back(example.maps.matrices());
      result.effective_share.emplace_back(example.sums.cwiseQuotient(example.counts));  // 0 / 0: undefined
    }
    return result;
  }

 private:
  /// A Part of PerExample.
  struct Heads {
    detail::HeadMapParts maps;
    Eigen::VectorXd sums, counts;  // [head] of |A_eff| / |A|, and of how many rows

    Heads(const Layout& layout, Index example)
        : maps(layout, example), sums(Eigen::VectorXd::Zero(layout.shape().heads)), counts(sums) {}
    template <typename Weight>
    void add(Index head, const HeadRows<Weight>& rows, const detail::MapPart::Rows& effective) {
      maps.append(head, rows.query(0), effective);
      for (Index r = 0; r < rows.size(); ++r) {
        const double weight = rows.matrix().row(r).template cast<double>().norm();
        if (!(weight > 0)) continue;
        sums(head) += effective.row(r).norm() / weight;
        counts(head) += 1;
      }
    }
    void merge(Heads&& later) {
      maps.merge(std::move(later.maps));
      sums += later.sums;
      counts += later.counts;
    }
  };

  /// The keys that a query sees, excluded ones left out.
  template <typename Weight>
  static std::vector<Index> seen_keys(const HeadRows<Weight>& rows, Index r) {
    const Range visible = rows.visible(r);
    std::vector<Index> keys;
    for (Index key = visible.first; key < visible.last; ++key)
      if (!rows.layout().excludes_key(rows.example(), key)) keys.push_back(key);
    return keys;
  }
  /// [row x key] A U U', where the columns of U span those of the values that the rows see.
  template <typename Weight>
  detail::MapPart::Rows effective_rows(const HeadRows<Weight>& rows) const {
    detail::MapPart::Rows effective = detail::MapPart::Rows::Zero(rows.size(), rows.keys());
    const Eigen::MatrixXd all = values_.values(rows.example(), rows.head(), {0, rows.keys()});
    for (Index first = 0, last; first < rows.size(); first = last) {
      for (last = first + 1; last < rows.size() && rows.visible(last) == rows.visible(first);) ++last;
      const std::vector<Index> keys = seen_keys(rows, first);
      if (keys.empty()) continue;
      const Eigen::MatrixXd basis = column_basis(all(keys, Eigen::all));
      if (basis.size() == 0) continue;  // values of nothing
      const Eigen::MatrixXd weights =
          rows.matrix().middleRows(first, last - first).template cast<double>()(Eigen::all, keys);
      effective.middleRows(first, last - first)(Eigen::all, keys) = weights * basis * basis.transpose();
    }
    return effective;
  }
  /// [key x rank] orthonormal columns that span those of `read` [key x dim].
  Eigen::MatrixXd column_basis(const Eigen::MatrixXd& read) const {
    const double rounding = static_cast<double>(Eigen::NumTraits<Scalar>::epsilon());
    const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(read);
    const double pivots = qr.maxPivot();
    const double least = pivots * (options_.tolerance > 0
                                       ? options_.tolerance
                                       : static_cast<double>(std::max(read.rows(), read.cols())) * rounding);
    Index rank = 0;
    while (rank < qr.nonzeroPivots() && std::abs(qr.matrixQR()(rank, rank)) > least) ++rank;
    Eigen::MatrixXd basis = Eigen::MatrixXd::Identity(read.rows(), rank);
    if (rank > 0) basis.applyOnTheLeft(qr.householderQ());
    return basis;
  }

  LayerValues<Scalar> values_;
  EffectiveAttentionOptions options_;
  PerExample<Heads> examples_;
};

/// Attention without the part that changes nothing (Brunner et al. 2020): every head's A minus its projection
/// on the left null space of its values T [key x dim], A U U' with U an orthonormal basis of T's columns, so
/// that A_eff T = A T. Weights may be negative. With no more keys than dimensions all attention is effective;
/// beyond, the rest could be anything. A query projects on what it sees, so a mask hides as before. A
/// projection by Wo of full rank changes nothing. The rank is that of a pivoted QR. Cost: 2 keys dim^2
/// products a head for every block of rows that see the same keys: causal rows each have their own.
/// @throws ValueError a tolerance outside 0..1; ShapeError values of another attention
template <typename A, typename Scalar>
EffectiveAttentionResult effective_attention(const A& attention, const LayerValues<Scalar>& values,
                                             EffectiveAttentionOptions options = {},
                                             const SweepOptions& how = {}) {
  return measured(EffectiveAttentionMeasure<Scalar>(values, options), attention, how);
}

}  // namespace attnscope
