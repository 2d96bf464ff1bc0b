#pragma once
#include <attnscope/attribution/attention_rows.hpp>
#include <attnscope/statistics/resampling.hpp>

#include <algorithm>

namespace attnscope {

/// What one model made of a set of examples: one training seed, a model with frozen attention, one that was
/// trained to attend elsewhere, adversaries.
struct ModelRun {
  std::vector<AttentionRows> attention;  ///< [example]
  std::vector<Eigen::VectorXd> outputs;  ///< [example] class probabilities, or one number
};

/// Two runs side by side.
struct RunComparison {
  Eigen::VectorXd jensen_shannon;     ///< [example] attention_distance(), nats
  Eigen::VectorXd output_distance;    ///< [example] output_distance()
  double median_jensen_shannon = 0;   ///< `undefined` (NaN) without an example
  double median_output_distance = 0;  ///< `undefined` (NaN) without an example
};

/// What attention_variation() found.
struct AttentionVariation {
  std::vector<std::pair<Index, Index>> pairs;  ///< the runs that were compared
  Eigen::MatrixXd jensen_shannon;              ///< [pair x example]
  Eigen::MatrixXd output_distance;             ///< [pair x example]
};

/// Which runs attention_variation() compares.
struct VariationOptions {
  std::optional<Index> reference{};  ///< each run against this one; nothing: all pairs
};

/// Example by example: how far the attention of two models is apart, and how far what they say.
/// @throws ShapeError unlike numbers of examples, rows, tokens or classes, another visibility, naming the
/// example; ValueError what is no distribution
inline RunComparison compare_runs(const ModelRun& a, const ModelRun& b) {
  const std::size_t examples = a.outputs.size();
  require<ShapeError>(a.attention.size() == examples && b.attention.size() == b.outputs.size(),
                      "attention of {} and {} examples, but outputs of {} and {}", a.attention.size(),
                      b.attention.size(), examples, b.outputs.size());
  require<ShapeError>(b.outputs.size() == examples, "runs of {} and {} examples", examples, b.outputs.size());
  RunComparison result{Eigen::VectorXd(examples), Eigen::VectorXd(examples)};
  for (std::size_t e = 0; e < examples; ++e)
    in_context(fmt::format("example {}", e), [&] {
      detail::check_rows_of(a.attention[e]);
      detail::check_rows_of(b.attention[e]);
      detail::require_same_rows(a.attention[e], b.attention[e].attention);
      detail::require_same_visibility(a.attention[e], b.attention[e]);
      const Index example = static_cast<Index>(e);
      result.jensen_shannon(example) = attention_distance(a.attention[e], b.attention[e].attention);
      result.output_distance(example) =
          output_distance(detail::checked_output(a.outputs[e], 0, "of the first run"),
                          detail::checked_output(b.outputs[e], a.outputs[e].size(), "of the second run"));
    });
  result.median_jensen_shannon = detail::median_of(result.jensen_shannon);
  result.median_output_distance = detail::median_of(result.output_distance);
  return result;
}

/// How much attention varies when nothing but the training seed does: the baseline that Wiegreffe and Pinter
/// (2019) ask for. An adversary that is no further from the model than other seeds are shows nothing about
/// explanation. Cost: one comparison a pair.
/// @throws ShapeError fewer than two runs, a reference that is not there; as compare_runs, naming the runs
inline AttentionVariation attention_variation(const std::vector<ModelRun>& runs,
                                              const VariationOptions& options = {}) {
  const Index count = static_cast<Index>(runs.size());
  require<ShapeError>(count >= 2, "the variation of {} runs", count);
  const Index reference = options.reference.value_or(-1);
  require<ShapeError>(!options.reference || (reference >= 0 && reference < count), "reference {} of {} runs",
                      reference, count);
  AttentionVariation result;
  for (Index a = 0; a < count; ++a)
    for (Index b = a + 1; b < count; ++b)
      if (!options.reference || a == reference || b == reference) result.pairs.emplace_back(a, b);
  const Index pairs = static_cast<Index>(result.pairs.size());
  result.jensen_shannon.resize(pairs, static_cast<Index>(runs.front().outputs.size()));
  result.output_distance.resizeLike(result.jensen_shannon);
  for (Index pair = 0; pair < pairs; ++pair) {
    const auto& [a, b] = result.pairs[static_cast<std::size_t>(pair)];
    in_context(fmt::format("runs {} and {}", a, b), [&, a = a, b = b] {
      const RunComparison compared =
          compare_runs(runs[static_cast<std::size_t>(a)], runs[static_cast<std::size_t>(b)]);
      result.jensen_shannon.row(pair) = compared.jensen_shannon;
      result.output_distance.row(pair) = compared.output_distance;
    });
  }
  return result;
}

/// [example] 0 .. 1: share of the pairs of runs whose attention is nearer than this divergence; one half
/// where equal. 1: further than any two seeds are. `divergences`: [example], of adversaries.
/// @throws ShapeError another number of examples; ValueError NaN
inline Eigen::VectorXd further_than_seeds(const AttentionVariation& seeds, const VectorView& divergences) {
  require<ShapeError>(divergences.size() == seeds.jensen_shannon.cols(),
                      "{} divergences for the variation of {} examples", divergences.size(),
                      seeds.jensen_shannon.cols());
  detail::check_ordered("divergences", divergences);
  Eigen::VectorXd shares(divergences.size());
  for (Index e = 0; e < shares.size(); ++e) {
    double nearer = 0, equal = 0;
    for (Index pair = 0; pair < seeds.jensen_shannon.rows(); ++pair) {
      if (seeds.jensen_shannon(pair, e) < divergences(e)) ++nearer;
      if (seeds.jensen_shannon(pair, e) == divergences(e)) ++equal;
    }
    shares(e) = (nearer + equal / 2) / static_cast<double>(seeds.jensen_shannon.rows());
  }
  return shares;
}

/// The points of the trade-off between attention that is far and output that stays (Wiegreffe and Pinter
/// 2019, figure 5): indices of those that no other beats, none as far or further with less output distance
/// (or further with no more), by rising output distance; of equal points the first. jensen_shannon,
/// output_distance: [point], one a model, adversary or price. Cost: n log n.
/// @throws ShapeError unlike sizes; ValueError NaN
inline std::vector<Index> trade_off_frontier(const VectorView& jensen_shannon,
                                             const VectorView& output_distance) {
  detail::check_same_size(jensen_shannon, output_distance);
  detail::check_ordered("jensen_shannon", jensen_shannon);
  detail::check_ordered("output_distance", output_distance);
  std::vector<Index> order(static_cast<std::size_t>(jensen_shannon.size())), frontier;
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index i, Index j) {
    return std::pair(output_distance(i), -jensen_shannon(i)) <
           std::pair(output_distance(j), -jensen_shannon(j));
  });
  for (const Index i : order)
    if (frontier.empty() || jensen_shannon(i) > jensen_shannon(frontier.back())) frontier.push_back(i);
  return frontier;
}

}  // namespace attnscope
