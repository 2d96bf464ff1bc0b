#include <attnscope/attribution/attention_rows.hpp>
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include "attribution/explained_models.hpp"

using namespace attnscope;
using test::wave;

namespace {
const AttentionModel classes = test::classes;

/// [2 x 2 x 3 x 3] with one of the examples padded on the left; padding holds NaN.
AttentionTensor<float> stored() {
  AttentionTensor<float> tensor(2, 2, 3, 3);
  tensor.setConstant(NAN);
  for (int h = 0; h < 2; ++h) {
    const float part = h == 0 ? .25f : .5f;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j <= i; ++j)
        tensor(0, h, i, j) = j == i ? 1 - static_cast<float>(i) * part / 2 : part / 2;
    for (int i = 1; i < 3; ++i)
      for (int j = 1; j <= i; ++j) tensor(1, h, i, j) = i == 1 ? 1 : (j == 1 ? part : 1 - part);
  }
  return tensor;
}
}  // namespace

TEST_CASE("rows of an example: true tokens, what the mask hides, who is left out") {
  const AttentionTensor<float> tensor = stored();
  Mask mask = self_padding({3, 2}, {0, 1}, {.causal = true});
  const AttentionRows first = attention_rows(AttentionView(tensor, mask));
  REQUIRE(first.attention.rows() == 6);
  CHECK(first.attention.row(5).isApprox(Eigen::RowVector3d(.25, .25, .5), 1e-7));
  CHECK(first.attention.row(2).isApprox(Eigen::RowVector3d(.125, .125, .75), 1e-7));
  for (Index row = 0; row < 6; ++row)
    for (Index key = 0; key < 3; ++key) CHECK(first.visible(row, key) == (key <= row % 3));

  const AttentionRows second = attention_rows(AttentionView(tensor, mask), 1);
  REQUIRE(second.attention.rows() == 4);
  REQUIRE(second.attention.cols() == 2);
  CHECK(second.attention.row(1).isApprox(Eigen::RowVector2d(.25, .75), 1e-7));
  CHECK(second.visible.row(0).count() == 1);

  mask.excluded_queries = {{1}, {}};
  mask.excluded_keys = {{0}, {}};
  const AttentionRows some = attention_rows(AttentionView(tensor, mask));
  CHECK(some.attention.row(1).isZero());
  CHECK(some.visible.row(1).count() == 0);
  CHECK(some.visible.col(0).count() == 0);
  CHECK(some.attention(5, 0) == 0);
  CHECK(some.attention(5, 1) == Approx(.25).epsilon(1e-7));
}

TEST_CASE("rows of bad attention are named") {
  AttentionTensor<float> tensor = stored();
  const Mask mask = self_padding({3, 2}, {0, 1}, {.causal = true});
  CHECK(message_of<ShapeError>([&] { attention_rows(AttentionView(tensor, mask), 2); }) ==
        "batch element 2 of 2");
  tensor(0, 1, 2, 1) = NAN;
  CHECK(message_of<ValueError>([&] { attention_rows(AttentionView(tensor, mask)); }) ==
        "batch element 0, head 1, query 2, token 1: the weight is nan");
  tensor(0, 1, 2, 1) = 2;
  CHECK(message_of<ValueError>([&] { attention_rows(AttentionView(tensor, mask)); }) ==
        "batch element 0, head 1, query 2: the weights sum to 2.75, more than 1");
}

TEST_CASE("the distance of attention is the mean over rows that can differ") {
  AttentionRows rows{Eigen::MatrixXd(3, 3), VisibleTokens::Constant(3, 3, true)};
  rows.attention << 1, 0, 0, .5, .5, 0, .5, .3, .2;
  rows.visible.row(0) << true, false, false;
  rows.visible(1, 2) = false;
  Eigen::MatrixXd changed = rows.attention;
  CHECK(attention_distance(rows, changed) == 0);
  changed.row(2) << .2, .5, .3;
  CHECK(attention_distance(rows, changed) == Approx(.0508746125 / 2).epsilon(1e-9));
  changed.row(1) << 1, 0, 0;
  CHECK(attention_distance(rows, changed) ==
        Approx((.0508746125 + jensen_shannon(Eigen::Vector2d(.5, .5), Eigen::Vector2d(1, 0))) / 2)
            .epsilon(1e-9));
  CHECK(attention_distance({Eigen::MatrixXd::Ones(4, 1)}, Eigen::MatrixXd::Ones(4, 1)) == 0);
  CHECK(attention_distance({Eigen::MatrixXd::Zero(2, 3)}, Eigen::MatrixXd::Zero(2, 3)) == 0);
  CHECK(attention_distance({}, {}) == 0);
}

TEST_CASE("the effect of other attention") {
  const AttentionRows rows = test::attention_of(2, 5);
  const CounterfactualAttention model(rows, classes);
  CHECK(model.output() == test::classes(rows.attention));
  const AttentionEffect none = model.effect_of(rows.attention);
  CHECK(none.output_distance == 0);
  CHECK(none.jensen_shannon == 0);
  const Eigen::MatrixXd other = rows.attention.rowwise().reverse();
  const AttentionEffect effect = model.effect_of(other);
  CHECK(effect.output == test::classes(other));
  CHECK(effect.output_distance == total_variation(model.output(), effect.output));
  CHECK(effect.jensen_shannon == attention_distance(rows, other));
}

TEST_CASE("attention that cannot be, and outputs that are none") {
  AttentionRows rows = test::attention_of(2, 5);
  const CounterfactualAttention model(rows, classes);
  const auto refused = [&](auto&& change) {
    Eigen::MatrixXd changed = rows.attention;
    change(changed);
    try {
      model.effect_of(changed);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  CHECK(refused([](auto& a) { a(1, 3) = -.5; }) == "row 1, token 3: the weight is -0.5");
  CHECK(refused([](auto& a) { a(0, 2) = INFINITY; }) == "row 0, token 2: the weight is inf");
  CHECK(refused([](auto& a) { a.row(1).setConstant(.5); }) == "row 1: the weights sum to 2.5, more than 1");
  CHECK(refused([](auto& a) { a = a.leftCols(2).eval(); }) == "attention [2 x 2] in the place of [2 x 5]");

  rows.visible = VisibleTokens::Constant(2, 5, true);
  rows.visible(1, 4) = false;
  rows.attention(1, 4) = .25;
  CHECK(message_of<ValueError>([&] { CounterfactualAttention(rows, classes); }) ==
        "row 1, token 4: the weight is 0.25, but hidden");
  rows.visible = VisibleTokens::Constant(2, 4, true);
  CHECK(message_of<ShapeError>([&] { CounterfactualAttention(rows, classes); }) ==
        "visible is [2 x 4], but the attention [2 x 5]");
  rows.visible = {};
  const auto with_output = [&](const Eigen::VectorXd& output) {
    return [output](const Eigen::MatrixXd&) { return output; };
  };
  rows = test::attention_of(2, 5);
  CHECK(message_of<ValueError>([&] { CounterfactualAttention(rows, with_output(Eigen::Vector2d(3, -3))); }) ==
        "outputs that are no class probabilities: p[1] is -3");
  CHECK(message_of<ValueError>([&] {
          CounterfactualAttention(rows, with_output(Eigen::Vector2d(1, NAN)));
        }) == "the model's output[1] is nan for the attention as it is");
  Index asked = 0;
  const CounterfactualAttention unsteady(rows, [&](const Eigen::MatrixXd&) -> Eigen::VectorXd {
    ++asked;
    return Eigen::VectorXd::Constant(asked, 1 / static_cast<double>(asked));
  });
  CHECK(message_of<ShapeError>([&] { unsteady.effect_of(rows.attention); }) ==
        "the model's output has 2 numbers for changed attention, not 1");
}
