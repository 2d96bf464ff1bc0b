#pragma once
#include <attnscope/alignment/head_selection.hpp>
#include <attnscope/report/chosen_part.hpp>

namespace attnscope {

/// [batch] the gold links of the stack `cross`, all of them sure; empty where the dump has none.
/// @throws FileError gold_alignment that is none; ShapeError lists of another number of batch elements
inline std::vector<GoldLinks> gold_links(const Dump& dump, const DumpStack& stack) {
  if (stack.name != "cross") return {};
  std::vector<GoldLinks> gold;
  for (const auto& element : metadata::pairs(dump.metadata, "gold_alignment")) {
    GoldLinks& links = gold.emplace_back();
    for (const auto& [target, source] : element) links.sure.push_back({target, source});
  }
  require<ShapeError>(gold.empty() || static_cast<Index>(gold.size()) == dump.batch,
                      "gold_alignment has {} lists for a batch of {}", gold.size(), dump.batch);
  return gold;
}

/// The layers of a stack without the dump's special tokens, where it names any. @throws FileError
/// special_tokens that are no list of strings
inline std::vector<LoadedAttention> content_layers(const Dump& dump, const DumpStack& stack) {
  std::optional<ExcludedTokens> special;
  if (dump.metadata.contains("special_tokens") && !stack.queries.tokens.empty() && !stack.keys.tokens.empty())
    special = detail::special_tokens(dump, stack);
  std::vector<LoadedAttention> layers;
  for (const DumpLayer& layer : stack.layers) {
    const auto choose = [&](const auto& attention) {
      return LoadedAttention(detail::chosen(attention, {}, special));
    };
    layers.push_back(std::visit(choose, layer.attention));
  }
  return layers;
}

/// [batch] the links of one head of these layers, id.layer counted among them. @throws as links_of_head() of
/// one layer
inline std::vector<AlignmentLinks> links_of_head(const std::vector<LoadedAttention>& layers, const HeadId& id,
                                                 const LinkOptions& options = {}) {
  return std::visit([&](const auto& attention) { return links_of_head(attention, id.head, options); },
                    layers[static_cast<std::size_t>(id.layer)]);
}

/// The alignment metrics of a layer, whole batch and each element, of its heads and of their mean. content:
/// the same without special tokens, whose links are compared with gold where there is any. @throws what sweep
/// throws
inline void add_alignment(const LoadedAttention& attention, const LoadedAttention& content,
                          const std::vector<GoldLinks>& gold, const SweepOptions& how, LayerAnalysis& layer) {
  const auto pooled = [&](const auto& metrics_of, const auto& links_of) {
    AlignmentNumbers numbers{alignment_metrics(metrics_of, {}, how), {}};
    if (!gold.empty()) numbers.errors = error_rate(links_of, gold, how);
    return numbers;
  };
  const auto add = [&]<typename Weight>(const AnyAttention<Weight>& all) {
    const auto& kept = std::get<AnyAttention<Weight>>(content);
    layer.mean_heads_alignment = pooled(mean_heads(all), mean_heads(kept));
    EachExample metrics{AlignmentMetricsMeasure()};
    EachExample errors{ErrorRateMeasure(gold)};
    sweep(all, how, metrics);
    if (!gold.empty()) sweep(kept, how, errors);
    layer.pooled.alignment = {metrics.pooled(), {}};
    if (!gold.empty()) layer.pooled.alignment->errors = errors.pooled();
    const auto each_metrics = metrics.result();
    const auto each_errors = errors.result();
    for (std::size_t b = 0; b < each_metrics.size(); ++b) {
      layer.elements[b].alignment = {each_metrics[b], {}};
      if (!gold.empty()) layer.elements[b].alignment->errors = each_errors[b];
    }
  };
  std::visit(add, attention);
}

namespace detail {

/// Why a head set is not chosen; empty where it is. It needs the maps of all heads of all layers at once.
inline std::string no_head_set(const std::vector<LoadedAttention>& layers) {
  constexpr double most = 2e7;
  const Layout& first = dump::layout_of(layers.front());
  double weights = 0;
  for (const LoadedAttention& layer : layers) {
    const Layout& layout = dump::layout_of(layer);
    for (Index b = 0; b < layout.shape().batch; ++b) {
      if (layout.queries(b) != first.queries(b) || layout.keys(b) != first.keys(b))
        return fmt::format("batch element {} is {} x {} tokens in one layer and {} x {} in another", b,
                           first.queries(b), first.keys(b), layout.queries(b), layout.keys(b));
      weights += static_cast<double>(layout.shape().heads) * static_cast<double>(layout.queries(b)) *
                 static_cast<double>(layout.keys(b));
    }
  }
  return weights > most ? fmt::format("{:.1e} weights are more than {:.1e}", weights, most) : "";
}

}  // namespace detail

/// Which heads of a stack align: by error rate with gold links, else by alignment_score(). layers: what
/// content_layers gives. Where no head set is chosen, although there are gold links, `reason` says why.
/// @throws what sweep throws
inline StackAlignment align_stack(const std::vector<LoadedAttention>& layers,
                                  const std::vector<LayerAnalysis>& numbers,
                                  const std::vector<GoldLinks>& gold, std::string& reason,
                                  const SweepOptions& how) {
  StackAlignment result{!gold.empty(), {}, {}, {}};
  HeadScores scores;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto score = [&](const auto& attention) {
      return alignment_score(alignment_metrics(attention, {}, how));
    };
    scores.push_back(result.by_error_rate ? numbers[l].pooled.alignment->errors->error_rate
                                          : std::visit(score, layers[l]));
  }
  result.heads = ranked_heads(scores, result.by_error_rate ? BestScore::lowest : BestScore::highest);
  if (result.heads.empty()) return result;
  result.links = links_of_head(layers, result.heads.front().id);
  if (gold.empty()) return result;
  reason = gold.size() < 2 ? "one sentence pair can hold none out" : detail::no_head_set(layers);
  if (!reason.empty()) return result;
  AlignmentMaps maps;
  for (const LoadedAttention& layer : layers)
    std::visit([&](const auto& attention) { maps.add_layer(attention); }, layer);
  result.selection = select_alignment_heads(maps, gold);
  return result;
}

}  // namespace attnscope
