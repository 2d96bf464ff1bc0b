#pragma once
#include <attnscope/io/field_name.hpp>
#include <attnscope/io/metadata.hpp>

#include <string_view>

/// Attention from queries and keys is what the dump says it is, so nothing that a dump says of it is passed
/// over: a misspelt window, or a mask that nobody reads, would be another attention, and nobody would see.
namespace attnscope::detail::dump {

/// A layer that has attention, and its fields.
struct StatedLayer {
  std::string stack, name;  ///< "self", "self.0"
  const RawTensors* fields;
  /// Stored weights count; without them queries and keys do.
  bool computed() const { return !fields->contains("attention"); }
};

/// <word>.<stack>.<layer> in the metadata; scale and soft_cap matter to queries and keys alone.
inline constexpr std::array<std::string_view, 3> layer_words{"scale", "soft_cap", "sliding_window"};
/// What may stand beside queries and keys. Names with a dot are other parts of the model.
inline constexpr std::array<std::string_view, 11> query_key_fields{
    "query",       "key",         "attention_bias", "sink_logits", "value", "residual", "output_projection",
    "output_bias", "norm_weight", "norm_bias",      gradient_field};

template <typename List>
bool is_one_of(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

inline void check_fields(const StatedLayer& layer) {
  for (const auto& [field, tensor] : *layer.fields) {
    const bool other_part = field.find('.') != field.npos && !field.starts_with("attention");
    require<FileError>(other_part || is_one_of(query_key_fields, field) || gradient_target(field),
                       "{}: {} is not known; beside query and key may stand {}", layer.name, field,
                       fmt::join(query_key_fields.begin() + 2, query_key_fields.end(), ", "));
  }
}

/// The key of one entry of the metadata, as far as it says something of a layer.
inline void check_layer_word(const std::string& key, const std::vector<StatedLayer>& layers) {
  const std::string word = key.substr(0, key.find('.'));
  const auto layer = std::find_if(layers.begin(), layers.end(),
                                  [&](const StatedLayer& l) { return key.ends_with("." + l.name); });
  if (is_one_of(layer_words, word)) {
    const bool any_computed =
        std::any_of(layers.begin(), layers.end(), [](const StatedLayer& l) { return l.computed(); });
    const bool matters = word == "sliding_window" || any_computed;
    require<FileError>(!matters || (layer != layers.end() && key == word + "." + layer->name),
                       "metadata {} is of no layer that the dump has; it is stated of each, as {}.{}", key,
                       word, layers.front().name);
    return;
  }
  require<FileError>(layer == layers.end() || !layer->computed(),
                     "{}: metadata {} is not known; of attention from queries and keys a dump states {}",
                     layer == layers.end() ? "" : layer->name, key, fmt::join(layer_words, ", "));
}

/// What the metadata says of a whole stack that is computed.
inline void check_stack_words(const Metadata& all, const std::string& stack) {
  const std::string key = "stack." + stack;
  const nlohmann::json described = metadata::json(all, key);
  if (described.is_null()) return;
  constexpr std::array<std::string_view, 4> usual{"self", "encoder", "decoder", "cross"};
  require<FileError>(!is_one_of(usual, stack),
                     "metadata {}: only stacks of other names than {} are described", key,
                     fmt::join(usual, ", "));
  constexpr std::array<std::string_view, 3> words{"query_tokens", "key_tokens", "causal"};
  for (const auto& [word, value] : described.items())
    require<FileError>(is_one_of(words, word), "metadata {}: {} is not known, only {}", key, word,
                       fmt::join(words, ", "));
}

/// @throws FileError a statement that nobody reads about attention which is computed from queries and keys,
/// or about the mask of a layer that is not there
inline void check_statements(const Metadata& all, const std::vector<StatedLayer>& layers) {
  for (const auto& [key, text] : all) check_layer_word(key, layers);
  for (const StatedLayer& layer : layers)
    if (layer.computed()) {
      check_fields(layer);
      check_stack_words(all, layer.stack);
    }
}

}  // namespace attnscope::detail::dump
