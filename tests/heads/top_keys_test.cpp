#include <attnscope/heads/top_keys.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("the keys of every row are those of a sort") {
  const Mask mask = self_padding({300, 140}, {0, 160}, {.causal = true});
  const Layout layout({2, 3, 300, 300}, mask);
  const auto a = test::random_attention<float>(layout);
  const TopKeysResult top = top_keys(AttentionView<float>(a, mask), {.count = 4});
  REQUIRE(top.examples.size() == 2);
  bool same = true;
  for (Index b = 0; b < 2; ++b) {
    const ExampleTopKeys& example = top.examples[static_cast<std::size_t>(b)];
    REQUIRE(static_cast<Index>(example.queries.size()) == layout.queries(b));
    for (std::size_t h = 0; h < 3; ++h)
      for (std::size_t i = 0; i < example.queries.size(); ++i) {
        same &= example.queries[i] == static_cast<Index>(i);
        std::vector<std::pair<double, Index>> row;
        for (Index j = 0; j <= static_cast<Index>(i); ++j)
          row.emplace_back(
              -static_cast<double>(a(b, static_cast<Index>(h), layout.query_start(b) + static_cast<Index>(i),
                                     layout.key_start(b) + j)),
              j);
        std::sort(row.begin(), row.end());
        row.resize(std::min<std::size_t>(4, row.size()));
        std::vector<TopKey> sorted;
        for (const auto& [weight, key] : row) sorted.push_back({key, -weight});
        same &= example.heads[h][i] == sorted;
      }
  }
  CHECK(same);
}

TEST_CASE("equal weights: the lower key; none of weight 0") {
  Eigen::MatrixXd a(3, 5);
  a << .2, .2, .2, .2, .2,  //
      0, .3, .1, .3, .3,    //
      0, 0, 0, 1, 0;
  const auto rows = top_keys(a, {.count = 2}).examples[0].heads[0];
  CHECK(rows[0] == std::vector<TopKey>{{0, .2}, {1, .2}});
  CHECK(rows[1] == std::vector<TopKey>{{1, .3}, {3, .3}});
  CHECK(rows[2] == std::vector<TopKey>{{3, 1}});
  CHECK(top_keys(a, {.count = 9}).examples[0].heads[0][1].size() == 4);
}

TEST_CASE("queries that are asked for: in the order of the text, once, excluded ones not") {
  const Layout layout({2, 2, 700, 700});
  const auto a = test::random_attention<double>(layout);
  const TopKeysResult all = top_keys(a);
  const TopKeysResult some = top_keys(a, {.queries = {{699, 3, 3, 300}, {}}});
  REQUIRE(some.examples.size() == 2);
  CHECK(some.examples[0].queries == std::vector<Index>{3, 300, 699});
  CHECK(some.examples[1].queries.empty());
  CHECK(some.examples[1].heads.size() == 2);
  for (std::size_t h = 0; h < 2; ++h) {
    REQUIRE(some.examples[0].heads[h].size() == 3);
    CHECK(some.examples[0].heads[h][1] == all.examples[0].heads[h][300]);
  }
  const auto without = exclude_tokens(a, {.queries = {{3, 4}, {}}});
  CHECK(top_keys(without, {.queries = {{3, 5}, {1}}}).examples[0].queries == std::vector<Index>{5});

  TopKeysMeasure swept({.queries = {{699, 3, 300}, {}}});
  sweep(a, swept);
  CHECK(swept.result().examples[0].heads == some.examples[0].heads);
}

TEST_CASE("rows that are not asked for are not read") {
  Eigen::MatrixXd a = Eigen::MatrixXd::Identity(4, 4);
  a.row(1).setConstant(undefined);
  CHECK(top_keys(a, {.queries = {{2}}}).examples[0].heads[0][0] == std::vector<TopKey>{{2, 1}});
  CHECK_THROWS_AS(top_keys(a, {.queries = {{1}}}), ValueError);
}

TEST_CASE("keys count from the text's first, though rows begin later and are not finished") {
  const Layout layout({1, 1, 4, 4}, {.causal = true, .sliding_window = 2});
  const std::vector<double> raw{1, 3}, factors{.25};
  const std::vector<RowSummary> summaries(1);
  TopKeysMeasure measure;
  measure.look(RowSummaries<double>(HeadPlace(0, 0, {3, 4}, layout), raw.data(), 2, {2, 4}, factors.data(),
                                    summaries.data()));
  CHECK(measure.result().examples[0].heads[0][0] == std::vector<TopKey>{{3, .75}, {2, .25}});
}

TEST_CASE("what cannot be listed") {
  const auto a = test::random_attention<float>(Layout({2, 1, 4, 4}));
  CHECK(message_of<ValueError>([&] { top_keys(a, {.count = 0}); }) == "count = 0 is below 1");
  CHECK(message_of<ShapeError>([&] {
          top_keys(a, {.queries = {{0}, {1, 4}}});
        }) == "batch element 1: query 4 of 4");
  CHECK(message_of<ShapeError>([&] { top_keys(a, {.queries = {{0}}}); }) ==
        "1 lists of queries for a batch of 2");
  TopKeysMeasure measure({.queries = {{-1}, {}}});
  CHECK(message_of<ShapeError>([&] { sweep(a, measure); }) == "batch element 0: query -1 of 4");
  CHECK_THROWS_AS(measure.merge(TopKeysMeasure()), ValueError);
}
