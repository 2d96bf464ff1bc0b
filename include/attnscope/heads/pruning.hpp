#pragma once
#include <attnscope/core/masked_score.hpp>
#include <attnscope/core/ranks.hpp>
#include <attnscope/core/states.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace attnscope {

/// What the importance of a group of heads is that can only be removed together.
enum class GroupImportance {
  sum,  ///< that of its heads together
  max,  ///< that of its most important head
};

/// Options of plan_pruning().
struct PruningOptions {
  std::optional<double> fraction{};  ///< 0..1 of the heads to remove, rounded down; or
  std::optional<Index> count{};      ///< how many
  bool by_layer = false;             ///< that many of every layer, rather than of the model
  Index keep_per_layer = 1;          ///< heads that a layer keeps at least (Michel et al.: 0)
  std::vector<Index> group_sizes{};  ///< [layer] heads that share a key-value head, side by side: they go
                                     ///< together (grouped-query attention); empty: 1 everywhere
  GroupImportance group_importance = GroupImportance::sum;  ///< of such a group
  std::vector<std::vector<HeadId>> redundant{};  ///< heads that can stand in for each other: one of each of
                                                 ///< these groups is kept
};

/// Which heads to remove: result of plan_pruning().
struct PruningPlan {
  std::vector<HeadId> order;  ///< the heads to remove, the first to go first
  HeadMask kept;              ///< [layer][head]
  Index asked = 0;  ///< heads that fraction or count ask for; order may have fewer: see plan_pruning()
};

namespace detail {

/// Heads that go together, and what they are worth.
struct PruningUnit {
  std::vector<HeadId> heads;
  double importance = 0;
};

inline Index group_size(const PruningOptions& options, std::size_t layer) {
  return options.group_sizes.empty() ? 1 : options.group_sizes[layer];
}

inline void check_pruning(const HeadScores& importance, const PruningOptions& options) {
  require<ValueError>(options.keep_per_layer >= 0, "keep_per_layer = {} is negative", options.keep_per_layer);
  require<ShapeError>(options.group_sizes.empty() || options.group_sizes.size() == importance.size(),
                      "{} group sizes for {} layers", options.group_sizes.size(), importance.size());
  for (std::size_t layer = 0; layer < importance.size(); ++layer) {
    const Index heads = importance[layer].size(), size = group_size(options, layer);
    require<ValueError>(options.keep_per_layer <= heads,
                        "layer {} has {} heads, fewer than keep_per_layer = {}", layer, heads,
                        options.keep_per_layer);
    require<ShapeError>(size > 0 && heads % size == 0, "layer {}: {} heads do not make groups of {}", layer,
                        heads, size);
  }
  for (std::size_t group = 0; group < options.redundant.size(); ++group) {
    require<ShapeError>(!options.redundant[group].empty(), "redundant group {} has no heads", group);
    for (const auto& [layer, head] : options.redundant[group])
      require<ShapeError>(layer >= 0 && layer < static_cast<Index>(importance.size()) && head >= 0 &&
                              head < importance[static_cast<std::size_t>(layer)].size(),
                          "redundant group {}: there is no layer {}, head {}", group, layer, head);
  }
}

/// The units of a model that are still whole in `kept`, the least important first; among equals the first by
/// layer and head.
/// @throws ValueError naming layer and head: an importance that is not finite
inline std::vector<PruningUnit> pruning_units(const HeadScores& importance, const HeadMask& kept,
                                              const PruningOptions& options) {
  std::vector<PruningUnit> units;
  for (const HeadId& id : heads_in(kept)) {
    const double score = score_of(importance, id);
    require<ValueError>(std::isfinite(score), "layer {}, head {}: the importance is {}", id.layer, id.head,
                        score);
    const bool first = id.head % group_size(options, static_cast<std::size_t>(id.layer)) == 0;
    if (first) units.push_back({{}, score});
    PruningUnit& unit = units.back();
    unit.heads.push_back(id);
    if (!first)
      unit.importance = options.group_importance == GroupImportance::sum ? unit.importance + score
                                                                         : std::max(unit.importance, score);
  }
  std::stable_sort(units.begin(), units.end(),
                   [](const PruningUnit& a, const PruningUnit& b) { return a.importance < b.importance; });
  return units;
}

/// Whether every redundant group keeps a head.
inline bool keeps_redundant(const HeadMask& kept, const PruningOptions& options) {
  return std::ranges::all_of(options.redundant, [&](const std::vector<HeadId>& group) {
    return std::ranges::any_of(group, [&](const HeadId& id) {
      return kept[static_cast<std::size_t>(id.layer)][static_cast<std::size_t>(id.head)];
    });
  });
}

/// Removes the least important units from plan.kept while they fit: `budget` heads of the model, `by_layer`
/// [layer] heads of each layer. The first that no longer fits into the model's budget ends it, so that a
/// larger budget removes the same heads first.
inline void prune_least_important(PruningPlan& plan, const HeadScores& importance, Index budget,
                                  std::vector<Index> by_layer, const PruningOptions& options) {
  for (const PruningUnit& unit : pruning_units(importance, plan.kept, options)) {
    const Index size = static_cast<Index>(unit.heads.size());
    Index& layer_budget = by_layer[static_cast<std::size_t>(unit.heads.front().layer)];
    if (size > budget) return;
    HeadMask left = without(plan.kept, unit.heads);
    if (size > layer_budget || !keeps_redundant(left, options)) continue;
    plan.kept = std::move(left);
    plan.order.insert(plan.order.end(), unit.heads.begin(), unit.heads.end());
    budget -= size;
    layer_budget -= size;
  }
}

/// Heads that `fraction` or `count` ask for, out of so many. Products that are whole but for their last bits
/// (0.29 * 100) are.
inline Index asked_heads(Index heads, const PruningOptions& options) {
  if (options.count) return *options.count;
  return static_cast<Index>(std::floor(*options.fraction * static_cast<double>(heads) + 1e-9));
}

/// [layer] how many heads may go without leaving fewer than keep_per_layer of those kept.
inline std::vector<Index> removable_by_layer(const HeadMask& kept, const PruningOptions& options) {
  std::vector<Index> removable;
  for (const std::vector<bool>& layer : kept)
    removable.push_back(std::ranges::count(layer, true) - options.keep_per_layer);
  return removable;
}

}  // namespace detail

/// Which heads to remove, by any importance: from gradients, from removal, from anywhere. importance: [layer]
/// of [head], finite; the least important go first, among equals the first by layer and head. A head stays
/// although its turn has come where keep_per_layer or a redundant group asks for it; a key-value group goes
/// whole or not at all. So fewer heads than `asked` may go, and never more; of two plans that differ in
/// fraction or count alone, the larger removes what the smaller does, and then more.
/// @throws ValueError neither or both of fraction and count, one that is out of range, keep_per_layer larger
/// than a layer, an importance that is not finite (naming layer and head); ShapeError group sizes that do not
/// divide a layer's heads, redundant heads that are not there
inline PruningPlan plan_pruning(const HeadScores& importance, const PruningOptions& options) {
  detail::check_pruning(importance, options);
  require<ValueError>(options.fraction.has_value() != options.count.has_value(),
                      "give either a fraction or a count of heads to remove");
  require<ValueError>(!options.fraction || (*options.fraction >= 0 && *options.fraction <= 1),
                      "fraction = {} is not in 0..1", options.fraction.value_or(0));
  PruningPlan plan{{}, every_head(heads_by_layer(importance)), 0};
  std::vector<Index> limits = detail::removable_by_layer(plan.kept, options);
  const auto ask = [&](Index heads, const std::string& of) {
    const Index asked = detail::asked_heads(heads, options);
    require<ValueError>(asked >= 0 && asked <= heads, "count = {} is not in 0..{}, the heads of {}", asked,
                        heads, of);
    plan.asked += asked;
    return asked;
  };
  const std::vector<Index> heads = heads_by_layer(importance);
  if (options.by_layer)
    for (std::size_t layer = 0; layer < limits.size(); ++layer)
      limits[layer] = std::min(limits[layer], ask(heads[layer], fmt::format("layer {}", layer)));
  else
    ask(std::accumulate(heads.begin(), heads.end(), Index{0}), "the model");
  detail::prune_least_important(plan, importance, plan.asked, limits, options);
  return plan;
}

/// The plan as JSON for Python:
/// {"format": "attnscope-pruning/1", "asked": 2, "heads_to_prune": {"0": [1, 3]}, "order": [[0, 3], [0, 1]],
/// "layers": [0, 1], "mask": [[1, 0, 1, 0], [1, 1, 1, 1]]}: heads_to_prune as transformers' prune_heads takes
/// it (with int keys), order as [layer, head], mask with a row for each of `layers`, 1 where a head is kept.
/// layers: [layer] the model's number of each, rising; empty: 0, 1, 2, ….
/// @throws ShapeError another number of layers
inline std::string pruning_json(const PruningPlan& plan, std::vector<Index> layers = {}) {
  if (layers.empty()) {
    layers.resize(plan.kept.size());
    std::iota(layers.begin(), layers.end(), Index{0});
  }
  require<ShapeError>(layers.size() == plan.kept.size(), "{} layer numbers for a plan of {} layers",
                      layers.size(), plan.kept.size());
  std::vector<std::string> to_prune, order, mask;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    std::vector<Index> removed;
    std::vector<int> row;
    for (std::size_t head = 0; head < plan.kept[layer].size(); ++head) {
      row.push_back(plan.kept[layer][head] ? 1 : 0);
      if (!plan.kept[layer][head]) removed.push_back(static_cast<Index>(head));
    }
    if (!removed.empty())
      to_prune.push_back(fmt::format("\"{}\": [{}]", layers[layer], fmt::join(removed, ", ")));
    mask.push_back(fmt::format("[{}]", fmt::join(row, ", ")));
  }
  for (const auto& [layer, head] : plan.order)
    order.push_back(fmt::format("[{}, {}]", layers[static_cast<std::size_t>(layer)], head));
  return fmt::format(
      "{{\n \"format\": \"attnscope-pruning/1\",\n \"asked\": {},\n \"heads_to_prune\": {{{}}},\n"
      " \"order\": [{}],\n \"layers\": [{}],\n \"mask\": [{}]\n}}\n",
      plan.asked, fmt::join(to_prune, ", "), fmt::join(order, ", "), fmt::join(layers, ", "),
      fmt::join(mask, ", "));
}

/// Options of prune_iteratively().
struct IterativePruningOptions {
  double step = 0.1;  ///< above 0, at most 1: share of the model's heads that goes at once, rounded down,
                      ///< but no less than one head or key-value group
  double least_score = 0.9;  ///< share of the baseline that the score must reach
  PruningOptions limits{};   ///< keep_per_layer, groups, redundant heads; how many is decided by the score
};

/// Result of prune_iteratively().
struct IterativePruningResult {
  double baseline = 0;         ///< the score with every head
  std::vector<double> scores;  ///< [step] those that reached least_score
  PruningPlan plan;            ///< all that went in those steps
};

/// [layer] of [head] the importance of heads in a model without those that are not kept; what it says of
/// these does not count.
using ImportanceOf = std::function<HeadScores(const HeadMask& kept)>;

namespace detail {

/// @throws ShapeError importance of other heads than `score` is of
inline void require_same_heads(const HeadScores& importance, const MaskedScore& score) {
  const std::vector<Index> heads = heads_by_layer(importance), all = heads_by_layer(score.all());
  require<ShapeError>(heads == all, "importance of [{}] heads for a model of [{}]", fmt::join(heads, ", "),
                      fmt::join(all, ", "));
}

}  // namespace detail

/// Michel et al. and Hugging Face: the least important heads go, the importance is measured anew, and so on
/// while the score reaches a share of the whole model's. importance_of: asked once a step; let it return the
/// same every time for an importance that is measured once. progress: its total is the most there can be.
/// Evaluations: steps + 2 at most.
/// @throws ValueError step not in 0..1, a baseline that is not positive (a share of it is no floor);
/// ShapeError importance of other heads; what plan_pruning, `score` and importance_of throw; Stopped
inline IterativePruningResult prune_iteratively(MaskedScore& score, const ImportanceOf& importance_of,
                                                const IterativePruningOptions& options = {},
                                                const ScoreProgress& progress = {}) {
  require<ValueError>(options.step > 0 && options.step <= 1, "step = {} is not above 0 and at most 1",
                      options.step);
  const PruningOptions& limits = options.limits;
  const Index heads = static_cast<Index>(heads_in(score.all()).size());
  const Index largest = limits.group_sizes.empty() ? 1 : std::ranges::max(limits.group_sizes);
  const Index step = std::max(largest, detail::asked_heads(heads, {.fraction = options.step}));
  const Index least_removed = step - largest + 1;
  ScoreLoop ask(score, 1 + (heads + least_removed - 1) / least_removed, progress);
  IterativePruningResult result{ask(score.all()), {}, {{}, score.all(), 0}};
  require<ValueError>(result.baseline > 0, "the score with every head is {}: a share of it is no floor",
                      result.baseline);
  for (;;) {
    const HeadScores importance = importance_of(result.plan.kept);
    detail::require_same_heads(importance, score);
    detail::check_pruning(importance, limits);
    PruningPlan next = result.plan;
    detail::prune_least_important(next, importance, step, detail::removable_by_layer(next.kept, limits),
                                  limits);
    if (next.order.size() == result.plan.order.size()) return result;
    const double reached = ask(next.kept);
    if (reached < options.least_score * result.baseline) return result;
    next.asked = static_cast<Index>(next.order.size());
    result.scores.push_back(reached);
    result.plan = std::move(next);
  }
}

/// Result of pruning_tolerance().
struct PruningToleranceResult {
  double baseline = 0;                    ///< the score with every head
  std::vector<std::vector<Index>> order;  ///< [layer] its heads, least important first
  std::vector<Eigen::VectorXd> scores;    ///< [layer] of [heads removed, 0 .. all of the layer's]
  Eigen::VectorXd mean_drop;  ///< [layer] baseline - score, mean over 1 .. all heads removed: small where a
                              ///< layer does without its heads; undefined (NaN) for a layer without heads
};

/// Which layers bear pruning: the score as the heads of ONE layer go, least important first (among equals the
/// first), the other layers whole; a curve a layer. importance: [layer] of [head], finite. Evaluations: heads
/// + 1.
/// @throws ShapeError importance of other heads; ValueError one that is not finite; what `score` throws;
/// Stopped
inline PruningToleranceResult pruning_tolerance(MaskedScore& score, const HeadScores& importance,
                                                const ScoreProgress& progress = {}) {
  detail::require_same_heads(importance, score);
  require_finite("importance", importance);
  ScoreLoop ask(score, static_cast<Index>(heads_in(score.all()).size()) + 1, progress);
  const Index layers = static_cast<Index>(importance.size());
  PruningToleranceResult result{ask(score.all()), {}, {}, Eigen::VectorXd::Constant(layers, undefined)};
  for (Index layer = 0; layer < layers; ++layer) {
    const Eigen::VectorXd& of_layer = importance[static_cast<std::size_t>(layer)];
    std::vector<Index>& order = result.order.emplace_back();
    for (const auto& [unimportance, head] : detail::in_falling_order(-of_layer)) order.push_back(head);
    Eigen::VectorXd& scores = result.scores.emplace_back(of_layer.size() + 1);
    scores(0) = result.baseline;
    HeadMask kept = score.all();
    for (Index removed = 0; removed < of_layer.size(); ++removed) {
      kept = without(std::move(kept), {{layer, order[static_cast<std::size_t>(removed)]}});
      scores(removed + 1) = ask(kept);
    }
    if (of_layer.size() > 0) result.mean_drop(layer) = result.baseline - scores.tail(of_layer.size()).mean();
  }
  return result;
}

}  // namespace attnscope
