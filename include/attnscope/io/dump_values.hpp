#pragma once
#include <attnscope/io/dump.hpp>
#include <attnscope/source/layer_values.hpp>

namespace attnscope {

namespace detail::dump {

/// The shape that a field must have beside attention of this one.
inline void require_shape(const char* field, const RawTensor& tensor, const std::vector<Index>& expected,
                          bool has_batch) {
  const std::vector<Index> shape = has_batch ? with_batch(field, tensor, expected.size()) : tensor.shape;
  require<ShapeError>(shape == expected, "{} is [{}], not [{}]", field, fmt::join(shape, ", "),
                      fmt::join(expected, ", "));
}

template <typename Weight>
LayerValues<Weight> values_from(const Layout& layout, const RawTensors& fields, double norm_epsilon,
                                bool self_attention) {
  const Shape& s = layout.shape();
  const std::vector<Index> value = with_batch("value", fields.find("value")->second, 4);
  const Index kv_heads = value[1], dim = value[3];
  require_shape("value", fields.find("value")->second, {s.batch, kv_heads, s.keys, dim}, true);

  const auto owned = std::make_shared<std::vector<std::shared_ptr<const Weight[]>>>();
  const auto numbers = [&](const char* field) -> std::span<const Weight> {
    const auto found = fields.find(field);
    if (found == fields.end()) return {};
    owned->push_back(as_weights<Weight>(field, found->second));
    Index count = 1;
    for (const Index length : found->second.shape) count *= length;
    return {owned->back().get(), static_cast<std::size_t>(count)};
  };
  const auto part = [&](const char* field, const std::vector<Index>& shape, bool has_batch = false) {
    const auto found = fields.find(field);
    if (found != fields.end()) require_shape(field, found->second, shape, has_batch);
    return numbers(field);
  };
  Index model = s.heads * dim;
  if (const auto projection = fields.find("output_projection"); projection != fields.end()) {
    require<ShapeError>(projection->second.shape.size() == 2, "output_projection has {} axes, not 2",
                        projection->second.shape.size());
    model = projection->second.shape[1];
  }
  LayerValueParts<Weight> parts;
  parts.output_projection = part("output_projection", {s.heads * dim, model});
  parts.value_bias = numbers("value_bias");
  parts.output_bias = part("output_bias", {model});
  parts.residual = part("residual", {s.batch, s.queries, model}, true);
  parts.norm_weight = part("norm_weight", {model});
  parts.norm_bias = part("norm_bias", {model});
  parts.norm_epsilon = norm_epsilon;
  parts.self_attention = self_attention;
  return LayerValues<Weight>(numbers("value"), layout, kv_heads, dim, parts, owned);
}

}  // namespace detail::dump

/// The values of a layer and what the dump has of value_bias, output_projection, output_bias, residual,
/// norm_weight, norm_bias and the metadata norm_epsilon (1e-5 where it has none); nothing without values. In
/// double where the values are, else in float. stack: the layer's, one of the dump's.
/// @throws ShapeError, FileError, ValueError naming stack, layer and field
inline std::optional<LoadedValues> layer_values(const Dump& dump, const DumpStack& stack,
                                                const DumpLayer& layer) {
  const auto value = layer.fields.find("value");
  if (value == layer.fields.end()) return {};
  const double epsilon = metadata::number(dump.metadata, "norm_epsilon", 1e-5);
  return in_context(fmt::format("{}.{}", stack.name, layer.index), [&]() -> LoadedValues {
    const Layout& layout = detail::dump::layout_of(layer.attention);
    if (value->second.dtype == Dtype::F64)
      return detail::dump::values_from<double>(layout, layer.fields, epsilon, stack.self_attention);
    return detail::dump::values_from<float>(layout, layer.fields, epsilon, stack.self_attention);
  });
}

}  // namespace attnscope
