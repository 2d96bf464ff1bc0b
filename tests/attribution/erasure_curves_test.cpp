#include <attnscope/attribution/erasure_curves.hpp>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::explained, test::wave;

namespace {
void check_curves(const ErasureCurves& curves, const std::string& name) {
  for (Index k = 0; k < curves.comprehensiveness.size(); ++k) {
    CHECK(curves.comprehensiveness(k) ==
          Approx(explained(fmt::format("curves.{}.comprehensiveness.{}", name, k)))
              .epsilon(1e-11)
              .margin(1e-14));
    CHECK(curves.sufficiency(k) ==
          Approx(explained(fmt::format("curves.{}.sufficiency.{}", name, k))).epsilon(1e-11).margin(1e-14));
  }
  CHECK(curves.comprehensiveness_area == Approx(explained("curves." + name + ".comprehensiveness_area")));
  CHECK(curves.sufficiency_area == Approx(explained("curves." + name + ".sufficiency_area")));
}

/// The sum of the weights of what is kept.
TokenMaskModel linear(const Eigen::VectorXd& weights) {
  return [weights](const TokenMask& kept) {
    double sum = 0;
    for (std::size_t token = 0; token < kept.size(); ++token)
      if (kept[token]) sum += weights(static_cast<Index>(token));
    return Eigen::VectorXd::Constant(1, sum);
  };
}
const Eigen::VectorXd weights = Eigen::Vector4d(.1, .4, .2, .3);
}  // namespace

TEST_CASE("the curves of the script, at shares and token by token") {
  MaskedTokens model(11, test::classes_of_text);
  const Eigen::VectorXd scores = wave(11, 1, 2);
  const ErasureCurves shares = erasure_curves(model, scores);
  CHECK(shares.tokens == std::vector<Index>{1, 1, 2, 3, 6});
  CHECK(shares.of_class == 0);
  CHECK(shares.output == test::classes_of_text(model.all())(0));
  check_curves(shares, "shares");
  CHECK(model.evaluations() == 9);  // 1 % and 5 % are one token
  const ErasureCurves every = erasure_curves(model, scores, {.shares = {}});
  REQUIRE(every.tokens.size() == 11);
  check_curves(every, "every");
  CHECK(every.sufficiency(10) == 0);
}

TEST_CASE("a linear model: its own weights are the best scores there are, turned the worst") {
  MaskedTokens model(4, linear(weights));
  const ErasureCurves best = erasure_curves(model, weights, {.shares = {}});
  CHECK(best.comprehensiveness.isApprox(Eigen::Vector4d(.4, .7, .9, 1), 1e-14));
  CHECK(best.sufficiency.isApprox(Eigen::Vector4d(.6, .3, .1, 0), 1e-14));
  CHECK(best.comprehensiveness_area == Approx(.75));
  CHECK(best.sufficiency_area == Approx(.25));
  const ErasureCurves worst = erasure_curves(model, -weights, {.shares = {}});
  CHECK(worst.comprehensiveness_area == Approx(.5));
  const RandomErasureCurves random = random_erasure_curves(model, {.orders = 300, .erasure = {.shares = {}}});
  CHECK(random.mean.comprehensiveness_area == Approx(.625).margin(.02));  // by hand: the mean of all orders
  CHECK(random.mean.sufficiency_area == Approx(.375).margin(.02));
  // One order in 24 is the best one, all are as good as the worst.
  CHECK(random.share_as_comprehensive(best) == Approx(1. / 24).margin(.03));
  CHECK(random.share_as_comprehensive(best) > 0);
  CHECK(random.share_as_comprehensive(worst) == 1);
  CHECK(random.share_as_sufficient(best) == random.share_as_comprehensive(best));
  CHECK(random.share_as_sufficient(worst) == 1);
  CHECK(model.evaluations() == 16);  // every subset, asked once
}

TEST_CASE("the random baseline of the script") {
  MaskedTokens model(11, test::classes_of_text);
  const auto random = random_erasure_curves(model, {.seed = 9});
  CHECK(random.orders.size() == 20);
  CHECK(random.mean.comprehensiveness_area ==
        Approx(explained("random.comprehensiveness_area")).epsilon(1e-11));
  CHECK(random.mean.sufficiency_area == Approx(explained("random.sufficiency_area")).epsilon(1e-11));
  CHECK(random_erasure_curves(model, {.seed = 10}).mean.comprehensiveness_area !=
        random.mean.comprehensiveness_area);
}

TEST_CASE("equal scores go by place, excluded tokens stay, a share is rounded up") {
  MaskedTokens model(4, linear(weights));
  const ErasureCurves tied = erasure_curves(model, Eigen::Vector4d::Zero(), {.shares = {.25}});
  CHECK(tied.comprehensiveness(0) == Approx(.1));  // token 0
  Eigen::VectorXd scores = weights;
  scores(1) = NAN;  // of an excluded token nothing counts
  const ErasureCurves some = erasure_curves(model, scores, {.shares = {.01, 1}, .excluded = {1}});
  CHECK(some.tokens == std::vector<Index>{1, 3});
  CHECK(some.comprehensiveness.isApprox(Eigen::Vector2d(.3, .6), 1e-14));
  CHECK(some.sufficiency.isApprox(Eigen::Vector2d(.3, 0), 1e-14));
  CHECK(detail::erased_tokens(100, {.07, .071}) == std::vector<Index>{7, 8});
  const auto random =
      random_erasure_curves(model, {.orders = 3, .erasure = {.shares = {1}, .excluded = {1}}});
  CHECK(random.mean.comprehensiveness(0) == Approx(.6));
}

TEST_CASE("a class of choice") {
  MaskedTokens model(11, test::classes_of_text);
  const ErasureCurves curves = erasure_curves(model, wave(11, 1, 2), {.shares = {1}, .of_class = 2});
  CHECK(curves.output == test::classes_of_text(model.all())(2));
  CHECK(curves.comprehensiveness(0) == curves.output - test::classes_of_text(TokenMask(11, false))(2));
}

TEST_CASE("what cannot be erased") {
  MaskedTokens model(4, linear(weights));
  const auto value = [&](const ErasureOptions& options) {
    return message_of<ValueError>([&] { erasure_curves(model, weights, options); });
  };
  CHECK(value({.shares = {.1, 0}}) == "shares[1] = 0 is not above 0 and at most 1");
  CHECK(value({.shares = {1.5}}) == "shares[0] = 1.5 is not above 0 and at most 1");
  CHECK(value({.shares = {NAN}}) == "shares[0] = nan is not above 0 and at most 1");
  CHECK(value({.shares = {.2, .2}}) == "shares[1] = 0.2 is not above 0.2");
  CHECK(value({.excluded = {0, 1, 2, 3}}) == "no token may be erased");
  CHECK(message_of<ShapeError>([&] { erasure_curves(model, Eigen::Vector3d::Zero()); }) ==
        "3 scores for a text of 4 tokens");
  CHECK(message_of<ShapeError>([&] { erasure_curves(model, weights, {.of_class = 1}); }) ==
        "class 1 of an output of 1 numbers");
  CHECK(message_of<ValueError>([&] { erasure_curves(model, Eigen::Vector4d(0, 0, NAN, 0)); }) ==
        "scores[2] is nan");
  CHECK(message_of<ValueError>([&] { random_erasure_curves(model, {.orders = 0}); }) ==
        "orders = 0 is less than 1");
  std::pair<Index, Index> last;
  const ScoreProgress progress = [&](Index done, Index total) {
    last = {done, total};
    return true;
  };
  erasure_curves(model, weights, {}, progress);
  CHECK(last == std::pair<Index, Index>{11, 11});
  random_erasure_curves(model, {.orders = 3}, progress);
  CHECK(last == std::pair<Index, Index>{33, 33});
  CHECK_THROWS_AS(erasure_curves(model, weights, {}, [](Index, Index) { return false; }), Stopped);
}

TEST_CASE("a share above 0 is one token at least") {
  MaskedTokens model(4, linear(weights));
  CHECK(erasure_curves(model, weights, {.shares = {1e-10, .5}}).tokens == std::vector<Index>{1, 2});
}
