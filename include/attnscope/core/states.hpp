#pragma once
#include <attnscope/core/block.hpp>

#include <limits>
#include <utility>
#include <vector>

/// The states that measures are made of. Each is empty at first, sees the rows of ONE example while a sweep
/// fills it, and merges with what came later.
namespace attnscope {

/// What an undefined number is in every result: a mean over nothing, the cosine of a head without weight.
inline constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// value += other, where an empty value is the neutral element.
/// @throws ShapeError when the heads of two models meet
template <typename Matrix>
void add_to(Matrix& value, const Matrix& other) {
  if (other.size() == 0) return;
  if (value.size() == 0) value = Matrix::Zero(other.rows(), other.cols());
  require<ShapeError>(value.rows() == other.rows() && value.cols() == other.cols(),
                      "cannot pool numbers of shape {} x {} with {} x {}: different heads?", value.rows(),
                      value.cols(), other.rows(), other.cols());
  value += other;
}

/// Means over pooled rows, one a head.
class RowMean {
 public:
  /// A head's sum and how many rows it is over.
  struct Head {
    double& sum;    ///< of values
    double& count;  ///< rows
    /// One row more.
    void add(double value) {
      sum += value;
      ++count;
    }
  };
  /// That of these rows, to add to row by row: the sum then has the same bits however many come at a time.
  Head of(const HeadPlace& rows) {
    if (sums_.size() == 0) sums_ = counts_ = Eigen::VectorXd::Zero(rows.layout().shape().heads);
    return {sums_(rows.head()), counts_(rows.head())};
  }
  void merge(const RowMean& later) {
    add_to(sums_, later.sums_);
    add_to(counts_, later.counts_);
  }
  /// [head]; `undefined` without a row.
  Eigen::VectorXd mean() const { return sums_.cwiseQuotient(counts_); }
  /// How many rows the mean of a head is over (the same for every head, unless the measure chose rows).
  Index rows() const { return counts_.size() == 0 ? 0 : static_cast<Index>(counts_(0)); }

 private:
  Eigen::VectorXd sums_, counts_;  // 0 / 0 is the NaN that `undefined` promises
};

/// One Part an example, in order: a state or a measure of its own, whose merge() takes a part of the same
/// example that covers later queries.
template <typename Part>
class PerExample {
 public:
  /// The part of the example that this state is filled with; make() is an empty one. Seen: what a measure
  /// looks at.
  template <typename Seen, typename Make>
  Part& at(const Seen& seen, const Make& make) {
    if (parts_.empty()) {
      continues_ = seen.query(0) > seen.layout().shown_queries(seen.example()).front().first;
      parts_.push_back(make());
    }
    return parts_.back();
  }
  /// The same, where Part(layout, example) is empty.
  template <typename Seen>
  Part& at(const Seen& seen) {
    return at(seen, [&] { return Part(seen.layout(), seen.example()); });
  }
  void merge(PerExample&& later) {
    if (parts_.empty()) {
      *this = std::move(later);
      return;
    }
    auto part = later.parts_.begin();
    if (later.continues_ && part != later.parts_.end()) parts_.back().merge(std::move(*part++));
    for (; part != later.parts_.end(); ++part) parts_.push_back(std::move(*part));
  }
  /// [example] in the order they were swept.
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
  bool continues_ = false;
};

/// A Part of PerExample: one number a head and shown query.
class RowValues {
 public:
  /// Of any example of this layout.
  RowValues(const Layout& layout, Index) : values_(static_cast<std::size_t>(layout.shape().heads)) {}
  /// The number of the head's next shown query.
  void append(Index head, double value) { values_[static_cast<std::size_t>(head)].push_back(value); }
  void merge(RowValues&& later) {
    for (std::size_t h = 0; h < values_.size(); ++h)
      values_[h].insert(values_[h].end(), later.values_[h].begin(), later.values_[h].end());
  }
  /// [head x shown query]
  Eigen::MatrixXd matrix() const {
    const Index heads = static_cast<Index>(values_.size());
    const Index queries = heads == 0 ? 0 : static_cast<Index>(values_[0].size());
    Eigen::MatrixXd all(heads, queries);
    for (Index h = 0; h < heads; ++h)
      for (Index q = 0; q < queries; ++q)
        all(h, q) = values_[static_cast<std::size_t>(h)][static_cast<std::size_t>(q)];
    return all;
  }

 private:
  std::vector<std::vector<double>> values_;  // [head][query]
};

}  // namespace attnscope
