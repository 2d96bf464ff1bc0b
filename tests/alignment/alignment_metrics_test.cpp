#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

// On real cross-attention: cipher_batch_test.cpp.
namespace {
const Eigen::Matrix3d C{{1, 0, 0}, {.5, .5, 0}, {.2, .3, .5}};

/// One-hot rows: target t attends to sources[t] alone.
Eigen::MatrixXd one_hot(const std::vector<Index>& sources, Index count) {
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(static_cast<Index>(sources.size()), count);
  for (std::size_t t = 0; t < sources.size(); ++t) map(static_cast<Index>(t), sources[t]) = 1;
  return map;
}

double largest_difference(const AlignmentMetricsResult& a, const AlignmentMetricsResult& b) {
  double most = 0;
  const auto compare = [&](const auto& x, const auto& y) { most = std::max(most, test::difference(x, y)); };
  compare(a.alignment_entropy, b.alignment_entropy);
  compare(a.normalized_entropy, b.normalized_entropy);
  compare(a.source_coverage, b.source_coverage);
  compare(a.soft_coverage, b.soft_coverage);
  compare(a.coverage_penalty, b.coverage_penalty);
  compare(a.coverage_deviation, b.coverage_deviation);
  compare(a.absent_mindedness_in, b.absent_mindedness_in);
  compare(a.monotonicity, b.monotonicity);
  compare(a.strict_monotonicity, b.strict_monotonicity);
  compare(a.untied_monotonicity, b.untied_monotonicity);
  compare(a.rank_correlation, b.rank_correlation);
  compare(a.agreement, b.agreement);
  for (std::size_t e = 0; e < a.fertility.size(); ++e) {
    compare(a.fertility[e], b.fertility[e]);
    compare(a.soft_fertility[e], b.soft_fertility[e]);
  }
  return a.fertility.size() == b.fertility.size() ? most : 1;
}
}  // namespace

TEST_CASE("alignment metrics of a map that can be computed by hand") {
  const AlignmentMetricsResult m = alignment_metrics(C, {.coverage_threshold = .5});
  CHECK(m.coverage_penalty(0) == Approx(-.9162907319).epsilon(1e-10));  // GNMT: log .8 + log .5
  CHECK(m.alignment_entropy(0) == Approx((std::log(2.) + 1.0296530141) / 3));
  CHECK(m.normalized_entropy(0) == Approx(m.alignment_entropy(0) / std::log(3.)));
  CHECK(m.sharpness(0) == 1 - m.normalized_entropy(0));
  CHECK(m.source_coverage(0) == Approx(1. / 3));  // .5 does not exceed .5
  CHECK(alignment_metrics(C).source_coverage(0) == 1);
  CHECK(m.soft_coverage(0) == Approx((1 + .8 + .5) / 3));
  CHECK(m.coverage_deviation(0) == Approx(-(std::log(1.49) + std::log(1.04) + std::log(1.25)) / 3));
  const double in_first =
      -(1 / 1.7 * std::log(1 / 1.7) + .5 / 1.7 * std::log(.5 / 1.7) + .2 / 1.7 * std::log(.2 / 1.7));
  const double in_second = -(.625 * std::log(.625) + .375 * std::log(.375));
  CHECK(m.absent_mindedness_in(0) == Approx((in_first + in_second + 0) / 3));
  CHECK(m.fertility[0].isApprox(Eigen::RowVector3d(2, 0, 1)));  // the tie of target 1 goes to source 0
  CHECK(m.soft_fertility[0].isApprox(Eigen::RowVector3d(1.7, .8, .5)));
  CHECK(m.agreement(0) == Approx(2 * 2 / 6.));  // 0-0, 1-0, 2-2 and 0-0, 1-1, 2-2
  CHECK(m.targets == 3);
  CHECK(m.sources == 3);
}

TEST_CASE("monotonicity, strict, without ties, and as a rank correlation") {
  const AlignmentMetricsResult m = alignment_metrics(one_hot({0, 0, 2, 1, 3}, 4));
  CHECK(m.monotonicity(0) == .75);
  CHECK(m.strict_monotonicity(0) == .5);
  CHECK(m.untied_monotonicity(0) == Approx(2 / 3.));
  CHECK(m.rank_correlation(0) == Approx(.7378647874));  // scipy: kendalltau([0, 1, 2, 3, 4], [0, 0, 2, 1, 3])
  CHECK(m.alignment_entropy(0) == 0);
  CHECK(m.sharpness(0) == 1);

  const AlignmentMetricsResult back = alignment_metrics(one_hot({3, 2, 1, 0}, 4));
  CHECK(back.monotonicity(0) == 0);
  CHECK(back.rank_correlation(0) == -1);
  CHECK(back.agreement(0) == 1);

  const AlignmentMetricsResult constant = alignment_metrics(one_hot({1, 1, 1}, 4));
  CHECK(constant.monotonicity(0) == 1);
  CHECK(constant.strict_monotonicity(0) == 0);
  CHECK(std::isnan(constant.untied_monotonicity(0)));
  CHECK(std::isnan(constant.rank_correlation(0)));
  CHECK(constant.agreement(0) == .5);
}

TEST_CASE("what is undefined of one target, and of one source token") {
  const AlignmentMetricsResult one_target = alignment_metrics(one_hot({1}, 3));
  CHECK(std::isnan(one_target.monotonicity(0)));
  CHECK(std::isnan(one_target.rank_correlation(0)));
  CHECK(one_target.source_coverage(0) == Approx(1. / 3));
  CHECK(one_target.coverage_penalty(0) == Approx(2 * std::log(1e-10)));
  CHECK(alignment_metrics(one_hot({1}, 3), {.least_coverage = .5}).coverage_penalty(0) ==
        Approx(2 * std::log(.5)));
  CHECK(one_target.absent_mindedness_in(0) == 0);  // of the one token that receives weight
  const AlignmentMetricsResult one_source = alignment_metrics(one_hot({0, 0}, 1));
  CHECK(std::isnan(one_source.sharpness(0)));
  CHECK(one_source.coverage_deviation(0) == Approx(-std::log(2.)));

  const Eigen::MatrixXd nothing = Eigen::MatrixXd::Zero(2, 2);
  const AlignmentMetricsResult none = alignment_metrics(nothing);
  CHECK(none.source_coverage(0) == 0);
  CHECK(std::isnan(none.monotonicity(0)));
  CHECK(std::isnan(none.absent_mindedness_in(0)));
  CHECK(std::isnan(none.agreement(0)));
  CHECK(none.fertility[0].isZero());
  CHECK(AlignmentMetricsMeasure().result().source_coverage.size() == 0);
}

TEST_CASE("permuting targets leaves coverage and fertility alone, not monotonicity") {
  const auto a = test::random_attention<double>(Layout({1, 1, 40, 25}));
  const Eigen::Map<const Eigen::Matrix<double, 40, 25, Eigen::RowMajor>> plain(a.data());
  const Eigen::MatrixXd map = plain, reversed = map.colwise().reverse();
  const AlignmentMetricsResult m = alignment_metrics(map), r = alignment_metrics(reversed);
  CHECK(r.source_coverage == m.source_coverage);
  CHECK(r.soft_coverage(0) == Approx(m.soft_coverage(0)).epsilon(1e-13));
  CHECK(r.coverage_penalty(0) == Approx(m.coverage_penalty(0)).epsilon(1e-13));
  CHECK(r.absent_mindedness_in(0) == Approx(m.absent_mindedness_in(0)).epsilon(1e-13));
  CHECK(r.fertility[0] == m.fertility[0]);
  CHECK(r.agreement == m.agreement);
  CHECK(r.rank_correlation(0) == Approx(-m.rank_correlation(0)));
  CHECK(r.strict_monotonicity(0) == Approx(1 - m.monotonicity(0)));
}

TEST_CASE("transposing swaps the two absent-mindednesses and keeps the agreement") {
  // Columns sum to 1, too, so that the transposed map is attention as well.
  const Eigen::Matrix3d map{{.7, .2, .1}, {.2, .5, .3}, {.1, .3, .6}};
  const Eigen::Matrix3d shifted{{.2, .7, .1}, {.5, .2, .3}, {.3, .1, .6}}, turned = shifted.transpose();
  CHECK(alignment_metrics(shifted).agreement == alignment_metrics(turned).agreement);
  CHECK(alignment_metrics(map).absent_mindedness_in(0) ==
        Approx(alignment_metrics(map).alignment_entropy(0)));
  CHECK(alignment_metrics(shifted).absent_mindedness_in(0) ==
        Approx(alignment_metrics(turned).alignment_entropy(0)));
}

TEMPLATE_TEST_CASE("alignment metrics of a batch padded on either side are those of its sentences", "", float,
                   double) {
  const Layout right({3, 2, 300, 40}, {.query_lengths = {300, 2, 270}, .key_lengths = {12, 40, 33}});
  const Layout left({3, 2, 300, 40}, {.query_lengths = {300, 2, 270},
                                      .key_lengths = {12, 40, 33},
                                      .query_starts = {0, 298, 30},
                                      .key_starts = {28, 0, 7}});
  const auto a = test::random_attention<TestType>(right), b = test::random_attention<TestType>(left);
  const AlignmentMetricsResult m = alignment_metrics(AttentionView(a, right.mask()));
  CHECK(largest_difference(m, alignment_metrics(AttentionView(b, left.mask()))) == 0);
  CHECK(m.targets == 572);
  CHECK(m.sources == 85);

  // The sentences one by one, as three sweeps of one measure.
  AlignmentMetricsMeasure corpus;
  for (Index e = 0; e < 3; ++e) {
    AttentionTensor<TestType> alone(1, 2, right.queries(e), right.keys(e));
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < right.queries(e); ++i)
        for (Index j = 0; j < right.keys(e); ++j) alone(0, h, i, j) = a(e, h, i, j);
    sweep(AttentionView(alone), corpus);
  }
  CHECK(largest_difference(m, corpus.result()) < 1e-12);
}

TEST_CASE("excluded tokens count nowhere") {
  const auto a = test::random_attention<double>(Layout({1, 2, 9, 8}));
  const auto without = exclude_tokens(a, {.queries = {{3, 8}}, .keys = {{0, 5}}, .renormalise = false});
  const AlignmentMetricsResult m = alignment_metrics(without);
  CHECK(m.targets == 7);
  CHECK(m.sources == 6);

  AttentionTensor<double> cut(1, 2, 7, 6);
  const std::vector<Index> targets{0, 1, 2, 4, 5, 6, 7}, sources{1, 2, 3, 4, 6, 7};
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < 7; ++i)
      for (Index j = 0; j < 6; ++j)
        cut(0, h, i, j) = a(0, h, targets[static_cast<std::size_t>(i)], sources[static_cast<std::size_t>(j)]);
  AlignmentMetricsResult plain = alignment_metrics(cut);
  for (auto* numbers : {&plain.fertility[0], &plain.soft_fertility[0]}) {  // tokens keep their places
    const Eigen::MatrixXd packed = *numbers;
    numbers->setZero(2, 8);
    for (Index j = 0; j < 6; ++j) numbers->col(sources[static_cast<std::size_t>(j)]) = packed.col(j);
  }
  CHECK(largest_difference(m, plain) < 1e-14);
}

TEST_CASE("alignment metrics refuse options out of range, and pooling of unlike ones") {
  CHECK(message_of<ValueError>([] { alignment_metrics(C, {.coverage_threshold = 1.5}); }) ==
        "coverage_threshold = 1.5 is not in 0..1");
  CHECK(message_of<ValueError>([] { AlignmentMetricsMeasure({.least_coverage = 0}); }) ==
        "least_coverage = 0 is not above 0 and at most 1");
  CHECK(message_of<ValueError>([] {
          AlignmentMetricsMeasure().merge(AlignmentMetricsMeasure({.coverage_threshold = .2}));
        }) == "cannot pool alignment metrics of other options");
  const Eigen::Matrix2d bad{{.5, .5}, {-.25, .5}};
  CHECK(message_of<ValueError>([&] { alignment_metrics(bad); }) ==
        "batch element 0, head 0, query 1, key 0: the weight -0.25 is negative");
}

TEST_CASE("how little weight spreads is told as well as how much does, in single precision") {
  Eigen::MatrixXf map = Eigen::MatrixXf::Zero(4, 3);
  map.col(0) << .9f, .8f, .7f, .6f;
  // The first number is subnormal.
  for (const float unit : {1e-41f, 1e-37f, 1e-30f, 1e-10f, 1e-3f}) {
    map.col(1) << 6 * unit, 3 * unit, 0, 7 * unit;
    map.col(2).setZero();
    map(2, 2) = unit;  // of one target: no spread, however little it is
    const Eigen::MatrixXd exact = map.cast<double>();
    CHECK(alignment_metrics(map).absent_mindedness_in(0) ==
          Approx(alignment_metrics(exact).absent_mindedness_in(0)).margin(1e-7));
    const Eigen::MatrixXd one = exact.col(2);
    CHECK(alignment_metrics(Eigen::MatrixXf(map.col(2))).absent_mindedness_in(0) <= 1e-7);
    CHECK(alignment_metrics(one).absent_mindedness_in(0) <= 1e-12);
  }
}
