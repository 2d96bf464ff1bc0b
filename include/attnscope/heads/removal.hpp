#pragma once
#include <attnscope/core/masked_score.hpp>
#include <attnscope/core/states.hpp>

namespace attnscope {

/// Result of remove_each_head() and keep_one_head(). effect = baseline - score: what the model loses;
/// negative where it is better off.
struct HeadRemovalResult {
  double baseline = 0;  ///< the score with every head
  HeadScores scores;    ///< [layer] of [head]
  HeadScores effects;   ///< [layer] of [head]
};

/// Result of remove_each_layer().
struct LayerRemovalResult {
  double baseline = 0;      ///< the score with every head
  Eigen::VectorXd scores;   ///< [layer] without all heads of the layer
  Eigen::VectorXd effects;  ///< [layer] baseline - score
};

/// Result of remove_greedily().
struct GreedyRemovalResult {
  double baseline = 0;        ///< the score with every head
  std::vector<HeadId> order;  ///< the heads removed, first to go first
  Eigen::VectorXd scores;     ///< [removed] the score once that head, too, was gone
  HeadMask kept;              ///< what is left
};

namespace detail {

/// Scores every head by the mask that `mask_of(head)` makes of it.
template <typename MaskOf>
HeadRemovalResult score_each_head(MaskedScore& score, const ScoreProgress& progress, const MaskOf& mask_of) {
  const std::vector<HeadId> heads = heads_in(score.all());
  ScoreLoop ask(score, static_cast<Index>(heads.size()) + 1, progress);
  HeadRemovalResult result{ask(score.all()), {}, {}};
  for (const Index count : heads_by_layer(score.all())) result.scores.emplace_back(count);
  for (const HeadId& id : heads)
    result.scores[static_cast<std::size_t>(id.layer)](id.head) = ask(mask_of(id));
  for (const Eigen::VectorXd& layer : result.scores)
    result.effects.emplace_back(result.baseline - layer.array());
  return result;
}

/// The heads of one layer.
inline std::vector<HeadId> heads_of_layer(const HeadMask& mask, Index layer) {
  std::vector<HeadId> heads = heads_in(mask);
  std::erase_if(heads, [layer](const HeadId& id) { return id.layer != layer; });
  return heads;
}

}  // namespace detail

/// What every head is worth alone: the score without it (Michel et al. 2019, section 3.2). Evaluations: heads
/// + 1, less what `score` knows already. @throws what `score` throws; Stopped
inline HeadRemovalResult remove_each_head(MaskedScore& score, const ScoreProgress& progress = {}) {
  return detail::score_each_head(score, progress,
                                 [&](const HeadId& id) { return without(score.all(), {id}); });
}

/// Whether one head does the work of its layer: the score with that head alone in the layer, the other layers
/// whole (Michel et al. 2019, section 3.3). Evaluations: heads + 1; a layer of one head costs none. @throws
/// what `score` throws; Stopped
inline HeadRemovalResult keep_one_head(MaskedScore& score, const ScoreProgress& progress = {}) {
  return detail::score_each_head(score, progress, [&](const HeadId& id) {
    std::vector<HeadId> others = detail::heads_of_layer(score.all(), id.layer);
    std::erase(others, id);
    return without(score.all(), others);
  });
}

/// What every layer's attention is worth: the score without all its heads. Evaluations: layers + 1. @throws
/// what `score` throws; Stopped
inline LayerRemovalResult remove_each_layer(MaskedScore& score, const ScoreProgress& progress = {}) {
  const Index layers = static_cast<Index>(score.all().size());
  ScoreLoop ask(score, layers + 1, progress);
  LayerRemovalResult result{ask(score.all()), Eigen::VectorXd(layers), {}};
  for (Index layer = 0; layer < layers; ++layer)
    result.scores(layer) = ask(without(score.all(), detail::heads_of_layer(score.all(), layer)));
  result.effects = result.baseline - result.scores.array();
  return result;
}

/// Backward elimination: again and again the head without which the score stays highest is removed, the first
/// by layer and head among equals, until `heads_left` are. Unlike a plan made from the effects of single
/// heads it sees that two heads stand in for each other. Evaluations: with n heads n(n+1)/2 - k(k+1)/2 + 1
/// for k left, so 10,000 for 144.
/// @throws ValueError heads_left is not in 0 .. heads; what `score` throws; Stopped
inline GreedyRemovalResult remove_greedily(MaskedScore& score, Index heads_left,
                                           const ScoreProgress& progress = {}) {
  std::vector<HeadId> left = heads_in(score.all());
  const Index heads = static_cast<Index>(left.size());
  require<ValueError>(heads_left >= 0 && heads_left <= heads, "heads_left = {} is not in 0..{}", heads_left,
                      heads);
  ScoreLoop ask(score, heads * (heads + 1) / 2 - heads_left * (heads_left + 1) / 2 + 1, progress);
  GreedyRemovalResult result{ask(score.all()), {}, Eigen::VectorXd(heads - heads_left), score.all()};
  for (double& highest : result.scores) {
    auto best = left.end();
    for (auto head = left.begin(); head != left.end(); ++head) {
      const double candidate = ask(without(result.kept, {*head}));
      if (best != left.end() && candidate <= highest) continue;
      best = head;
      highest = candidate;
    }
    result.order.push_back(*best);
    result.kept = without(std::move(result.kept), {*best});
    left.erase(best);
  }
  return result;
}

}  // namespace attnscope
