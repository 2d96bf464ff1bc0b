#pragma once
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/patterns.hpp>
#include <attnscope/heads/pruning.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/report/head_comparison.hpp>
#include <attnscope/report/known_tokens.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include <algorithm>

namespace attnscope {

struct AnalyzeOptions {
  Index window = 3;             ///< of locality, tokens on either side
  std::vector<Index> layers{};  ///< original indices; empty: all
  std::vector<Index> heads{};   ///< of every layer; empty: all
  bool exclude_special =
      false;  ///< leave the dump's special_tokens out, as queries and as keys, rows renormalised
  std::optional<double> pruning_fraction{};  ///< 0..1: plan the removal of this share of a stack's heads
  double most_comparisons = 4e9;  ///< of a stack with more pairs of weights, heads are not compared across
                                  ///< layers: some seconds
  SweepOptions sweep{};           ///< threads; progress is called for each layer anew
};

/// What the head measures say of one layer, over a whole batch or one element.
struct LayerMetrics {
  EntropyResult entropy;
  ConfidenceResult confidence;
  SinkResult sink;
  HeadSimilarityResult similarity;
  std::optional<LocalityResult> locality;      ///< of self-attention, where distances have a meaning
  std::optional<ImportanceResult> importance;  ///< where the dump has gradients; every token counts, whatever
                                               ///< is excluded elsewhere: it is the whole head that goes
};

struct LayerAnalysis {
  Index layer = 0;                        ///< its index in the model
  std::vector<Index> heads;               ///< which heads the numbers are of
  LayerMetrics pooled;                    ///< over all true queries of all batch elements
  std::vector<LayerMetrics> elements;     ///< [batch]
  std::vector<HeadPattern> patterns;      ///< [head], over the whole batch
  std::optional<GroupMassResult> groups;  ///< where the dump tells groups of tokens apart
};

struct StackAnalysis {
  std::string name;
  bool self_attention = true;
  metadata::TokenLists query_tokens, key_tokens;  ///< [batch], or empty
  std::vector<LayerAnalysis> layers;
  std::optional<HeadComparison> comparison;  ///< of all heads of all layers
  std::optional<PruningPlan> pruning;        ///< by per_example importance, every layer divided by its norm;
                                       ///< key-value groups go together, redundant heads not all at once
};

/// Everything that the library knows to say of a dump.
struct Analysis {
  std::string source;  ///< the file's name
  std::optional<std::string> model;
  Index batch = 0, window = 3;
  bool excluded_special = false;
  std::vector<StackAnalysis> stacks;
  std::vector<std::string> left_out;  ///< a line for each part that was not computed, and why
};

namespace detail {

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// What to leave out of a stack. @throws ValueError the dump does not say which tokens are special, or names
/// none
inline ExcludedTokens special_tokens(const Dump& dump, const DumpStack& stack) {
  require<ValueError>(dump.metadata.contains("special_tokens"),
                      "special tokens cannot be excluded: the metadata has no special_tokens");
  require<ValueError>(!stack.queries.tokens.empty() && !stack.keys.tokens.empty(),
                      "special tokens cannot be excluded: the metadata names no tokens");
  const std::vector<std::string> special = metadata::strings(dump.metadata, "special_tokens");
  return {positions_of(special, stack.queries.tokens), positions_of(special, stack.keys.tokens)};
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
  PatternMeasure patterns(facts, {.self_attention = self_attention});
  sweep(attention, options.sweep, entropies, confidences, sinks, similarities, localities, patterns);

  layer.patterns = patterns.result().heads;
  layer.pooled = {entropies.pooled(), confidences.pooled(), sinks.pooled(), similarities.pooled(), {}, {}};
  if (self_attention) layer.pooled.locality = localities.pooled();
  const auto entropy = entropies.result();
  const auto confidence = confidences.result();
  const auto sink = sinks.result();
  const auto similarity = similarities.result();
  const auto locality = localities.result();
  for (std::size_t b = 0; b < entropy.size(); ++b) {
    layer.elements.push_back({entropy[b], confidence[b], sink[b], similarity[b], {}, {}});
    if (self_attention) layer.elements.back().locality = locality[b];
  }
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

/// The attention that is asked for: some heads, without some tokens.
template <typename Weight>
AnyAttention<Weight> chosen(AnyAttention<Weight> attention, const std::vector<Index>& heads,
                            const std::optional<ExcludedTokens>& excluded) {
  if (!heads.empty()) attention = AnyAttention<Weight>(select_heads(std::move(attention), heads));
  if (excluded) attention = AnyAttention<Weight>(exclude_tokens(std::move(attention), *excluded));
  return attention;
}

}  // namespace detail

/// The dump with what the options leave of it: layers, heads, without special tokens. Figures and analysis
/// see this.
/// @throws ShapeError a layer or head that no stack has; ValueError special tokens that the dump does not
/// name
inline Dump chosen_part(Dump dump, const AnalyzeOptions& options) {
  for (const Index layer : options.layers)
    require<ShapeError>(std::any_of(dump.stacks.begin(), dump.stacks.end(),
                                    [&](const DumpStack& stack) {
                                      return std::any_of(
                                          stack.layers.begin(), stack.layers.end(),
                                          [&](const DumpLayer& l) { return l.index == layer; });
                                    }),
                        "{}: there is no layer {}", dump.name, layer);
  for (DumpStack& stack : dump.stacks) {
    if (!options.layers.empty())
      std::erase_if(stack.layers,
                    [&](const DumpLayer& l) { return !detail::contains(options.layers, l.index); });
    const std::string place = fmt::format("{}: {}", dump.name, stack.name);
    std::optional<ExcludedTokens> excluded;
    if (options.exclude_special)
      excluded = in_context(place, [&] { return detail::special_tokens(dump, stack); });
    for (DumpLayer& layer : stack.layers)
      in_context(fmt::format("{}.{}", place, layer.index), [&] {
        const auto choose = [&](auto& attention) {
          attention = detail::chosen(attention, options.heads, excluded);
        };
        std::visit(choose, layer.attention);
        if (layer.gradient && !options.heads.empty()) {
          const auto select = [&](auto& gradient) { gradient = detail::chosen(gradient, options.heads, {}); };
          std::visit(select, *layer.gradient);
        }
        if (!options.heads.empty()) layer.heads = options.heads;
      });
  }
  std::erase_if(dump.stacks, [](const DumpStack& stack) { return stack.layers.empty(); });
  return dump;
}

namespace detail {

inline StackAnalysis analyze_stack(const Dump& part, const DumpStack& stack, const DumpStack& every_token,
                                   const AnalyzeOptions& options) {
  StackAnalysis result{stack.name, stack.self_attention, stack.queries.tokens, stack.keys.tokens, {}, {}, {}};
  const std::string place = fmt::format("{}: {}", part.name, stack.name);
  const std::vector<TokenFacts> facts = in_context(place, [&] { return token_facts(part, stack); });
  const std::optional<TokenGroups> groups = in_context(place, [&] { return known_groups(part, stack); });
  for (const DumpLayer& layer : stack.layers) {
    const DumpLayer& whole = every_token.layers[result.layers.size()];
    in_context(fmt::format("{}.{}", place, layer.index), [&] {
      LayerAnalysis& to = result.layers.emplace_back(LayerAnalysis{layer.index, layer.heads, {}, {}, {}, {}});
      const auto act = [&](const auto& attention) {
        analyze_layer(attention, stack.self_attention, facts, options, to);
        if (groups) to.groups = group_mass(attention, *groups, options.sweep);
      };
      std::visit(act, layer.attention);
      if (!whole.gradient) return;
      const auto add = [&](const auto& attention) {
        add_importance(attention, *whole.gradient, options.sweep, to);
      };
      std::visit(add, whole.attention);
    });
  }
  return result;
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
  Analysis analysis{part.name, part.model(), part.batch, options.window, options.exclude_special, {}, {}};
  bool planned = false;
  for (std::size_t s = 0; s < part.stacks.size(); ++s) {
    const DumpStack& stack = part.stacks[s];
    StackAnalysis& result =
        analysis.stacks.emplace_back(detail::analyze_stack(part, stack, whole.stacks[s], options));
    const std::string place = fmt::format("{}: {}", part.name, stack.name);
    std::string reason;
    result.comparison = in_context(
        place, [&] { return compare_heads(stack, options.most_comparisons, reason, options.sweep); });
    if (!result.comparison)
      analysis.left_out.push_back(fmt::format("{}: heads across layers: {}", stack.name, reason));
    if (!options.pruning_fraction) continue;
    result.pruning = in_context(place, [&] { return detail::plan_stack(result, stack, options); });
    planned = planned || result.pruning;
  }
  require<ValueError>(planned || !options.pruning_fraction,
                      "{}: a pruning plan needs attention_gradient, and the dump has none", part.name);
  return analysis;
}

}  // namespace attnscope
