#pragma once
#include <attnscope/report/findings.hpp>
#include <attnscope/report/metrics.hpp>

#include <nlohmann/json.hpp>

namespace attnscope {

/// The pruning plan of a stack for Python, see pruning_json(), by the model's layer numbers. The stack has
/// one.
inline std::string pruning_plan_json(const StackAnalysis& stack) {
  std::vector<Index> layers;
  for (const LayerAnalysis& layer : stack.layers) layers.push_back(layer.layer);
  return pruning_json(stack.pruning.value(), std::move(layers));
}

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

/// Several matrices, one of them an entry.
inline nlohmann::ordered_json json_maps(const std::vector<Eigen::MatrixXd>& maps) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Eigen::MatrixXd& map : maps) all.push_back(json_rows(map));
  return all;
}

/// head: the model's number of it.
inline nlohmann::ordered_json to_json(const HeadPattern& pattern, Index head) {
  nlohmann::ordered_json json{{"head", head},
                              {"label", pattern.label},
                              {"score", pattern.score},
                              {"baseline", pattern.baseline},
                              {"margin", pattern.margin}};
  for (const char* each : {"scores", "baselines", "margins", "argmax_rates", "relations"})
    json[each] = nlohmann::ordered_json::object();
  for (const PatternScore& score : pattern.scores) {
    json["scores"][score.label] = score.score;
    json["baselines"][score.label] = score.baseline;
    json["margins"][score.label] = score.margin;
    if (!std::isnan(score.argmax_rate)) json["argmax_rates"][score.label] = score.argmax_rate;
    if (!score.relation.empty()) json["relations"][score.label] = score.relation;
  }
  return json;
}

inline nlohmann::ordered_json importance_json(const LayerMetrics& layer) {
  nlohmann::ordered_json json;
  for (const HeadMetric& metric : importance_metrics(layer)) json[metric.name] = json_list(metric.values);
  json["gate_gradient"] = json_list(layer.importance->gate_gradient);
  json["standard_error"] = {{"elementwise", json_list(layer.importance->standard_error.elementwise)},
                            {"per_position", json_list(layer.importance->standard_error.per_position)},
                            {"per_example", json_list(layer.importance->standard_error.per_example)}};
  return json;
}

inline nlohmann::ordered_json alignment_json(const LayerAnalysis& layer) {
  nlohmann::ordered_json json, mean_heads;
  for (const HeadMetric& metric : alignment_numbers(*layer.pooled.alignment))
    json[metric.name] = json_list(metric.values);
  const auto whole_name = [](const std::string& name) {
    return name == "entropy" ? "alignment_entropy" : name == "coverage" ? "source_coverage" : name;
  };
  for (const HeadMetric& metric : alignment_numbers(*layer.mean_heads_alignment))
    mean_heads[whole_name(metric.name)] = metric.values.size() > 0 ? metric.values(0) : undefined;
  json["mean_heads"] = mean_heads;
  return json;
}

inline nlohmann::ordered_json to_json(const LayerAnalysis& layer) {
  nlohmann::ordered_json json{{"layer", layer.layer}, {"heads", layer.heads}};
  for (const HeadMetric& metric : head_metrics(layer.pooled)) json[metric.name] = json_list(metric.values);
  for (const LayerMetric& metric : layer_metrics(layer.pooled)) json[metric.name] = metric.value;
  json["similarity_matrix"] = json_rows(layer.pooled.similarity.similarity_matrix);
  json["sink_rate"] = layer.pooled.sink.sink_rate;
  json["patterns"] = nlohmann::ordered_json::array();
  for (std::size_t h = 0; h < layer.patterns.size(); ++h)
    json["patterns"].push_back(to_json(layer.patterns[h], layer.heads[h]));
  if (layer.pooled.importance) json["importance"] = importance_json(layer.pooled);
  if (layer.pooled.alignment) json["alignment"] = alignment_json(layer);
  if (layer.values) {
    constexpr std::array through{"attention", "residual", "norm"};
    json["values"] = {{"through", through[static_cast<std::size_t>(layer.values->through)]},
                      {"mixing_ratio", layer.values->mixing.mixing_ratio}};
    if (!layer.values->norm_maps.empty()) json["values"]["norm_maps"] = json_maps(layer.values->norm_maps);
  }
  if (layer.groups)
    json["token_groups"] = {{"names", layer.groups->names},
                            {"mass", json_maps(layer.groups->mass)},
                            {"uniform_mass", json_rows(layer.groups->uniform_mass)}};
  return json;
}

/// [layer, head], by the model's numbers.
inline nlohmann::ordered_json head_name(const StackAnalysis& stack, const HeadId& id) {
  const HeadId named = model_head(stack, id);
  return {named.layer, named.head};
}

inline nlohmann::ordered_json to_json(const HeadSet& set, const StackAnalysis& stack) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::array();
  for (const HeadId& id : set.heads) heads.push_back(head_name(stack, id));
  return {{"heads", heads}, {"error_rates", set.error_rates}};
}

inline nlohmann::ordered_json to_json(const StackAlignment& alignment, const StackAnalysis& stack) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::array(), elements = heads;
  const char* score = alignment.by_error_rate ? "error_rate" : "score";
  for (const RankedHead& head : alignment.heads)
    heads.push_back({{"head", head_name(stack, head.id)}, {score, head.score}});
  for (const AlignmentLinks& element : alignment.links) {
    nlohmann::ordered_json links = nlohmann::ordered_json::array();
    for (const Link& link : element.links)
      links.push_back({{"target", link.target}, {"source", link.source}, {"confidence", link.confidence}});
    elements.push_back({{"links", links},
                        {"unaligned_targets", element.unaligned_targets},
                        {"unaligned_sources", element.unaligned_sources}});
  }
  nlohmann::ordered_json json{{"best_heads", heads}, {"elements", elements}};
  if (alignment.selection)
    json["head_set"] = {{"chosen", to_json(alignment.selection->chosen, stack)},
                        {"held_out_error_rate", alignment.selection->held_out.error_rate},
                        {"held_out_single_error_rate", alignment.selection->held_out_single.error_rate}};
  return json;
}

inline nlohmann::ordered_json to_json(const HeadComparison& comparison, const StackAnalysis& stack) {
  const auto name = [&](Index index) {
    return head_name(stack, comparison.heads[static_cast<std::size_t>(index)]);
  };
  nlohmann::ordered_json heads = nlohmann::ordered_json::array(), stand_ins = heads, groups = heads;
  for (std::size_t h = 0; h < comparison.heads.size(); ++h) {
    heads.push_back(name(static_cast<Index>(h)));
    const StandIn& other = comparison.redundancy.stand_ins[h];
    stand_ins.push_back({{"head", heads.back()},
                         {"stand_in", other.head ? name(*other.head) : nlohmann::ordered_json()},
                         {"similarity", other.similarity},
                         {"redundant", other.redundant}});
  }
  for (const std::vector<Index>& group : comparison.redundancy.groups) {
    groups.push_back(nlohmann::ordered_json::array());
    for (const Index head : group) groups.back().push_back(name(head));
  }
  return {{"heads", heads},
          {"map", json_rows(comparison.map.coordinates)},
          {"stress", comparison.map.stress},
          {"clusters", comparison.clusters.clusters},
          {"silhouettes", json_list(comparison.clusters.silhouettes)},
          {"stand_ins", stand_ins},
          {"redundant_groups", groups}};
}

/// A number, or null.
inline nlohmann::ordered_json json_number(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

inline nlohmann::ordered_json to_json(const LayerAttribution& layer) {
  nlohmann::ordered_json json{{"layer", layer.layer},
                              {"readout", layer.readout},
                              {"spearman_correlation", json_number(layer.spearman_correlation)},
                              {"p_value", json_number(layer.p_value)},
                              {"kendall_tau", json_number(layer.kendall_tau)},
                              {"n", layer.n}};
  json["interval"] = {json_number(layer.lower), json_number(layer.upper)};
  json["verdict"] = layer.verdict;
  return json;
}

inline nlohmann::ordered_json to_json(const MethodMatrices& statistic) {
  return {{"mean", json_rows(statistic.mean)},
          {"spread", json_rows(statistic.spread)},
          {"share_significant", json_rows(statistic.share_significant)},
          {"count", json_rows(statistic.count)}};
}

inline nlohmann::ordered_json to_json(const MethodAgreementResult& agreement) {
  return {{"methods", agreement.methods},
          {"examples", agreement.examples},
          {"spearman_correlation", to_json(agreement.spearman_correlation)},
          {"kendall_tau", to_json(agreement.kendall_tau)},
          {"weighted_kendall", to_json(agreement.weighted_kendall)},
          {"pearson", to_json(agreement.pearson)},
          {"top_k_overlap", to_json(agreement.top_k_overlap)},
          {"jensen_shannon", to_json(agreement.jensen_shannon)}};
}

/// The keys attribution, token_scores and agreement, where there is something to say.
inline void add_json(const StackAttribution& attribution, nlohmann::ordered_json& json) {
  const nlohmann::ordered_json list = nlohmann::ordered_json::array();
  if (!attribution.elements.empty()) json["attribution"] = list;
  for (std::size_t b = 0; b < attribution.elements.size(); ++b) {
    nlohmann::ordered_json per_layer = list;
    for (const LayerAttribution& layer : attribution.elements[b]) per_layer.push_back(to_json(layer));
    json["attribution"].push_back({{"element", b}, {"method", "input gradient"}, {"per_layer", per_layer}});
  }
  if (attribution.scores.empty()) return;
  json["token_scores"] = list;
  for (std::size_t b = 0; b < attribution.tokens.size(); ++b) {
    nlohmann::ordered_json scores = nlohmann::ordered_json::object();
    for (const TokenScores& method : attribution.scores) scores[method.method] = json_list(method.scores[b]);
    json["token_scores"].push_back({{"element", b}, {"tokens", attribution.tokens[b]}, {"scores", scores}});
  }
  if (attribution.agreement) json["agreement"] = to_json(*attribution.agreement);
}

inline nlohmann::ordered_json to_json(const StackAnalysis& stack) {
  nlohmann::ordered_json json{{"num_layers", stack.layers.size()},
                              {"num_heads", stack.layers.front().heads.size()}};
  if (!stack.query_tokens.empty())
    json["tokens"] = stack.self_attention ? stack.key_tokens : stack.query_tokens;
  if (!stack.self_attention && !stack.key_tokens.empty()) json["source_tokens"] = stack.key_tokens;
  nlohmann::ordered_json& layers = json["layers"] = nlohmann::ordered_json::array();
  for (const LayerAnalysis& layer : stack.layers) layers.push_back(to_json(layer));
  if (stack.alignment) json["alignment"] = to_json(*stack.alignment, stack);
  if (stack.comparison) json["head_comparison"] = to_json(*stack.comparison, stack);
  if (stack.attribution) add_json(*stack.attribution, json);
  if (stack.pruning) json["pruning_plan"] = nlohmann::ordered_json::parse(pruning_plan_json(stack));
  if (stack.flow) {
    json["rollout"] = json_maps(stack.flow->rollout);
    if (!stack.flow->flow.empty())
      json["flow"] = json["flow_trivial_share"] = nlohmann::ordered_json::array();
    for (const AttentionFlowResult& element : stack.flow->flow) {
      json["flow"].push_back(json_rows(element.flow));
      json["flow_trivial_share"].push_back(element.trivial_share.value_or(undefined));
    }
  }
  if (!stack.self_attention) return json;
  nlohmann::ordered_json& progression = json["locality_progression"] = nlohmann::ordered_json::array();
  for (const LayerAnalysis& layer : stack.layers)
    progression.push_back(layer.pooled.locality->locality_score);
  return json;
}

/// The report as a tree, its keys in the order of docs/report.md.
inline nlohmann::ordered_json report_tree(const Analysis& analysis) {
  nlohmann::ordered_json json{{"format", "attnscope-report/1"}, {"source", analysis.source}};
  if (analysis.model) json["model"] = *analysis.model;
  json["batch"] = analysis.batch;
  json["window"] = analysis.window;
  json["excluded_special"] = analysis.excluded_special;
  if (!analysis.target.empty()) json["target"] = analysis.target;
  json["findings"] = findings(analysis);
  nlohmann::ordered_json& stacks = json["stacks"] = nlohmann::ordered_json::object();
  for (const StackAnalysis& stack : analysis.stacks) stacks[stack.name] = to_json(stack);
  return json;
}

}  // namespace detail

/// The report as JSON text: the keys of docs/report.md in their order, numbers in the shortest form that
/// reads back exactly, null for an undefined one, UTF-8 (what is no UTF-8 in a token becomes U+FFFD), one
/// trailing newline.
inline std::string report_json(const Analysis& analysis) {
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  return detail::report_tree(analysis).dump(1, ' ', false, replace) + "\n";
}

}  // namespace attnscope
