#pragma once
#include <attnscope/attribution/attention_rows.hpp>
#include <attnscope/core/evaluations.hpp>
#include <attnscope/statistics/resampling.hpp>

namespace attnscope {

/// [row x token] every row with its weights dealt anew among the tokens that it sees: all orders equally
/// likely, rows independent. Moves the generator; the same for the same seed on every machine.
inline Eigen::MatrixXd permuted_attention(const AttentionRows& rows, std::mt19937_64& generator) {
  Eigen::MatrixXd permuted = rows.attention;
  for (Index row = 0; row < permuted.rows(); ++row) {
    const std::vector<Index> seen = detail::seen_tokens(rows, row);
    detail::shuffle(generator, static_cast<Index>(seen.size()), [&](Index i, Index j) {
      std::swap(permuted(row, seen[static_cast<std::size_t>(i)]),
                permuted(row, seen[static_cast<std::size_t>(j)]));
    });
  }
  return permuted;
}

/// [row x token] every row spread evenly over the tokens that it sees; a row keeps its sum.
inline Eigen::MatrixXd uniform_attention(const AttentionRows& rows) {
  Eigen::MatrixXd uniform = Eigen::MatrixXd::Zero(rows.attention.rows(), rows.attention.cols());
  for (Index row = 0; row < uniform.rows(); ++row) {
    const std::vector<Index> seen = detail::seen_tokens(rows, row);
    const double share = rows.attention.row(row).sum() / static_cast<double>(seen.size());
    for (const Index token : seen) uniform(row, token) = share;
  }
  return uniform;
}

/// How permute_attention() shuffles.
struct AttentionPermutationOptions {
  Index permutations = 100;  ///< 1 or more: how often all rows are shuffled
  std::uint64_t seed = 0;    ///< of the shuffles
};

/// What permute_attention() found.
struct AttentionPermutationResult {
  Eigen::VectorXd output_distances;   ///< [permutation] see output_distance()
  Eigen::VectorXd jensen_shannon;     ///< [permutation] how far the attention moved, in nats
  double median_output_distance = 0;  ///< the number that the test reports
  double median_jensen_shannon = 0;   ///< in nats
};

/// The permutation test of Jain and Wallace (2019): does it matter WHICH tokens have the weights? The weights
/// of each row are shuffled among its tokens; the median distance of the output from the model's own. Near 0:
/// the model would have said the same with its attention anywhere. That alone does not show that attention
/// explains nothing: a text whose tokens say the same gives 0 as well, and so does attention that is (nearly)
/// uniform, for which median_jensen_shannon is 0 too. Evaluations: `permutations`.
/// @throws ValueError less than one permutation; what CounterfactualAttention throws; Stopped
inline AttentionPermutationResult permute_attention(const CounterfactualAttention& model,
                                                    const AttentionPermutationOptions& options = {},
                                                    const ScoreProgress& progress = {}) {
  require<ValueError>(options.permutations >= 1, "permutations = {} is less than 1", options.permutations);
  AttentionPermutationResult result{Eigen::VectorXd(options.permutations),
                                    Eigen::VectorXd(options.permutations)};
  std::mt19937_64 generator(options.seed);
  ProgressCount count(options.permutations, progress);
  for (Index round = 0; round < options.permutations; ++round) {
    const AttentionEffect effect = in_context(fmt::format("permutation {}", round), [&] {
      return model.effect_of(permuted_attention(model.rows(), generator));
    });
    result.output_distances(round) = effect.output_distance;
    result.jensen_shannon(round) = effect.jensen_shannon;
    count();
  }
  result.median_output_distance = detail::median_of(result.output_distances);
  result.median_jensen_shannon = detail::median_of(result.jensen_shannon);
  return result;
}

}  // namespace attnscope
