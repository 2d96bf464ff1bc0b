#pragma once
#include <attnscope/io/stack_kind.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/query_key.hpp>
#include <attnscope/source/stored.hpp>

namespace attnscope::detail::dump {

/// The lengths of the axes of a tensor of `rank` axes or one less: a batch axis that was left out is 1. None
/// is empty: so no length is larger than the file.
inline std::vector<Index> with_batch(const char* field, const RawTensor& tensor, std::size_t rank) {
  std::vector<Index> shape = tensor.shape;
  require<ShapeError>(shape.size() == rank || shape.size() + 1 == rank, "{} has {} axes, not {} or {}", field,
                      shape.size(), rank, rank - 1);
  if (shape.size() + 1 == rank) shape.insert(shape.begin(), 1);
  require<ShapeError>(std::ranges::count(shape, 0) == 0, "{} is [{}], which is empty", field,
                      fmt::join(shape, ", "));
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

inline LoadedAttention stored(const char* field, const RawTensor& tensor, const Layout& layout) {
  std::optional<LoadedAttention> attention;
  with_scalar(field, tensor.dtype, [&]<typename Scalar>(Scalar) {
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

/// The scale that the dump states, or 0, which stands for 1 / sqrt(dim).
inline double stated_scale(const Metadata& all, const std::string& layer) {
  const std::string key = "scale." + layer;
  const double scale = metadata::number(all, key, 0);
  require<FileError>(scale != 0 || !all.contains(key), "metadata {}: should not be 0", key);
  return scale;
}

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
  require<FileError>(
      !kind.causal || !kind.self_attention || shape.queries == shape.keys || all.contains("query_offset"),
      "metadata query_offset should say where {} causal queries stand among {} keys", shape.queries,
      shape.keys);
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
                                           {.scale = stated_scale(all, layer),
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
    return stored("attention", *weights, Layout(shape, mask_of(kind, all, layer, shape)));
  }
  const QueryKeyFields both{field("query"), field("key"), field("attention_bias"), field("sink_logits")};
  if (!both.query || !both.key) return {};
  return from_queries_and_keys(kind, all, layer, both);
}

inline const Layout& layout_of(const LoadedAttention& attention) {
  return std::visit([](const auto& source) -> const Layout& { return source.layout(); }, attention);
}

/// A gradient of a layer's attention, under the same mask and in the same precision. field: its name.
inline LoadedAttention gradient_of(const LoadedAttention& attention, const std::string& field,
                                   const RawTensor& gradient) {
  const char* name = field.c_str();
  const Layout& layout = layout_of(attention);
  const Shape& s = layout.shape();
  const std::vector<Index> shape{s.batch, s.heads, s.queries, s.keys};
  const std::vector<Index> given = with_batch(name, gradient, 4);
  require<ShapeError>(given == shape, "{} is [{}], but the attention is [{}]", field, fmt::join(given, ", "),
                      fmt::join(shape, ", "));
  const auto in_precision = [&]<typename Weight>(const AnyAttention<Weight>&) -> LoadedAttention {
    LoadedAttention loaded = stored(name, gradient, layout);
    if (std::holds_alternative<AnyAttention<Weight>>(loaded)) return loaded;
    const std::shared_ptr<const Weight[]> weights = as_weights<Weight>(name, gradient);
    return AnyAttention(AttentionView<Weight>(weights.get(), layout), weights);
  };
  return std::visit(in_precision, attention);
}

}  // namespace attnscope::detail::dump
