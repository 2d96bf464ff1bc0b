#pragma once
#include <attnscope/io/dump_values.hpp>
#include <attnscope/report/analysis.hpp>
#include <attnscope/values/norm_maps.hpp>

namespace attnscope {

/// What the values of a layer do to its attention; nothing where the dump has none. layer: with every head
/// and every token. with_maps: norm maps, too.
/// @throws what layer_values and mixing throw, naming stack, layer and field
inline std::optional<ValueNumbers> value_numbers(const Dump& dump, const DumpStack& stack,
                                                 const DumpLayer& layer, bool with_maps,
                                                 const SweepOptions& how = {}) {
  const std::optional<LoadedValues> loaded = layer_values(dump, stack, layer);
  if (!loaded) return {};
  const auto measure = [&]<typename Scalar>(const auto& attention, const LayerValues<Scalar>& values) {
    MixingMeasure<Scalar> mixing(values);
    ValueNumbers numbers{detail::reach(values, {}), {}, {}};
    if (with_maps) {
      NormMapsMeasure<Scalar> maps(values, {}, how.threads);
      sweep(attention, how, mixing, maps);
      numbers.norm_maps = maps.result();
    } else {
      sweep(attention, how, mixing);
    }
    numbers.mixing = mixing.result();
    return numbers;
  };
  return std::visit(measure, layer.attention, *loaded);
}

}  // namespace attnscope
