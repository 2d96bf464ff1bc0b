#include <attnscope/source/source.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("tensors, matrices and sources are attention, numbers are not") {
  STATIC_REQUIRE(Attention<AttentionTensor<float>>);
  STATIC_REQUIRE(Attention<AttentionTensor<Eigen::bfloat16>>);
  STATIC_REQUIRE(Attention<Eigen::MatrixXf>);
  STATIC_REQUIRE(Attention<Eigen::Map<const Eigen::MatrixXd>>);
  STATIC_REQUIRE(Attention<AttentionView<Eigen::half>>);
  STATIC_REQUIRE_FALSE(Attention<int>);
  STATIC_REQUIRE_FALSE(Attention<std::vector<float>>);
}

TEST_CASE("16-bit sources are seen as float") {
  STATIC_REQUIRE(std::is_same_v<SourceOf<AttentionTensor<Eigen::half>>::Weight, float>);
  STATIC_REQUIRE(std::is_same_v<SourceOf<Eigen::MatrixXd>::Weight, double>);
}

TEST_CASE("what owns weights is borrowed only while it has a name") {
  STATIC_REQUIRE(Borrowable<AttentionTensor<float>&>);
  STATIC_REQUIRE(Borrowable<const AttentionTensor<float>&>);
  STATIC_REQUIRE_FALSE(Borrowable<AttentionTensor<float>>);
  STATIC_REQUIRE_FALSE(Borrowable<Eigen::MatrixXd>);
  STATIC_REQUIRE(Borrowable<AttentionView<float>>);
}

TEST_CASE("source_of gives the view of a tensor") {
  const auto a = test::random_attention<float>(Layout({1, 2, 3, 3}));
  CHECK(source_of(a).data() == a.data());
}
