#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/values/effective_attention.hpp>

#include "support/catch.hpp"
#include "values/made_values.hpp"

using namespace attnscope;

namespace {
const Eigen::Matrix3d published{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}};

/// [head] of the first example, and that A_eff T = A T.
std::vector<Eigen::MatrixXd> checked(const auto& attention, const LayerValues<double>& values,
                                     double tolerance = 1e-12) {
  const EffectiveAttentionResult result = effective_attention(attention, values);
  const auto weights = head_maps(attention);
  for (Index h = 0; h < values.heads(); ++h) {
    const auto head = static_cast<std::size_t>(h);
    const Eigen::MatrixXd read = values.values(0, h, {0, weights[head].cols()});
    const Eigen::MatrixXd before = weights[head] * read, after = result.maps[0][head] * read;
    CHECK(test::difference(after, before) < tolerance);
    CHECK(result.maps[0][head].norm() <= weights[head].norm() * (1 + tolerance));
    CHECK(result.effective_share[0](h) <= 1 + tolerance);
  }
  return result.maps[0];
}
}  // namespace

TEST_CASE("the effective attention of the published definition") {
  const std::vector<double> column{1, 2, 2};
  const AttentionView attention(published);
  const LayerValues<double> values(column, attention.layout(), 1, 1);
  const Eigen::MatrixXd map = checked(attention, values)[0];
  CHECK(test::difference(map.row(0), Eigen::RowVector3d(1. / 6, 1. / 3, 1. / 3)) < 1e-14);
  CHECK(test::difference(map.rowwise().sum(), Eigen::Vector3d(15. / 18, 19. / 18, 17.5 / 18)) < 1e-14);
}

TEST_CASE("effective attention against numpy's pseudo-inverse, causal, padded, grouped") {
  const auto layer = test::formula_layer();
  const EffectiveAttentionResult result = effective_attention(layer.view(), layer.values());
  using Row = Eigen::RowVectorXd;
  CHECK(test::difference(result.maps[0][2].bottomRows<1>(),
                         Row{{0.164648611851, 0.235712603974, 0.14984071966, 0.098556003768, 0.184887568353,
                              0.189477097131}}) < 1e-11);
  CHECK(test::difference(result.maps[1][2].bottomRows<1>(),
                         Row{{0.221191584753, 0.368004931434, 0.134698934655, 0.276918703846}}) < 1e-11);
}

TEST_CASE("what the values cannot tell apart is taken out, whatever the mask") {
  for (const auto& layer : test::many_layers()) {
    const auto maps = checked(layer.view(), layer.values());
    for (const auto& map : maps)
      for (Index i = 0; i < map.rows(); ++i) {
        const Range seen = layer.layout.visible(0, i);
        CHECK(map.row(i).head(seen.first).isZero(0));
        CHECK(map.row(i).tail(map.cols() - seen.last).isZero(0));
      }
  }
}

TEST_CASE("with as many dimensions as keys all attention is effective") {
  auto layer = test::random_layer(Layout({1, 2, 6, 6}), 2, 6, 12);
  const EffectiveAttentionResult result = effective_attention(layer.view(), layer.values());
  for (std::size_t h = 0; h < 2; ++h)
    CHECK(test::difference(result.maps[0][h], head_maps(layer.view())[h]) < 1e-12);
  CHECK(result.effective_share[0](1) == Approx(1));
}

TEST_CASE("the rank is of the values' own precision, unless a tolerance is given") {
  auto layer = test::random_layer<float>(Layout({1, 1, 12, 12}), 1, 3, 3);
  layer.value_bias.clear();
  for (std::size_t j = 0; j < 12; ++j)  // two directions and a rounded sum of them
    layer.value[j * 3 + 2] = .3f * layer.value[j * 3] + .7f * layer.value[j * 3 + 1];
  const auto rank = [&](EffectiveAttentionOptions options = {}) {
    layer.attention.setConstant(0);
    for (Index i = 0; i < 12; ++i) layer.attention(0, 0, i, i) = 1;  // A_eff is the projection itself
    return effective_attention(layer.view(), layer.values(), options).maps[0][0].trace();
  };
  CHECK(rank() == Approx(2));
  CHECK(rank({.tolerance = 1e-12}) == Approx(3));
  CHECK(rank({.tolerance = .999}) == Approx(1));
}

TEST_CASE("values of nothing leave nothing, and rows without weight define no share") {
  auto layer = test::random_layer(Layout({1, 1, 4, 4}), 1, 2, 2);
  std::ranges::fill(layer.value, 0.);
  layer.value_bias.clear();
  const EffectiveAttentionResult none = effective_attention(layer.view(), layer.values());
  CHECK(none.maps[0][0].isZero(0));
  CHECK(none.effective_share[0](0) == 0);
  layer.attention.setZero();
  CHECK(std::isnan(effective_attention(layer.view(), layer.values()).effective_share[0](0)));
}

TEST_CASE("excluded tokens stay out of the effective attention, threads change nothing") {
  const auto layer =
      test::random_layer(Layout({1, 2, 400, 400}, {.causal = true, .sliding_window = 9}), 2, 3, 4);
  const auto no_keys = exclude_tokens(layer.view(), {.keys = {{0, 5}}});
  CHECK(checked(no_keys, layer.values())[1].col(5).isZero(0));
  const auto hidden = exclude_tokens(layer.view(), {.queries = {{7}}, .keys = {{0, 5}}});
  const auto maps = effective_attention(hidden, layer.values()).maps[0];
  CHECK(maps[1].row(7).isZero(0));
  CHECK_FALSE(maps[1].row(8).isZero(0));
  const auto one = effective_attention(hidden, layer.values(), {}, {.threads = 1});
  CHECK(one.maps[0][1] == effective_attention(hidden, layer.values(), {}, {.threads = 3}).maps[0][1]);

  const auto large = test::random_layer(Layout({1, 2, 600, 600}), 2, 3, 4);
  checked(large.view(), large.values(), 1e-11);
}

TEST_CASE("effective attention of bad options, without keys and without queries") {
  const auto layer = test::random_layer(Layout({1, 2, 3, 3}), 1, 2, 4);
  CHECK(message_of<ValueError>([&] {
          effective_attention(layer.view(), layer.values(), {.tolerance = -1});
        }) == "tolerance = -1");
  for (const auto& [queries, keys] : {std::pair<Index, Index>{0, 3}, {3, 0}}) {
    const auto empty = test::random_layer(Layout({1, 2, queries, keys}), 1, 2, 4);
    CHECK(effective_attention(empty.view(), empty.values()).maps[0][1].size() == 0);
  }
}
