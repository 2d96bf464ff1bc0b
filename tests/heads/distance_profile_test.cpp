#include <attnscope/heads/distance_profile.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

/// From the definition, weight by weight. [head x bin], the row behind the heads is the uniform one.
template <typename Scalar>
Eigen::MatrixXd plain_profile(const AttentionTensor<Scalar>& a, const Layout& layout,
                              const std::vector<Range>& bins) {
  const Shape& s = layout.shape();
  Eigen::MatrixXd mass = Eigen::MatrixXd::Zero(s.heads + 1, static_cast<Index>(bins.size()));
  double rows = 0;
  for (Index b = 0; b < s.batch; ++b)
    for (Index i = 0; i < layout.queries(b); ++i) {
      const Range seen = layout.visible(b, i);
      rows += 1;
      for (Index j = seen.first; j < seen.last; ++j) {
        const Index distance = std::abs(layout.position(b, i) - j);
        Index bin = 0;
        while (distance >= bins[static_cast<std::size_t>(bin)].last) ++bin;
        for (Index h = 0; h < s.heads; ++h)
          mass(h, bin) += static_cast<double>(a(b, h, layout.query_start(b) + i, layout.key_start(b) + j));
        mass(s.heads, bin) += 1 / static_cast<double>(seen.size());
      }
    }
  return mass / rows;
}

}  // namespace

TEST_CASE("the profile is that of plain loops, whatever the mask") {
  for (const Mask& mask : {Mask{}, self_padding({70, 41}, {}, {.causal = true}),
                           self_padding({70, 9}, {0, 61}, {.causal = true, .sliding_window = 20}),
                           self_padding({33, 70}, {37, 0})}) {
    const Layout layout({2, 3, 70, 70}, mask);
    const auto a = test::random_attention<double>(layout);
    for (const double base : {2., 1.3, 10.}) {
      const auto profile = distance_profile(AttentionView<double>(a, mask), {.base = base});
      const Eigen::MatrixXd plain = plain_profile(a, layout, profile.distances);
      CHECK((profile.mass - plain.topRows(3)).cwiseAbs().maxCoeff() < 1e-13);
      CHECK((profile.uniform - plain.row(3)).cwiseAbs().maxCoeff() < 1e-13);
      CHECK((profile.mass.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-13);
    }
  }
}

TEST_CASE("bins double, end where no query sees farther, and are as fine as tokens at least") {
  const auto of = [](Index n, double base, Mask mask = {}) {
    const auto a = test::random_attention<float>(Layout({1, 1, n, n}, mask));
    return distance_profile(AttentionView<float>(a, mask), {.base = base}).distances;
  };
  CHECK(of(9, 2) == std::vector<Range>{{0, 1}, {1, 2}, {2, 4}, {4, 8}, {8, 16}});
  CHECK(of(8, 2) == std::vector<Range>{{0, 1}, {1, 2}, {2, 4}, {4, 8}});
  CHECK(of(9, 2, {.causal = true, .sliding_window = 3}) == std::vector<Range>{{0, 1}, {1, 2}, {2, 4}});
  CHECK(of(8, 1.5) == std::vector<Range>{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 6}, {6, 9}});
  CHECK(of(1, 2) == std::vector<Range>{{0, 1}});
  CHECK(of(3, 1e300) == std::vector<Range>{{0, 1}, {1, Index{1} << 62}});
}

TEST_CASE("a head at a fixed distance has its mass there; distances count from where the query stands") {
  Eigen::MatrixXd back = Eigen::MatrixXd::Zero(40, 40);
  for (Index i = 0; i < 40; ++i) back(i, std::max<Index>(0, i - 5)) = 1;
  const auto profile = distance_profile(AttentionView(back, {.causal = true}));
  CHECK(profile.mass(0, 3) == Approx(36. / 40));  // the rows 4, whose own distance is 4, and 5 .. 39
  CHECK(profile.uniform(0, 0) == Approx((1 +
                                         [] {
                                           double more = 0;
                                           for (int n = 2; n <= 40; ++n) more += 1. / n;
                                           return more;
                                         }()) /
                                        40));

  Eigen::MatrixXd cached = Eigen::MatrixXd::Zero(2, 6);  // a step of generation: two queries, six keys
  cached(0, 4) = cached(1, 2) = 1;
  const auto step = distance_profile(AttentionView(cached, {.causal = true, .query_offset = 4}));
  CHECK(step.mass == (Eigen::RowVectorXd(4) << .5, 0, .5, 0).finished());
}

TEST_CASE("excluded keys count neither in the mass nor in the baseline, nor do bins of them alone") {
  Eigen::MatrixXd a = Eigen::MatrixXd::Constant(1, 6, 1. / 6);
  const auto profile = distance_profile(exclude_tokens(a, {.keys = {{0, 4, 5}}}));
  CHECK(profile.distances.size() == 3);
  CHECK(profile.mass.isApprox((Eigen::RowVectorXd(3) << 0, 1. / 3, 2. / 3).finished()));
  CHECK(profile.mass.isApprox(profile.uniform));
}

TEST_CASE("examples of unlike lengths pool in any order, and threads change no bit") {
  const auto s = test::random_attention<float>(Layout({1, 2, 6, 6}), 1);
  const auto l = test::random_attention<float>(Layout({1, 2, 900, 900}), 2);
  DistanceProfileMeasure one, other;
  sweep(s, one), sweep(l, one);
  sweep(l, other), sweep(s, other);
  CHECK(one.result().distances == other.result().distances);
  CHECK(one.result().mass.isApprox(other.result().mass, 1e-14));
  CHECK(one.result().mass.isApprox(
      (6 * (Eigen::MatrixXd(2, 11) << distance_profile(s).mass, Eigen::MatrixXd::Zero(2, 7)).finished() +
       900 * distance_profile(l).mass) /
          906,
      1e-13));
  CHECK(distance_profile(l, {}, {.threads = 1}).mass == distance_profile(l, {}, {.threads = 3}).mass);
}

TEST_CASE("no rows, rows that see nothing, bases that are none, other heads") {
  CHECK(distance_profile(Eigen::MatrixXd(0, 4)).distances.empty());
  const Eigen::MatrixXd blind = Eigen::MatrixXd::Zero(3, 2);
  CHECK(distance_profile(AttentionView(blind, {.causal = true, .query_offset = -5})).mass.size() == 0);
  CHECK(message_of<ValueError>([] { DistanceProfileMeasure({.base = 1}); }) == "base = 1 is not above 1");
  CHECK_THROWS_AS(DistanceProfileMeasure({.base = undefined}), ValueError);
  CHECK(message_of<ValueError>([] { DistanceProfileMeasure().merge(DistanceProfileMeasure({.base = 3})); }) ==
        "cannot pool distance profiles of bases 2 and 3");
  DistanceProfileMeasure two;
  sweep(test::random_attention<float>(Layout({1, 2, 6, 6})), two);
  CHECK_THROWS_AS(sweep(test::random_attention<float>(Layout({1, 3, 60, 60})), two), ShapeError);
}
