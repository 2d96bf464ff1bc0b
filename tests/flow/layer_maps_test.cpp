#include <attnscope/flow/layer_maps.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "flow/stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;

namespace {
const LayerMapOptions as_it_is{.residual = 0};
}

TEST_CASE("maps of every fusion and discard are those of numpy") {
  struct Case {
    LayerMapOptions options;
    std::array<double, 5> row;  // 2 of layer 1
  };
  const std::vector<Case> cases{
      {{}, {{.101668045216, .126056888154, .587388567227, .111777410165, .073109089238}}},
      {{.fusion = HeadFusion::max}, {{.118402777778, .135416666667, .527430555556, .121875, .096875}}},
      {{.fusion = HeadFusion::min, .residual = .3},
       {{.154132791328, .122515808491, .532859078591, .098012646793, .092479674797}}},
      {{.head_weights = {1, 0, 3}, .residual = .2},
       {{.130107526882, .254659498208, .305197132616, .229749103943, .080286738351}}},
      {{.fusion = HeadFusion::max, .normalise = false},
       {{.141025641026, .161290322581, .628205128205, .145161290323, .115384615385}}},
      {{.discard = .5, .protected_keys = {0}},
       {{.121105135679, .150156684046, .59559095201, .133147228266, 0}}},
      {{.discard = .4, .discard_per = DiscardPer::map, .protected_keys = {2}, .protect_own = true},
       {{.109687174657, .135999702543, .633719200833, .120593921967, 0}}}};
  for (const Case& each : cases) {
    const auto maps = layer_maps(test::made_layers(), 0, each.options);
    REQUIRE(maps.size() == 3);
    CHECK(test::difference(maps[1].row(2), Eigen::Map<const Eigen::Matrix<double, 1, 5>>(each.row.data())) <
          1e-11);
    if (each.options.normalise)
      for (const MatrixXd& map : maps) CHECK((map.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-14);
  }
}

TEST_CASE("a discard takes as many weights as it says, equal ones from the first on") {
  const MatrixXd a{{.25, .25, .25, .25}, {.1, .2, .3, .4}, {.4, .3, .2, .1}, {.7, .1, .1, .1}};
  const MatrixXd half{{0, 0, .25, .25}, {0, 0, .3, .4}, {.4, .3, 0, 0}, {.7, 0, 0, .1}};
  LayerMapOptions options{.discard = .5, .residual = 0, .normalise = false};
  CHECK(layer_map(a, 0, options) == half);
  options.discard_per = DiscardPer::map;
  const MatrixXd of_map{{.25, .25, .25, .25}, {0, 0, .3, .4}, {.4, .3, 0, 0}, {.7, 0, 0, 0}};
  options.discard = 7. / 16;  // five of .1 and two of .2
  CHECK(layer_map(a, 0, options) == of_map);
  options.discard = 4. / 16;  // the last .1 is beyond the count
  CHECK(layer_map(a, 0, options).row(3) == Eigen::RowVector4d(.7, 0, 0, .1));
  options.protected_keys = {1, 77};  // no more are taken in place of what is kept
  CHECK(layer_map(a, 0, options).row(3) == Eigen::RowVector4d(.7, .1, 0, .1));
  options = {.discard = .29, .residual = 0};  // of 100, though 100 * .29 < 29 in binary fractions
  const MatrixXd wide = MatrixXd::Constant(100, 100, .01);
  CHECK((layer_map(wide, 0, options).array() == 0).rowwise().count().maxCoeff() == 29);
}

TEST_CASE("a discard counts what the mask shows") {
  const MatrixXd causal{{1, 0, 0}, {.4, .6, 0}, {.2, .3, .5}};
  const LayerMapOptions options{.discard = .5, .residual = 0, .normalise = false};
  const MatrixXd left{{1, 0, 0}, {0, .6, 0}, {0, .3, .5}};
  CHECK(layer_map(AttentionView(causal, {.causal = true}), 0, options) == left);
  const MatrixXd a{{.1, .2, .3, .4}, {.1, .2, .3, .4}, {.1, .2, .3, .4}, {.1, .2, .3, .4}};
  const auto no_last = exclude_tokens(a, {.queries = {{1}}, .keys = {{3}}, .renormalise = false});
  const Eigen::RowVector4d of_three(0, .2, .3, 0);
  CHECK(layer_map(no_last, 0, {.discard = .34, .residual = 0, .normalise = false}).row(2) == of_three);
  const MatrixXd per_map = layer_map(
      no_last, 0, {.discard = .34, .discard_per = DiscardPer::map, .residual = 0, .normalise = false});
  CHECK(per_map.row(2) == of_three);  // 3 of 9
  CHECK(per_map.row(1).isZero(0));
}

TEST_CASE("a row without weight keeps its residual alone") {
  MatrixXd a = MatrixXd::Constant(4, 4, .25);
  a.row(2).setZero();
  const auto source = exclude_tokens(a, {.queries = {{0}}});
  for (const double residual : {.5, 1.}) {
    const MatrixXd map = layer_map(source, 0, {.residual = residual});
    CHECK(map.row(0) == MatrixXd::Identity(4, 4).row(0));
    CHECK(map.row(2) == MatrixXd::Identity(4, 4).row(2));
    CHECK(map.row(3) == (residual * MatrixXd::Identity(4, 4).row(3).array() + (1 - residual) / 4).matrix());
  }
  CHECK(layer_map(source, 0, {.residual = .25, .normalise = false})(0, 0) == .25);
  CHECK(layer_map(source, 0, as_it_is).row(0).isZero(0));
  CHECK(layer_map(a, 0, as_it_is).row(2).isZero(0));
}

TEST_CASE("padding on either side, causal masks and windows: an example of a batch is itself alone") {
  for (const bool left : {false, true}) {
    const Mask mask = self_padding({7, 40, 0}, left ? std::vector<Index>{33, 0, 40} : std::vector<Index>{},
                                   {.causal = true, .sliding_window = 9});
    const test::RandomStack<float> stack(Layout({3, 3, 40, 40}, mask), 1);
    LayerMapOptions options{.discard = .3, .protected_keys = {0}};
    for (const DiscardPer per : {DiscardPer::row, DiscardPer::map}) {
      options.discard_per = per;
      for (const Index b : {0, 1, 2}) {
        const Index n = stack.views[0].layout().queries(b), start = left ? 40 - n : 0;
        AttentionTensor<float> own(1, 3, n, n);
        for (Index h = 0; h < 3; ++h)
          for (Index i = 0; i < n; ++i)
            for (Index j = 0; j < n; ++j) own(0, h, i, j) = stack.tensors[0](b, h, start + i, start + j);
        const AttentionView alone(own, {.causal = true, .sliding_window = 9});
        CHECK(layer_map(stack.views[0], b, options) == layer_map(alone, 0, options));
      }
    }
    CHECK(layer_map(stack.views[0], 1).isLowerTriangular(0));
  }
}

TEST_CASE("maps do not depend on the blocks that they are read in, nor on precision beyond rounding") {
  const test::RandomStack<double> stack(Layout({1, 4, 700, 700}), 1);  // several blocks
  const MatrixXd map = layer_map(stack.views[0], 0, {.discard = .2});
  Eigen::MatrixXd mean = Eigen::MatrixXd::Zero(700, 700);
  for (Index i = 0; i < 700; ++i) {
    for (Index j = 0; j < 700; ++j)
      for (Index h = 0; h < 4; ++h) mean(i, j) += stack.tensors[0](0, h, i, j) / 4;
    Eigen::VectorXd sorted = mean.row(i);
    std::sort(sorted.begin(), sorted.end());
    for (Index j = 0; j < 700; ++j) mean(i, j) = mean(i, j) <= sorted(139) ? 0 : mean(i, j);
    mean(i, i) += 1;
    mean.row(i) /= mean.row(i).sum();
  }
  CHECK(test::difference(map, mean) < 1e-14);
  CHECK(test::difference(layer_map<float>(stack.views[0], 0, {.discard = .2}).cast<double>(), map) < 1e-6);
}

TEST_CASE("layers of any kind: of a file, erased, no tokens, one token") {
  const MatrixXd a = test::fixture_e()[0];
  const AnyAttention<double> any{AttentionView(a)};
  CHECK(layer_map(any) == layer_map(a));
  const std::vector<LoadedAttention> loaded{any, any};
  CHECK(layer_maps(loaded)[1] == layer_map(a));
  CHECK(layer_map(MatrixXd(0, 0)).size() == 0);
  CHECK(layer_map(MatrixXd::Ones(1, 1).eval())(0, 0) == 1);
  CHECK(layer_maps(std::vector<MatrixXd>{}).empty());
}

TEST_CASE("what is no self-attention, or no option, is refused") {
  const MatrixXd square = MatrixXd::Constant(3, 3, 1 / 3.), wide = MatrixXd::Constant(3, 5, .2);
  const auto shape = [](const auto& layer, const LayerMapOptions& options = {}, Index example = 0) {
    return message_of<ShapeError>([&] { layer_map(layer, example, options); });
  };
  const auto value = [&](const LayerMapOptions& options) {
    return message_of<ValueError>([&] { layer_map(square, 0, options); });
  };
  CHECK(shape(wide) == "batch element 0: 3 queries beside 5 keys: a map needs self-attention");
  CHECK(shape(AttentionView(square, {.causal = true, .query_offset = 2})) ==
        "batch element 0: query 0 stands at key 2: a map needs self-attention");
  CHECK(shape(square, {}, 1) == "batch element 1 of 1");
  CHECK(shape(square, {.head_weights = {1, 2}}) == "2 head weights for 1 heads");
  CHECK(shape(AttentionTensor<float>(1, 0, 3, 3)) == "the map of no heads");
  CHECK(value({.head_weights = {-1}}) == "the weight of head 0 is -1");
  CHECK(value({.head_weights = {0}}) == "all head weights are 0");
  CHECK(value({.fusion = HeadFusion::max, .head_weights = {1}}) ==
        "head weights are for the mean over heads alone");
  CHECK(value({.residual = 1.5}) == "residual = 1.5 is not within 0 .. 1");
  CHECK(value({.discard = 1}) == "discard = 1 is not at least 0 and below 1");
  CHECK(value({.protected_keys = {-2}}) == "protected key -2 is negative");

  const std::vector<MatrixXd> unlike{square, MatrixXd::Constant(5, 5, .2)};
  CHECK(message_of<ShapeError>([&] { layer_maps(unlike); }) ==
        "layers 0 and 1: batch element 0 has 3 and 5 tokens");
  CHECK(message_of<ShapeError>([&] {
          layer_maps(std::vector<MatrixXd>{square, wide});
        }) == "layer 1: batch element 0: 3 queries beside 5 keys: a map needs self-attention");
  MatrixXd wrong = square;
  wrong(1, 2) = -.5;
  CHECK(message_of<ValueError>([&] {
          layer_maps(std::vector<MatrixXd>{square, wrong});
        }) == "layer 1: batch element 0, head 0, query 1, key 2: the weight -0.5 is negative");
  wrong(1, 2) = undefined;
  CHECK(message_of<ValueError>([&] { layer_map(wrong); }) ==
        "batch element 0, head 0, query 1, key 2: the weight is nan");
  CHECK(message_of<ValueError>([&] { layer_map((square * 2).eval()); }) ==
        "batch element 0, head 0, query 0: the weights sum to 2, more than 1 (logits, or dropout in "
        "training?)");
}

TEST_CASE("what is asked of rows is said by the options, as of a sweep") {
  const Eigen::MatrixXd wide = Eigen::MatrixXd::Constant(2, 2, .55);
  CHECK_THROWS_AS(layer_map(wide), ValueError);
  CHECK(layer_map(wide, 0, {.row_sum_tolerance = .11})
            .isApprox(Eigen::Matrix2d{{.738095238, .261904762}, {.261904762, .738095238}}, 1e-8));
  CHECK(layer_map(Eigen::MatrixXd::Constant(2, 2, 3).eval(), 0, {.check = RowCheck::none})(0, 1) ==
        Approx(1.5 / 3.5));
}
