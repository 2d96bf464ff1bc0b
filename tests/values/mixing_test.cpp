#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/values/mixing.hpp>

#include "support/catch.hpp"
#include "values/made_values.hpp"

using namespace attnscope;
using test::every_reach;

namespace {
/// [query] from the plain loops.
Eigen::VectorXd plain_mixing(const test::MadeLayer<double>& layer, Index b, Through through) {
  const test::PlainBlock plain = test::plain_block(layer, b, through);
  Eigen::VectorXd ratios(static_cast<Index>(plain.parts.size()));
  for (Index i = 0; i < ratios.size(); ++i) {
    Eigen::MatrixXd parts = plain.parts[static_cast<std::size_t>(i)];
    const Index keys = parts.rows() - 1, position = layer.layout.position(b, i);
    const bool is_key = layer.self_attention && position >= 0 && position < keys;
    const Eigen::RowVectorXd itself = parts.row(is_key ? position : keys);
    const double context = (parts.colwise().sum() - itself).norm();
    ratios(i) = context / (context + itself.norm());
  }
  return ratios;
}
}  // namespace

TEST_CASE("mixing is what the plain loops say, of any mask, grouping and kind of attention") {
  for (const auto& layer : test::many_layers())
    for (const Through through : every_reach) {
      const MixingResult result = mixing(layer.view(), layer.values(), {through});
      double sum = 0;
      Index queries = 0;
      for (Index b = 0; b < layer.layout.shape().batch; ++b) {
        const Eigen::VectorXd expected = plain_mixing(layer, b, through);
        CHECK(test::difference(result.per_query[static_cast<std::size_t>(b)], expected) < 1e-12);
        for (const double ratio : expected)
          if (!std::isnan(ratio)) {
            sum += ratio;
            ++queries;
          }
      }
      CHECK(result.queries == queries);
      CHECK(result.mixing_ratio == Approx(sum / static_cast<double>(queries)).epsilon(1e-12));
    }
}

TEST_CASE("mixing ratios against numpy") {
  const auto layer = test::formula_layer();
  const auto check = [&](Through through, const Eigen::VectorXd& first, const Eigen::VectorXd& second) {
    const MixingResult result = mixing(layer.view(), layer.values(), {through});
    CHECK(test::difference(result.per_query[0], first) < 1e-11);
    CHECK(test::difference(result.per_query[1], second) < 1e-11);
    CHECK(result.mixing_ratio == Approx((first.sum() + second.sum()) / 10).epsilon(1e-11));
  };
  using Column = Eigen::VectorXd;
  check(Through::attention,
        Column{{0, 0.345425533743, 0.579498121172, 0.599786254742, 0.720539159041, 0.712708743945}},
        Column{{0, 0.266754573976, 0.503040431997, 0.776266509847}});
  check(Through::residual,
        Column{{0, 0.0875280058065, 0.258205737686, 0.245561616284, 0.262915341064, 0.303094356047}},
        Column{{0, 0.101598865823, 0.307004448608, 0.186977087176}});
  check(Through::norm,
        Column{{0, 0.0953106778157, 0.251036836504, 0.204497956506, 0.217900661815, 0.266732869706}},
        Column{{0, 0.102418552666, 0.276975494987, 0.161346771162}});
}

TEST_CASE("tokens that keep to themselves, and tokens that give themselves up") {
  auto layer = test::random_layer(Layout({1, 2, 4, 4}), 2, 3, 6);
  layer.attention.setZero();
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < 4; ++i) layer.attention(0, h, i, i) = 1;
  for (const Through through : every_reach)
    CHECK(mixing(layer.view(), layer.values(), {through}).mixing_ratio == 0);
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < 4; ++i) {
      layer.attention(0, h, i, i) = 0;
      layer.attention(0, h, i, (i + 1) % 4) = 1;
    }
  CHECK(mixing(layer.view(), layer.values(), {Through::attention}).mixing_ratio == 1);
  CHECK(mixing(layer.view(), layer.values()).mixing_ratio < 1);
}

TEST_CASE("the scale of a norm changes nothing, that of the residual does") {
  auto layer = test::random_layer(Layout({1, 2, 6, 6}), 1, 4, 8);
  const double before = mixing(layer.view(), layer.values()).mixing_ratio;
  for (double& weight : layer.norm_weight) weight *= 3;
  layer.epsilon = .5;
  CHECK(mixing(layer.view(), layer.values()).mixing_ratio == Approx(before).epsilon(1e-12));
  for (double& x : layer.residual) x *= 3;
  CHECK(mixing(layer.view(), layer.values()).mixing_ratio < .8 * before);
}

TEST_CASE("a query that nothing reaches defines no ratio") {
  auto layer = test::random_layer(Layout({1, 1, 3, 3}), 1, 2, 2);
  for (Index j = 0; j < 3; ++j) layer.attention(0, 0, 1, j) = 0;
  const MixingResult result = mixing(layer.view(), layer.values(), {Through::attention});
  CHECK(std::isnan(result.per_query[0](1)));
  CHECK(result.queries == 2);
  CHECK(result.mixing_ratio == Approx((result.per_query[0](0) + result.per_query[0](2)) / 2));
  const auto empty = test::random_layer(Layout({1, 1, 0, 3}), 1, 2, 2);
  CHECK(std::isnan(mixing(empty.view(), empty.values()).mixing_ratio));
}

TEST_CASE("excluded queries do not count, excluded keys give nothing, threads change nothing") {
  const auto layer = test::random_layer(Layout({2, 2, 600, 600}, {.causal = true}), 1, 3, 4);
  const MixingResult all = mixing(layer.view(), layer.values(), {}, {.threads = 1});
  CHECK(all.mixing_ratio == mixing(layer.view(), layer.values(), {}, {.threads = 4}).mixing_ratio);
  const MixingResult some = mixing(exclude_tokens(layer.view(), {.queries = {{5, 300}, {}}}), layer.values());
  CHECK(some.queries == all.queries - 2);
  CHECK(some.per_query[0](5) == all.per_query[0](6));
  CHECK(some.per_query[1] == all.per_query[1]);
  // Query 1 sees itself alone once key 0 is excluded: nothing is mixed.
  const auto own = exclude_tokens(layer.view(), {.keys = {{0}, {0}}});
  CHECK(mixing(own, layer.values()).per_query[0](1) == 0);
}

TEST_CASE("ratios by layer, and a layer whose values are another's") {
  std::vector<AttentionTensor<double>> tensors;
  std::vector<LayerValues<double>> values;
  std::vector<test::MadeLayer<double>> layers;
  for (unsigned seed = 1; seed < 4; ++seed)
    layers.push_back(test::random_layer(Layout({1, 2, 5, 5}), 2, 2, 4, seed));
  for (const auto& layer : layers) {
    tensors.push_back(layer.attention);
    values.push_back(layer.values());
  }
  const Eigen::VectorXd ratios = mixing_by_layer(tensors, values, {Through::residual});
  REQUIRE(ratios.size() == 3);
  CHECK(ratios(2) == mixing(tensors[2], values[2], {Through::residual}).mixing_ratio);
  std::vector<LoadedAttention> loaded;
  for (const auto& tensor : tensors) loaded.emplace_back(AnyAttention(AttentionView(tensor)));
  CHECK(mixing_by_layer(loaded, std::vector<LoadedValues>(values.begin(), values.end()),
                        {Through::residual}) == ratios);
  const auto other = test::random_layer(Layout({1, 1, 5, 5}), 1, 2, 4);
  values[1] = other.values();
  CHECK(message_of<ShapeError>([&] { mixing_by_layer(tensors, values); }) ==
        "layer 1: values of 1 heads for 2");
  values.pop_back();
  CHECK(message_of<ShapeError>([&] { mixing_by_layer(tensors, values); }) == "the values of 2 layers for 3");
}
