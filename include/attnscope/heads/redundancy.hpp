#pragma once
#include <attnscope/core/agglomerate.hpp>
#include <attnscope/core/pairs.hpp>
#include <attnscope/core/states.hpp>

#include <optional>

namespace attnscope {

/// Options of redundant_heads().
struct RedundancyOptions {
  double threshold = 0.9;  ///< heads more similar than this can stand in for one another
};

/// What could take the place of a head.
struct StandIn {
  std::optional<Index> head;      ///< the most similar other head, the lowest of equals; nothing where no
                                  ///< similarity is defined
  double similarity = undefined;  ///< to that head
  bool redundant = false;         ///< whether it exceeds the threshold
};

/// Result of redundant_heads().
struct RedundancyResult {
  std::vector<StandIn> stand_ins;          ///< [head]
  std::vector<std::vector<Index>> groups;  ///< heads of which each can stand in for every other: two or more,
                                           ///< ascending; no head is in two groups; by lowest head
};

/// Which heads others could stand in for, by what they look at. similarity: [head x head], 1 for the same:
/// the similarity_matrix of head_similarity(), head_distance() or head_cka(), of one layer or of all_heads().
/// An undefined (NaN) similarity makes nobody a stand-in. In a group EVERY pair exceeds the threshold
/// (complete linkage, the most similar first), so any one of it may stay and the others go; a redundant head
/// outside of all groups has a stand-in that belongs with others. What heads do with what they look at, their
/// values, is not asked here. Cost: heads^3 / 6 comparisons.
/// @throws ShapeError a matrix that is not square
/// @throws ValueError similarities that are not symmetric; a head that is not 1 to itself (a distance?); a
/// threshold that is not finite
inline RedundancyResult redundant_heads(const Eigen::MatrixXd& similarity, RedundancyOptions options = {}) {
  detail::check_symmetric("similarity", similarity);
  require<ValueError>(std::isfinite(options.threshold), "threshold = {}", options.threshold);
  const Index heads = similarity.rows();
  RedundancyResult result;
  for (Index h = 0; h < heads; ++h) {
    const double own = similarity(h, h);
    require<ValueError>(std::isnan(own) || std::abs(own - 1) < 1e-6,
                        "head {} has the similarity {} to itself, not 1 (a distance?)", h, own);
    StandIn best;
    for (Index g = 0; g < heads; ++g)
      if (g != h && (best.head ? similarity(h, g) > best.similarity : !std::isnan(similarity(h, g))))
        best = {g, similarity(h, g), similarity(h, g) > options.threshold};
    result.stand_ins.push_back(best);
  }

  const auto far = [](double alike) {
    return std::isnan(alike) ? std::numeric_limits<double>::infinity() : -alike;
  };
  const std::vector<ClusterMerge> merges =
      detail::agglomerate(similarity.unaryExpr(far), detail::Linkage::complete, -options.threshold);
  const std::vector<Index> groups = detail::clusters_after(merges, static_cast<Index>(merges.size()), heads);
  std::vector<std::vector<Index>> members(static_cast<std::size_t>(heads) - merges.size());
  for (Index h = 0; h < heads; ++h)
    members[static_cast<std::size_t>(groups[static_cast<std::size_t>(h)])].push_back(h);
  std::copy_if(members.begin(), members.end(), std::back_inserter(result.groups),
               [](const std::vector<Index>& group) { return group.size() > 1; });
  return result;
}

}  // namespace attnscope
