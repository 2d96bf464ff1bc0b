#pragma once
#include <attnscope/core/token_facts.hpp>
#include <attnscope/core/tokens.hpp>
#include <attnscope/heads/token_groups.hpp>
#include <attnscope/io/dump_inputs.hpp>

namespace attnscope {

namespace detail {

/// [batch] the positions of special tokens.
inline std::vector<std::vector<Index>> positions_of(const std::vector<std::string>& special,
                                                    const metadata::TokenLists& tokens) {
  std::vector<std::vector<Index>> all(tokens.size());
  for (std::size_t b = 0; b < tokens.size(); ++b)
    for (std::size_t i = 0; i < tokens[b].size(); ++i)
      if (std::ranges::find(special, tokens[b][i]) != special.end()) all[b].push_back(static_cast<Index>(i));
  return all;
}

}  // namespace detail

/// [batch] what a dump says of the tokens that a stack's keys are: their strings, special_tokens, and of the
/// stack `self` dependency_heads, token_frequencies and input.embedding; empty where it names no tokens.
/// @throws FileError metadata that is not what its key says; ShapeError embeddings of other tokens
inline std::vector<TokenFacts> token_facts(const Dump& dump, const DumpStack& stack) {
  const metadata::TokenLists& tokens = stack.keys.tokens;
  const std::vector<std::vector<Index>> special =
      detail::positions_of(metadata::strings(dump.metadata, "special_tokens"), tokens);
  const bool is_self = stack.name == "self";
  const auto of_self = [&]<typename Value>(const char* key, Value) {
    return is_self ? metadata::lists<Value>(dump.metadata, key) : std::vector<std::vector<Value>>();
  };
  const auto heads = of_self("dependency_heads", Index{});
  const auto frequencies = of_self("token_frequencies", double{});
  const auto embeddings = is_self && !tokens.empty() ? input_embedding(dump) : std::nullopt;
  std::vector<TokenFacts> facts(tokens.size());
  for (std::size_t b = 0; b < facts.size(); ++b) {
    facts[b].identities = identities_of(tokens[b]);
    facts[b].special = facts[b].delimiters.emplace(special[b]);
    for (std::size_t i = 0; i < tokens[b].size(); ++i)
      if (is_punctuation(tokens[b][i])) facts[b].delimiters->push_back(static_cast<Index>(i));
    if (b < heads.size()) facts[b].dependency_heads = heads[b];
    if (b < frequencies.size()) facts[b].frequencies = frequencies[b];
    if (embeddings) facts[b].embeddings = (*embeddings)[b];
  }
  return facts;
}

/// [batch] the first token of the second text, the last one named for the elements that follow; empty where
/// the dump names none, or for a stack of two axes.
/// @throws FileError, ShapeError a boundary that is none
inline std::vector<Index> sentence_boundaries(const Dump& dump, const DumpStack& stack) {
  if (stack.name != "self") return {};
  std::vector<Index> boundaries = metadata::indices(dump.metadata, "sentence_boundary");
  if (!boundaries.empty()) boundaries.resize(static_cast<std::size_t>(dump.batch), boundaries.back());
  return boundaries;
}

/// The groups between which attention is worth watching: the two sentences of a pair where the dump has a
/// sentence_boundary, else all content; and the special tokens. Nothing where the dump tells none apart.
/// @throws FileError, ShapeError a boundary that is none
inline std::optional<TokenGroups> known_groups(const Dump& dump, const DumpStack& stack) {
  const std::vector<Index> boundaries = sentence_boundaries(dump, stack);
  const std::vector<std::string> special = metadata::strings(dump.metadata, "special_tokens");
  if (stack.keys.tokens.empty() || stack.queries.tokens.empty() || (boundaries.empty() && special.empty()))
    return {};
  const auto group = [&](const metadata::TokenLists& tokens) {
    const std::vector<std::vector<Index>> positions = detail::positions_of(special, tokens);
    std::vector<std::vector<Index>> groups;
    for (std::size_t b = 0; b < tokens.size(); ++b) {
      const Index count = static_cast<Index>(tokens[b].size());
      const Index boundary = boundaries.empty() ? count : boundaries[b];
      groups.push_back(groups_at_boundary(count, boundary));
      for (const Index i : positions[b])
        groups.back()[static_cast<std::size_t>(i)] = boundaries.empty() ? 1 : 2;
    }
    return groups;
  };
  TokenGroups groups{boundaries.empty() ? std::vector<std::string>{"content", "special"}
                                        : std::vector<std::string>{"first text", "second text", "special"},
                     group(stack.queries.tokens), group(stack.keys.tokens)};
  return groups;
}

}  // namespace attnscope
