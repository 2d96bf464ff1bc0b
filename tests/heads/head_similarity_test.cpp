#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("equal heads are alike, disjoint heads are not") {
  AttentionTensor<double> a(1, 3, 2, 2);
  a.setValues({{{{1, 0}, {0, 1}}, {{0, 1}, {1, 0}}, {{1, 0}, {0, 1}}}});
  const HeadSimilarityResult result = head_similarity(a);
  const Eigen::Matrix3d expected{{1, 0, 1}, {0, 1, 0}, {1, 0, 1}};
  CHECK(result.similarity_matrix.isApprox(expected));
  CHECK(*result.avg_pairwise_similarity == Approx(1. / 3));
  CHECK(*result.diversity_score == Approx(2. / 3));
}

TEST_CASE("the matrix is symmetric, with ones on the diagonal, and does not mind the order of heads") {
  const auto a = test::random_attention<float>(Layout({2, 5, 70, 70}, {.causal = true}));
  const AttentionView<float> view(a, {.causal = true});
  const auto all = head_similarity(view).similarity_matrix;
  CHECK(all == all.transpose());
  CHECK(all.diagonal() == Eigen::VectorXd::Ones(5));
  CHECK(all.minCoeff() >= 0);
  CHECK(all.maxCoeff() <= 1);
  const auto some = head_similarity(select_heads(view, {4, 1}));
  CHECK(some.similarity_matrix(0, 1) == all(4, 1));
  CHECK(*some.diversity_score == Approx(1 - all(4, 1)));
}

TEST_CASE("one head has no pairs, a head without weight no direction") {
  CHECK_FALSE(head_similarity(Eigen::MatrixXd::Identity(3, 3).eval()).diversity_score);
  AttentionTensor<double> a(1, 2, 2, 2);
  a.setZero();
  a(0, 0, 0, 0) = a(0, 0, 1, 1) = 1;
  const HeadSimilarityResult result = head_similarity(a);
  CHECK(result.similarity_matrix(0, 0) == 1);
  CHECK(std::isnan(result.similarity_matrix(0, 1)));
  CHECK(std::isnan(result.similarity_matrix(1, 1)));
  CHECK_FALSE(result.avg_pairwise_similarity);
  CHECK_FALSE(result.diversity_score);
}
