#pragma once
#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/head_comparison.hpp>
#include <attnscope/report/stack_alignment.hpp>
#include <attnscope/report/stack_attribution.hpp>
#include <attnscope/report/stack_flow.hpp>
#include <attnscope/report/value_numbers.hpp>

namespace attnscope {

namespace detail {

inline void begin(const AnalyzeOptions& options, const std::string& stack, const std::string& what) {
  if (options.step) options.step(fmt::format("{}, {}", stack, what));
}

/// The head measures of the report, in one sweep.
template <typename A>
void analyze_layer(const A& attention, bool self_attention, const std::vector<TokenFacts>& facts,
                   const AnalyzeOptions& options, LayerAnalysis& layer) {
  EachExample entropies{EntropyMeasure()};
  EachExample confidences{ConfidenceMeasure()};
  EachExample sinks{SinkMeasure()};
  EachExample similarities{HeadSimilarityMeasure()};
  EachExample localities{LocalityMeasure({.window = options.window})};
  EachExample patterns{PatternMeasure(facts, {.self_attention = self_attention})};
  sweep(attention, options.sweep, entropies, confidences, sinks, similarities, localities, patterns);

  layer.patterns = patterns.pooled().heads;
  for (PatternResult& element : patterns.result()) layer.element_patterns.push_back(std::move(element.heads));
  layer.pooled = {
      entropies.pooled(), confidences.pooled(), sinks.pooled(), similarities.pooled(), {}, {}, {}};
  if (self_attention) layer.pooled.locality = localities.pooled();
  const auto entropy = entropies.result();
  const auto confidence = confidences.result();
  const auto sink = sinks.result();
  const auto similarity = similarities.result();
  const auto locality = localities.result();
  for (std::size_t b = 0; b < entropy.size(); ++b) {
    layer.elements.push_back({entropy[b], confidence[b], sink[b], similarity[b], {}, {}, {}});
    if (self_attention) layer.elements.back().locality = locality[b];
  }
}

/// What the groups of tokens give to one another, pooled and in each element.
template <typename A>
void add_group_mass(const A& attention, const TokenGroups& groups, const SweepOptions& how,
                    LayerAnalysis& layer) {
  EachExample mass{GroupMassMeasure(groups)};
  sweep(attention, how, mass);
  layer.groups = mass.pooled();
  layer.element_groups = mass.result();
}

/// The importance of a layer's heads, pooled and of each element.
template <typename Weight>
void add_importance(const AnyAttention<Weight>& attention, const LoadedAttention& gradient,
                    const SweepOptions& how, LayerAnalysis& layer) {
  EachExample importances{ImportanceMeasure()};
  sweep(aligned(attention, std::get<AnyAttention<Weight>>(gradient)), how, importances);
  layer.pooled.importance = importances.pooled();
  const std::vector<ImportanceResult> elements = importances.result();
  for (std::size_t b = 0; b < elements.size(); ++b) layer.elements[b].importance = elements[b];
}

/// Which heads of a stack to remove; nothing where it has no gradients.
/// @throws ValueError it has gradients of some layers only; heads were chosen; a fraction outside 0..1
inline std::optional<PruningPlan> plan_stack(const StackAnalysis& stack, const DumpStack& dump,
                                             const AnalyzeOptions& options) {
  require<ValueError>(options.heads.empty(), "a pruning plan is made for all heads of a layer, not for some");
  HeadScores scores;
  PruningOptions pruning{.fraction = options.pruning_fraction};
  for (const DumpLayer& layer : dump.layers) {
    const std::optional<ImportanceResult>& importance = stack.layers[scores.size()].pooled.importance;
    if (!importance) continue;
    scores.push_back(importance->mean.per_example);
    pruning.group_sizes.push_back(heads_per_key_value(layer));
  }
  if (scores.empty()) return {};
  require<ValueError>(scores.size() == dump.layers.size(),
                      "a pruning plan needs the attention_gradient of every layer, and has {} of {}",
                      scores.size(), dump.layers.size());
  if (stack.comparison)
    for (const std::vector<Index>& group : stack.comparison->redundancy.groups) {
      std::vector<HeadId>& ids = pruning.redundant.emplace_back();
      for (const Index head : group) ids.push_back(stack.comparison->heads[static_cast<std::size_t>(head)]);
    }
  return plan_pruning(l2_normalized_by_layer(std::move(scores)), pruning);
}

/// Whether the maps of all layers together are few enough numbers for a report.
inline bool may_write_maps(const DumpStack& stack, const AnalyzeOptions& options) {
  const double most = static_cast<double>(options.most_map_tokens);
  double numbers = 0;
  for (const DumpLayer& layer : stack.layers) {
    const Shape& s = dump::layout_of(layer.attention).shape();
    numbers += static_cast<double>(s.queries) * static_cast<double>(s.keys);
  }
  return numbers <= most * most;
}

inline StackAnalysis analyze_stack(const Dump& part, const DumpStack& stack, const DumpStack& every_token,
                                   const AnalyzeOptions& options) {
  StackAnalysis result;
  result.name = stack.name;
  result.self_attention = stack.self_attention;
  result.query_tokens = stack.queries.tokens;
  result.key_tokens = stack.keys.tokens;
  const std::string place = fmt::format("{}: {}", part.name, stack.name);
  const std::vector<TokenFacts> facts = in_context(place, [&] { return token_facts(part, stack); });
  const std::optional<TokenGroups> groups = in_context(place, [&] { return known_groups(part, stack); });
  const bool aligns = !stack.self_attention;
  const std::vector<GoldLinks> gold = in_context(place, [&] { return gold_links(part, stack); });
  const std::vector<LoadedAttention> content =
      aligns ? content_layers(part, every_token) : std::vector<LoadedAttention>();
  for (const DumpLayer& layer : stack.layers) {
    const DumpLayer& whole = every_token.layers[result.layers.size()];
    begin(options, stack.name, fmt::format("layer {}", layer.index));
    in_context(fmt::format("{}.{}", place, layer.index), [&] {
      LayerAnalysis& to = result.layers.emplace_back();
      to.layer = layer.index;
      to.heads = layer.heads;
      const auto act = [&](const auto& attention) {
        analyze_layer(attention, stack.self_attention, facts, options, to);
        if (groups) add_group_mass(attention, *groups, options.sweep, to);
      };
      std::visit(act, layer.attention);
      if (aligns) add_alignment(layer.attention, content[result.layers.size() - 1], gold, options.sweep, to);
      if (options.heads.empty())
        to.values = value_numbers(part, stack, whole, may_write_maps(every_token, options), options.sweep);
      if (!whole.gradient) return;
      const auto add = [&](const auto& attention) {
        add_importance(attention, *whole.gradient, options.sweep, to);
      };
      std::visit(add, whole.attention);
    });
  }
  return result;
}

/// A line where all gradients are of targets, and none was chosen.
inline void note_targets(const Dump& dump, const AnalyzeOptions& options,
                         std::vector<std::string>& left_out) {
  if (!options.target.empty() || dump.inputs.contains(std::string(embedding_gradient_field))) return;
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers)
      if (layer.gradient) return;
  if (const std::set<std::string> targets = gradient_targets(dump); !targets.empty())
    left_out.push_back(fmt::format("gradients: there are those of {}; none is chosen as the target",
                                   fmt::join(targets, ", ")));
}

}  // namespace detail

/// Every measure of the library that the dump has the numbers for: one pass over each layer for the head
/// measures and patterns, one for token groups, one beside its gradient, one of all layers side by side.
/// @throws what chosen_part and sweep throw, naming file, stack and layer; ValueError a pruning plan without
/// gradients
inline Analysis analyze(const Dump& dump, const AnalyzeOptions& options = {}) {
  const Dump part = chosen_part(dump, options);
  AnalyzeOptions every_token = options;
  every_token.exclude_special = false;
  const Dump whole = chosen_part(dump, every_token);
  Analysis analysis{part.name, part.model(), part.batch,    options.window, options.exclude_special,
                    {},        {},           options.target};
  bool planned = false;
  for (std::size_t s = 0; s < part.stacks.size(); ++s) {
    const DumpStack& stack = part.stacks[s];
    StackAnalysis& result =
        analysis.stacks.emplace_back(detail::analyze_stack(part, stack, whole.stacks[s], options));
    const std::string place = fmt::format("{}: {}", part.name, stack.name);
    std::string reason;
    detail::begin(options, stack.name, "heads across layers");
    result.comparison = in_context(
        place, [&] { return compare_heads(stack, options.most_comparisons, reason, options.sweep); });
    if (!result.comparison)
      analysis.left_out.push_back(fmt::format("{}: heads across layers: {}", stack.name, reason));
    if (!stack.self_attention) {
      reason.clear();
      detail::begin(options, stack.name, "alignment");
      result.alignment = in_context(place, [&] {
        return align_stack(content_layers(part, whole.stacks[s]), result.layers, gold_links(part, stack),
                           reason, options.sweep);
      });
      if (!reason.empty()) analysis.left_out.push_back(fmt::format("{}: head set: {}", stack.name, reason));
    } else {
      detail::begin(options, stack.name, options.flow ? "rollout and flow" : "rollout");
      result.flow = in_context(place, [&] { return stack_flow(stack, options, reason); });
      if (!result.flow)
        analysis.left_out.push_back(
            fmt::format("{}: rollout{}: {}", stack.name, options.flow ? " and flow" : "", reason));
      reason.clear();
      detail::begin(options, stack.name, "token scores");
      result.attribution = in_context(
          place, [&] { return stack_attribution(part, stack, whole.stacks[s], result, options, reason); });
      if (!reason.empty())
        analysis.left_out.push_back(fmt::format("{}: token scores: {}", stack.name, reason));
    }
    if (!options.pruning_fraction) continue;
    result.pruning = in_context(place, [&] { return detail::plan_stack(result, stack, options); });
    planned = planned || result.pruning;
  }
  detail::note_targets(part, options, analysis.left_out);
  require<ValueError>(planned || !options.pruning_fraction,
                      "{}: a pruning plan needs attention_gradient, and the dump has none", part.name);
  return analysis;
}

}  // namespace attnscope
