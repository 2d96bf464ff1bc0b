#pragma once
#include <attnscope/io/dump_inputs.hpp>
#include <attnscope/report/analysis.hpp>
#include <attnscope/report/known_tokens.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include <algorithm>
#include <set>

namespace attnscope {

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

/// The attention that is asked for: some heads, without some tokens.
template <typename Weight>
AnyAttention<Weight> chosen(AnyAttention<Weight> attention, const std::vector<Index>& heads,
                            const std::optional<ExcludedTokens>& excluded) {
  if (!heads.empty()) attention = AnyAttention<Weight>(select_heads(std::move(attention), heads));
  if (excluded) attention = AnyAttention<Weight>(exclude_tokens(std::move(attention), *excluded));
  return attention;
}

/// The targets that a dump has gradients of, apart from the one without a name.
inline std::set<std::string> gradient_targets(const Dump& dump) {
  std::set<std::string> targets;
  for (const DumpStack& stack : dump.stacks)
    for (const DumpLayer& layer : stack.layers)
      for (const auto& [target, gradient] : layer.gradients) targets.insert(target);
  for (std::string& target : input_gradient_targets(dump)) targets.insert(std::move(target));
  return targets;
}

/// Puts the gradients of one target in the place of those without a name; what has none of it has none.
/// @throws ValueError nothing in the dump has a gradient of it, naming the targets that there are
inline void choose_target(Dump& dump, const std::string& target) {
  const std::set<std::string> known = gradient_targets(dump);
  require<ValueError>(known.contains(target), "{}: there are no gradients of the target \"{}\", {}",
                      dump.name, target,
                      known.empty() ? "nor of any other" : fmt::format("but of: {}", fmt::join(known, ", ")));
  for (DumpStack& stack : dump.stacks)
    for (DumpLayer& layer : stack.layers) {
      const auto found = layer.gradients.find(target);
      layer.gradient = found == layer.gradients.end() ? std::nullopt : std::optional(found->second);
    }
  const std::string field(embedding_gradient_field);
  dump.inputs.erase(field);
  if (const auto found = dump.inputs.find(field + "." + target); found != dump.inputs.end())
    dump.inputs.emplace(field, found->second);
}

}  // namespace detail

/// The dump with what the options leave of it: layers, heads, without special tokens, the gradients of one
/// target. Figures and analysis see this.
/// @throws ShapeError a layer or head that no stack has; ValueError special tokens that the dump does not
/// name, a target that it has no gradients of
inline Dump chosen_part(Dump dump, const AnalyzeOptions& options) {
  if (!options.target.empty()) detail::choose_target(dump, options.target);
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
        if (options.heads.empty()) return;
        const auto select = [&](auto& gradient) { gradient = detail::chosen(gradient, options.heads, {}); };
        if (layer.gradient) std::visit(select, *layer.gradient);
        for (auto& [target, gradient] : layer.gradients) std::visit(select, gradient);
        layer.heads = options.heads;
      });
  }
  std::erase_if(dump.stacks, [](const DumpStack& stack) { return stack.layers.empty(); });
  return dump;
}

}  // namespace attnscope
