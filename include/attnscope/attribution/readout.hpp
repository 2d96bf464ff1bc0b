#pragma once
#include <attnscope/core/layout.hpp>
#include <attnscope/core/states.hpp>

#include <string>

namespace attnscope {

/// Which rows of a map [query x key] an output reads.
enum class ReadFrom {
  first_query,  ///< the row of the first true token: a classifier's "[CLS]"
  last_query,   ///< the row of the last one: what predicts the next token
  query,        ///< the row of Readout::query
  mean,      ///< what mean pooling reads when every row counts alike: the mean of rows divided by their sums
  received,  ///< what a key receives of all queries: 1/n sum_i M_ij
};

/// `mean` and `received` are the same where rows sum to 1; not of flows, norms and attention without its
/// sink, where a row that gives more counts more in `received`.
struct Readout {
  ReadFrom from = ReadFrom::received;  ///< which ones
  Index query = 0;                     ///< of ReadFrom::query: counted from the first true token
  bool operator==(const Readout&) const = default;
};

/// "first query", "last query", "query 3", "mean", "received".
inline std::string name_of(const Readout& readout) {
  switch (readout.from) {
    case ReadFrom::first_query:
      return "first query";
    case ReadFrom::last_query:
      return "last query";
    case ReadFrom::query:
      return fmt::format("query {}", readout.query);
    case ReadFrom::mean:
      return "mean";
    case ReadFrom::received:
      return "received";
  }
  throw ValueError(fmt::format("a readout of kind {}", static_cast<int>(readout.from)));
}

namespace detail {

/// Whether the readout takes one row, and not all of them.
inline bool reads_one_row(const Readout& readout) {
  return readout.from != ReadFrom::mean && readout.from != ReadFrom::received;
}
/// The row it takes. @throws ShapeError it is not there
inline Index row_of(const Readout& readout, Index queries) {
  const Index row = readout.from == ReadFrom::first_query  ? 0
                    : readout.from == ReadFrom::last_query ? queries - 1
                                                           : readout.query;
  require<ShapeError>(row >= 0 && row < queries, "{} of {} queries", name_of(readout), queries);
  return row;
}
/// The mean of rows [key], as `mean` or `received` weighs them.
class PooledRows {
 public:
  PooledRows(ReadFrom from, Index keys) : from_(from), sums_(Eigen::VectorXd::Zero(keys)) {}

  /// row: not negative of `mean`; keys beyond it have 0.
  void add(const Eigen::Ref<const Eigen::RowVectorXd>& row) {
    const double divisor = from_ == ReadFrom::mean ? row.sum() : 1;
    if (divisor == 0) return;
    sums_.head(row.size()) += row.transpose() / divisor;
    rows_ += 1;
  }
  void merge(PooledRows&& later) {
    sums_ += later.sums_;
    rows_ += later.rows_;
  }
  /// [key] undefined (NaN) without a row.
  Eigen::VectorXd mean() const { return sums_ / rows_; }

 private:
  ReadFrom from_;
  Eigen::VectorXd sums_;
  double rows_ = 0;
};

}  // namespace detail

/// [key] the scores that a readout gives the keys of one map [query x key]. A map without keys has none,
/// whatever is read. `mean` leaves rows of 0 out; without any other row it is undefined (NaN), and so is
/// `received` of no rows. Cost: the rows it reads, once.
/// @throws ShapeError a row that is not there; ValueError naming query and key: a number that is not finite;
/// of `mean` a negative one, whose row would be divided by a sum that says nothing
template <typename D>
Eigen::VectorXd read_out(const Eigen::MatrixBase<D>& map, const Readout& readout = {}) {
  if (map.cols() == 0) return {};
  const auto row = [&](Index i) -> Eigen::RowVectorXd {
    const Eigen::RowVectorXd numbers = map.row(i).template cast<double>();
    for (Index j = 0; j < numbers.size(); ++j) {
      require<ValueError>(std::isfinite(numbers(j)), "query {}, key {}: the map holds {}", i, j, numbers(j));
      require<ValueError>(readout.from != ReadFrom::mean || numbers(j) >= 0,
                          "query {}, key {}: {} cannot be a share of its row: read \"received\"", i, j,
                          numbers(j));
    }
    return numbers;
  };
  if (detail::reads_one_row(readout)) return row(detail::row_of(readout, map.rows())).transpose();
  detail::PooledRows rows(readout.from, map.cols());
  for (Index i = 0; i < map.rows(); ++i) rows.add(row(i));
  return rows.mean();
}

}  // namespace attnscope
