#pragma once
#include <attnscope/heads/head_distance.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/report/analysis.hpp>
#include <attnscope/source/all_heads.hpp>

namespace attnscope {

/// Compares all heads of a stack. Where that cannot be, or would take long, `reason` says why and nothing
/// comes back: layers of unlike sizes, no rows, more than `most` pairs of weights to compare. @throws what
/// sweep throws
inline std::optional<HeadComparison> compare_heads(const DumpStack& stack, double most, std::string& reason,
                                                   const SweepOptions& how = {}) {
  std::vector<LoadedAttention> layers;
  std::vector<HeadId> heads;
  for (const DumpLayer& layer : stack.layers) {
    for (Index head = 0; head < static_cast<Index>(layer.heads.size()); ++head)
      heads.push_back({static_cast<Index>(layers.size()), head});
    layers.push_back(layer.attention);
  }
  std::optional<LoadedAttention> all;
  try {
    all = all_heads(std::move(layers));
  } catch (const ShapeError& error) {
    reason = error.what();
    return {};
  }
  const Layout& layout = detail::dump::layout_of(*all);
  double cells = 0;
  for (Index b = 0; b < layout.shape().batch; ++b)
    cells += static_cast<double>(layout.queries(b)) * static_cast<double>(layout.keys(b));
  const double count = static_cast<double>(heads.size()), pairs = count * (count - 1) / 2 * cells;
  if (pairs > most) {
    reason = fmt::format("{:.1e} pairs of weights are more than {:.1e}", pairs, most);
    return {};
  }
  const auto measure = [&](const auto& attention) { return head_distance(attention, {}, how); };
  const HeadDistanceResult distance = std::visit(measure, *all);
  if (distance.rows == 0) {
    reason = "there are no rows";
    return {};
  }
  return HeadComparison{std::move(heads), head_map(distance.mean_distances),
                        head_clusters(distance.mean_distances), redundant_heads(distance.similarity_matrix)};
}

}  // namespace attnscope
