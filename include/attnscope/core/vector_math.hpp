#pragma once
#include <attnscope/core/block.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

/// The few inner loops that measures share, over one row or one block. Sums run in the precision of the
/// weights for at most `run` terms and are added up in double.
namespace attnscope::vector_math {

/// The longest sum in single precision.
inline constexpr Index run = 256;

template <typename Weight>
using RowArray = Eigen::Map<const Eigen::Array<Weight, Eigen::Dynamic, 1>>;

/// sum over runs of part(array, first): `array` is the run, `first` the index where it begins.
template <typename Weight, typename Part>
double add_runs(std::span<const Weight> row, const Part& part) {
  const Index size = static_cast<Index>(row.size());
  double total = 0;
  for (Index first = 0; first < size; first += run)
    total +=
        static_cast<double>(part(RowArray<Weight>(row.data() + first, std::min(run, size - first)), first));
  return total;
}

template <typename Weight>
double sum(std::span<const Weight> row) {
  return add_runs(row, [](const auto& p, Index) { return p.sum(); });
}
/// -sum p ln p in nats, with 0 ln 0 = 0. Exactly 0 for a one-hot row.
template <typename Weight>
double entropy(std::span<const Weight> row) {
  // Lifting p to the least normal number makes 0 ln 0 a product with a finite logarithm, without a branch.
  return 0.0 - add_runs(row, [](const auto& p, Index) {
           return (p * p.max(std::numeric_limits<Weight>::min()).log()).sum();
         });
}
/// The entropy of the mean (p + q) / 2 of two rows of one length. Of a row and itself the same bits wherever
/// it is asked, so that differences of these are exactly 0 for equal rows.
template <typename Weight>
double entropy_of_mean(std::span<const Weight> p, std::span<const Weight> q) {
  return 0.0 - add_runs(p, [q](const auto& run_of_p, Index first) {
           const RowArray<Weight> run_of_q(q.data() + first, run_of_p.size());
           const auto mean = (run_of_p + run_of_q) * Weight(0.5);
           return (mean * mean.max(std::numeric_limits<Weight>::min()).log()).sum();
         });
}
/// sum_j p_j |j - from|
template <typename Weight>
double distance(std::span<const Weight> row, Index from) {
  return add_runs(row, [from](const auto& p, Index first) {
    const Weight begin = static_cast<Weight>(first - from), end = begin + static_cast<Weight>(p.size() - 1);
    return (p * Eigen::Array<Weight, Eigen::Dynamic, 1>::LinSpaced(p.size(), begin, end).abs()).sum();
  });
}
template <typename Weight>
Weight largest(std::span<const Weight> row) {
  return row.empty() ? Weight(0) : RowArray<Weight>(row.data(), static_cast<Index>(row.size())).maxCoeff();
}
template <typename Weight>
Weight smallest(std::span<const Weight> row) {
  return row.empty() ? Weight(0) : RowArray<Weight>(row.data(), static_cast<Index>(row.size())).minCoeff();
}
/// sums [key] += column sums of the rows.
template <typename Weight>
void add_columns(const HeadRows<Weight>& rows, Eigen::Ref<Eigen::RowVectorXd> sums) {
  for (Index first = 0; first < rows.size(); first += run)
    sums.head(rows.keys()) += rows.matrix()
                                  .middleRows(first, std::min(run, rows.size() - first))
                                  .colwise()
                                  .sum()
                                  .template cast<double>();
}
/// gram [head x head] += dot products between heads over all rows and keys of the block; lower triangle only.
template <typename Weight>
void add_gram(const Block<Weight>& block, Eigen::MatrixXd& gram) {
  if (block.heads() == 0 || block.keys() == 0) return;  // Eigen's product would touch a null pointer
  for (Index r = 0; r < block.size(); ++r)
    gram.selfadjointView<Eigen::Lower>().rankUpdate(block.across_heads(r).template cast<double>());
}

}  // namespace attnscope::vector_math
