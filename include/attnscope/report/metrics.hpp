#pragma once
#include <attnscope/report/analysis.hpp>

#include <algorithm>

namespace attnscope {

/// A number of each head under the name that reports give it.
struct HeadMetric {
  std::string name;        ///< "entropies"
  Eigen::VectorXd values;  ///< [head], undefined (NaN) where there is none
};
/// A number of the whole layer.
struct LayerMetric {
  std::string name;          ///< "locality_score"
  double value = undefined;  ///< undefined (NaN) where there is none
};

/// The names and numbers that JSON, CSV and tables show: one list for all of them.
inline std::vector<HeadMetric> head_metrics(const LayerMetrics& layer) {
  std::vector<HeadMetric> all{{"entropies", layer.entropy.entropies},
                              {"normalized_entropies", layer.entropy.normalized_entropies},
                              {"confidence", layer.confidence.confidence}};
  if (layer.locality) {
    all.push_back({"locality", layer.locality->locality});
    all.push_back({"mean_distance", layer.locality->mean_distance});
  }
  all.push_back({"sink_mass", layer.sink.sink_mass});
  return all;
}
/// The importance of the heads by the names of its definitions; empty without gradients.
inline std::vector<HeadMetric> importance_metrics(const LayerMetrics& layer) {
  if (!layer.importance) return {};
  const ImportanceScores& mean = layer.importance->mean;
  return {{"elementwise", mean.elementwise},
          {"per_position", mean.per_position},
          {"per_example", mean.per_example},
          {"per_batch", mean.per_batch}};
}
/// What the heads of cross-attention say of an alignment; error_rate where there are gold links.
inline std::vector<HeadMetric> alignment_numbers(const AlignmentNumbers& alignment) {
  const AlignmentMetricsResult& m = alignment.metrics;
  std::vector<HeadMetric> all{{"entropy", m.alignment_entropy},
                              {"sharpness", m.sharpness},
                              {"coverage", m.source_coverage},
                              {"soft_coverage", m.soft_coverage},
                              {"coverage_penalty", m.coverage_penalty},
                              {"coverage_deviation", m.coverage_deviation},
                              {"absent_mindedness_in", m.absent_mindedness_in},
                              {"monotonicity", m.monotonicity},
                              {"strict_monotonicity", m.strict_monotonicity},
                              {"untied_monotonicity", m.untied_monotonicity},
                              {"rank_correlation", m.rank_correlation},
                              {"agreement", m.agreement}};
  if (alignment.errors) all.push_back({"error_rate", alignment.errors->error_rate});
  return all;
}
/// All numbers of the heads that tables have a column for; those of importance are called importance_…, of
/// alignment alignment_….
inline std::vector<HeadMetric> table_metrics(const LayerMetrics& layer) {
  std::vector<HeadMetric> all = head_metrics(layer);
  for (HeadMetric& metric : importance_metrics(layer))
    all.push_back({"importance_" + metric.name, std::move(metric.values)});
  if (layer.alignment)
    for (HeadMetric& metric : alignment_numbers(*layer.alignment))
      if (metric.name != "entropy")  // which is `entropies`
        all.push_back({"alignment_" + metric.name, std::move(metric.values)});
  return all;
}
/// The numbers of a whole layer by their names.
inline std::vector<LayerMetric> layer_metrics(const LayerMetrics& layer) {
  std::vector<LayerMetric> all;
  if (layer.locality) {
    all.push_back({"locality_score", layer.locality->locality_score});
    all.push_back({"uniform_locality", layer.locality->uniform_locality});
  }
  all.push_back({"avg_pairwise_similarity", layer.similarity.avg_pairwise_similarity.value_or(undefined)});
  all.push_back({"diversity_score", layer.similarity.diversity_score.value_or(undefined)});
  return all;
}

/// What attention and the input gradient say of one another in a layer and batch element, a name for each
/// readout: attribution_received_spearman_correlation. Empty where there is no input gradient.
inline std::vector<LayerMetric> attribution_metrics(const StackAnalysis& stack, Index layer, Index element) {
  std::vector<LayerMetric> all;
  if (!stack.attribution || stack.attribution->elements.empty()) return all;
  for (const LayerAttribution& one : stack.attribution->elements[static_cast<std::size_t>(element)]) {
    if (one.layer != layer) continue;
    std::string prefix = "attribution_" + one.readout + "_";
    std::ranges::replace(prefix, ' ', '_');
    all.push_back({prefix + "spearman_correlation", one.spearman_correlation.value_or(undefined)});
    all.push_back({prefix + "p_value", one.p_value.value_or(undefined)});
    all.push_back({prefix + "kendall_tau", one.kendall_tau.value_or(undefined)});
  }
  return all;
}

}  // namespace attnscope
