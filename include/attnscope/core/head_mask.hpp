#pragma once
#include <attnscope/core/layout.hpp>

#include <cmath>
#include <compare>
#include <string>
#include <vector>

/// Heads of a whole model, by layer: layers may have unlike head counts.
namespace attnscope {

/// One head of a model.
struct HeadId {
  Index layer = 0;  ///< counted from 0
  Index head = 0;   ///< within its layer
  auto operator<=>(const HeadId&) const = default;
};

/// [layer] of [head] numbers.
using HeadScores = std::vector<Eigen::VectorXd>;

/// [layer][head] which heads are kept.
using HeadMask = std::vector<std::vector<bool>>;

/// [layer] how many heads.
inline std::vector<Index> heads_by_layer(const HeadScores& scores) {
  std::vector<Index> heads;
  for (const Eigen::VectorXd& layer : scores) heads.push_back(layer.size());
  return heads;
}
/// [layer] how many heads, kept or not.
inline std::vector<Index> heads_by_layer(const HeadMask& mask) {
  std::vector<Index> heads;
  for (const std::vector<bool>& layer : mask) heads.push_back(static_cast<Index>(layer.size()));
  return heads;
}

/// Every head kept. @throws ShapeError a negative count
inline HeadMask every_head(const std::vector<Index>& heads_by_layer) {
  HeadMask mask;
  for (const Index heads : heads_by_layer) {
    require<ShapeError>(heads >= 0, "layer {} has {} heads", mask.size(), heads);
    mask.emplace_back(static_cast<std::size_t>(heads), true);
  }
  return mask;
}

/// The heads that are kept (or, kept = false, those that are not), by layer and head.
inline std::vector<HeadId> heads_in(const HeadMask& mask, bool kept = true) {
  std::vector<HeadId> heads;
  for (std::size_t layer = 0; layer < mask.size(); ++layer)
    for (std::size_t head = 0; head < mask[layer].size(); ++head)
      if (mask[layer][head] == kept) heads.push_back({static_cast<Index>(layer), static_cast<Index>(head)});
  return heads;
}

/// `mask` without these heads, which it has.
inline HeadMask without(HeadMask mask, const std::vector<HeadId>& heads) {
  for (const HeadId& id : heads)
    mask[static_cast<std::size_t>(id.layer)][static_cast<std::size_t>(id.head)] = false;
  return mask;
}

/// The number of one head, which `scores` has.
inline double score_of(const HeadScores& scores, HeadId id) {
  return scores[static_cast<std::size_t>(id.layer)](id.head);
}

/// @throws ValueError naming layer and head: a number that is not finite. what: "importance"
inline void require_finite(const char* what, const HeadScores& scores) {
  for (std::size_t layer = 0; layer < scores.size(); ++layer)
    for (Index head = 0; head < scores[layer].size(); ++head)
      require<ValueError>(std::isfinite(scores[layer](head)), "layer {}, head {}: the {} is {}", layer, head,
                          what, scores[layer](head));
}

}  // namespace attnscope
