#include <attnscope/heads/pooled_maps.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/maps.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

/// From the definition, pair by pair.
Eigen::MatrixXd plain_map(const Eigen::MatrixXd& weights, const Layout& layout, Index down, Index across,
                          Pool pool) {
  const auto cells = [](Index tokens, Index width) { return (tokens + width - 1) / width; };
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(cells(weights.rows(), down), cells(weights.cols(), across));
  for (Index y = 0; y < map.rows(); ++y)
    for (Index x = 0; x < map.cols(); ++x) {
      double sum = 0, most = 0, pairs = 0;
      for (Index i = y * down; i < std::min((y + 1) * down, weights.rows()); ++i)
        for (Index j = x * across; j < std::min((x + 1) * across, weights.cols()); ++j) {
          const Range seen = layout.visible(0, i);
          if (!layout.shows(0, i) || j < seen.first || j >= seen.last ||
              layout.count_keys(0, {j, j + 1}) == 0)
            continue;
          sum += weights(i, j);
          most = std::max(most, weights(i, j));
          pairs += 1;
        }
      if (pairs > 0) map(y, x) = pool == Pool::mean ? sum / pairs : most;
    }
  return map;
}

bool same(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b, double within) {
  return a.rows() == b.rows() && a.cols() == b.cols() && (a - b).cwiseAbs().maxCoeff() <= within;
}

}  // namespace

TEST_CASE("cells are those of plain loops, whatever the mask and the groups") {
  for (const Mask& mask :
       {Mask{}, Mask{.causal = true}, Mask{.causal = true, .sliding_window = 40},
        Mask{.causal = true, .query_offset = 130},
        Mask{.causal = true, .excluded_queries = {{0, 1, 2, 3, 290, 291}}, .excluded_keys = {{0, 7, 200}}}}) {
    const Layout layout({1, 2, 300, 430}, mask);
    const auto a = test::random_attention<double>(layout);
    const auto source = exclude_tokens(AttentionView<double>(a, {.causal = mask.causal,
                                                                 .query_offset = mask.query_offset,
                                                                 .sliding_window = mask.sliding_window}),
                                       {.queries = mask.excluded_queries, .keys = mask.excluded_keys});
    Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(300, 430);
    {
      auto reader = source.reader();
      const auto block = reader.read(0, {0, 300});
      weights.leftCols(block.keys()) = block.head(1).matrix();
    }
    for (const Pool pool : {Pool::mean, Pool::largest})
      for (const auto& [rows, columns, down, across] :
           {std::array<Index, 4>{7, 50, 43, 9}, {299, 1, 2, 430}, {1000, 1000, 1, 1}, {1, 107, 300, 5}}) {
        const auto pooled = pooled_maps(source, {.most_rows = rows, .most_columns = columns, .pool = pool});
        CHECK(same(pooled.examples[0].heads[1], plain_map(weights, layout, down, across, pool), 1e-15));
      }
  }
}

TEST_CASE("uniform causal attention: every cell, also on the border, is a mean of what is seen") {
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(8, 8);
  for (Index i = 0; i < 8; ++i) a.row(i).head(i + 1).setConstant(1. / static_cast<double>(i + 1));
  const auto map = pooled_maps(AttentionView(a, {.causal = true}), {.most_rows = 4, .most_columns = 4});
  CHECK(map.examples[0].heads[0](0, 0) == Approx((1 + .5 + .5) / 3));
  CHECK(map.examples[0].heads[0](1, 0) == Approx((2. / 3 + 2. / 4) / 4));
  CHECK(map.examples[0].heads[0](0, 1) == 0);
}

TEST_CASE("what needs no pooling is the map itself") {
  const Mask mask = self_padding({5, 3}, {0, 2}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 2, 5, 5}, mask));
  const AttentionView<float> view(a, mask);
  for (const Pool pool : {Pool::mean, Pool::largest})
    for (Index b = 0; b < 2; ++b)
      CHECK(pooled_maps(view, {.pool = pool}).examples[static_cast<std::size_t>(b)].heads ==
            head_maps(view, b));
}

TEST_CASE("cells name their tokens; each example has its own") {
  const Mask mask = self_padding({10, 3}, {0, 7});
  const auto a = test::random_attention<float>(Layout({2, 1, 10, 10}, mask));
  const auto maps = pooled_maps(AttentionView<float>(a, mask), {.most_rows = 4, .most_columns = 5}).examples;
  REQUIRE(maps.size() == 2);
  CHECK(maps[0].rows == std::vector<Range>{{0, 3}, {3, 6}, {6, 9}, {9, 10}});
  CHECK(maps[0].columns == std::vector<Range>{{0, 2}, {2, 4}, {4, 6}, {6, 8}, {8, 10}});
  CHECK(maps[1].rows == std::vector<Range>{{0, 1}, {1, 2}, {2, 3}});
  CHECK(maps[1].heads[0](2, 1) == static_cast<double>(a(1, 0, 9, 8)));
  CHECK(cell_labels(maps[0].rows) == std::vector<std::string>{"0", "3", "6", "9"});
}

TEST_CASE("parts of one example share a row of cells; threads change no bit") {
  const auto a = test::random_attention<float>(Layout({2, 2, 1500, 200}));
  const PooledMapsOptions options{.most_rows = 7, .most_columns = 9};  // groups of 215 queries, tasks of 256
  const auto one = pooled_maps(a, options, {.threads = 1}), three = pooled_maps(a, options, {.threads = 3});
  for (std::size_t b = 0; b < 2; ++b) {
    CHECK(one.examples[b].heads[1] == three.examples[b].heads[1]);
    const Index e = static_cast<Index>(b);
    double sum = 0;
    for (Index i = 215; i < 430; ++i)
      for (Index j = 23; j < 46; ++j) sum += static_cast<double>(a(e, 1, i, j));
    CHECK(one.examples[b].heads[1](1, 1) == Approx(sum / (215 * 23)).epsilon(1e-6));
  }
}

TEST_CASE("no tokens, and maps that are none") {
  const auto none = pooled_maps(Eigen::MatrixXd(0, 4)).examples;
  REQUIRE(none.size() == 1);
  CHECK(none[0].heads[0].rows() == 0);
  CHECK(none[0].columns.size() == 4);
  const Eigen::MatrixXd blind = Eigen::MatrixXd::Zero(3, 2);
  CHECK(pooled_maps(AttentionView(blind, {.causal = true, .query_offset = -5})).examples[0].heads[0] ==
        Eigen::MatrixXd::Zero(3, 2));
  CHECK(message_of<ValueError>([] { PooledMapsMeasure({.most_rows = 0}); }) ==
        "maps of at most 0 x 512 cells");
  CHECK_THROWS_AS(PooledMapsMeasure().merge(PooledMapsMeasure({.pool = Pool::largest})), ValueError);
}
