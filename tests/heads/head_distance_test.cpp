#include <attnscope/heads/head_distance.hpp>
#include <attnscope/source/all_heads.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "heads/formula_attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
const double ln2 = std::numbers::ln2;

/// Two heads, one example.
AttentionTensor<double> pair_of(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) {
  AttentionTensor<double> both(1, 2, a.rows(), a.cols());
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < a.cols(); ++j) {
      both(0, 0, i, j) = a(i, j);
      both(0, 1, i, j) = b(i, j);
    }
  return both;
}
AttentionTensor<double> published() {
  return pair_of(Eigen::Matrix3d{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}},
                 Eigen::Matrix3d{{.2, .5, .3}, {.4, .4, .2}, {.1, .1, .8}});
}

/// Row by row and pair by pair from the definition, over visible keys that are not excluded.
template <typename Scalar>
Eigen::MatrixXd plain_sums(const AttentionTensor<Scalar>& a, const Layout& layout, double smoothing = 0) {
  const Index heads = layout.shape().heads;
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(heads, heads);
  for (Index b = 0; b < layout.shape().batch; ++b)
    for (Index i = 0; i < layout.queries(b); ++i) {
      const Range seen = layout.visible(b, i);
      const double share = smoothing / static_cast<double>(layout.visible_keys(b, i));
      for (Index h = 0; h < heads; ++h)
        for (Index g = 0; g < heads; ++g)
          for (Index j = seen.first; j < seen.last; ++j) {
            if (layout.count_keys(b, {j, j + 1}) == 0) continue;
            const auto weight = [&](Index head) {
              const auto w = a(b, head, layout.query_start(b) + i, layout.key_start(b) + j);
              return (1 - smoothing) * static_cast<double>(w) + share;
            };
            const double p = weight(h), q = weight(g), m = (p + q) / 2;
            sums(h, g) += (p > 0 ? p * std::log(p / m) : 0) / 2 + (q > 0 ? q * std::log(q / m) : 0) / 2;
          }
    }
  return sums;
}
}  // namespace

TEST_CASE("the published definition: rows summed, exact and smoothed") {
  const auto both = published();
  CHECK(head_distance(both, {.smoothing = .001}).summed_distances(0, 1) == Approx(.1644536403).epsilon(1e-9));
  const Mask first_row{.query_lengths = {1}};
  CHECK(head_distance(AttentionView<double>(both, first_row)).summed_distances(1, 0) ==
        Approx(.0508746125).epsilon(1e-9));
}

TEST_CASE("a padded causal batch against scipy") {
  const auto a = test::formula_attention();  // numbers: make_distances.py
  const AttentionView<double> view(a, test::formula_mask());
  const HeadDistanceResult result = head_distance(view);
  CHECK(result.rows == 11);
  Eigen::VectorXd expected(6);
  expected << 2.73069083669, 3.30347682341, 0, 3.29086404183, 2.48395410281, 0.121624541103;
  CHECK(test::difference(result.summed_distances.row(2).transpose(), expected) < 1e-11);
  CHECK(test::difference(result.mean_distances.row(2).transpose(), expected / 11) < 1e-12);
  expected << 3.2917428738, 2.72626406517, 2.47545966291, 3.99603495607, 0, 2.24651668284;
  CHECK(test::difference(head_distance(view, {.smoothing = .001}).summed_distances.col(4), expected) < 1e-11);
}

TEMPLATE_TEST_CASE("masks, padding on either side and long rows against plain loops", "", float, double) {
  const double tolerance = std::is_same_v<TestType, float> ? 1e-6 : 1e-13;
  const Mask masks[] = {
      self_padding({300, 0, 80}, {0, 0, 100}, {.causal = true}),
      {.causal = true, .query_offset = 3, .sliding_window = 4},
      {.causal = true, .query_offset = -5},
      {.query_lengths = {300, 1, 280}, .key_lengths = {290, 300, 17}, .excluded_keys = {{0, 5}, {}, {16}}}};
  for (const Mask& mask : masks) {
    const Layout layout({3, 4, 300, 300}, mask);
    const auto a = test::random_attention<TestType>(layout);
    for (const double smoothing : {0., .01}) {
      const HeadDistanceResult result =
          head_distance(AttentionView<TestType>(a, mask), {.smoothing = smoothing});
      const Eigen::MatrixXd expected = plain_sums(a, layout, smoothing) / static_cast<double>(result.rows);
      CHECK(test::difference(result.mean_distances, expected) < tolerance);
    }
  }
}

TEST_CASE("from 0, exactly, for equal heads, to ln 2 for heads with no key in common") {
  const auto a = test::random_attention<float>(Layout({2, 3, 270, 270}));
  const HeadDistanceResult same =
      head_distance(all_heads(std::vector{AttentionView<float>(a), AttentionView<float>(a)}));
  for (Index h = 0; h < 3; ++h) {
    CHECK(same.mean_distances(h, h) == 0);
    CHECK(same.mean_distances(h, h + 3) == 0);
    CHECK(same.similarity_matrix(h, h + 3) == 1);
  }
  CHECK(same.mean_distances == same.mean_distances.transpose());
  const HeadDistanceResult disjoint =
      head_distance(pair_of(Eigen::Matrix2d{{1, 0}, {0, 1}}, Eigen::Matrix2d{{0, 1}, {1, 0}}));
  CHECK(disjoint.mean_distances(0, 1) == Approx(ln2).epsilon(1e-15));
  CHECK(disjoint.summed_distances(0, 1) == Approx(2 * ln2).epsilon(1e-15));
  CHECK(disjoint.similarity_matrix(0, 1) == Approx(0).margin(1e-15));
}

TEST_CASE("the square root is a metric, row by row") {
  const auto a = test::random_attention<double>(Layout({1, 12, 1, 9}), 3, 3);
  const Eigen::ArrayXXd root = head_distance(a).mean_distances.cwiseSqrt();
  for (Index g = 0; g < 12; ++g)
    for (Index h = 0; h < 12; ++h) CHECK((root.col(g) + root(g, h) >= root.col(h) - 1e-12).all());
}

TEST_CASE("rows that sum below 1 are compared as they are") {
  const Eigen::MatrixXd full = Eigen::MatrixXd::Constant(4, 4, .25), nothing = Eigen::MatrixXd::Zero(4, 4);
  CHECK(head_distance(pair_of(full, nothing)).mean_distances(0, 1) == Approx(ln2 / 2));
  CHECK(head_distance(pair_of(nothing, nothing)).mean_distances(0, 1) == 0);
  CHECK(head_distance(pair_of(full, full / 2)).mean_distances(0, 1) > .01);
}

TEST_CASE("a row that sees one key adds nothing, but is a row") {
  const Mask mask{.causal = true};
  const auto a = test::random_attention<double>(Layout({1, 2, 2, 2}, mask));
  const HeadDistanceResult both = head_distance(AttentionView<double>(a, mask));
  CHECK(both.rows == 2);
  CHECK(both.mean_distances(0, 1) == Approx(both.summed_distances(0, 1) / 2));
  CHECK(head_distance(AttentionView<double>(a, {.query_lengths = {1}, .key_lengths = {1}}))
            .summed_distances(0, 1) == 0);
}

TEST_CASE("smoothing makes all heads uniform in the end, over the keys that are not excluded") {
  const auto a = test::random_attention<double>(Layout({1, 2, 6, 6}));
  CHECK(head_distance(exclude_tokens(a, {.keys = {{2}}}), {.smoothing = 1}).mean_distances(0, 1) == 0);
  const HeadDistanceResult some = head_distance(exclude_tokens(a, {.keys = {{2}}}), {.smoothing = .1});
  const HeadDistanceResult all = head_distance(a, {.smoothing = .1});
  CHECK(std::abs(some.mean_distances(0, 1) - all.mean_distances(0, 1)) > 1e-4);
}

TEST_CASE("a corpus is pooled over its rows, in any number of threads") {
  const auto a = test::random_attention<float>(Layout({1, 3, 400, 400})),
             b = test::random_attention<float>(Layout({1, 3, 700, 50}), 2);
  HeadDistanceMeasure corpus;
  sweep(a, {.threads = 1}, corpus);
  sweep(b, {.threads = 4}, corpus);
  const HeadDistanceResult pooled = corpus.result(), one = head_distance(a), other = head_distance(b);
  CHECK(pooled.rows == 1100);
  CHECK(test::difference(pooled.summed_distances, one.summed_distances + other.summed_distances) < 1e-12);
  CHECK(head_distance(b, {}, {.threads = 3}).mean_distances == other.mean_distances);
}

TEST_CASE("one head, no rows, nothing swept") {
  CHECK(HeadDistanceMeasure().result().mean_distances.size() == 0);
  CHECK(head_distance(Eigen::MatrixXd::Identity(3, 3).eval()).mean_distances == Eigen::MatrixXd::Zero(1, 1));
  const HeadDistanceResult none = head_distance(AttentionTensor<float>(1, 2, 0, 4));
  CHECK(none.rows == 0);
  CHECK(std::isnan(none.mean_distances(0, 1)));
  CHECK(std::isnan(none.similarity_matrix(0, 1)));
  CHECK(none.summed_distances(0, 1) == 0);
}

TEST_CASE("distances of other smoothing are refused, and not pooled") {
  CHECK(message_of<ValueError>([] { HeadDistanceMeasure({.smoothing = 1.5}); }) ==
        "smoothing = 1.5 is not in 0..1");
  CHECK(message_of<ValueError>([] { HeadDistanceMeasure().merge(HeadDistanceMeasure({.smoothing = .5})); }) ==
        "cannot pool distances of smoothing 0 and 0.5");
}
