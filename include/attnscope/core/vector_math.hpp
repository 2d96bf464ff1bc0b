#pragma once
#include <attnscope/core/block.hpp>
#include <attnscope/core/simd/kernels.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <vector>

/// The few inner loops that measures share, over one row or one block. In single precision they are kernels,
/// compiled for several instruction sets and chosen at run time (core/simd/); in double precision Eigen's
/// loops, which are templates so that only who needs them compiles them. Sums of floats run in single
/// precision for some hundred terms at most, and are added up in double.
namespace attnscope::vector_math {

namespace detail {

/// [n] a row as Eigen's array, borrowed.
template <typename Weight>
using RowArray = Eigen::Map<const Eigen::Array<Weight, Eigen::Dynamic, 1>>;

/// [n] the same numbers, borrowed.
template <typename Weight>
RowArray<Weight> array_of(std::span<const Weight> row) {
  return {row.data(), static_cast<Index>(row.size())};
}
/// The length of a row, as kernels take it.
inline long length_of(std::span<const float> row) { return static_cast<long>(row.size()); }

/// sum p ln p with 0 ln 0 = 0: lifting p to the least normal number makes that a product with a finite
/// logarithm, without a branch.
template <typename Row>
double sum_p_log_p(const Row& p) {
  return (p * p.max(std::numeric_limits<double>::min()).log()).sum();
}

}  // namespace detail

/// The numbers that column sums may touch for rows of so many keys: a whole vector behind them.
inline std::size_t column_room(Index keys) { return static_cast<std::size_t>(keys + 16); }
/// summaries [row]: sum, smallest and largest, and of the rest what is asked for: distances are from the
/// row's own key. Of nothing all are 0. columns [column_room(rows.size)] += the column sums, and to
/// [row x size] = a copy, where not null.
inline void summarise(const simd::StoredRows<float>& rows, SummaryParts parts, RowSummary* summaries,
                      float* columns = nullptr, float* to = nullptr) {
  if (rows.size == 0)
    std::fill_n(summaries, rows.rows, RowSummary());
  else
    ATTNSCOPE_BEST(row_summaries)(rows, parts, summaries, columns, to);
}
/// The same of one row.
inline RowSummary summary(std::span<const float> row, Index own, SummaryParts parts) {
  RowSummary result;
  const long size = detail::length_of(row);
  summarise({.first = row.data(), .stride = size, .rows = 1, .size = size, .own = own}, parts, &result);
  return result;
}
/// The same in double precision.
template <std::same_as<double> Weight>
RowSummary summary(std::span<const Weight> row, Index own, SummaryParts parts) {
  if (row.empty()) return {};
  const detail::RowArray<Weight> p = detail::array_of(row);
  RowSummary result{p.sum(), 0, 0, p.minCoeff(), p.maxCoeff()};
  if (parts.entropy) result.entropy = 0.0 - detail::sum_p_log_p(p);
  if (parts.distance) {
    const auto first = static_cast<double>(-own), last = first + static_cast<double>(p.size() - 1);
    result.distance =
        (p * Eigen::Array<Weight, Eigen::Dynamic, 1>::LinSpaced(p.size(), first, last).abs()).sum();
  }
  return result;
}

namespace detail {
inline constexpr SummaryParts sums_alone{.entropy = false, .distance = false};
}  // namespace detail

/// The sum of the weights.
template <typename Weight>
double sum(std::span<const Weight> row) {
  if (row.size() > 16) return summary(row, 0, detail::sums_alone).sum;
  double sum = 0;
  for (const Weight weight : row) sum += static_cast<double>(weight);
  return sum;
}
/// -sum p ln p in nats, with 0 ln 0 = 0. Exactly 0 for a one-hot row.
template <typename Weight>
double entropy(std::span<const Weight> row) {
  return summary(row, 0, {.distance = false}).entropy;
}
/// sum_j p_j |j - from|
template <typename Weight>
double distance(std::span<const Weight> row, Index from) {
  return summary(row, from, {.entropy = false}).distance;
}
/// The largest weight; 0 of none.
template <typename Weight>
Weight largest(std::span<const Weight> row) {
  return static_cast<Weight>(summary(row, 0, detail::sums_alone).largest);
}
/// The entropy of the mean (p + q) / 2 of two rows of one length. Of a row and itself the same bits wherever
/// it is asked, so that differences of these are exactly 0 for equal rows.
inline double entropy_of_mean(std::span<const float> p, std::span<const float> q) {
  return ATTNSCOPE_BEST(entropy_of_mean)(p.data(), q.data(), detail::length_of(p));
}
/// The same in double precision.
template <std::same_as<double> Weight>
double entropy_of_mean(std::span<const Weight> p, std::span<const Weight> q) {
  return 0.0 - detail::sum_p_log_p((detail::array_of(p) + detail::array_of(q)) * 0.5);
}
/// Where the largest weight stands, the first of equals; -1 in a row without weight.
inline Index first_largest(std::span<const float> row) {
  return ATTNSCOPE_BEST(first_largest)(row.data(), detail::length_of(row));
}
/// The same in double precision.
inline Index first_largest(std::span<const double> row) {
  const auto most = std::max_element(row.begin(), row.end());
  return most != row.end() && *most > 0 ? most - row.begin() : -1;
}

/// products [row] of rows of one length, all sums in double: terms of either sign cancel.
inline void products(const simd::StoredRows<float>& a, const simd::StoredRows<float>& b,
                     simd::ProductSums* products) {
  ATTNSCOPE_BEST(row_products)(a, b, products);
}
/// The same of other precisions.
template <typename A, typename B>
void products(const simd::StoredRows<A>& a, const simd::StoredRows<B>& b, simd::ProductSums* products) {
  for (Index r = 0; r < a.rows; ++r) {
    simd::ProductSums& row = products[r] = {0, 0, 0, 0, 0};
    for (Index j = 0; j < a.size; ++j) {
      const double first = static_cast<double>(a.first[r * a.stride + j]);
      const double other = static_cast<double>(b.first[r * b.stride + j]);
      row.sum += first * other;
      row.magnitude += std::abs(first * other);
      row.first_sum += first;
      row.smallest = std::min(row.smallest, first);
      row.other_sum += other;
    }
  }
}
/// Whether every weight is 0; a NaN is not.
template <typename Weight>
bool all_zero(std::span<const Weight> row) {
  const RowSummary all = summary(row, 0, detail::sums_alone);
  return all.sum == 0 && all.smallest == 0 && all.largest == 0;
}
/// Numbers that kernels read in 16 bits.
template <typename Scalar>
inline constexpr bool is_narrow = std::same_as<Scalar, Eigen::half> || std::same_as<Scalar, Eigen::bfloat16>;

/// to [size] = the numbers from[0], from[step], ...; ahead: as many that are read later, and fetched
/// meanwhile.
template <typename Scalar, typename Weight>
void widen(const Scalar* from, const Scalar* ahead, Index step, Index size, Weight* to) {
  if constexpr (is_narrow<Scalar>)
    if (step == 1) {
      const auto kernel =
          std::same_as<Scalar, Eigen::half> ? ATTNSCOPE_BEST(widen_half) : ATTNSCOPE_BEST(widen_bfloat16);
      return kernel(from, ahead, size, to);
    }
  for (Index j = 0; j < size; ++j) to[j] = static_cast<Weight>(from[j * step]);
}
/// The same of numbers side by side, and their summary as above: hardly slower.
template <typename Scalar>
requires is_narrow<Scalar> RowSummary widen_and_summarise(const Scalar* from, const Scalar* ahead, Index size,
                                                          Index own, SummaryParts parts, float* to,
                                                          float* columns) {
  if (size == 0) return {};
  const auto kernel =
      std::same_as<Scalar, Eigen::half> ? ATTNSCOPE_BEST(summarise_half) : ATTNSCOPE_BEST(summarise_bfloat16);
  return kernel(from, ahead, size, own, parts, to, columns);
}

/// to [size] = the mean of rows that lie `stride` apart, at least one.
inline void mean_of_rows(const float* first, Index stride, Index rows, Index size, float* to) {
  ATTNSCOPE_BEST(mean_of_rows)(first, stride, rows, size, to);
}
/// The same in double precision.
inline void mean_of_rows(const double* first, Index stride, Index rows, Index size, double* to) {
  std::fill_n(to, size, 0.);
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < size; ++j) to[j] += first[r * stride + j];
  for (Index j = 0; j < size; ++j) to[j] /= static_cast<double>(rows);
}

/// sums [column] += the sums of [rows x columns], each row times its factor.
inline void add_columns(const float* first, Index stride, Index rows, const float* factors,
                        Eigen::Ref<Eigen::RowVectorXd> sums) {
  constexpr Index run = 256;  // the longest sum in single precision
  for (Index r = 0; r < rows; r += run) ATTNSCOPE_BEST(add_columns)
  (first + r * stride, stride, std::min(run, rows - r), sums.size(), factors + r, sums.data());
}
/// The same in double precision.
template <std::same_as<double> Weight>
void add_columns(const Weight* first, Index stride, Index rows, const Weight* factors,
                 Eigen::Ref<Eigen::RowVectorXd> sums) {
  const MatrixView<Weight> matrix(first, rows, sums.size(), Eigen::OuterStride<>(stride));
  sums.noalias() += Eigen::Map<const Eigen::Matrix<Weight, 1, Eigen::Dynamic>>(factors, rows) * matrix;
}

/// What the columns of [rows x columns] hold, each row times its factor; see simd::ColumnFacts. At most 256
/// rows.
inline void add_column_facts(const float* first, Index stride, Index rows, Index columns,
                             const float* factors, simd::ColumnFacts facts) {
  ATTNSCOPE_BEST(add_column_facts)(first, stride, rows, columns, factors, facts);
}
/// The same in double precision.
inline void add_column_facts(const double* first, Index stride, Index rows, Index columns,
                             const double* factors, simd::ColumnFacts facts) {
  for (Index j = 0; j < columns; ++j) {
    for (Index r = 0; r < rows; ++r) {
      const double p = first[r * stride + j] * factors[r];
      facts.sums[j] += p;
      if (p > 0) facts.p_log_ps[j] += p * std::log(p);
      if (p > facts.largest[j]) {
        facts.largest[j] = p;
        facts.rows[j] = facts.first_row + static_cast<int>(r);
      }
    }
  }
}

/// gram [head x head] += dot products between heads over all rows and keys of the block; lower triangle only.
inline void add_gram(const Block<float>& block, Eigen::MatrixXd& gram) {
  if (block.heads() == 0 || block.size() == 0) return;
  const HeadRows<float> rows = block.head(0);
  ATTNSCOPE_BEST(add_gram)
  (rows.row(0).data(), block.across_heads(0).outerStride(), rows.row_stride(), block.heads(), block.size(),
   block.keys(), gram.data());
}
/// The same in double precision.
template <std::same_as<double> Weight>
void add_gram(const Block<Weight>& block, Eigen::MatrixXd& gram) {
  if (block.heads() == 0 || block.keys() == 0) return;  // Eigen's product would touch a null pointer
  for (Index r = 0; r < block.size(); ++r)
    gram.selfadjointView<Eigen::Lower>().rankUpdate(block.across_heads(r));
}

}  // namespace attnscope::vector_math
