#include <attnscope/attribution/adversarial_attention.hpp>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::explained;

namespace {
/// The output is the attention of the only row: nothing can move unseen.
const AttentionModel everything = [](const Eigen::MatrixXd& attention) -> Eigen::VectorXd {
  return attention.row(0).transpose();
};
const AttentionPullback everything_pullback = [](const Eigen::MatrixXd&, const Eigen::VectorXd& slope) {
  return Eigen::MatrixXd(slope.transpose());
};
const AttentionModel nothing = [](const Eigen::MatrixXd&) -> Eigen::VectorXd {
  return Eigen::Vector2d(.3, .7);
};
const AttentionPullback nothing_pullback = [](const Eigen::MatrixXd& attention, const Eigen::VectorXd&) {
  return Eigen::MatrixXd(Eigen::MatrixXd::Zero(attention.rows(), attention.cols()));
};

/// All weight on the token that had the least.
double furthest(const AttentionRows& rows) {
  Eigen::MatrixXd corners = Eigen::MatrixXd::Zero(rows.attention.rows(), rows.attention.cols());
  for (Index row = 0; row < corners.rows(); ++row) {
    Index least = -1;
    for (Index token = 0; token < corners.cols(); ++token)
      if (detail::sees(rows, row, token) &&
          (least < 0 || rows.attention(row, token) < rows.attention(row, least)))
        least = token;
    if (least >= 0) corners(row, least) = rows.attention.row(row).sum();
  }
  return attention_distance(rows, corners);
}
}  // namespace

TEST_CASE("attention that does not matter can be anywhere: the adversary reaches the furthest corner") {
  const CounterfactualAttention model(test::attention_of(4, 6), nothing);
  const auto result = adversarial_attention(model, nothing_pullback);
  CHECK(result.found);
  CHECK(result.output_distance == 0);
  CHECK(result.jensen_shannon == Approx(furthest(model.rows())).epsilon(1e-3));
  CHECK(result.jensen_shannon <= furthest(model.rows()) + 1e-12);
  CHECK(result.jensen_shannon == attention_distance(model.rows(), result.attention));
}

TEST_CASE("attention that is everything: the adversary stays within the tolerance, and uses all of it") {
  AttentionRows rows{Eigen::MatrixXd(1, 2)};
  rows.attention << .8, .2;
  const CounterfactualAttention model(rows, everything);
  for (const double tolerance : {.01, .1}) {
    const auto result = adversarial_attention(model, everything_pullback, {.tolerance = tolerance});
    const Eigen::Vector2d up(.8 + tolerance, .2 - tolerance), p(.8, .2);
    CHECK(result.found);
    CHECK(result.output_distance <= tolerance);
    CHECK(result.output_distance == Approx(tolerance).epsilon(1e-4));
    CHECK(result.jensen_shannon == Approx(jensen_shannon(p, up)).epsilon(1e-3));  // by hand: the nearer edge
  }
}

TEST_CASE("a model between both: within 3 % of the best distribution on a fine grid") {
  const CounterfactualAttention model(test::attention_of(1, 3), test::classes);
  for (const double tolerance : {.01, .05, .2}) {
    const auto result = adversarial_attention(model, test::classes_pullback, {.tolerance = tolerance});
    CHECK(result.output_distance <= tolerance);
    CHECK(result.jensen_shannon > .97 * explained(fmt::format("adversary.{}", tolerance)));
    CHECK(result.output == test::classes(result.attention));
    CHECK(result.output_distance == total_variation(model.output(), result.output));
    CHECK(result.best_of_starts.size() == 6);
    CHECK(result.best_of_starts.maxCoeff() == result.jensen_shannon);
    CHECK(result.evaluations <= 6 * 320);
  }
}

TEST_CASE("the slopes that the search follows are those of what it follows") {
  AttentionRows rows = test::attention_of(3, 4);
  rows.visible = VisibleTokens::Constant(3, 4, true);
  rows.visible(0, 1) = false;
  rows.visible.row(2) << false, true, false, false;
  rows.attention(0, 1) = 0;
  rows.attention.row(2) << 0, 1, 0, 0;
  const Eigen::MatrixXd logits = test::wave(3, 4, 1), q = detail::attention_of_logits(rows, logits);
  CHECK(q.row(0).sum() == Approx(rows.attention.row(0).sum()));
  CHECK(q(0, 1) == 0);
  CHECK(q.row(2) == rows.attention.row(2));
  const Eigen::MatrixXd slope = detail::slope_of_logits(rows, q, detail::slope_of_distance(rows, q));
  const double step = 1e-6;
  for (Index row = 0; row < 3; ++row)
    for (Index token = 0; token < 4; ++token) {
      const auto at = [&](double moved) {
        Eigen::MatrixXd there = logits;
        there(row, token) += moved;
        return attention_distance(rows, detail::attention_of_logits(rows, there));
      };
      CHECK(slope(row, token) == Approx((at(step) - at(-step)) / (2 * step)).margin(1e-9));
    }
  const Eigen::VectorXd whole = Eigen::Vector3d(.2, .5, .3), output = Eigen::Vector3d(.4, .5, .1);
  CHECK(detail::slope_of_output_distance(whole, output) == Eigen::Vector3d(.5, 0, -.5));
  CHECK(detail::slope_of_output_distance(whole.head(1), output.head(1))(0) == 1);
}

TEST_CASE("hidden tokens, rows that cannot change and mass that is missing stay as they are") {
  AttentionRows rows = test::attention_of(4, 4);
  rows.visible = VisibleTokens::Constant(4, 4, true);
  rows.visible.row(0) << true, false, false, false;
  rows.visible(1, 0) = false;
  rows.attention.row(0) << 1, 0, 0, 0;
  rows.attention(1, 0) = 0;
  rows.visible.row(3).setConstant(false);
  rows.attention.row(3).setZero();
  const CounterfactualAttention model(rows, nothing);
  const auto result = adversarial_attention(model, nothing_pullback, {.starts = 2, .iterations = 200});
  CHECK(result.attention.row(0) == rows.attention.row(0));
  CHECK(result.attention(1, 0) == 0);
  CHECK(result.attention.row(3).isZero());
  CHECK(result.attention.row(1).sum() == Approx(rows.attention.row(1).sum()));
  CHECK(result.jensen_shannon == Approx(furthest(rows)).epsilon(2e-3));
}

TEST_CASE("where nothing else is within the tolerance the attention itself is the answer, and it says so") {
  AttentionRows fixed{Eigen::MatrixXd::Ones(3, 1)};
  const auto alone =
      adversarial_attention({fixed, nothing}, nothing_pullback, {.starts = 1, .iterations = 5});
  CHECK(!alone.found);
  CHECK(alone.attention == fixed.attention);
  CHECK(alone.jensen_shannon == 0);
  // A model that jumps as soon as the attention moves.
  const AttentionRows rows = test::attention_of(2, 3);
  const AttentionModel jumps = [&](const Eigen::MatrixXd& attention) -> Eigen::VectorXd {
    return Eigen::VectorXd::Constant(1, attention == rows.attention ? 0 : 1);
  };
  const auto result = adversarial_attention({rows, jumps}, nothing_pullback, {.starts = 2, .iterations = 20});
  CHECK(!result.found);
  CHECK(result.attention == rows.attention);
  CHECK(result.output == Eigen::VectorXd::Zero(1));
  CHECK(result.output_distance == 0);
  CHECK(result.best_of_starts == Eigen::Vector2d(0, 0));
  CHECK(result.evaluations == 2 * 40);
}

TEST_CASE("the same for the same seed; more tolerance reaches at least as far") {
  const CounterfactualAttention model(test::attention_of(2, 5), test::classes);
  const auto search = [&](double tolerance, std::uint64_t seed) {
    return adversarial_attention(model, test::classes_pullback,
                                 {.tolerance = tolerance, .starts = 3, .iterations = 200, .seed = seed});
  };
  CHECK(search(.02, 1).attention == search(.02, 1).attention);
  CHECK(search(.02, 1).best_of_starts != search(.02, 2).best_of_starts);
  CHECK(search(.02, 1).jensen_shannon < search(.2, 1).jensen_shannon);
  CHECK(search(0, 1).output_distance == 0);
}

TEST_CASE("bad options, bad gradients, and stopping") {
  const CounterfactualAttention model(test::attention_of(2, 5), test::classes);
  const auto value = [&](const AdversarialAttentionOptions& options) {
    return message_of<ValueError>([&] { adversarial_attention(model, test::classes_pullback, options); });
  };
  CHECK(value({.tolerance = -.1}) == "tolerance = -0.1 is below 0");
  CHECK(value({.tolerance = NAN}) == "tolerance = nan is below 0");
  CHECK(value({.starts = 0}) == "starts = 0 is less than 1");
  CHECK(value({.iterations = 0}) == "iterations = 0 is less than 1");
  CHECK(value({.learning_rate = 0}) == "learning_rate = 0 is not above 0");
  const AttentionPullback is_nan = [](const Eigen::MatrixXd& attention, const Eigen::VectorXd&) {
    Eigen::MatrixXd slope = Eigen::MatrixXd::Zero(attention.rows(), attention.cols());
    slope(1, 3) = NAN;
    return slope;
  };
  CHECK(message_of<ValueError>([&] { adversarial_attention(model, is_nan); }) ==
        "start 0: iteration 0: the attention gradient[1, 3] is nan");
  const AttentionPullback turned = [](const Eigen::MatrixXd& attention, const Eigen::VectorXd&) {
    return Eigen::MatrixXd(attention.transpose());
  };
  CHECK(message_of<ShapeError>([&] { adversarial_attention(model, turned); }) ==
        "start 0: iteration 0: the attention gradient is [5 x 2], but the attention is [2 x 5]");
  std::pair<Index, Index> last;
  CHECK_THROWS_AS(adversarial_attention(model, test::classes_pullback, {},
                                        [&](Index done, Index total) {
                                          last = {done, total};
                                          return done < 500;
                                        }),
                  Stopped);
  CHECK(last == std::pair<Index, Index>{500, 6 * 320});
}

TEST_CASE("where no row can change, the model is not asked again") {
  Index asked = 0;
  const CounterfactualAttention model({Eigen::MatrixXd::Ones(2, 1)},
                                      [&](const Eigen::MatrixXd&) -> Eigen::VectorXd {
                                        ++asked;
                                        return Eigen::Vector2d(.3, .7);
                                      });
  const auto result = adversarial_attention(model, nothing_pullback);
  CHECK(!result.found);
  CHECK(asked == 1);
  CHECK(result.evaluations == 0);
  CHECK(result.best_of_starts == Eigen::VectorXd::Zero(6));
}
