#include <attnscope/flow/rollout.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "flow/stacks.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::MatrixXd;

namespace {

const std::vector<LayerMapOptions> some_options{
    {},
    {.fusion = HeadFusion::max},
    {.fusion = HeadFusion::min, .residual = .3},
    {.head_weights = {1, 0, 3}, .residual = .2},
    {.fusion = HeadFusion::max, .normalise = false},
    {.discard = .5, .protected_keys = {0}},
    {.discard = .4, .discard_per = DiscardPer::map, .protected_keys = {2}, .protect_own = true}};

/// The plain chain of the maps.
template <typename Layers>
MatrixXd chain(const Layers& layers, Index example, const LayerMapOptions& options = {}) {
  const auto maps = layer_maps(layers, example, options);
  MatrixXd product = maps[0];
  for (std::size_t l = 1; l < maps.size(); ++l) product = maps[l] * product;
  return product;
}

}  // namespace

TEST_CASE("rollout of fixture E") {
  const MatrixXd with{{.48125, .30875, .21}, {.1975, .6025, .2}, {.1525, .16, .6875}};
  const MatrixXd without{{.225, .435, .34}, {.29, .41, .3}, {.26, .29, .45}};
  const auto e = test::fixture_e();
  CHECK(test::difference(rollout(e).top[0], with) < 1e-15);
  CHECK(test::difference(rollout(e, {.map = {.residual = 0}}).top[0], without) < 1e-15);
  // A quarter of the residual: rows of (.75 A + .25 I).
  const MatrixXd I = MatrixXd::Identity(3, 3);
  CHECK(test::difference(rollout(e, {.map = {.residual = .25}}).top[0],
                         (.75 * e[1] + .25 * I) * (.75 * e[0] + .25 * I)) < 1e-15);
}

TEST_CASE("the discard of vit-explain's fixture, normalised along the right axis") {
  const auto row = rollout(test::fixture_e(),
                           {.map = {.discard = .5, .discard_per = DiscardPer::map, .protect_own = true}})
                       .top[0]
                       .row(0)
                       .eval();
  CHECK(test::difference(row, Eigen::RowVector3d(.5, .3105263158, .1894736842)) < 1e-10);
}

TEST_CASE("rollouts of every fusion and discard are those of numpy") {
  const std::vector<std::array<double, 5>> rows{
      {.17714021223, .196494729396, .167724658121, .32713708972, .131503310533},
      {.186980883581, .200244595303, .190206391407, .26436189388, .158206235828},
      {.194028914981, .203649183472, .158733729722, .30396726614, .139620905685},
      {.241761173182, .212651994284, .206009834497, .277904204832, .061672793205},
      {.367036769609, .391069476992, .365516935222, .516235606473, .303727126699},
      {.21954951426, .201476050638, .115106313868, .373424904954, .090443216281},
      {.137746964522, .208853456573, .186206272983, .375427656841, .09176564908}};
  for (std::size_t c = 0; c < rows.size(); ++c) {
    const MatrixXd all = rollout(test::made_layers(), {.map = some_options[c]}).top[0];
    CHECK(test::difference(all.row(3), Eigen::Map<const Eigen::Matrix<double, 1, 5>>(rows[c].data())) <
          1e-11);
  }
}

TEST_CASE("each row is the row of the matrix, and sums to one") {
  const test::RandomStack<float> open(Layout({2, 3, 150, 150}, self_padding({150, 60}, {0, 90})), 4);
  const test::RandomStack<double> causal(Layout({1, 3, 150, 150}, {.causal = true}), 4);
  const test::RandomStack<double> window(Layout({1, 3, 150, 150}, {.causal = true, .sliding_window = 20}), 4);
  const auto check = []<typename Weight>(const std::vector<AttentionView<Weight>>& layers, Index example) {
    const double exact =
        std::is_same_v<Weight, float> ? 1e-7 : 1e-13;  // a row works in the precision of weights
    for (const LayerMapOptions& map : some_options) {
      const MatrixXd all = rollout(layers, {.map = map}).top[static_cast<std::size_t>(example)];
      CHECK(test::difference(all, chain(layers, example, map)) < 1e-13);
      if (map.normalise) CHECK((all.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-13);
      for (const Index query : {Index{0}, Index{1}, Index{31}, all.rows() - 1})
        CHECK(test::difference(rollout_row(layers, example, query, {.map = map}), all.row(query)) < exact);
    }
  };
  check(open.views, 0);
  check(open.views, 1);
  check(causal.views, 0);
  check(window.views, 0);
}

TEST_CASE("causal stacks stay causal, and their panels give the dense product") {
  for (const Index n : {1, 2, 127, 128, 129, 300}) {
    const test::RandomStack<double> stack(Layout({1, 2, n, n}, {.causal = true}), 3);
    const MatrixXd all = rollout(stack.views).top[0];
    CHECK(all.isLowerTriangular(0));
    CHECK(test::difference(all, chain(stack.views, 0)) < 1e-14);
  }
  const test::RandomStack<double> sees_all(Layout({1, 2, 200, 200}), 1);
  const test::RandomStack<double> local(Layout({1, 2, 200, 200}, {.causal = true, .sliding_window = 3}), 1);
  const test::RandomStack<double> causal(Layout({1, 2, 200, 200}, {.causal = true}), 2);
  for (const auto& mixed : {std::vector{sees_all.views[0], causal.views[1], local.views[0]},
                            std::vector{causal.views[0], local.views[0], sees_all.views[0], causal.views[1]},
                            std::vector{local.views[0], causal.views[0], local.views[0], local.views[0]}})
    CHECK(test::difference(rollout(mixed).top[0], chain(mixed, 0)) < 1e-14);
}

TEST_CASE("an example of a padded batch is itself alone") {
  for (const auto& starts : {std::vector<Index>{}, std::vector<Index>{33, 0, 40}})
    for (const bool causal : {false, true}) {
      const Mask mask = self_padding({7, 40, 0}, starts, {.causal = causal});
      const test::RandomStack<float> stack(Layout({3, 3, 40, 40}, mask), 3);
      const auto all = rollout(stack.views).top;
      REQUIRE(all.size() == 3);
      for (const Index b : {0, 1, 2})
        CHECK(all[static_cast<std::size_t>(b)] == rollout(stack.alone(b)).top[0]);
      CHECK(all[0].rows() == 7);
      CHECK(all[2].size() == 0);
    }
}

TEST_CASE("tokens in another order: the rollout in that order") {
  const test::RandomStack<double> stack(Layout({1, 2, 9, 9}), 3);
  Eigen::PermutationMatrix<Eigen::Dynamic> p(9);
  p.indices() << 3, 1, 4, 8, 5, 0, 2, 6, 7;
  std::vector<AttentionTensor<double>> moved = stack.tensors;
  for (std::size_t l = 0; l < 3; ++l)
    for (Index h = 0; h < 2; ++h)
      for (Index i = 0; i < 9; ++i)
        for (Index j = 0; j < 9; ++j)
          moved[l](0, h, p.indices()(i), p.indices()(j)) = stack.tensors[l](0, h, i, j);
  const RolloutOptions options{.map = {.fusion = HeadFusion::max, .discard = .4}};
  CHECK(test::difference(rollout(moved, options).top[0],
                         p * rollout(stack.tensors, options).top[0] * p.transpose()) < 1e-14);
}

TEST_CASE("every layer, a start layer, a forward pass that feeds them, layers of a file") {
  const auto stack = test::made_layers(5);
  const auto each = rollout(stack, {.every_layer = true});
  REQUIRE(each.layers.size() == 5);
  for (std::size_t l = 0; l < 5; ++l) {
    const std::vector<AttentionTensor<double>> below(stack.begin(), stack.begin() + 1 + static_cast<long>(l));
    CHECK(each.layers[l][0] == rollout(below).top[0]);
  }
  CHECK(rollout(stack).layers.empty());

  const std::vector<AttentionTensor<double>> upper(stack.begin() + 2, stack.end());
  const auto late = rollout(stack, {.start_layer = 2, .every_layer = true});
  CHECK(late.top[0] == rollout(upper).top[0]);
  CHECK(late.layers.size() == 3);
  CHECK(test::difference(rollout_row(stack, 0, 4, {.start_layer = 2}), late.top[0].row(4)) < 1e-15);

  Rollout<> fed;
  std::vector<LoadedAttention> loaded;
  for (const auto& layer : stack) {
    fed.add(layer);
    loaded.emplace_back(AnyAttention(AttentionView(layer)));
  }
  CHECK(fed.result().top[0] == rollout(stack).top[0]);
  CHECK(rollout(loaded).top[0] == rollout(stack).top[0]);
  CHECK(rollout_row(loaded, 0, 1) == rollout_row(stack, 0, 1));
}

TEST_CASE("float is double but for rounding") {
  const test::RandomStack<float> stack(Layout({1, 3, 200, 200}), 6);
  const auto single = rollout<float>(stack.views).top[0];
  const auto twice = rollout(stack.views).top[0];
  CHECK(test::difference(single.cast<double>(), twice) < 1e-6);
  CHECK((single.cast<double>() - twice).cwiseQuotient(twice).cwiseAbs().maxCoeff() < 1e-5);
  CHECK(test::difference(rollout_row<float>(stack.views, 0, 9).cast<double>(), twice.row(9)) < 1e-6);
}

TEST_CASE("identity, one token, no tokens, rows without weight, excluded tokens") {
  const std::vector<MatrixXd> same(4, MatrixXd::Identity(6, 6));
  CHECK(rollout(same).top[0] == same[0]);
  CHECK(rollout(std::vector<MatrixXd>(3, MatrixXd::Ones(1, 1))).top[0](0, 0) == 1);
  CHECK(rollout(std::vector<MatrixXd>(3, MatrixXd(0, 0))).top[0].size() == 0);
  const std::vector<MatrixXd> nothing(2, MatrixXd::Zero(3, 3));
  CHECK(rollout(nothing).top[0] == MatrixXd::Identity(3, 3));
  CHECK(rollout(nothing, {.map = {.residual = 0}}).top[0].isZero(0));
  CHECK(rollout_row(nothing, 0, 1, {.map = {.residual = 0}}).isZero(0));

  const test::RandomStack<double> stack(Layout({1, 2, 6, 6}), 3);
  std::vector<AnyAttention<double>> layers;
  for (const auto& view : stack.views)
    layers.emplace_back(exclude_tokens(view, {.queries = {{0, 5}}, .keys = {{0, 5}}}));
  const MatrixXd all = rollout(layers).top[0];
  CHECK(all.row(0) == MatrixXd::Identity(6, 6).row(0));  // they pass themselves on
  CHECK(all.col(5) == MatrixXd::Identity(6, 6).col(5));
  CHECK((all.rowwise().sum().array() - 1).abs().maxCoeff() < 1e-15);
  CHECK(rollout_row(layers, 0, 0) == all.row(0));
  CHECK(test::difference(rollout_row(layers, 0, 3), all.row(3)) < 1e-15);
}

TEST_CASE("stacks that do not fit together are refused") {
  const auto square = [](Index n) { return MatrixXd::Constant(n, n, 1 / static_cast<double>(n)).eval(); };
  const std::vector<MatrixXd> unlike{square(3), square(5)};
  const auto shape = [](const auto& act) { return message_of<ShapeError>(act); };
  CHECK(shape([&] { rollout(unlike); }) == "layer 1: batch element 0: 5 tokens, the layers before have 3");
  CHECK(shape([&] { rollout_row(unlike, 0, 0); }) ==
        "layer 0: batch element 0: 3 tokens, the layers above have 5");
  CHECK(shape([&] { rollout_row(unlike, 0, 7); }) == "layer 1: batch element 0: query 7 of 5");
  CHECK(shape([&] { rollout_row(unlike, 2, 0); }) == "layer 1: batch element 2 of 1");
  CHECK(shape([&] { rollout(unlike, {.start_layer = 2}); }) == "start_layer = 2 of 2 layers");
  CHECK(shape([&] { rollout_row(unlike, 0, 0, {.start_layer = 2}); }) == "start_layer = 2 of 2 layers");
  CHECK(shape([] { rollout(std::vector<MatrixXd>{}); }) == "start_layer = 0 of 0 layers");
  CHECK(message_of<ValueError>([] { Rollout<>({.start_layer = -1}); }) == "start_layer = -1 is negative");
  CHECK(message_of<ValueError>([] { Rollout<>({.map = {.residual = -1}}); }) ==
        "residual = -1 is not within 0 .. 1");
  CHECK(rollout(unlike, {.start_layer = 1}).top[0].rows() == 5);  // what is left out need not fit

  Rollout<> fed;
  fed.add(square(3));
  AttentionTensor<double> two(2, 1, 3, 3);
  two.setConstant(1 / 3.);
  CHECK(shape([&] { fed.add(two); }) == "layer 1: 2 batch elements, those before have 1");
  CHECK(message_of<Error>([&] { fed.result(); }) == "layer 1 failed: this rollout has no result");
  CHECK(message_of<Error>([&] { fed.add(square(3)); }) == "layer 1 failed: this rollout has no result");
  CHECK(message_of<ValueError>([&] {
          rollout(std::vector<MatrixXd>{square(3), square(3) * 2});
        }).substr(0, 43) == "layer 1: batch element 0, head 0, query 0: ");
}
