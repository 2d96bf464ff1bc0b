#pragma once
#include <attnscope/io/metadata.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/query_key.hpp>
#include <attnscope/source/stored.hpp>

#include <numeric>

namespace attnscope {

/// The tokens along one axis of a stack.
struct TokenAxis {
  metadata::TokenLists tokens;         ///< [batch] the true tokens; empty where the dump names none
  std::vector<Index> lengths, starts;  ///< [batch], or empty: see Mask
};

/// One layer of a stack, as the dump has it.
struct DumpLayer {
  Index index = 0;
  RawTensors fields;          ///< "attention", "query", "key", … by name, as stored
  std::vector<Index> heads;   ///< the model's number of each head of `attention`
  LoadedAttention attention;  ///< stored weights, or those from queries and keys, under the stack's mask
};

/// One stack of layers: "self", or "encoder", "decoder", "cross", or a name of the model's own.
struct DumpStack {
  std::string name;
  bool self_attention =
      true;  ///< token i is both query i + query_offset and key i, so that distances have a meaning
  TokenAxis queries, keys;
  std::vector<DumpLayer> layers;  ///< in rising order; gaps are the dump's
};

/// The attention of one example or batch, read from a file: docs/dump.md has the format. The file is mapped
/// and the weights are read in place; they live as long as the dump, a copy of it, or a source taken from it.
struct Dump {
  std::string name;  ///< the file's, without folders
  Metadata metadata;
  Index batch = 1;
  std::vector<DumpStack> stacks;  ///< in the order self, encoder, decoder, cross, then by name

  /// The value of `model` in the metadata, or nothing.
  std::optional<std::string> model() const {
    const std::string* text = metadata::text(metadata, "model");
    return text ? std::optional(*text) : std::nullopt;
  }
};

namespace detail::dump {

/// What a name such as "cross.1.attention" says.
struct FieldName {
  std::string stack;
  Index layer = 0;
  std::string field;
};

/// <stack>.<layer>.<field>, or nothing for any other name: input.embedding, a weight of the model.
inline std::optional<FieldName> parse_name(std::string_view name) {
  const std::size_t first = name.find('.'), second = name.find('.', first + 1);
  if (first == 0 || first == name.npos || second == name.npos || second + 1 == name.size()) return {};
  const std::string_view layer = name.substr(first + 1, second - first - 1);
  std::int32_t index = -1;
  const auto [end, error] = std::from_chars(layer.data(), layer.data() + layer.size(), index);
  if (error != std::errc{} || end != layer.data() + layer.size() || index < 0) return {};
  return FieldName{std::string(name.substr(0, first)), index, std::string(name.substr(second + 1))};
}

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

/// The lengths of the axes of a tensor of `rank` axes or one less: a batch axis that was left out is 1.
inline std::vector<Index> with_batch(const char* field, const RawTensor& tensor, std::size_t rank) {
  std::vector<Index> shape = tensor.shape;
  require<ShapeError>(shape.size() == rank || shape.size() + 1 == rank, "{} has {} axes, not {} or {}", field,
                      shape.size(), rank, rank - 1);
  if (shape.size() + 1 == rank) shape.insert(shape.begin(), 1);
  return shape;
}

/// act(Scalar{}) for the precision of a tensor.
template <typename Act>
void with_scalar(const char* field, Dtype dtype, const Act& act) {
  switch (dtype) {
    case Dtype::F16:
      return act(Eigen::half{});
    case Dtype::BF16:
      return act(Eigen::bfloat16{});
    case Dtype::F32:
      return act(float{});
    case Dtype::F64:
      return act(double{});
    default:
      throw FileError(fmt::format("{} is {}, but attention is read from F16, BF16, F32 and F64", field,
                                  dtype_name(dtype)));
  }
}

/// The mask of a layer with these sizes. Where queries are fewer than keys (a cache), lengths and starts are
/// the keys'.
inline Mask mask_of(const StackKind& kind, const Metadata& all, const std::string& layer,
                    const Shape& shape) {
  Mask mask{.causal = kind.causal, .sliding_window = metadata::integer(all, "sliding_window." + layer)};
  mask.query_lengths = kind.queries.lengths;
  mask.query_starts = kind.queries.starts;
  mask.key_lengths = kind.keys.lengths;
  mask.key_starts = kind.keys.starts;
  if (!kind.self_attention) return mask;
  mask.query_offset = metadata::integer(all, "query_offset");
  if (mask.query_offset == 0 && shape.queries == shape.keys) return mask;
  const Layout keys({shape.batch, shape.heads, shape.keys, shape.keys},
                    self_padding(mask.key_lengths, mask.key_starts));
  mask.query_starts.clear();
  mask.query_lengths.clear();
  for (Index b = 0; b < shape.batch; ++b) {
    const Index first = std::clamp<Index>(keys.key_start(b) - mask.query_offset, 0, shape.queries);
    const Index last =
        std::clamp<Index>(keys.key_start(b) + keys.keys(b) - mask.query_offset, first, shape.queries);
    mask.query_starts.push_back(first);
    mask.query_lengths.push_back(last - first);
  }
  return mask;
}

inline LoadedAttention stored(const RawTensor& tensor, const Layout& layout) {
  std::optional<LoadedAttention> attention;
  with_scalar("attention", tensor.dtype, [&]<typename Scalar>(Scalar) {
    const std::shared_ptr<const Scalar[]> weights = elements<Scalar>(tensor);
    attention = AnyAttention(AttentionView<Scalar>(weights.get(), layout), weights);
  });
  return *attention;
}

/// The numbers of a tensor as Weight, whatever their precision: lent if they are of that type, else
/// converted.
template <typename Weight>
std::shared_ptr<const Weight[]> as_weights(const char* field, const RawTensor& tensor) {
  std::shared_ptr<const Weight[]> weights;
  with_scalar(field, tensor.dtype, [&]<typename Scalar>(Scalar) {
    const std::shared_ptr<const Scalar[]> stored = elements<Scalar>(tensor);
    if constexpr (std::is_same_v<Scalar, Weight>) {
      weights = stored;
    } else {
      const std::size_t count = tensor.bytes.size() / sizeof(Scalar);
      const auto converted = std::make_shared<Weight[]>(count);
      std::transform(stored.get(), stored.get() + count, converted.get(),
                     [](Scalar x) { return static_cast<Weight>(x); });
      weights = converted;
    }
  });
  return weights;
}

/// The fields that attention from queries and keys is made of; null where the layer has none.
struct QueryKeyFields {
  const RawTensor *query, *key, *bias, *sink_logits;
};

inline LoadedAttention from_queries_and_keys(const StackKind& kind, const Metadata& all,
                                             const std::string& layer, const QueryKeyFields& fields) {
  const std::vector<Index> q = with_batch("query", *fields.query, 4), k = with_batch("key", *fields.key, 4);
  require<ShapeError>(q[0] == k[0] && q[3] == k[3], "query is [{}], but key is [{}]", fmt::join(q, ", "),
                      fmt::join(k, ", "));
  require<ShapeError>(fields.query->dtype == fields.key->dtype, "query is {}, but key is {}",
                      dtype_name(fields.query->dtype), dtype_name(fields.key->dtype));
  const Shape shape{q[0], q[1], q[2], k[2]};
  std::vector<Index> bias;
  if (fields.bias) {
    bias = with_batch("attention_bias", *fields.bias, 4);
    require<ShapeError>(
        (bias[0] == 1 || bias[0] == q[0]) && bias[1] == q[1] && bias[2] == q[2] && bias[3] == k[2],
        "attention_bias is [{}], but the attention is [{}, {}, {}, {}]", fmt::join(bias, ", "), q[0], q[1],
        q[2], k[2]);
  }
  if (fields.sink_logits)
    require<ShapeError>(fields.sink_logits->shape == std::vector<Index>{q[1]},
                        "sink_logits is [{}] for {} heads", fmt::join(fields.sink_logits->shape, ", "), q[1]);
  const Layout layout(shape, mask_of(kind, all, layer, shape));
  const auto load = [&]<typename Weight>(Weight) -> LoadedAttention {
    struct Owned {
      std::shared_ptr<const Weight[]> queries, keys, bias, sink_logits;
    };
    const auto owned = std::make_shared<Owned>();
    owned->queries = as_weights<Weight>("query", *fields.query);
    owned->keys = as_weights<Weight>("key", *fields.key);
    if (fields.bias) owned->bias = as_weights<Weight>("attention_bias", *fields.bias);
    if (fields.sink_logits) owned->sink_logits = as_weights<Weight>("sink_logits", *fields.sink_logits);
    const QueryKeyAttention<Weight> source(owned->queries.get(), owned->keys.get(), layout, k[1], q[3],
                                           {.scale = metadata::number(all, "scale." + layer, 0),
                                            .soft_cap = metadata::number(all, "soft_cap." + layer, 0),
                                            .bias = owned->bias.get(),
                                            .bias_batch = bias.empty() ? 1 : bias[0],
                                            .sink_logits = owned->sink_logits.get()});
    return AnyAttention<Weight>(source, owned);
  };
  // 16-bit queries and keys are small beside what is computed from them: converted at once.
  if (fields.query->dtype == Dtype::F64) return load(double{});
  return load(float{});
}

/// The attention of one layer, or nothing where it has neither weights nor queries and keys.
inline std::optional<LoadedAttention> attention_of(const StackKind& kind, const Metadata& all,
                                                   const std::string& layer, const RawTensors& fields) {
  const auto field = [&](const char* name) {
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
  };
  if (const RawTensor* weights = field("attention")) {
    const std::vector<Index> s = with_batch("attention", *weights, 4);
    const Shape shape{s[0], s[1], s[2], s[3]};
    return stored(*weights, Layout(shape, mask_of(kind, all, layer, shape)));
  }
  const QueryKeyFields both{field("query"), field("key"), field("attention_bias"), field("sink_logits")};
  if (!both.query || !both.key) return {};
  return from_queries_and_keys(kind, all, layer, both);
}

inline const Layout& layout_of(const LoadedAttention& attention) {
  return std::visit([](const auto& source) -> const Layout& { return source.layout(); }, attention);
}

/// Cuts token lists that cover padding too down to the true tokens; count: [batch] how many those are.
inline void trim_tokens(const char* axis, TokenAxis& tokens, const std::vector<Index>& count, Index size) {
  if (tokens.tokens.empty()) return;
  require<ShapeError>(tokens.tokens.size() == count.size(), "{} lists of {} tokens for a batch of {}",
                      tokens.tokens.size(), axis, count.size());
  for (std::size_t b = 0; b < count.size(); ++b) {
    std::vector<std::string>& list = tokens.tokens[b];
    if (static_cast<Index>(list.size()) == count[b]) continue;
    require<ShapeError>(static_cast<Index>(list.size()) == size,
                        "batch element {}: {} {} tokens are named for {}", b, list.size(), axis, count[b]);
    const auto first = list.begin() + (tokens.starts.empty() ? 0 : tokens.starts[b]);
    list = std::vector<std::string>(first, first + count[b]);
  }
}

/// Token lists become those of the true tokens; the queries of a cache are the last tokens.
inline void settle_tokens(DumpStack& stack) {
  const auto fewer_keys = [](const DumpLayer& a, const DumpLayer& b) {
    return layout_of(a.attention).shape().keys < layout_of(b.attention).shape().keys;
  };
  const Layout& layout =
      layout_of(std::max_element(stack.layers.begin(), stack.layers.end(), fewer_keys)->attention);
  std::vector<Index> queries, keys;
  for (Index b = 0; b < layout.shape().batch; ++b) {
    queries.push_back(layout.queries(b));
    keys.push_back(layout.keys(b));
  }
  trim_tokens("key", stack.keys, keys, layout.shape().keys);
  if (!stack.self_attention) return trim_tokens("query", stack.queries, queries, layout.shape().queries);
  stack.queries.tokens = stack.keys.tokens;
  for (Index b = 0; b < static_cast<Index>(stack.queries.tokens.size()); ++b) {
    std::vector<std::string>& list = stack.queries.tokens[static_cast<std::size_t>(b)];
    std::vector<std::string> shown;
    for (Index i = 0; i < layout.queries(b); ++i)
      shown.push_back(layout.position(b, i) < layout.keys(b)
                          ? list[static_cast<std::size_t>(layout.position(b, i))]
                          : "");
    list = std::move(shown);
  }
}

/// [layer] the fields, [stack] the layers.
using Layers = std::map<Index, RawTensors>;
using Stacks = std::map<std::string, Layers>;

/// Whether any layer has weights, or queries and keys; a name may just look like <stack>.<layer>.<field>.
inline bool has_attention(const Layers& layers) {
  return std::any_of(layers.begin(), layers.end(), [](const auto& layer) {
    const RawTensors& fields = layer.second;
    return fields.contains("attention") || (fields.contains("query") && fields.contains("key"));
  });
}

inline DumpStack read_stack(const std::string& name, const Layers& layers, const Metadata& all) {
  const StackKind kind = kind_of(all, name);
  DumpStack stack{name, kind.self_attention, kind.queries, kind.keys, {}};
  for (const auto& [index, fields] : layers) {
    const std::string layer = fmt::format("{}.{}", name, index);
    in_context(layer, [&, i = index, &f = fields] {
      auto attention = attention_of(kind, all, layer, f);
      if (!attention) return;
      const Shape& shape = layout_of(*attention).shape();
      require<ShapeError>(shape.batch > 0 && shape.heads > 0, "attention of {} batch elements and {} heads",
                          shape.batch, shape.heads);
      std::vector<Index> heads(static_cast<std::size_t>(shape.heads));
      std::iota(heads.begin(), heads.end(), Index{0});
      stack.layers.push_back({i, f, std::move(heads), std::move(*attention)});
    });
  }
  in_context(name, [&] { settle_tokens(stack); });
  return stack;
}

}  // namespace detail::dump

/// The dump made of these tensors and strings. name: for messages and the report.
/// @throws FileError, ShapeError naming stack, layer and field: a dtype that is no attention, axes that do
/// not fit, stacks of unlike batch sizes, metadata that is not what its key says, token lists that do not
/// fit, no attention at all
inline Dump make_dump(std::string name, const RawTensors& tensors, Metadata all) {
  return in_context(name, [&] {
    detail::dump::Stacks fields;
    for (const auto& [full_name, tensor] : tensors)
      if (const auto parsed = detail::dump::parse_name(full_name))
        fields[parsed->stack][parsed->layer].emplace(parsed->field, tensor);
    Dump dump{name, std::move(all), 1, {}};
    const auto take = [&](const std::string& stack) {
      const auto layers = fields.extract(stack);
      if (!layers.empty() && detail::dump::has_attention(layers.mapped()))
        dump.stacks.push_back(detail::dump::read_stack(stack, layers.mapped(), dump.metadata));
    };
    for (const char* usual : {"self", "encoder", "decoder", "cross"}) take(usual);
    while (!fields.empty()) take(std::string(fields.begin()->first));
    require<FileError>(
        !dump.stacks.empty(),
        "no attention: among {} tensors none is named <stack>.<layer>.attention, such as self.0.attention",
        tensors.size());
    const auto batch = [](const DumpLayer& layer) {
      return detail::dump::layout_of(layer.attention).shape().batch;
    };
    dump.batch = batch(dump.stacks.front().layers.front());
    for (const DumpStack& stack : dump.stacks)
      for (const DumpLayer& layer : stack.layers)
        require<ShapeError>(batch(layer) == dump.batch, "{}.{} has {} batch elements, but {}.{} has {}",
                            stack.name, layer.index, batch(layer), dump.stacks.front().name,
                            dump.stacks.front().layers.front().index, dump.batch);
    return dump;
  });
}

/// Reads a dump from a safetensors file. @throws what make_dump throws, and FileError where the file is no
/// such file
inline Dump read_dump(const std::filesystem::path& path) {
  const Safetensors file(path);
  return make_dump(path.filename().string(), file.tensors(), file.metadata());
}

}  // namespace attnscope
