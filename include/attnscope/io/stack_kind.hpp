#pragma once
#include <attnscope/core/layout.hpp>
#include <attnscope/io/metadata.hpp>

namespace attnscope {

/// The tokens along one axis of a stack.
struct TokenAxis {
  metadata::TokenLists tokens;  ///< [batch] the true tokens; empty where the dump names none
  std::vector<Index> lengths;   ///< [batch], or empty: see Mask
  std::vector<Index> starts;    ///< likewise
};

namespace detail::dump {

/// What the metadata says of a stack: its two token axes, and whether it is causal.
struct StackKind {
  bool causal = false, self_attention = true;
  TokenAxis queries, keys;
};

/// The tokens, lengths and starts that share a prefix: "" for self, "source_", "target_", "patch_".
inline TokenAxis read_axis(const Metadata& all, const std::string& prefix) {
  TokenAxis axis;
  if (const nlohmann::json tokens = metadata::json(all, prefix + "tokens"); !tokens.is_null())
    axis.tokens = metadata::token_lists(prefix + "tokens", tokens);
  axis.lengths = metadata::indices(all, prefix + "lengths");
  axis.starts = metadata::indices(all, prefix + "starts");
  return axis;
}

/// An axis of a described stack: the tokens themselves, or the metadata key that holds them ("patch_tokens").
inline TokenAxis described_axis(const Metadata& all, const std::string& key, const nlohmann::json& tokens) {
  constexpr std::string_view suffix = "tokens";
  if (tokens.is_null()) return {};
  if (!tokens.is_string()) return {metadata::token_lists(key, tokens), {}, {}};
  std::string prefix = tokens.get<std::string>();
  require<FileError>(all.contains(prefix), "metadata {}: there is no metadata \"{}\"", key, prefix);
  if (prefix.ends_with(suffix)) prefix.resize(prefix.size() - suffix.size());
  return read_axis(all, prefix);
}

inline StackKind kind_of(const Metadata& all, const std::string& stack) {
  const auto self = [&](const std::string& prefix, bool causal) {
    const TokenAxis axis = read_axis(all, prefix);
    return StackKind{causal, true, axis, axis};
  };
  if (stack == "self") return self("", metadata::flag(all, "causal"));
  if (stack == "encoder") return self("source_", false);
  if (stack == "decoder") return self("target_", true);
  if (stack == "cross") return {false, false, read_axis(all, "target_"), read_axis(all, "source_")};

  const std::string key = "stack." + stack;
  const nlohmann::json described = metadata::json(all, key);
  require<FileError>(described.is_object(),
                     "stack {}: metadata {} should describe it by query_tokens, key_tokens and causal", stack,
                     key);
  const auto field = [&](const char* name) { return described.value(name, nlohmann::json()); };
  const nlohmann::json causal = field("causal"), queries = field("query_tokens"), keys = field("key_tokens");
  require<FileError>(causal.is_null() || causal.is_boolean(), "metadata {}: causal should be true or false",
                     key);
  return {causal.is_boolean() && causal.get<bool>(), queries.dump() == keys.dump(),
          described_axis(all, key, queries), described_axis(all, key, keys)};
}

}  // namespace detail::dump

}  // namespace attnscope
