#pragma once
#include <attnscope/core/layout.hpp>

#include <limits>
#include <map>
#include <numeric>
#include <vector>

namespace attnscope {

/// Two clusters that become one. Cluster h < heads is head h alone, cluster heads + k what merge k made.
struct ClusterMerge {
  Index first = 0;      ///< the cluster of lower number
  Index second = 0;     ///< the other one
  double distance = 0;  ///< of the two
  Index size = 0;       ///< heads in the merged cluster
};

namespace detail {

/// How far two clusters are from each other.
enum class Linkage {
  average,   ///< mean over all pairs of their heads (UPGMA)
  complete,  ///< the farthest pair of their heads
};

/// Merges the two nearest clusters again and again while they are nearer than `below`; of several equally
/// near pairs the one with the lowest heads. distances: [head x head], symmetric; its diagonal is not looked
/// at. Cost: heads^3 / 6 comparisons.
inline std::vector<ClusterMerge> agglomerate(Eigen::MatrixXd distances, Linkage linkage,
                                             double below = std::numeric_limits<double>::infinity()) {
  const Index heads = distances.rows();
  // A cluster stands in the row and column of its lowest head.
  std::vector<Index> rows(static_cast<std::size_t>(heads)), sizes(rows.size(), 1), names(rows.size());
  std::iota(rows.begin(), rows.end(), Index{0});
  names = rows;
  const auto of = [](auto& list, Index head) -> auto& { return list[static_cast<std::size_t>(head)]; };
  std::vector<ClusterMerge> merges;
  while (rows.size() > 1) {
    double least = below;
    Index a = 0, b = 0;
    for (auto i = rows.begin(); i != rows.end(); ++i)
      for (auto j = i + 1; j != rows.end(); ++j)
        if (const double distance = distances(*j, *i); distance < least) {
          least = distance;
          a = *i;
          b = *j;
        }
    if (a == b) break;
    const double share = static_cast<double>(of(sizes, a)) / static_cast<double>(of(sizes, a) + of(sizes, b));
    for (const Index other : rows) {
      const double to_a = distances(other, a), to_b = distances(other, b);
      distances(other, a) = distances(a, other) =
          linkage == Linkage::average ? share * to_a + (1 - share) * to_b : std::max(to_a, to_b);
    }
    of(sizes, a) += of(sizes, b);
    const Index merged = heads + static_cast<Index>(merges.size());
    merges.push_back(
        {std::min(of(names, a), of(names, b)), std::max(of(names, a), of(names, b)), least, of(sizes, a)});
    of(names, a) = merged;
    rows.erase(std::find(rows.begin(), rows.end(), b));
  }
  return merges;
}

/// [head] 0, 1, ...: the cluster of each head after the first `count` merges, numbered by lowest head.
inline std::vector<Index> clusters_after(const std::vector<ClusterMerge>& merges, Index count, Index heads) {
  std::vector<Index> clusters(static_cast<std::size_t>(heads));
  std::iota(clusters.begin(), clusters.end(), Index{0});
  for (Index k = 0; k < count; ++k) {
    const ClusterMerge& merge = merges[static_cast<std::size_t>(k)];
    for (Index& cluster : clusters)
      if (cluster == merge.first || cluster == merge.second) cluster = heads + k;
  }
  std::map<Index, Index> numbers;
  for (Index& cluster : clusters)
    cluster = numbers.try_emplace(cluster, static_cast<Index>(numbers.size())).first->second;
  return clusters;
}

}  // namespace detail
}  // namespace attnscope
