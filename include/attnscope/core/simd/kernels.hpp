#pragma once
#include <attnscope/core/simd/instruction_set.hpp>

/// The innermost loops over numbers in single precision, compiled once for each instruction set, each in a
/// namespace of its own: attnscope::simd::{portable, avx2, avx512}. They are called through
/// core/vector_math.hpp and source/query_key.hpp; docs/performance.md says how fast they are.
namespace attnscope {

/// What one pass over a row of attention tells.
struct RowSummary {
  double sum = 0;       ///< of the weights
  double entropy = 0;   ///< nats, -sum p ln p, with 0 ln 0 = 0
  double distance = 0;  ///< sum p |own position - key|
  double smallest = 0;  ///< weight
  double largest = 0;   ///< weight
};

/// Which parts of a RowSummary somebody needs, beside sum, smallest and largest; the others are 0.
struct SummaryParts {
  bool entropy = true;   ///< RowSummary::entropy
  bool distance = true;  ///< RowSummary::distance
  bool columns = false;  ///< RowSummaries::add_columns(), which is there in any case: so it may cost less
  /// What either of two asks for.
  friend constexpr SummaryParts operator|(SummaryParts a, SummaryParts b) {
    return {a.entropy || b.entropy, a.distance || b.distance, a.columns || b.columns};
  }
};

namespace simd {

/// Rows that are summarised in turn, and what is looked at after them.
template <typename Number>
struct StoredRows {
  const Number* first;      ///< the first row
  long stride, rows, size;  ///< how far apart two rows lie; how many there are; the numbers of each
  long own = 0;             ///< where distances of the first row are measured from; each row one further on
  const Number* next =
      nullptr;         ///< the first of more rows as far apart, which are fetched meanwhile; or null
  long next_rows = 0;  ///< how many these are
};

/// What the exponentials of a row of scores sum to.
struct SoftmaxSums {
  double most;      ///< the largest score
  double sum;       ///< of e^(score - most)
  double log_sum;   ///< of the same times its logarithm to base 2
  double distance;  ///< of the same times the distance
};

/// Sums over two rows' numbers a and b.
struct ProductSums {
  double sum, magnitude;       ///< of a b; of |a b|
  double first_sum, smallest;  ///< of a; the least of these and 0
  double other_sum;            ///< of b
};

/// [column] what the rows of matrices give each column, one matrix after another.
struct ColumnFacts {
  double* sums;       ///< added to
  double* p_log_ps;   ///< sum p ln p, each within 1e-7 p however small p is; added to
  double* largest;    ///< raised where a row has more; 0 at first
  int* rows;          ///< which row the largest stands in, the first of equals; -1 at first
  int first_row = 0;  ///< how many rows came before
};

}  // namespace simd
}  // namespace attnscope

/// @cond
#if defined(__clang__)
#define ATTNSCOPE_UNROLL _Pragma("unroll")
#else
#define ATTNSCOPE_UNROLL _Pragma("GCC unroll 8")
#endif

namespace attnscope::simd::portable {
#define ATTNSCOPE_LANES 4
#include <attnscope/core/simd/kernels.inc>
#undef ATTNSCOPE_LANES
}  // namespace attnscope::simd::portable

#if ATTNSCOPE_DISPATCHES

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
namespace attnscope::simd::avx2 {
#define ATTNSCOPE_LANES 8
#include <attnscope/core/simd/kernels.inc>
#undef ATTNSCOPE_LANES
}  // namespace attnscope::simd::avx2

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,prefer-vector-width=512")
#endif
namespace attnscope::simd::avx512 {
#define ATTNSCOPE_LANES 16
#include <attnscope/core/simd/kernels.inc>
#undef ATTNSCOPE_LANES
}  // namespace attnscope::simd::avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
#undef ATTNSCOPE_UNROLL
/// @endcond
