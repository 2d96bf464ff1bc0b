#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/values/norm_maps.hpp>

#include <Eigen/QR>

#include "support/catch.hpp"
#include "values/made_values.hpp"

using namespace attnscope;
using test::every_reach;

namespace {
/// [query x key] from the plain loops, the residual of no key left out.
Eigen::MatrixXd plain_norms(const test::PlainBlock& plain) {
  const Index queries = static_cast<Index>(plain.parts.size());
  Eigen::MatrixXd norms(queries, queries == 0 ? 0 : plain.parts[0].rows() - 1);
  for (Index i = 0; i < queries; ++i)
    norms.row(i) =
        plain.parts[static_cast<std::size_t>(i)].topRows(norms.cols()).rowwise().norm().transpose();
  return norms;
}
}  // namespace

TEST_CASE("norm maps are what the plain loops say, of any mask, grouping and kind of attention") {
  for (const auto& layer : test::many_layers())
    for (const Through through : every_reach) {
      const auto maps = norm_maps(layer.view(), layer.values(), {through});
      for (Index b = 0; b < layer.layout.shape().batch; ++b)
        CHECK(test::difference(maps[static_cast<std::size_t>(b)],
                               plain_norms(test::plain_block(layer, b, through))) < 1e-7);
    }
}

TEST_CASE("norm maps against numpy") {
  const auto layer = test::formula_layer();
  const auto check = [&](std::size_t b, Through through, const Eigen::RowVectorXd& expected) {
    const Eigen::MatrixXd map = norm_maps(layer.view(), layer.values(), {through})[b];
    CHECK(test::difference(map.bottomRows<1>(), expected) < 1e-10);
  };
  using Row = Eigen::RowVectorXd;
  check(0, Through::attention,
        Row{{0.176724390722, 0.320067460209, 0.374387996108, 0.723990644628, 1.23120412932, 0.888186629876}});
  check(1, Through::residual, Row{{0.189755674632, 0.564209335935, 0.68168415993, 5.95300461426}});
  check(1, Through::norm, Row{{0.0589554077668, 0.153822364609, 0.210246497202, 2.10269182978}});
}

TEST_CASE("one head: the weight times the norm of the value that it makes") {
  auto layer = test::random_layer(Layout({1, 1, 8, 8}, {.causal = true}), 1, 4, 4);
  const Eigen::MatrixXd weights = head_maps(layer.view())[0];
  const Eigen::MatrixXd norms = value_norms(layer.values())[0];
  CHECK(test::difference(norm_maps(layer.view(), layer.values(), {Through::attention})[0],
                         weights * norms.row(0).asDiagonal()) < 1e-13);

  // An orthonormal projection keeps the norms of the values themselves.
  const Eigen::MatrixXd square = Eigen::MatrixXd::Map(layer.projection.data(), 4, 4);
  const Eigen::MatrixXd turn = Eigen::HouseholderQR<Eigen::MatrixXd>(square).householderQ();
  layer.projection.assign(turn.data(), turn.data() + 16);
  const Eigen::MatrixXd values = layer.values().values(0, 0, {0, 8});
  CHECK(test::difference(value_norms(layer.values())[0].row(0), values.rowwise().norm().transpose()) < 1e-13);
}

TEST_CASE("one head at a time: the others look nowhere, but the norm divides by what all of them make") {
  for (const auto& layer : test::many_layers())
    for (const Through through : every_reach) {
      const Shape& s = layer.layout.shape();
      const auto maps = head_norm_maps(layer.view(), layer.values(), {through});
      REQUIRE(static_cast<Index>(maps.size()) == s.batch);
      for (Index b = 0; b < s.batch; ++b)
        for (Index h = 0; h < s.heads; ++h) {
          auto alone = layer;
          for (Index other = 0; other < s.heads; ++other)
            for (Index i = 0; i < s.queries && other != h; ++i)
              for (Index j = 0; j < s.keys; ++j) alone.attention(b, other, i, j) = 0;
          test::PlainBlock plain = test::plain_block(alone, b, Through::attention);
          const Eigen::MatrixXd output = test::plain_block(layer, b, Through::residual).output;
          for (Index i = 0; i < output.rows() && through == Through::norm; ++i) {
            const double variance = (output.row(i).array() - output.row(i).mean()).square().mean();
            Eigen::MatrixXd& parts = plain.parts[static_cast<std::size_t>(i)];
            for (Index j = 0; j < parts.rows(); ++j) {
              parts.row(j).array() -= parts.row(j).mean();
              for (Index m = 0; m < layer.model; ++m)
                parts(j, m) *=
                    layer.norm_weight[static_cast<std::size_t>(m)] / std::sqrt(variance + layer.epsilon);
            }
          }
          CHECK(test::difference(maps[static_cast<std::size_t>(b)][static_cast<std::size_t>(h)],
                                 plain_norms(plain)) < 1e-12);
        }
    }
}

TEST_CASE("one head's map is its weights times the norms of its values; rows that are not shown are 0") {
  const auto layer = test::random_layer<float>(Layout({1, 3, 600, 600}, {.causal = true}), 3, 4, 8);
  const auto maps = head_norm_maps(layer.view(), layer.values(), {Through::residual}, {.threads = 1})[0];
  const auto norms = value_norms(layer.values())[0];
  for (const std::size_t h : {0u, 2u}) {
    const Eigen::MatrixXd weights = head_maps(layer.view())[h];
    CHECK(test::difference(maps[h], weights * norms.row(static_cast<Index>(h)).asDiagonal()) < 1e-12);
  }
  const auto hidden = exclude_tokens(layer.view(), {.queries = {{0, 300}}});
  const auto shown = head_norm_maps(hidden, layer.values(), {Through::residual}, {.threads = 3})[0];
  CHECK(shown[1].row(300).isZero(0));
  CHECK(shown[1].row(599) == maps[1].row(599));
  const auto no_keys = test::random_layer(Layout({1, 2, 3, 0}), 1, 2, 4);
  CHECK(head_norm_maps(no_keys.view(), no_keys.values())[0][1].rows() == 3);
  const auto no_queries = test::random_layer(Layout({1, 2, 0, 3}), 1, 2, 4);
  CHECK(head_norm_maps(no_queries.view(), no_queries.values())[0][0].cols() == 3);
  CHECK(message_of<ShapeError>([&] { head_norm_maps(no_queries.view(), no_keys.values()); }) ==
        "batch element 0: values of 3 x 0 true tokens for attention of 0 x 3");
}

TEST_CASE("norms of each head's vectors, padding left out") {
  const auto layer = test::random_layer(Layout({2, 4, 90, 90}, self_padding({90, 70}, {0, 11})), 2, 3, 5);
  const auto norms = value_norms(layer.values());
  REQUIRE(norms[1].cols() == 70);
  for (const Index h : {0, 3})
    for (const Index key : {0, 63, 64, 69})
      CHECK(norms[1](h, key) == Approx(layer.values().transformed(1, h, {key, key + 1}).norm()));
}

TEST_CASE("heads that undo one another leave nothing, though each of them is large") {
  auto layer = test::random_layer(Layout({1, 2, 40, 40}), 1, 3, 6);
  for (std::size_t n = 0; n < 18; ++n) layer.projection[18 + n] = -layer.projection[n] / .3;
  for (Index i = 0; i < 40; ++i)
    for (Index j = 0; j < 40; ++j) layer.attention(0, 1, i, j) = layer.attention(0, 0, i, j) * .3;
  const Eigen::MatrixXd map = norm_maps(layer.view(), layer.values(), {Through::attention})[0];
  CHECK_FALSE(map.hasNaN());  // squares that rounding makes negative
  CHECK(map.maxCoeff() < 1e-7);
  CHECK(map.minCoeff() >= 0);
  CHECK(value_norms(layer.values())[0].minCoeff() > .1);
}

TEST_CASE("float, several tasks, any number of threads, rows that are not shown") {
  const auto layer = test::random_layer<float>(Layout({1, 3, 600, 600}, {.causal = true}), 3, 4, 8);
  const Eigen::MatrixXd map = norm_maps(layer.view(), layer.values(), {}, {.threads = 1})[0];
  CHECK(map == norm_maps(layer.view(), layer.values(), {}, {.threads = 3})[0]);
  CHECK(test::difference(map, plain_norms(test::plain_block(layer, 0, Through::norm))) < 1e-7);
  const auto hidden = exclude_tokens(layer.view(), {.queries = {{0, 300}}});
  const Eigen::MatrixXd shown = norm_maps(hidden, layer.values())[0];
  CHECK(shown.row(0).isZero(0));
  CHECK(shown.row(300).isZero(0));
  CHECK(shown.row(599) == map.row(599));
}

TEST_CASE("a corpus is a measure a batch, merged") {
  const auto a = test::random_layer(Layout({2, 2, 5, 5}), 1, 3, 4, 1),
             b = test::random_layer(Layout({1, 2, 7, 7}), 1, 3, 4, 2);
  NormMapsMeasure corpus(a.values()), second(b.values());
  sweep(a.view(), corpus);
  sweep(b.view(), second);
  corpus.merge(std::move(second));
  const auto maps = corpus.result();
  REQUIRE(maps.size() == 3);
  CHECK(maps[2] == norm_maps(b.view(), b.values())[0]);
}

TEST_CASE("norm maps without keys, without queries, and of what is not there") {
  const auto no_keys = test::random_layer(Layout({1, 2, 3, 0}), 1, 2, 4);
  CHECK(norm_maps(no_keys.view(), no_keys.values())[0].size() == 0);
  const auto no_queries = test::random_layer(Layout({1, 2, 0, 3}), 1, 2, 4);
  CHECK(norm_maps(no_queries.view(), no_queries.values())[0].cols() == 3);
  auto layer = test::random_layer(Layout({1, 2, 3, 3}), 1, 2, 4);
  layer.residual.clear();
  CHECK(message_of<ValueError>([&] { norm_maps(layer.view(), layer.values(), {Through::norm}); }) ==
        "the layer's values have no residual");
}
