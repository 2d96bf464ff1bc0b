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

/// sum, smallest and largest; where asked for, entropy and distance from the key `own`, else these are 0. Of
/// nothing all are 0.
template <bool Entropy, bool Distance>
RowSummary summary(std::span<const float> row, Index own) {
  if (row.empty()) return {};
  const auto from = static_cast<float>(-own);
  if constexpr (Entropy && Distance)
    return ATTNSCOPE_BEST(row_summary)(row.data(), detail::length_of(row), from);
  if constexpr (Entropy) return ATTNSCOPE_BEST(row_entropies)(row.data(), detail::length_of(row));
  if constexpr (Distance) return ATTNSCOPE_BEST(row_distances)(row.data(), detail::length_of(row), from);
  return ATTNSCOPE_BEST(row_sums)(row.data(), detail::length_of(row));
}
/// The same in double precision.
template <bool Entropy, bool Distance, std::same_as<double> Weight>
RowSummary summary(std::span<const Weight> row, Index own) {
  if (row.empty()) return {};
  const detail::RowArray<Weight> p = detail::array_of(row);
  RowSummary result{p.sum(), 0, 0, p.minCoeff(), p.maxCoeff()};
  if constexpr (Entropy) result.entropy = 0.0 - detail::sum_p_log_p(p);
  if constexpr (Distance) {
    const auto first = static_cast<double>(-own), last = first + static_cast<double>(p.size() - 1);
    result.distance =
        (p * Eigen::Array<Weight, Eigen::Dynamic, 1>::LinSpaced(p.size(), first, last).abs()).sum();
  }
  return result;
}

/// The sum of the weights.
template <typename Weight>
double sum(std::span<const Weight> row) {
  return summary<false, false>(row, 0).sum;
}
/// -sum p ln p in nats, with 0 ln 0 = 0. Exactly 0 for a one-hot row.
template <typename Weight>
double entropy(std::span<const Weight> row) {
  return summary<true, false>(row, 0).entropy;
}
/// sum_j p_j |j - from|
template <typename Weight>
double distance(std::span<const Weight> row, Index from) {
  return summary<false, true>(row, from).distance;
}
/// The largest weight; 0 of none.
template <typename Weight>
Weight largest(std::span<const Weight> row) {
  return static_cast<Weight>(summary<false, false>(row, 0).largest);
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

/// Sums of a b and |a b|, all in double: terms of either sign cancel.
inline simd::ProductSums products(std::span<const float> a, std::span<const float> b) {
  return ATTNSCOPE_BEST(row_products)(a.data(), b.data(), detail::length_of(a));
}
/// The same of other precisions.
template <typename A, typename B>
simd::ProductSums products(std::span<const A> a, std::span<const B> b) {
  const auto size = static_cast<Index>(a.size());
  const auto terms = detail::RowArray<A>(a.data(), size).template cast<double>() *
                     detail::RowArray<B>(b.data(), size).template cast<double>();
  return {terms.sum(), terms.abs().sum()};
}
/// Whether every weight is 0; a NaN is not.
template <typename Weight>
bool all_zero(std::span<const Weight> row) {
  const RowSummary all = summary<false, false>(row, 0);
  return all.sum == 0 && all.smallest == 0 && all.largest == 0;
}
/// to [size] = the numbers from[0], from[step], ...
template <typename Scalar, typename Weight>
void widen(const Scalar* from, Index step, Index size, Weight* to) {
  if constexpr (std::is_same_v<Scalar, Eigen::half>)
    if (step == 1) return ATTNSCOPE_BEST(widen_half)(from, size, to);
  if constexpr (std::is_same_v<Scalar, Eigen::bfloat16>)
    if (step == 1) return ATTNSCOPE_BEST(widen_bfloat16)(from, size, to);
  for (Index j = 0; j < size; ++j) to[j] = static_cast<Weight>(from[j * step]);
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
  std::vector<const float*> rows(static_cast<std::size_t>(block.heads()));
  for (Index r = 0; r < block.size(); ++r) {
    const MatrixView<float> heads = block.across_heads(r);
    for (std::size_t h = 0; h < rows.size(); ++h)
      rows[h] = heads.data() + static_cast<Index>(h) * heads.outerStride();
    ATTNSCOPE_BEST(add_gram)(rows.data(), block.heads(), block.keys(), gram.data());
  }
}
/// The same in double precision.
template <std::same_as<double> Weight>
void add_gram(const Block<Weight>& block, Eigen::MatrixXd& gram) {
  if (block.heads() == 0 || block.keys() == 0) return;  // Eigen's product would touch a null pointer
  for (Index r = 0; r < block.size(); ++r)
    gram.selfadjointView<Eigen::Lower>().rankUpdate(block.across_heads(r));
}

}  // namespace attnscope::vector_math
