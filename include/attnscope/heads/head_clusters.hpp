#pragma once
#include <attnscope/core/agglomerate.hpp>
#include <attnscope/core/pairs.hpp>
#include <attnscope/core/states.hpp>

namespace attnscope {

/// Options of head_clusters().
struct HeadClustersOptions {
  Index clusters = 0;  ///< 1 .. heads; 0: the number with the best mean silhouette
};

/// Result of head_clusters().
struct HeadClustersResult {
  std::vector<ClusterMerge> merges;    ///< [heads - 1] the whole tree, nearest first
  std::vector<Index> clusters;         ///< [head] 0, 1, ...: numbered by their lowest head
  Index count = 0;                     ///< how many clusters
  Eigen::VectorXd silhouettes;         ///< [head] -1..1, see head_silhouettes()
  double mean_silhouette = undefined;  ///< undefined (NaN) for one cluster
};

/// How well each head sits in its cluster: (b - a) / max(a, b), where a is the mean distance to the others of
/// its cluster and b that to the heads of the nearest other cluster (Rousseeuw 1987). 1: well apart; 0: on
/// the edge, alone in its cluster, or no distance at all; negative: nearer to another cluster. [head];
/// undefined (NaN) where there is one cluster only. distances: [head x head]; clusters: [head] 0, 1, ...,
/// none of them empty. Cost: heads^2 operations. @throws ShapeError sizes that differ
inline Eigen::VectorXd head_silhouettes(const Eigen::MatrixXd& distances,
                                        const std::vector<Index>& clusters) {
  const Index heads = distances.rows();
  require<ShapeError>(static_cast<Index>(clusters.size()) == heads, "{} clusters named for {} heads",
                      clusters.size(), heads);
  const auto of = [&](Index head) { return clusters[static_cast<std::size_t>(head)]; };
  const Index count = heads == 0 ? 0 : *std::max_element(clusters.begin(), clusters.end()) + 1;
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(heads, count);  // of the distances to the heads of a cluster
  Eigen::VectorXd sizes = Eigen::VectorXd::Zero(count);
  for (Index h = 0; h < heads; ++h) {
    sums.col(of(h)) += distances.col(h);
    sizes(of(h)) += 1;
  }
  const auto silhouette = [&](Index h) {
    if (count < 2) return undefined;
    if (sizes(of(h)) == 1) return 0.0;
    double nearest = std::numeric_limits<double>::infinity();
    for (Index c = 0; c < count; ++c)
      if (c != of(h)) nearest = std::min(nearest, sums(h, c) / sizes(c));
    const double own = sums(h, of(h)) / (sizes(of(h)) - 1), farther = std::max(own, nearest);
    return farther > 0 ? (nearest - own) / farther : 0.0;
  };
  return Eigen::VectorXd::NullaryExpr(heads, silhouette);
}

/// Which heads belong together: average-linkage clusters of heads (UPGMA, Sokal & Michener 1958), cut at a
/// number of clusters or where the mean silhouette is best (of 2 .. heads - 1 clusters; the fewest of equally
/// good ones). Deterministic: of equally near clusters those with the lowest heads merge first. distances:
/// [head x head], such as head_distance().mean_distances or 1 - a similarity. Cost: heads^3 operations, .2 s
/// for 600 heads.
/// @throws ShapeError a matrix that is not square; clusters that are not in 0 .. heads
/// @throws ValueError a distance that is undefined, infinite, negative or not symmetric, naming the heads
inline HeadClustersResult head_clusters(const Eigen::MatrixXd& distances, HeadClustersOptions options = {}) {
  detail::check_distances(distances);
  const Index heads = distances.rows();
  require<ShapeError>(options.clusters >= 0 && options.clusters <= heads, "{} clusters of {} heads",
                      options.clusters, heads);
  const std::vector<ClusterMerge> merges = detail::agglomerate(distances, detail::Linkage::average);
  const auto cut = [&](Index count) { return detail::clusters_after(merges, heads - count, heads); };
  Index count = options.clusters;
  if (count == 0) {
    count = std::min<Index>(heads, 2);
    double best = -1;
    for (Index other = 2; other < heads; ++other)
      if (const double mean = head_silhouettes(distances, cut(other)).mean(); mean > best) {
        best = mean;
        count = other;
      }
  }
  const std::vector<Index> clusters = cut(count);
  const Eigen::VectorXd silhouettes = head_silhouettes(distances, clusters);
  return {merges, clusters, count, silhouettes, count < 2 ? undefined : silhouettes.mean()};
}

}  // namespace attnscope
