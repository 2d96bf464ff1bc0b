// Distances between all heads of real models against make_distances.py, which reads the same files.
#include <attnscope/heads/head_cka.hpp>
#include <attnscope/heads/head_clusters.hpp>
#include <attnscope/heads/head_distance.hpp>
#include <attnscope/heads/head_map.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/redundancy.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/all_heads.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
struct Comparison {
  HeadDistanceResult distance;
  HeadCkaResult cka;
  HeadSimilarityResult cosine;
};

/// Between all heads of all layers of the stack `self`: one sweep.
Comparison compare(const std::string& file) {
  const Dump dump = read_dump(std::string(ATTNSCOPE_TEST_DIR "/data/") + file);
  std::vector<LoadedAttention> layers;
  for (const DumpLayer& layer : dump.stacks.at(0).layers) layers.push_back(layer.attention);
  HeadDistanceMeasure distance;
  HeadCkaMeasure cka;
  HeadSimilarityMeasure cosine;
  std::visit([&](const auto& heads) { sweep(heads, distance, cka, cosine); }, all_heads(layers));
  return {distance.result(), cka.result(), cosine.result()};
}
Eigen::VectorXd eight(std::vector<double> numbers) { return Eigen::VectorXd::Map(numbers.data(), 8); }
using Groups = std::vector<std::vector<Index>>;
}  // namespace

TEST_CASE("the induction heads of a model are one cluster, its previous-token heads a pair") {
  const Comparison heads = compare("induction_batch.safetensors");
  CHECK(heads.distance.rows == 256);
  CHECK(test::difference(heads.distance.mean_distances.col(0),
                         eight({0, 59.6453522558, 62.7242585292, 31.8592803253, 93.3009783311, 92.3720953048,
                                96.6957960777, 93.5256136256}) /
                             256) < 1e-7);
  CHECK(test::difference(heads.cka.similarity_matrix.col(2),
                         eight({0.482353090377, 0.82297592988, 1, 0.549720745088, 0.500612749074,
                                0.508168665457, 0.502185971775, 0.477501199455})) < 1e-7);

  const HeadClustersResult clusters = head_clusters(heads.distance.mean_distances);
  CHECK(clusters.clusters == std::vector<Index>{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(clusters.mean_silhouette == Approx(0.712305569963).epsilon(1e-7));
  CHECK(clusters.merges[3].first == 1);
  CHECK(clusters.merges[3].second == 2);
  CHECK(clusters.merges.back().distance == Approx(0.437098971498).epsilon(1e-7));

  const HeadMapResult map = head_map(heads.distance.mean_distances);
  CHECK(map.stress == Approx(0.0537199490908).epsilon(1e-6));
  CHECK(test::difference(map.coordinates.col(0),
                         eight({0.120134817031, 0.258163769872, 0.280898191817, 0.187221366508,
                                -0.202161388389, -0.196524158686, -0.231350299117, -0.216382299036})) < 1e-4);

  CHECK(redundant_heads(heads.cosine.similarity_matrix).groups == Groups{{4, 5, 6, 7}});
  CHECK(redundant_heads(heads.cka.similarity_matrix).groups == Groups{{4, 5, 6, 7}});
  const RedundancyResult by_distance = redundant_heads(heads.distance.similarity_matrix);
  CHECK(by_distance.groups == Groups{{4, 6, 7}});
  CHECK(by_distance.stand_ins[5].head == 4);  // near enough to head 4, not to head 7
  CHECK(by_distance.stand_ins[5].redundant);
  CHECK_FALSE(by_distance.stand_ins[1].redundant);
}

TEST_CASE("no head of the sentence encoder is redundant") {
  const Comparison heads = compare("use_lite_alice.safetensors");
  CHECK(heads.distance.rows == 128);
  CHECK(test::difference(heads.distance.mean_distances.col(7),
                         eight({45.6050371188, 69.9918890227, 66.1592218074, 68.9678112488, 33.595158208,
                                38.7930792684, 28.4908848999, 0}) /
                             128) < 1e-7);
  CHECK(test::difference(heads.cka.similarity_matrix.col(7),
                         eight({0.172478410827, 0.193173244735, 0.190189043668, 0.189512734024,
                                0.275696288867, 0.253764384723, 0.338456599616, 1})) < 1e-7);
  const HeadClustersResult clusters = head_clusters(heads.distance.mean_distances);
  CHECK(clusters.clusters == std::vector<Index>{0, 1, 1, 1, 0, 0, 0, 0});
  CHECK(clusters.mean_silhouette == Approx(0.400270360211).epsilon(1e-6));
  CHECK(head_map(heads.distance.mean_distances).stress == Approx(0.103377088588).epsilon(1e-6));
  for (const Eigen::MatrixXd& similarity :
       {heads.distance.similarity_matrix, heads.cosine.similarity_matrix, heads.cka.similarity_matrix})
    for (const StandIn& stand_in : redundant_heads(similarity).stand_ins) CHECK_FALSE(stand_in.redundant);
}
