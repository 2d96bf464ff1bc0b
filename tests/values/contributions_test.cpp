#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/values/contributions.hpp>

#include "support/catch.hpp"
#include "values/made_values.hpp"

using namespace attnscope;
using test::every_reach;

namespace {
/// [query x key + 1] from the plain loops.
Eigen::MatrixXd plain_contributions(const test::PlainBlock& plain) {
  const Index queries = static_cast<Index>(plain.parts.size());
  Eigen::MatrixXd near(queries, queries == 0 ? 1 : plain.parts[0].rows());
  for (Index i = 0; i < queries; ++i) {
    const Eigen::MatrixXd& parts = plain.parts[static_cast<std::size_t>(i)];
    const Eigen::RowVectorXd output = plain.output.row(i);
    for (Index j = 0; j < near.cols(); ++j)
      near(i, j) = std::max(0.0, output.lpNorm<1>() - (output - parts.row(j)).lpNorm<1>());
    if (near.row(i).sum() > 0) near.row(i) /= near.row(i).sum();
  }
  return near;
}
template <typename Scalar>
void check_against_plain(const test::MadeLayer<Scalar>& layer, Through through, double tolerance) {
  const ContributionsResult result = contributions(layer.view(), layer.values(), {through});
  for (Index b = 0; b < layer.layout.shape().batch; ++b) {
    const Eigen::MatrixXd expected = plain_contributions(test::plain_block(layer, b, through));
    const auto example = static_cast<std::size_t>(b);
    CHECK(test::difference(result.maps[example], expected.leftCols(expected.cols() - 1)) < tolerance);
    CHECK(test::difference(result.residuals[example], expected.rightCols<1>()) < tolerance);
  }
}
}  // namespace

TEST_CASE("contributions are what the plain loops say, of any mask, grouping and kind of attention") {
  for (const auto& layer : test::many_layers())
    for (const Through through : every_reach) check_against_plain(layer, through, 1e-11);
  const auto wide = test::random_layer(Layout({1, 3, 40, 40}, {.causal = true}), 3, 8, 600);
  check_against_plain(wide, Through::norm, 1e-11);
}

TEST_CASE("contributions against numpy") {
  const auto layer = test::formula_layer();
  const auto check = [&](std::size_t b, Through through, const Eigen::RowVectorXd& expected) {
    const ContributionsResult result = contributions(layer.view(), layer.values(), {through});
    CHECK(test::difference(result.maps[b].bottomRows<1>(), expected) < 1e-10);
    CHECK(result.residuals[b].isZero(0));
  };
  using Row = Eigen::RowVectorXd;
  check(0, Through::attention,
        Row{{0.00282938117541, 0, 0.0513249068772, 0.266675636701, 0.380244542173, 0.298925533073}});
  check(0, Through::residual,
        Row{{0.00129550267164, 0, 0.0544067895462, 0.1256134971, 0.222828972721, 0.595855237962}});
  check(0, Through::norm, Row{{0, 0, 0.085873293525, 0.0597440914669, 0.0672672068779, 0.78711540813}});
  check(1, Through::norm, Row{{0, 0, 0.00105120925413, 0.998948790746}});
}

TEST_CASE("rows sum to one, hidden keys contribute nothing") {
  const auto layer = test::random_layer<float>(
      Layout({2, 4, 50, 50}, self_padding({50, 33}, {0, 17}, {.causal = true})), 2, 4, 24);
  for (const Through through : every_reach) {
    const ContributionsResult result = contributions(layer.view(), layer.values(), {through});
    for (const auto& map : result.maps)
      for (Index i = 0; i < map.rows(); ++i) {
        CHECK(map.row(i).sum() == Approx(1).epsilon(1e-12));
        CHECK(map.row(i).minCoeff() >= 0);
        CHECK(map.row(i).tail(map.cols() - i - 1).isZero(0));
      }
  }
}

TEST_CASE("a residual of no key has its share, and rows sum to one with it") {
  auto layer = test::random_layer(Layout({1, 2, 4, 6}), 2, 3, 6);
  layer.self_attention = false;
  for (double& x : layer.residual) x *= 3;
  const ContributionsResult result = contributions(layer.view(), layer.values());
  for (Index i = 0; i < 4; ++i) {
    CHECK(result.residuals[0](i) > 0);
    CHECK(result.maps[0].row(i).sum() + result.residuals[0](i) == Approx(1));
  }
}

TEST_CASE("all weight on one key is all of the contribution; a query that gets nothing has a row of zeros") {
  auto layer = test::random_layer(Layout({1, 2, 3, 3}), 2, 3, 6);
  layer.output_bias.clear();
  layer.attention.setZero();
  for (Index h = 0; h < 2; ++h) layer.attention(0, h, 0, 2) = layer.attention(0, h, 1, 0) = 1;
  const Eigen::MatrixXd map = contributions(layer.view(), layer.values(), {Through::attention}).maps[0];
  CHECK(test::difference(map, Eigen::Matrix3d{{0, 0, 1}, {1, 0, 0}, {0, 0, 0}}) < 1e-15);
}

TEST_CASE("a rollout is the product of the maps, the newer layer on the left, and its rows sum to one") {
  const Layout layout({2, 2, 6, 6}, self_padding({6, 4}, {0, 2}, {.causal = true}));
  std::vector<test::MadeLayer<double>> made;
  for (unsigned seed = 1; seed < 4; ++seed) made.push_back(test::random_layer(layout, 1, 3, 8, seed));
  std::vector<AttentionView<double>> layers;
  std::vector<LayerValues<double>> values;
  for (auto& layer : made) {
    for (double& x : layer.residual) x *= 3;  // or a row of parts that undo one another could be 0
    layers.push_back(layer.view());
    values.push_back(layer.values());
  }
  for (const Through through : every_reach) {
    const auto rollout = contribution_rollout(layers, values, {through});
    REQUIRE(rollout.size() == 2);
    for (std::size_t b = 0; b < 2; ++b) {
      const Index tokens = b == 0 ? 6 : 4;
      Eigen::MatrixXd chain = Eigen::MatrixXd::Identity(tokens, tokens);
      for (std::size_t l = 0; l < 3; ++l)
        chain = contributions(layers[l], values[l], {through}).maps[b] * chain;
      CHECK(test::difference(rollout[b], chain) < 1e-15);
      for (Index i = 0; i < tokens; ++i) CHECK(rollout[b].row(i).sum() == Approx(1));
      CHECK(rollout[b](0, 0) == Approx(1));
      CHECK(rollout[b].row(2).tail(tokens - 3).isZero(0));
    }
  }
  const auto first = contribution_rollout(std::span(layers).first(1), std::span(values).first(1));
  CHECK(first == contributions(layers[0], values[0]).maps);
  // As a file has them: precisions known at run time alone.
  const std::vector<LoadedValues> loaded(values.begin(), values.end());
  CHECK(contribution_rollout(layers, loaded) == contribution_rollout(layers, values));
}

TEST_CASE("a rollout of what is no stack with values") {
  const auto layer = test::random_layer(Layout({1, 2, 4, 4}), 1, 2, 4);
  const auto message = [&](const auto& odd, bool alone = false) {
    std::vector<AttentionView<double>> layers{layer.view(), odd.view()};
    std::vector<LayerValues<double>> values{layer.values(), odd.values()};
    if (alone) values.pop_back();
    return message_of<Error>([&] { contribution_rollout(layers, values); });
  };
  CHECK(message(layer, true) == "values of 1 layers for attention of 2");
  CHECK(message(test::random_layer(Layout({1, 2, 5, 5}), 1, 2, 4)) ==
        "layer 1: batch element 0: 5 tokens, the layers before have 4");
  CHECK(message(test::random_layer(Layout({2, 2, 4, 4}), 1, 2, 4)) ==
        "layer 1: 2 batch elements, those before have 1");
  CHECK(message(test::random_layer(Layout({1, 2, 4, 6}), 1, 2, 4)) ==
        "layer 1: batch element 0: 4 queries beside 6 keys: a map needs self-attention");
  auto cross = layer;
  cross.self_attention = false;
  CHECK(message(cross) ==
        "layer 1: these are values of cross-attention: its residual stands on no key to go on from");
  const std::vector<AttentionView<double>> none;
  CHECK(message_of<ShapeError>([&] { contribution_rollout(none, std::vector<LayerValues<double>>{}); }) ==
        "there are no layers to roll out");
}

TEST_CASE("contributions of float, in any number of threads, of shown queries") {
  const auto layer = test::random_layer<float>(Layout({1, 3, 600, 600}, {.causal = true}), 3, 4, 16);
  check_against_plain(layer, Through::norm, 3e-6);
  const Eigen::MatrixXd map = contributions(layer.view(), layer.values(), {}, {.threads = 1}).maps[0];
  CHECK(map == contributions(layer.view(), layer.values(), {}, {.threads = 3}).maps[0]);
  const auto hidden = exclude_tokens(layer.view(), {.queries = {{0, 300}}});
  const Eigen::MatrixXd shown = contributions(hidden, layer.values()).maps[0];
  CHECK(shown.row(0).isZero(0));
  CHECK(shown.row(300).isZero(0));
  CHECK(test::difference(shown.row(599), map.row(599)) < 1e-6);
}

TEST_CASE("contributions without keys, without queries, and of values that do not fit") {
  auto no_keys = test::random_layer(Layout({1, 2, 3, 0}), 1, 2, 4);
  no_keys.output_bias.clear();
  no_keys.norm_bias.clear();
  CHECK(contributions(no_keys.view(), no_keys.values()).residuals[0].isOnes());
  const auto no_queries = test::random_layer(Layout({1, 2, 0, 3}), 1, 2, 4);
  CHECK(contributions(no_queries.view(), no_queries.values()).maps[0].cols() == 3);
  CHECK(message_of<ShapeError>([&] { contributions(no_queries.view(), no_keys.values()); }) ==
        "batch element 0: values of 3 x 0 true tokens for attention of 0 x 3");
}
