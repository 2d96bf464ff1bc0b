#include <attnscope/heads/head_cka.hpp>
#include <attnscope/source/all_heads.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include "heads/formula_attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// |X'Y|^2 / (|X'X| |Y'Y|) in the feature form: centred columns, key x key.
double plain_cka(Eigen::MatrixXd x, Eigen::MatrixXd y) {
  for (auto* map : {&x, &y}) map->rowwise() -= map->colwise().mean().eval();
  return (x.transpose() * y).squaredNorm() / ((x.transpose() * x).norm() * (y.transpose() * y).norm());
}
template <typename Scalar>
Eigen::MatrixXd map_of(const AttentionTensor<Scalar>& a, Index b, Index h, Index queries) {
  Eigen::MatrixXd map(queries, a.dimension(3));
  for (Index i = 0; i < map.rows(); ++i)
    for (Index j = 0; j < map.cols(); ++j) map(i, j) = static_cast<double>(a(b, h, i, j));
  return map;
}
}  // namespace

TEST_CASE("the published definition") {
  AttentionTensor<double> both(1, 2, 3, 3);
  both.setValues(
      {{{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}}, {{.2, .5, .3}, {.4, .4, .2}, {.1, .1, .8}}}});
  const HeadCkaResult result = head_cka(both);
  CHECK(result.similarity_matrix(0, 1) == Approx(.5609069701).epsilon(1e-9));
  CHECK(result.similarity_matrix(1, 1) == 1);
  CHECK(result.examples == 1);
}

TEST_CASE("the mean over the examples of a padded causal batch against numpy") {
  const auto a = test::formula_attention();  // numbers: make_distances.py
  const HeadCkaResult result = head_cka(AttentionView<double>(a, test::formula_mask()));
  CHECK(result.examples == 2);
  Eigen::VectorXd expected(6);
  expected << 0.349007605684, 0.439812385798, 1, 0.492211658692, 0.72023990942, 0.959542157057;
  CHECK(test::difference(result.similarity_matrix.col(2), expected) < 1e-11);
  CHECK(test::difference(result.similarity_matrix, result.similarity_matrix.transpose()) < 1e-14);
}

TEST_CASE("examples longer than a task, in any number of threads; more keys than queries and fewer") {
  for (const Index keys : {30, 700}) {
    const auto a = test::random_attention<float>(Layout({3, 3, 600, keys}));
    const Mask mask{.query_lengths = {600, 1, 300}};
    const HeadCkaResult result = head_cka(AttentionView<float>(a, mask), {.threads = 3});
    CHECK(result.examples == 2);
    const double expected = (plain_cka(map_of(a, 0, 2, 600), map_of(a, 0, 1, 600)) +
                             plain_cka(map_of(a, 2, 2, 300), map_of(a, 2, 1, 300))) /
                            2;
    CHECK(result.similarity_matrix(2, 1) == Approx(expected).epsilon(1e-10));
    CHECK(head_cka(AttentionView<float>(a, mask), {.threads = 1}).similarity_matrix ==
          result.similarity_matrix);
  }
}

TEST_CASE(
    "a permutation of the keys changes nothing, and all queries alike to all heads is nothing in common") {
  const auto a = test::random_attention<double>(Layout({1, 1, 12, 8}));
  const Eigen::MatrixXd map = map_of(a, 0, 0, 12), reversed = map.rowwise().reverse();
  const Eigen::MatrixXd pulled = map / 2 + Eigen::RowVectorXd::Constant(8, .0625).replicate(12, 1);
  const std::vector heads{AttentionView(map), AttentionView(reversed), AttentionView(pulled)};
  const Eigen::MatrixXd cka = head_cka(all_heads(heads)).similarity_matrix;
  CHECK(test::difference(cka, Eigen::MatrixXd::Ones(3, 3)) < 1e-13);
}

TEST_CASE("a head whose rows are all the same is undefined, and leaves the other heads alone") {
  AttentionTensor<float> a = test::random_attention<float>(Layout({2, 3, 7, 7}));
  for (Index i = 0; i < 7; ++i)
    for (Index j = 0; j < 7; ++j) {
      a(0, 1, i, j) = 1 / 7.f;  // uniform, in one example
      a(0, 2, i, j) = a(1, 2, i, j) = .1f + .01f * static_cast<float>(j);
    }
  const Eigen::MatrixXd cka = head_cka(a).similarity_matrix;
  for (Index h = 0; h < 3; ++h) CHECK(std::isnan(cka(2, h)));
  const double second = plain_cka(map_of(a, 1, 0, 7), map_of(a, 1, 1, 7));
  CHECK(cka(0, 1) == Approx(second).epsilon(1e-12));  // the only example that defines it
  CHECK(cka(0, 0) == 1);
}

TEST_CASE("excluded queries have no rows, wherever they are") {
  const auto a = test::random_attention<double>(Layout({1, 2, 9, 9}));
  const HeadCkaResult result = head_cka(exclude_tokens(a, {.queries = {{0, 4, 8}}}));
  const auto rest = [&](Index h) {
    const Eigen::MatrixXd all = map_of(a, 0, h, 9);
    return all(std::vector<int>{1, 2, 3, 5, 6, 7}, Eigen::all).eval();
  };
  CHECK(result.similarity_matrix(0, 1) == Approx(plain_cka(rest(0), rest(1))).epsilon(1e-12));
}

TEST_CASE("a corpus is the mean over its examples, with each apart on demand") {
  const auto a = test::random_attention<double>(Layout({2, 2, 300, 20})),
             b = test::random_attention<double>(Layout({1, 2, 10, 40}), 2);
  EachExample each{HeadCkaMeasure()};
  HeadCkaMeasure corpus;
  sweep(a, corpus, each);
  sweep(b, corpus, each);
  const double sum = 2 * head_cka(a).similarity_matrix(0, 1) + head_cka(b).similarity_matrix(0, 1);
  CHECK(corpus.result().examples == 3);
  CHECK(corpus.result().similarity_matrix(0, 1) == Approx(sum / 3).epsilon(1e-13));
  CHECK(each.pooled().similarity_matrix(0, 1) == Approx(sum / 3).epsilon(1e-13));
  REQUIRE(each.result().size() == 3);
  CHECK(each.result()[2].similarity_matrix(0, 1) == Approx(head_cka(b).similarity_matrix(0, 1)));
}

TEST_CASE("one head, one query, no query, no key, nothing swept") {
  CHECK(HeadCkaMeasure().result().similarity_matrix.size() == 0);
  CHECK(head_cka(Eigen::MatrixXd::Identity(3, 3).eval()).similarity_matrix == Eigen::MatrixXd::Ones(1, 1));
  for (const Index queries : {0, 1}) {
    const HeadCkaResult result = head_cka(test::random_attention<double>(Layout({2, 2, queries, 5})));
    CHECK(result.examples == 0);
    REQUIRE(result.similarity_matrix.rows() == 2);
    CHECK(std::isnan(result.similarity_matrix(0, 0)));
  }
  CHECK(std::isnan(head_cka(AttentionTensor<double>(1, 2, 5, 0)).similarity_matrix(0, 1)));
}

TEST_CASE("equal rows are undefined even where their mean rounds") {
  const Eigen::MatrixXd equal = Eigen::RowVector3d(.1, .2, .7).replicate(11, 1);
  CHECK(std::isnan(head_cka(equal).similarity_matrix(0, 0)));
}
