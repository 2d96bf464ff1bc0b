#include <attnscope/heads/redundancy.hpp>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// 1 on the diagonal, the given similarities of some pairs, .1 of the others.
Eigen::MatrixXd similarities(Index heads, const std::vector<std::tuple<Index, Index, double>>& pairs) {
  Eigen::MatrixXd all = Eigen::MatrixXd::Constant(heads, heads, .1);
  all.diagonal().setOnes();
  for (const auto& [h, g, similarity] : pairs) all(h, g) = all(g, h) = similarity;
  return all;
}
using Groups = std::vector<std::vector<Index>>;
}  // namespace

TEST_CASE("for each head the one that could stand in for it") {
  const RedundancyResult result = redundant_heads(similarities(4, {{0, 2, .95}, {1, 2, .5}}));
  REQUIRE(result.stand_ins.size() == 4);
  CHECK(result.stand_ins[0].head == 2);
  CHECK(result.stand_ins[0].similarity == .95);
  CHECK(result.stand_ins[0].redundant);
  CHECK(result.stand_ins[1].head == 2);
  CHECK_FALSE(result.stand_ins[1].redundant);
  CHECK(result.stand_ins[2].head == 0);
  CHECK(result.stand_ins[3].head == 0);  // the lowest of equals
  CHECK(result.stand_ins[3].similarity == .1);
  CHECK(result.groups == Groups{{0, 2}});
}

TEST_CASE("in a group every pair exceeds the threshold: chains are cut") {
  const Eigen::MatrixXd chain = similarities(5, {{0, 1, .92}, {1, 2, .94}, {2, 3, .92}, {0, 2, .8}});
  const RedundancyResult result = redundant_heads(chain);
  CHECK(result.groups == Groups{{1, 2}});
  CHECK(result.stand_ins[0].redundant);  // by head 1, which belongs with head 2
  CHECK(redundant_heads(chain, {.threshold = .05}).groups == Groups{{0, 1, 2, 3, 4}});
}

TEST_CASE("groups partition random heads into cliques that no two of could be joined") {
  std::srand(1);
  Eigen::MatrixXd similarity = Eigen::MatrixXd::Random(30, 30).cwiseAbs();
  similarity = similarity.selfadjointView<Eigen::Upper>();
  similarity.diagonal().setOnes();
  const double threshold = .4;
  const RedundancyResult result = redundant_heads(similarity, {.threshold = threshold});
  std::vector<int> seen(30, 0);
  for (const auto& group : result.groups) {
    CHECK(group.size() > 1);
    CHECK(std::is_sorted(group.begin(), group.end()));
    CHECK(similarity(group, group).minCoeff() > threshold);
    for (const Index h : group) ++seen[static_cast<std::size_t>(h)];
    for (const auto& other : result.groups)
      if (&other != &group) CHECK(similarity(group, other).minCoeff() <= threshold);
  }
  CHECK(result.groups.size() > 2);
  CHECK(*std::max_element(seen.begin(), seen.end()) == 1);
  CHECK(std::is_sorted(result.groups.begin(), result.groups.end()));
}

TEST_CASE("exactly the threshold is not above it") {
  const RedundancyResult result = redundant_heads(similarities(2, {{0, 1, .9}}), {.threshold = .9});
  CHECK_FALSE(result.stand_ins[0].redundant);
  CHECK(result.groups.empty());
  CHECK(redundant_heads(similarities(2, {{0, 1, .9}}), {.threshold = .89}).groups == Groups{{0, 1}});
}

TEST_CASE("a head without weight stands in for nobody") {
  Eigen::MatrixXd some = similarities(3, {{0, 2, .95}});
  some.row(0).setConstant(undefined);
  some.col(0).setConstant(undefined);
  const RedundancyResult result = redundant_heads(some, {.threshold = .05});
  CHECK_FALSE(result.stand_ins[0].head);
  CHECK(std::isnan(result.stand_ins[0].similarity));
  CHECK_FALSE(result.stand_ins[0].redundant);
  CHECK(result.stand_ins[1].head == 2);
  CHECK(result.groups == Groups{{1, 2}});
}

TEST_CASE("no head, one head") {
  CHECK(redundant_heads(Eigen::MatrixXd(0, 0)).groups.empty());
  const RedundancyResult one = redundant_heads(Eigen::MatrixXd::Ones(1, 1));
  REQUIRE(one.stand_ins.size() == 1);
  CHECK_FALSE(one.stand_ins[0].head);
  CHECK(one.groups.empty());
}

TEST_CASE("what is no similarity") {
  CHECK(message_of<ValueError>([] { redundant_heads(Eigen::MatrixXd::Zero(2, 2)); }) ==
        "head 0 has the similarity 0 to itself, not 1 (a distance?)");
  CHECK(message_of<ValueError>([] {
          redundant_heads(Eigen::Matrix2d{{1, .5}, {.4, 1}});
        }) == "the similarity of heads 0 and 1 is 0.5, but that of 1 and 0 is 0.4");
  CHECK(message_of<ShapeError>([] { redundant_heads(Eigen::MatrixXd::Ones(2, 3)); }) ==
        "a similarity for each pair of heads needs a square matrix, not 2 x 3");
  CHECK(message_of<ValueError>([] {
          redundant_heads(Eigen::MatrixXd::Ones(2, 2), {.threshold = undefined});
        }) == "threshold = nan");
}
