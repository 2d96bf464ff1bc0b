#pragma once
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Result of head_cka().
struct HeadCkaResult {
  Eigen::MatrixXd similarity_matrix;  ///< [head x head] 0..1: mean over the examples that define it;
                                      ///< undefined (NaN) where none does
  Index examples = 0;                 ///< how many examples have two rows or more, as it takes
};

/// See head_cka().
class HeadCkaMeasure {
  // What multiplies matrices is a template, so that only who calls it compiles Eigen's product.
 public:
  HeadCkaMeasure empty() const { return {}; }

  template <typename Weight>
  void look(const Block<Weight>& block) {
    if (maps_.empty()) {
      const Layout& layout = block.layout();
      continues_ = block.query(0) > layout.shown_queries(block.example()).front().first;
      keys_ = layout.keys(block.example());
      maps_.resize(static_cast<std::size_t>(block.heads()));
      if (sums_.size() == 0) sums_ = counts_ = Eigen::MatrixXd::Zero(block.heads(), block.heads());
    }
    for (Index h = 0; h < block.heads(); ++h) append(block.head(h), maps_[static_cast<std::size_t>(h)]);
    rows_ += block.size();
  }
  template <typename Number = double>
  void merge(HeadCkaMeasure&& later) {
    if (later.continues_ && !maps_.empty()) {
      for (std::size_t h = 0; h < maps_.size(); ++h)
        maps_[h].insert(maps_[h].end(), later.maps_[h].begin(), later.maps_[h].end());
      rows_ += later.rows_;
      return;
    }
    finish_example<Number>();
    add_to(sums_, later.sums_);
    add_to(counts_, later.counts_);
    examples_ += later.examples_;
    maps_ = std::move(later.maps_);
    continues_ = later.continues_;
    keys_ = later.keys_;
    rows_ = later.rows_;
  }
  template <typename Number = double>
  HeadCkaResult result() const {
    HeadCkaMeasure whole = *this;
    whole.finish_example<Number>();
    return {whole.sums_.cwiseQuotient(whole.counts_), whole.examples_};  // 0 / 0: undefined
  }

 private:
  template <typename Weight>
  void append(const HeadRows<Weight>& rows, std::vector<double>& map) const {
    for (Index r = 0; r < rows.size(); ++r) {
      const std::span<const Weight> row = rows.row(r);
      map.insert(map.end(), row.begin(), row.end());
      map.resize(map.size() + static_cast<std::size_t>(keys_) - row.size());  // keys that no row here sees
    }
  }
  /// No more rows come of the last example: its similarities count, its maps are forgotten.
  template <typename Number>
  void finish_example() {
    if (rows_ > 1) {
      const Eigen::MatrixX<Number> similarity = example_similarity<Number>();
      for (Index i = 0; i < similarity.size(); ++i) {
        if (std::isnan(similarity(i))) continue;
        sums_(i) += similarity(i);
        ++counts_(i);
      }
      ++examples_;
    }
    maps_.clear();
    rows_ = 0;
  }
  /// [head x head] the cosines between the heads' centred Gram matrices [row x row].
  template <typename Number>
  Eigen::MatrixX<Number> example_similarity() const {
    using Matrix = Eigen::MatrixX<Number>;
    const Index heads = static_cast<Index>(maps_.size());
    Matrix grams(rows_ * rows_, heads);
    for (Index h = 0; h < heads; ++h) {
      const Eigen::Map<const RowMatrix<Number>> map(maps_[static_cast<std::size_t>(h)].data(), rows_, keys_);
      // The first row goes first: so equal rows become exactly 0, whatever the rounding of their mean.
      Matrix centred = map.rowwise() - map.row(0);
      const Eigen::RowVectorX<Number> mean = centred.colwise().mean();
      centred.rowwise() -= mean;
      Eigen::Map<Matrix>(grams.col(h).data(), rows_, rows_).noalias() = centred * centred.transpose();
    }
    const Matrix dots = grams.transpose() * grams;
    const Eigen::VectorX<Number> norms = dots.diagonal().cwiseSqrt();
    Matrix similarity = dots.cwiseQuotient(norms * norms.transpose());
    for (Index h = 0; h < heads; ++h)
      if (norms(h) > 0) similarity(h, h) = 1;  // exactly, not within rounding
    return similarity;
  }

  // The example that rows are still coming of: [head] of its rows so far, [row x key].
  std::vector<std::vector<double>> maps_;
  Index keys_ = 0, rows_ = 0;
  bool continues_ = false;
  // The examples before it: [head x head].
  Eigen::MatrixXd sums_, counts_;
  Index examples_ = 0;
};

/// How alike the heads tell the queries apart: linear centred kernel alignment (Kornblith et al. 2019),
/// |X'Y|^2 / (|X'X| |Y'Y|) in Frobenius norms, where X and Y are the maps [query x key] of two heads, each
/// column centred. 1: the same map up to rotation and scale, even if the keys looked at are others; unlike
/// the cosine it does not count what all queries of a head have in common. The mean over examples: keys of
/// unlike examples are unlike features, so maps are not stacked. A head whose rows are all the same tells
/// nothing apart: undefined. With few rows and many keys every CKA is high: compare within one length.
/// attention: [batch, head, query, key]; heads of several layers: all_heads(). Cost: for an example of n
/// queries heads n^3 + heads^2 n^2 operations on one thread, memory for heads (n keys + n^2) numbers.
template <typename A>
HeadCkaResult head_cka(const A& attention, const SweepOptions& how = {}) {
  return measured(HeadCkaMeasure(), attention, how);
}

}  // namespace attnscope
