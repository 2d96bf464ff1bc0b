#pragma once
#include <attnscope/report/analyze.hpp>

namespace attnscope {

/// A number of each head under the name that reports give it.
struct HeadMetric {
  std::string name;
  Eigen::VectorXd values;  ///< [head], undefined (NaN) where there is none
};
/// A number of the whole layer.
struct LayerMetric {
  std::string name;
  double value = undefined;
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

}  // namespace attnscope
