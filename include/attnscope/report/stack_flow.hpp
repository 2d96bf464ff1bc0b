#pragma once
#include <attnscope/flow/rollout.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/analysis.hpp>

namespace attnscope {

/// How information flows from the input to the top of a stack of self-attention, layer by layer of those that
/// are there. Where it cannot be followed, or is too much to write, `reason` says why and nothing comes back:
/// queries that are not the keys, layers of unlike sizes, more tokens than options.most_map_tokens.
/// @throws ValueError as rollout()
inline std::optional<StackFlow> stack_flow(const DumpStack& stack, const AnalyzeOptions& options,
                                           std::string& reason) {
  std::vector<LoadedAttention> layers;
  for (const DumpLayer& layer : stack.layers) layers.push_back(layer.attention);
  const Layout& layout = detail::dump::layout_of(layers.front());
  if (layout.shape().keys > options.most_map_tokens) {
    reason = fmt::format("{} tokens are more than {}", layout.shape().keys, options.most_map_tokens);
    return {};
  }
  const LayerMapOptions map{.check = options.sweep.check,
                            .row_sum_tolerance = options.sweep.row_sum_tolerance};
  const FlowOptions how{.threads = options.sweep.threads, .progress = options.sweep.progress};
  try {
    StackFlow result{rollout(layers, {.map = map}).top, {}};
    for (Index b = 0; options.flow && b < layout.shape().batch; ++b)
      result.flow.push_back(attention_flow(layer_maps(layers, b, map), how));
    return result;
  } catch (const ShapeError& error) {
    reason = error.what();
    return {};
  }
}

}  // namespace attnscope
