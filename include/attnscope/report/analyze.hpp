#pragma once
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include <algorithm>

namespace attnscope {

struct AnalyzeOptions {
  Index window = 3;             ///< of locality, tokens on either side
  std::vector<Index> layers{};  ///< original indices; empty: all
  std::vector<Index> heads{};   ///< of every layer; empty: all
  bool exclude_special =
      false;             ///< leave the dump's special_tokens out, as queries and as keys, rows renormalised
  SweepOptions sweep{};  ///< threads; progress is called for each layer anew
};

/// What the head measures say of one layer, over a whole batch or one element.
struct LayerMetrics {
  EntropyResult entropy;
  ConfidenceResult confidence;
  SinkResult sink;
  HeadSimilarityResult similarity;
  std::optional<LocalityResult> locality;  ///< of self-attention, where distances have a meaning
};

struct LayerAnalysis {
  Index layer = 0;                     ///< its index in the model
  std::vector<Index> heads;            ///< which heads the numbers are of
  LayerMetrics pooled;                 ///< over all true queries of all batch elements
  std::vector<LayerMetrics> elements;  ///< [batch]
};

struct StackAnalysis {
  std::string name;
  bool self_attention = true;
  metadata::TokenLists query_tokens, key_tokens;  ///< [batch], or empty
  std::vector<LayerAnalysis> layers;
};

/// Everything that the library knows to say of a dump.
struct Analysis {
  std::string source;  ///< the file's name
  std::optional<std::string> model;
  Index batch = 0, window = 3;
  bool excluded_special = false;
  std::vector<StackAnalysis> stacks;
};

namespace detail {

template <typename T>
bool contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// [batch] the positions of special tokens.
inline std::vector<std::vector<Index>> positions_of(const std::vector<std::string>& special,
                                                    const metadata::TokenLists& tokens) {
  std::vector<std::vector<Index>> all(tokens.size());
  for (std::size_t b = 0; b < tokens.size(); ++b)
    for (std::size_t i = 0; i < tokens[b].size(); ++i)
      if (contains(special, tokens[b][i])) all[b].push_back(static_cast<Index>(i));
  return all;
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
void analyze_layer(const A& attention, bool self_attention, const AnalyzeOptions& options,
                   LayerAnalysis& layer) {
  EachExample entropies{EntropyMeasure()};
  EachExample confidences{ConfidenceMeasure()};
  EachExample sinks{SinkMeasure()};
  EachExample similarities{HeadSimilarityMeasure()};
  EachExample localities{LocalityMeasure({.window = options.window})};
  sweep(attention, options.sweep, entropies, confidences, sinks, similarities, localities);

  layer.pooled = {entropies.pooled(), confidences.pooled(), sinks.pooled(), similarities.pooled(), {}};
  if (self_attention) layer.pooled.locality = localities.pooled();
  const auto entropy = entropies.result();
  const auto confidence = confidences.result();
  const auto sink = sinks.result();
  const auto similarity = similarities.result();
  const auto locality = localities.result();
  for (std::size_t b = 0; b < entropy.size(); ++b) {
    layer.elements.push_back({entropy[b], confidence[b], sink[b], similarity[b], {}});
    if (self_attention) layer.elements.back().locality = locality[b];
  }
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
        if (!options.heads.empty()) layer.heads = options.heads;
      });
  }
  std::erase_if(dump.stacks, [](const DumpStack& stack) { return stack.layers.empty(); });
  return dump;
}

/// Every measure of the library that the dump has the numbers for, each layer read once.
/// @throws what chosen_part and sweep throw, naming file, stack and layer
inline Analysis analyze(const Dump& dump, const AnalyzeOptions& options = {}) {
  const Dump part = chosen_part(dump, options);
  Analysis analysis{part.name, part.model(), part.batch, options.window, options.exclude_special, {}};
  for (const DumpStack& stack : part.stacks) {
    StackAnalysis& result = analysis.stacks.emplace_back(
        StackAnalysis{stack.name, stack.self_attention, stack.queries.tokens, stack.keys.tokens, {}});
    for (const DumpLayer& layer : stack.layers)
      in_context(fmt::format("{}: {}.{}", part.name, stack.name, layer.index), [&] {
        LayerAnalysis& to = result.layers.emplace_back(LayerAnalysis{layer.index, layer.heads, {}, {}});
        const auto act = [&](const auto& attention) {
          detail::analyze_layer(attention, stack.self_attention, options, to);
        };
        std::visit(act, layer.attention);
      });
  }
  return analysis;
}

}  // namespace attnscope
