#include <attnscope/core/similarity_tally.hpp>

#include "support/catch.hpp"

using namespace attnscope;
using detail::centred_ranks;
using detail::SeenRow;
using detail::SimilarityTally;

namespace {

/// Head 0 always looks at the more similar of the other tokens, head 1 always at the next or the first one.
struct Tokens {
  Eigen::MatrixXd weights, similarity;
  Layout layout;

  Tokens() : weights(Eigen::MatrixXd::Zero(8, 4)), layout({1, 2, 4, 4}) {
    similarity = Eigen::MatrixXd{{9, 3, 2, 1}, {3, 9, 2, 1}, {1, 2, 9, 3}, {2, 3, 1, 9}};
    for (Index i = 0; i < 4; ++i) {
      Index best = -1;
      for (const Index j : others(i))
        if (best < 0 || similarity(i, j) > similarity(i, best)) best = j;
      weights(i, best) = 1;
      weights(4 + i, (i + 1) % 4) = 1;
    }
    rows = weights;
  }
  static std::vector<Index> others(Index query) {
    std::vector<Index> keys;
    for (Index j = 0; j < 4; ++j)
      if (j != query) keys.push_back(j);
    return keys;
  }
  void add(SimilarityTally& tally, Index query, Index tokens = 4) const {
    const Block<double> block(rows.data(), 16, 4, 0, {0, 4}, 4, layout);
    tally.add(SeenRow<double>(block, query), others(query), similarity.row(query)(others(query)).transpose(),
              tokens);
  }

 private:
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows;
};

}  // namespace

TEST_CASE("ranks run from -1 to 1, equal values share theirs") {
  CHECK(centred_ranks(Eigen::Vector3d(5, -1, 2)).isApprox(Eigen::Vector3d(1, -1, 0)));
  CHECK(centred_ranks(Eigen::Vector4d(2, 1, 2, 9)).isApprox(Eigen::Vector4d(0, -1, 0, 1)));
  CHECK(centred_ranks(Eigen::Vector3d(7, 7, 7)).norm() == 0);
  CHECK(centred_ranks(Eigen::VectorXd::Ones(1)).norm() == 0);
  CHECK(centred_ranks(Eigen::VectorXd()).size() == 0);
}

TEST_CASE("always the most similar token scores 1, a fixed offset exactly its baseline") {
  const Tokens tokens;
  SimilarityTally tally;
  for (Index i = 0; i < 3; ++i) tokens.add(tally, i);
  CHECK(tally.queries() == 3);
  CHECK(tally.score(0) == 1);
  CHECK(tally.baseline(0) < 1);
  CHECK(tally.score(1) == Approx(2 / 3.));  // the next tokens rank 1, 0 and 1
  CHECK(tally.baseline(1) == Approx(tally.score(1)));
}

TEST_CASE("texts of unlike length pool by offset") {
  const Tokens tokens;
  SimilarityTally all, one, two;
  for (Index i = 0; i < 4; ++i) tokens.add(all, i);
  tokens.add(one, 0, 4);
  tokens.add(one, 1, 4);
  tokens.add(two, 2, 900);
  tokens.add(two, 3, 900);
  SimilarityTally longer = two, empty;
  longer.merge(SimilarityTally(one));
  one.merge(std::move(two));
  empty.merge(SimilarityTally(one));
  for (const SimilarityTally& merged : {one, longer, empty})
    for (const Index h : {0, 1}) {
      CHECK(merged.queries() == 4);
      CHECK(merged.score(h) == Approx(all.score(h)));
      CHECK(merged.baseline(h) == Approx(all.baseline(h)));
    }
}

TEST_CASE("one other token says nothing") {
  const Tokens tokens;
  const Eigen::MatrixXd row = Eigen::MatrixXd::Ones(1, 2);
  const Layout layout({1, 1, 1, 2});
  const Block<double> block(row.data(), 2, 2, 0, {0, 1}, 2, layout);
  SimilarityTally tally;
  tally.add(SeenRow<double>(block, 0), {1}, Eigen::VectorXd::Ones(1), 2);
  CHECK(tally.queries() == 0);
}
