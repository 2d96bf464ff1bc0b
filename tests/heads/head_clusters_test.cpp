#include <attnscope/heads/head_clusters.hpp>

#include "heads/reference_distances.hpp"
#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
Eigen::VectorXd six(double a, double b, double c, double d, double e, double f) {
  Eigen::VectorXd all(6);
  all << a, b, c, d, e, f;
  return all;
}
}  // namespace

TEST_CASE("the tree is that of scipy's linkage(method='average')") {
  const auto merges = head_clusters(test::reference_distances()).merges;  // numbers: make_distances.py
  const std::vector<ClusterMerge> expected{{2, 5, 0.0110567764639, 2},
                                           {4, 6, 0.215385416282, 3},
                                           {0, 3, 0.241030666051, 2},
                                           {1, 8, 0.270887690213, 3},
                                           {7, 9, 0.286494809242, 6}};
  REQUIRE(merges.size() == expected.size());
  for (std::size_t k = 0; k < merges.size(); ++k) {
    CHECK(merges[k].first == expected[k].first);
    CHECK(merges[k].second == expected[k].second);
    CHECK(merges[k].distance == Approx(expected[k].distance).epsilon(1e-10));
    CHECK(merges[k].size == expected[k].size);
  }
}

TEST_CASE("silhouettes are those of scikit-learn, in every cut") {
  const Eigen::MatrixXd distances = test::reference_distances();
  const auto check = [&](Index count, const std::vector<Index>& clusters,
                         const Eigen::VectorXd& silhouettes) {
    const HeadClustersResult result = head_clusters(distances, {.clusters = count});
    CHECK(result.count == count);
    CHECK(result.clusters == clusters);
    CHECK(test::difference(result.silhouettes, silhouettes) < 1e-10);
    CHECK(result.mean_silhouette == Approx(silhouettes.mean()).epsilon(1e-9));
  };
  check(
      2, {0, 0, 1, 0, 1, 1},
      six(-0.0107882091992, 0.0304234923708, 0.580873492895, 0.225662426216, 0.292445922686, 0.603643742824));
  check(3, {0, 1, 2, 0, 2, 2},
        six(0.0909870855404, 0, 0.567291389603, 0.0230185498965, 0.133352526241, 0.591021347236));
  check(5, {0, 1, 2, 3, 4, 2}, six(0, 0, 0.951035914486, 0, 0, 0.946053142851));
  check(6, {0, 1, 2, 3, 4, 5}, six(0, 0, 0, 0, 0, 0));
}

TEST_CASE("the number of clusters with the best mean silhouette") {
  const HeadClustersResult best = head_clusters(test::reference_distances());
  CHECK(best.count == 5);
  CHECK(best.mean_silhouette == Approx(0.316181509556).epsilon(1e-10));
  Eigen::MatrixXd two_pairs = Eigen::MatrixXd::Constant(4, 4, 1);
  two_pairs(0, 2) = two_pairs(2, 0) = two_pairs(1, 3) = two_pairs(3, 1) = .1;
  two_pairs.diagonal().setZero();
  const HeadClustersResult pairs = head_clusters(two_pairs);
  CHECK(pairs.clusters == std::vector<Index>{0, 1, 0, 1});
  CHECK(pairs.silhouettes.isApproxToConstant(.9));
}

TEST_CASE("another order of the heads gives the same clusters") {
  const Eigen::MatrixXd distances = test::reference_distances();
  const std::vector<Index> order{4, 2, 0, 5, 1, 3};
  const HeadClustersResult plain = head_clusters(distances, {.clusters = 3}),
                           turned = head_clusters(distances(order, order), {.clusters = 3});
  for (std::size_t h = 0; h < 6; ++h) {
    const auto at = [&](const HeadClustersResult& r, std::size_t head) { return r.clusters[head]; };
    for (std::size_t g = 0; g < 6; ++g)
      CHECK((at(turned, h) == at(turned, g)) ==
            (at(plain, static_cast<std::size_t>(order[h])) == at(plain, static_cast<std::size_t>(order[g]))));
    CHECK(turned.silhouettes(static_cast<Index>(h)) == Approx(plain.silhouettes(order[h])).margin(1e-14));
  }
}

TEST_CASE("no head, one, two, and heads that are all equal") {
  CHECK(head_clusters(Eigen::MatrixXd(0, 0)).count == 0);
  const HeadClustersResult one = head_clusters(Eigen::MatrixXd::Zero(1, 1));
  CHECK(one.clusters == std::vector<Index>{0});
  CHECK(one.merges.empty());
  CHECK(std::isnan(one.silhouettes(0)));
  CHECK(std::isnan(one.mean_silhouette));
  const HeadClustersResult two = head_clusters(Eigen::Matrix2d{{0, 1}, {1, 0}});
  CHECK(two.count == 2);
  CHECK(two.mean_silhouette == 0);
  const HeadClustersResult equal = head_clusters(Eigen::MatrixXd::Zero(5, 5));
  CHECK(equal.count == 2);
  CHECK(equal.silhouettes == Eigen::VectorXd::Zero(5));
  const HeadClustersResult all = head_clusters(test::reference_distances(), {.clusters = 1});
  CHECK(all.clusters == std::vector<Index>(6, 0));
  CHECK(std::isnan(all.mean_silhouette));
}

TEST_CASE("what cannot be clustered") {
  const Eigen::Matrix2d undefined_pair{{0, undefined}, {undefined, 0}};
  CHECK(message_of<ValueError>([&] { head_clusters(undefined_pair); }) ==
        "the distance of heads 0 and 1 is nan");
  CHECK(message_of<ShapeError>([] { head_clusters(test::reference_distances(), {.clusters = 7}); }) ==
        "7 clusters of 6 heads");
  CHECK(message_of<ShapeError>([] { head_clusters(test::reference_distances(), {.clusters = -1}); }) ==
        "-1 clusters of 6 heads");
  CHECK(message_of<ShapeError>([] {
          head_silhouettes(test::reference_distances(), {0, 1});
        }) == "2 clusters named for 6 heads");
}
