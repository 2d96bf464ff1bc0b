#pragma once
#include <attnscope/io/field_name.hpp>
#include <attnscope/io/tensor_file.hpp>

#include <algorithm>

namespace attnscope {

namespace detail {

/// The last number in a name: 11 of "arr_11" and of "layer-11.attention".
inline std::optional<Eigen::Index> last_number(std::string_view name) {
  constexpr std::string_view digits = "0123456789";
  const std::size_t last = name.find_last_of(digits);
  if (last == name.npos) return {};
  name = name.substr(0, last + 1);
  const std::size_t before = name.find_last_not_of(digits);
  if (before != name.npos) name.remove_prefix(before + 1);
  std::int32_t number = 0;
  if (std::from_chars(name.data(), name.data() + name.size(), number).ec != std::errc{}) return {};
  return number;
}

/// [layer, ...] as one tensor a layer. @throws ShapeError more layers than any model has
inline RawTensors slices(const RawTensor& all, const std::string& stack) {
  constexpr Eigen::Index most_layers = 10'000;
  const Eigen::Index layers = all.shape.front();
  require<ShapeError>(layers > 0 && layers <= most_layers, "{} layers: are the axes in another order?",
                      layers);
  RawTensors tensors;
  const std::size_t bytes = all.bytes.size() / static_cast<std::size_t>(layers);
  for (Eigen::Index layer = 0; layer < layers; ++layer) {
    RawTensor one = all;
    one.shape.erase(one.shape.begin());
    one.bytes = all.bytes.subspan(static_cast<std::size_t>(layer) * bytes, bytes);
    tensors.emplace(fmt::format("{}.{}.attention", stack, layer), std::move(one));
  }
  return tensors;
}

/// One array alone: [query, key], [head, query, key], [layer, head, query, key] or
/// [layer, batch, head, query, key].
inline RawTensors from_one_array(const RawTensor& array, const std::string& stack) {
  const std::size_t axes = array.shape.size();
  require<ShapeError>(axes <= 5,
                      "it has {} axes; one array is [layer, head, query, key] or "
                      "[layer, batch, head, query, key]",
                      axes);
  RawTensor layers = array;
  while (layers.shape.size() < 4) layers.shape.insert(layers.shape.begin(), 1);
  return slices(layers, stack);
}

}  // namespace detail

/// Arrays that are not named as in a dump, under the names of a dump, as the attention of `stack`. One array
/// alone is [layer, head, query, key] or [layer, batch, head, query, key] (or [head, query, key] or
/// [query, key] of one layer). Of several, such as numpy.savez("a.npz", *attentions) or a file a layer, each
/// is a layer, [batch, head, query, key] or [head, query, key], and the last number in its name says which.
/// Where any tensor has a name of a dump, nothing changes; no number is copied.
/// @throws ShapeError naming the array: too many axes, no layer number, two arrays for one layer
inline RawTensors named_as_dump(const RawTensors& tensors, const std::string& stack) {
  RawTensors arrays;
  for (const auto& [name, tensor] : tensors) {
    if (detail::parse_field_name(name)) return tensors;
    if (!detail::is_dump_name(name) && tensor.shape.size() >= 2) arrays.emplace(name, tensor);
  }
  RawTensors named;
  for (const auto& [name, tensor] : tensors)
    if (!arrays.contains(name)) named.emplace(name, tensor);
  std::map<Eigen::Index, std::string> taken;
  for (const auto& [name, array] : arrays)
    in_context(fmt::format("array \"{}\"", name), [&, &name = name, &array = array] {
      if (arrays.size() == 1) return named.merge(detail::from_one_array(array, stack));
      const std::optional<Eigen::Index> layer = detail::last_number(name);
      require<ShapeError>(layer.has_value(), "of {} arrays each is a layer, but this name has no number",
                          arrays.size());
      require<ShapeError>(
          array.shape.size() == 3 || array.shape.size() == 4,
          "of {} arrays each is a layer, [batch, head, query, key] or [head, query, key], but "
          "this has {} axes",
          arrays.size(), array.shape.size());
      const auto [other, is_new] = taken.try_emplace(*layer, name);
      require<ShapeError>(is_new, "its layer is {}, but so is that of \"{}\"", *layer, other->second);
      named.emplace(fmt::format("{}.{}.attention", stack, *layer), array);
    });
  return named;
}

}  // namespace attnscope
