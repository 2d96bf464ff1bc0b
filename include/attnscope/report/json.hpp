#pragma once
#include <attnscope/report/metrics.hpp>

namespace attnscope {

namespace detail {

/// [head] numbers, or rows of numbers; an undefined one becomes null.
inline nlohmann::ordered_json json_list(const Eigen::VectorXd& values) {
  return std::vector<double>(values.begin(), values.end());
}
inline nlohmann::ordered_json json_rows(const Eigen::MatrixXd& matrix) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (Index i = 0; i < matrix.rows(); ++i) rows.push_back(json_list(matrix.row(i)));
  return rows;
}

inline nlohmann::ordered_json to_json(const LayerAnalysis& layer) {
  nlohmann::ordered_json json{{"layer", layer.layer}, {"heads", layer.heads}};
  for (const HeadMetric& metric : head_metrics(layer.pooled)) json[metric.name] = json_list(metric.values);
  for (const LayerMetric& metric : layer_metrics(layer.pooled)) json[metric.name] = metric.value;
  json["similarity_matrix"] = json_rows(layer.pooled.similarity.similarity_matrix);
  json["sink_rate"] = layer.pooled.sink.sink_rate;
  return json;
}

inline nlohmann::ordered_json to_json(const StackAnalysis& stack) {
  nlohmann::ordered_json json{{"num_layers", stack.layers.size()},
                              {"num_heads", stack.layers.front().heads.size()}};
  if (!stack.query_tokens.empty())
    json["tokens"] = stack.self_attention ? stack.key_tokens : stack.query_tokens;
  if (!stack.self_attention && !stack.key_tokens.empty()) json["source_tokens"] = stack.key_tokens;
  nlohmann::ordered_json& layers = json["layers"] = nlohmann::ordered_json::array();
  for (const LayerAnalysis& layer : stack.layers) layers.push_back(to_json(layer));
  if (!stack.self_attention) return json;
  nlohmann::ordered_json& progression = json["locality_progression"] = nlohmann::ordered_json::array();
  for (const LayerAnalysis& layer : stack.layers)
    progression.push_back(layer.pooled.locality->locality_score);
  return json;
}

}  // namespace detail

/// The report as JSON text: the keys of docs/report.md in their order, numbers in the shortest form that
/// reads back exactly, null for an undefined one, UTF-8 (what is no UTF-8 in a token becomes U+FFFD), one
/// trailing newline.
inline std::string report_json(const Analysis& analysis) {
  nlohmann::ordered_json json{{"format", "attnscope-report/1"}, {"source", analysis.source}};
  if (analysis.model) json["model"] = *analysis.model;
  json["batch"] = analysis.batch;
  json["window"] = analysis.window;
  json["excluded_special"] = analysis.excluded_special;
  nlohmann::ordered_json& stacks = json["stacks"] = nlohmann::ordered_json::object();
  for (const StackAnalysis& stack : analysis.stacks) stacks[stack.name] = detail::to_json(stack);
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace attnscope
