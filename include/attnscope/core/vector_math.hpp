#pragma once
#include <attnscope/core/block.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

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
/// ln p = exponent ln 2 + rest, |rest| below .41 and within 5e-8, for normal p > 0; of a 0 both are finite.
/// Branch-free steps that compilers turn into vector instructions: Eigen's logarithm asks for negative and
/// infinite numbers, and takes twice as long.
struct LogParts {
  float exponent, rest;
};
inline LogParts log_parts(float p) {
  // p = (1 + f) 2^e with 1 + f in [.75, 1.5)
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(p);
  const std::uint32_t above = bits - std::bit_cast<std::uint32_t>(.75f);
  const std::int32_t e = static_cast<std::int32_t>(above) >> 23;
  const float f = std::bit_cast<float>(bits - (above & 0xff800000u)) - 1;
  // The polynomial of degree 8 that is nearest to ln(1 + f) / f: within 3e-8 of it (Remez).
  float ratio = -.120767217f + .0541117585f * f;
  ratio = .149944978f + ratio * f;
  ratio = -.168243121f + ratio * f;
  ratio = .199759128f + ratio * f;
  ratio = -.249932184f + ratio * f;
  ratio = .333335921f + ratio * f;
  ratio = -.500000664f + ratio * f;
  ratio = 1 + ratio * f;
  return {static_cast<float>(e), f * ratio};
}
/// p ln p with 0 ln 0 = 0, exactly 0 at 1, else within 2e-7 of it, for p >= 0.
inline float p_log_p(float p) {
  const LogParts log = log_parts(p);
  return p * (log.exponent * std::numbers::ln2_v<float> + log.rest);
}
/// The same within 1e-7 p, however small p is: p ln p / sum p keeps its digits.
inline double tiny_p_log_p(float p) {
  const LogParts log = log_parts(p * 0x1p24f);  // a subnormal number becomes a normal one
  return static_cast<double>(p) *
         ((static_cast<double>(log.exponent) - 24) * std::numbers::ln2 + static_cast<double>(log.rest));
}
/// sum p ln p over a run of weights.
template <typename Run>
typename Run::Scalar sum_p_log_p(const Run& p) {
  using Weight = typename Run::Scalar;
  if constexpr (std::is_same_v<Weight, float>) {
    constexpr Index lanes = 16;
    using Lanes = Eigen::Map<Eigen::Array<float, lanes, 1>>;
    float sums[lanes] = {}, some[lanes];
    Index j = 0;
    for (; j + lanes <= p.size(); j += lanes) {
      Lanes{some} = p.template segment<lanes>(j);
      for (Index lane = 0; lane < lanes; ++lane) sums[lane] += p_log_p(some[lane]);
    }
    for (; j < p.size(); ++j) sums[0] += p_log_p(p.coeff(j));
    return Lanes{sums}.sum();
  } else {
    // Lifting p to the least normal number makes 0 ln 0 a product with a finite logarithm, without a branch.
    return (p * p.max(std::numeric_limits<Weight>::min()).log()).sum();
  }
}
/// -sum p ln p in nats, with 0 ln 0 = 0. Exactly 0 for a one-hot row.
template <typename Weight>
double entropy(std::span<const Weight> row) {
  return 0.0 - add_runs(row, [](const auto& p, Index) { return sum_p_log_p(p); });
}
/// The entropy of the mean (p + q) / 2 of two rows of one length. Of a row and itself the same bits wherever
/// it is asked, so that differences of these are exactly 0 for equal rows.
template <typename Weight>
double entropy_of_mean(std::span<const Weight> p, std::span<const Weight> q) {
  return 0.0 - add_runs(p, [q](const auto& run_of_p, Index first) {
           const RowArray<Weight> run_of_q(q.data() + first, run_of_p.size());
           return sum_p_log_p((run_of_p + run_of_q) * Weight(0.5));
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
/// Where the largest weight stands, the first of equals; -1 in a row without weight.
template <typename Weight>
Index first_largest(std::span<const Weight> row) {
  const Weight most = largest(row);
  return most > 0 ? std::find(row.begin(), row.end(), most) - row.begin() : -1;
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
