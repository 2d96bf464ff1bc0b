#pragma once
#include <attnscope/figure/attribution_scatter.hpp>
#include <attnscope/figure/depth_curve.hpp>
#include <attnscope/figure/head_scatter.hpp>
#include <attnscope/figure/metric_map.hpp>
#include <attnscope/figure/token_links.hpp>
#include <attnscope/report/analysis.hpp>
#include <attnscope/report/figures.hpp>

#include <algorithm>

namespace attnscope {

namespace detail {

/// One number of each head of a stack against depth. numbers_of: LayerAnalysis -> [head].
template <typename NumbersOf>
std::string stack_curve(const StackAnalysis& stack, const NumbersOf& numbers_of, DepthCurveOptions options) {
  std::vector<Eigen::VectorXd> numbers;
  for (const LayerAnalysis& layer : stack.layers) {
    numbers.push_back(numbers_of(layer));
    options.layers.push_back(layer.layer);
  }
  return depth_curve(numbers, options);
}

/// Locality beside what uniform attention over the same keys would have.
inline std::string locality_curve(const StackAnalysis& stack, Index window) {
  DepthCurveOptions options{.title = stack.name + ": locality against depth",
                            .metric = fmt::format("mass within {} tokens", window),
                            .baseline_name = "uniform attention",
                            .low = 0,
                            .high = 1};
  for (const LayerAnalysis& layer : stack.layers)
    options.baseline.push_back(layer.pooled.locality->uniform_locality);
  return stack_curve(
      stack, [](const LayerAnalysis& layer) { return layer.pooled.locality->locality; }, options);
}

inline std::string entropy_curve(const StackAnalysis& stack) {
  return stack_curve(
      stack, [](const LayerAnalysis& layer) { return layer.pooled.entropy.normalized_entropies; },
      {.title = stack.name + ": entropy against depth", .metric = "normalised entropy", .low = 0, .high = 1});
}

/// Entropy and role of each head, a row a layer; grey where a layer has fewer heads than others.
inline std::string role_map(const StackAnalysis& stack) {
  MetricMapOptions options{.map = {.title = stack.name + ": entropy in nats, and the role of each head"}};
  const auto heads = [](const LayerAnalysis& layer) { return layer.heads.size(); };
  const LayerAnalysis& widest = std::ranges::max(stack.layers, {}, heads);
  for (const Index head : widest.heads) options.map.head_names.push_back(fmt::format("{}", head));
  Eigen::MatrixXd entropies =
      Eigen::MatrixXd::Constant(std::ssize(stack.layers), std::ssize(widest.heads), undefined);
  for (const LayerAnalysis& layer : stack.layers) {
    const Index row = std::ssize(options.roles);
    entropies.row(row).head(std::ssize(layer.heads)) = layer.pooled.entropy.entropies.transpose();
    options.map.layer_names.push_back(fmt::format("{}", layer.layer));
    options.roles.emplace_back(widest.heads.size());
    for (std::size_t head = 0; head < layer.patterns.size(); ++head)
      options.roles.back()[head] = layer.patterns[head].label;
  }
  return metric_map(entropies, options);
}

/// The heads of all layers by the distances between them, a colour for each role.
inline std::string head_role_map(const StackAnalysis& stack) {
  const HeadComparison& comparison = *stack.comparison;
  HeadScatterOptions options{.title = stack.name + ": heads by the distance between their weights"};
  for (const HeadId& id : comparison.heads) {
    const LayerAnalysis& layer = stack.layers[static_cast<std::size_t>(id.layer)];
    const auto head = static_cast<std::size_t>(id.head);
    options.names.push_back(fmt::format("{}.{}", layer.layer, layer.heads[head]));
    if (head < layer.patterns.size()) options.roles.push_back(layer.patterns[head].label);
  }
  if (options.roles.size() != options.names.size()) options.roles.clear();
  return head_scatter(comparison.map.coordinates, options);
}

/// The tokens of one batch element, numbers where they have no names; at least `count`.
inline std::vector<std::string> named_tokens(const std::vector<std::vector<std::string>>& tokens,
                                             Index element, Index count) {
  std::vector<std::string> names;
  if (!tokens.empty()) names = tokens[static_cast<std::size_t>(element)];
  for (Index i = static_cast<Index>(names.size()); i < count; ++i) names.push_back(fmt::format("{}", i));
  return names;
}

/// The scores of one batch element by a method, or nothing where it says nothing or some are undefined.
inline const Eigen::VectorXd* scores_of(const StackAttribution& attribution, const std::string& method,
                                        Index element) {
  const auto found = std::ranges::find(attribution.scores, method, &TokenScores::method);
  if (found == attribution.scores.end()) return nullptr;
  const Eigen::VectorXd& scores = found->scores[static_cast<std::size_t>(element)];
  return scores.size() > 0 && scores.allFinite() ? &scores : nullptr;
}

/// What the tokens receive in the last layer against their input gradient, by rank; empty where one is
/// missing.
inline std::string rank_scatter(const StackAnalysis& stack, Index element) {
  const LayerAnalysis& last = stack.layers.back();
  const std::string received = read_by(fmt::format("attention, layer {}", last.layer), {ReadFrom::received});
  const StackAttribution& attribution = *stack.attribution;
  const Eigen::VectorXd* x = scores_of(attribution, received, element);
  const Eigen::VectorXd* y = scores_of(attribution, name_of(GradientScore::l1), element);
  if (x == nullptr || y == nullptr) return {};
  AttributionScatterOptions options{.title = stack.name + ": attention against attribution",
                                    .attention_title = received,
                                    .attribution_title = "input gradient (L1)",
                                    .ranks = true};
  for (const Index token : attribution.tokens[static_cast<std::size_t>(element)])
    options.tokens.push_back(
        named_tokens(stack.key_tokens, element, token + 1)[static_cast<std::size_t>(token)]);
  for (const LayerAttribution& layer : attribution.elements[static_cast<std::size_t>(element)])
    if (layer.layer == last.layer && layer.readout == "received" && layer.spearman_correlation)
      options.note = fmt::format("Spearman's rho {:.2f}", *layer.spearman_correlation);
  return attribution_scatter(*x, *y, options);
}

/// The links of the head of cross-attention that aligns best.
inline std::string best_links(const StackAnalysis& stack, Index element) {
  const RankedHead& best = stack.alignment->heads.front();
  const HeadId named = model_head(stack, best.id);
  const std::vector<Link>& links = stack.alignment->links[static_cast<std::size_t>(element)].links;
  Index sources = 0, targets = 0;
  for (const Link& link : links) {
    sources = std::max(sources, link.source + 1);
    targets = std::max(targets, link.target + 1);
  }
  return alignment_links(named_tokens(stack.key_tokens, element, sources),
                         named_tokens(stack.query_tokens, element, targets), links,
                         {.title = fmt::format("{} layer {}, head {}, element {}", stack.name, named.layer,
                                               named.head, element)});
}

}  // namespace detail

/// The names of all figures that these stacks may have, in the order of figures(dump), then
/// figures(analysis): what FigureOptions::wanted is asked. A dump that lacks the numbers has fewer.
inline std::vector<std::string> figure_names(const Dump& dump) {
  std::vector<std::string> names;
  for (const DumpStack& stack : dump.stacks) {
    for (const DumpLayer& layer : stack.layers)
      for (const char* what : {"mean", "heads"})
        names.push_back(fmt::format("{}.{}.{}", stack.name, layer.index, what));
    if (stack.layers.size() > 1) names.push_back(stack.name + ".model");
  }
  for (const DumpStack& stack : dump.stacks) {
    if (stack.self_attention) names.push_back(stack.name + ".locality");
    for (const char* what : {"entropy", "roles", "head_map"}) names.push_back(stack.name + "." + what);
    names.push_back(stack.name + (stack.self_attention ? ".attribution" : ".links"));
  }
  return names;
}

/// Pictures of what an analysis says of each stack: "self.locality" and "self.entropy" against depth,
/// "self.roles", the entropy and role of each head, "self.head_map", the heads of all layers by distance; of
/// one batch element "self.attribution", attention against the input gradient, and of cross-attention
/// "cross.links" by the head that aligns best. What an analysis lacks has no picture.
/// @throws ShapeError the element is not there
inline Figures figures(const Analysis& analysis, const FigureOptions& options = {}) {
  require<ShapeError>(options.element >= 0 && options.element < analysis.batch, "{}: batch element {} of {}",
                      analysis.source, options.element, analysis.batch);
  Figures all;
  for (const StackAnalysis& stack : analysis.stacks) {
    const auto add = [&](const char* what, const auto& draw) {
      const std::string name = fmt::format("{}.{}", stack.name, what);
      if (!detail::is_wanted(options, name)) return;
      std::string svg = in_context(analysis.source + ": " + name, draw);
      if (!svg.empty()) all.drawn.push_back({name, std::move(svg)});
    };
    const bool has_heads = std::any_of(stack.layers.begin(), stack.layers.end(),
                                       [](const LayerAnalysis& layer) { return !layer.heads.empty(); });
    const bool has_locality =
        std::all_of(stack.layers.begin(), stack.layers.end(),
                    [](const LayerAnalysis& layer) { return layer.pooled.locality.has_value(); });
    if (has_heads && has_locality)
      add("locality", [&] { return detail::locality_curve(stack, analysis.window); });
    if (has_heads) add("entropy", [&] { return detail::entropy_curve(stack); });
    if (has_heads) add("roles", [&] { return detail::role_map(stack); });
    if (stack.comparison && !stack.comparison->heads.empty())
      add("head_map", [&] { return detail::head_role_map(stack); });
    if (stack.attribution && !stack.attribution->elements.empty())
      add("attribution", [&] { return detail::rank_scatter(stack, options.element); });
    if (stack.alignment && !stack.alignment->heads.empty())
      add("links", [&] { return detail::best_links(stack, options.element); });
  }
  return all;
}

}  // namespace attnscope
