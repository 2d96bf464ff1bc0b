#include <attnscope/core/layout.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("without a mask every query sees every key") {
  const Layout layout({2, 1, 3, 5});
  CHECK(layout.queries(1) == 3);
  CHECK(layout.keys(0) == 5);
  CHECK(layout.visible(0, 2) == Range{0, 5});
  CHECK(layout.visible_keys(0, 0) == 5);
}

TEST_CASE("a causal query sees itself and what came before") {
  const Layout layout({1, 1, 4, 4}, {.causal = true});
  for (Index i = 0; i < 4; ++i) CHECK(layout.visible(0, i) == Range{0, i + 1});
}

TEST_CASE("query_offset says where the first query stands") {
  const Layout layout({1, 1, 2, 6}, {.causal = true, .query_offset = 4});
  CHECK(layout.position(0, 0) == 4);
  CHECK(layout.visible(0, 0) == Range{0, 5});
  CHECK(layout.visible(0, 1) == Range{0, 6});
}

TEST_CASE("positions count from the first true key, wherever queries and keys begin") {
  const Layout cache({1, 1, 3, 8},
                     {.causal = true, .query_offset = 5, .query_starts = {1}, .key_starts = {2}});
  CHECK(cache.position(0, 0) == 4);  // stored query 1 stands at stored key 6
  CHECK(cache.visible(0, 0) == Range{0, 5});
}

TEST_CASE("a negative offset leaves early queries without a key, a large one shows all keys") {
  CHECK(Layout({1, 1, 3, 3}, {.causal = true, .query_offset = -2}).visible(0, 1) == Range{0, 0});
  CHECK(Layout({1, 1, 3, 3}, {.causal = true, .query_offset = 9}).visible(0, 0) == Range{0, 3});
}

TEST_CASE("a sliding window ends at the query's own key") {
  const Layout layout({1, 1, 6, 6}, {.causal = true, .sliding_window = 3});
  CHECK(layout.visible(0, 0) == Range{0, 1});
  CHECK(layout.visible(0, 2) == Range{0, 3});
  CHECK(layout.visible(0, 5) == Range{3, 6});
}

TEST_CASE("queries together see what one of them sees") {
  const Layout window({1, 1, 6, 6}, {.causal = true, .sliding_window = 3});
  CHECK(window.visible(0, Range{3, 5}) == Range{1, 5});
  CHECK(window.visible(0, Range{3, 4}) == window.visible(0, 3));
  CHECK(window.visible(0, Range{4, 4}) == Range{0, 0});
  CHECK(Layout({1, 1, 2, 5}).visible(0, Range{0, 1}) == Range{0, 5});
}

TEST_CASE("padding on the left and on the right give the same tokens") {
  const Mask bare{.causal = true, .sliding_window = 2};
  const Layout right({1, 1, 6, 6}, self_padding({4}, {}, bare)),
      left({1, 1, 6, 6}, self_padding({4}, {2}, bare));
  for (const Layout& layout : {right, left}) {
    CHECK(layout.queries(0) == 4);
    CHECK(layout.keys(0) == 4);
    CHECK(layout.position(0, 3) == 3);
    CHECK(layout.visible(0, 3) == Range{2, 4});
  }
  CHECK(left.query_start(0) == 2);
  CHECK(right.query_start(0) == 0);
}

TEST_CASE("starts alone mean: true tokens up to the end") {
  CHECK(Layout({1, 1, 6, 6}, {.query_starts = {2}}).queries(0) == 4);
}

TEST_CASE("excluded keys do not count as visible, excluded queries split the shown ones") {
  const Layout layout({1, 1, 6, 6}, {.excluded_queries = {{3, 0}}, .excluded_keys = {{5, 0, 5}}});
  CHECK(layout.visible_keys(0, 2) == 4);
  CHECK(layout.count_keys(0, {1, 5}) == 4);
  CHECK(layout.count_keys(0, {0, 1}) == 0);
  CHECK(layout.shown_queries(0) == std::vector<Range>{{1, 3}, {4, 6}});
  const auto list = [](std::span<const Index> tokens) { return std::vector(tokens.begin(), tokens.end()); };
  CHECK(list(layout.excluded_queries(0)) == std::vector<Index>{0, 3});
  CHECK(list(layout.excluded_keys(0)) == std::vector<Index>{0, 5});
  CHECK(layout.excludes_key(0, 5));
  CHECK_FALSE(layout.excludes_key(0, 4));
  CHECK(Layout({1, 1, 6, 6}).excluded_keys(0).empty());
  CHECK_FALSE(Layout({1, 1, 6, 6}).excludes_key(0, 5));
}

TEST_CASE("an example without shown queries has one empty run") {
  CHECK(Layout({1, 1, 2, 2}, {.excluded_queries = {{0, 1}}}).shown_queries(0) == std::vector<Range>{{0, 0}});
  CHECK(Layout({1, 1, 0, 0}).shown_queries(0) == std::vector<Range>{{0, 0}});
}

TEST_CASE("layouts that cannot be say why") {
  const auto message = [](Shape shape, Mask mask) {
    return message_of<ShapeError>([&] { Layout(shape, mask); });
  };
  CHECK(message({1, -1, 2, 2}, {}) == "negative size in [batch 1, head -1, query 2, key 2]");
  CHECK(message({1, 1, 2, 2}, {.sliding_window = 3}) == "sliding_window = 3 needs causal attention");
  CHECK(message({1, 1, 2, 2}, {.causal = true, .sliding_window = -3}) == "sliding_window = -3 is negative");
  CHECK(message({2, 1, 2, 2}, {.key_lengths = {1}}) == "key_lengths has 1 entries for a batch of 2");
  CHECK(message({2, 1, 4, 2}, {.query_lengths = {1, 5}}) ==
        "batch element 1: 5 tokens from 0 do not fit into 4 query positions");
  CHECK(message({1, 1, 4, 4}, {.query_lengths = {3}, .query_starts = {2}}) ==
        "batch element 0: 3 tokens from 2 do not fit into 4 query positions");
  CHECK(message({1, 1, 4, 4}, {.key_starts = {-1}}) ==
        "batch element 0: 5 tokens from -1 do not fit into 4 key positions");
  CHECK(message({1, 1, 4, 4}, {.excluded_keys = {{1, 4}}}) ==
        "excluded_keys[0] names token 4, but the true tokens are 0 .. 3");
  CHECK(message({1, 1, 4, 4}, {.excluded_queries = {{-2, 1}}}) ==
        "excluded_queries[0] names token -2, but the true tokens are 0 .. 3");
}

TEST_CASE("a batch element or query that is not there is named") {
  const Layout layout({2, 1, 4, 4}, {.query_lengths = {4, 3}});
  CHECK(message_of<ShapeError>([&] { detail::require_example(layout, 2); }) == "batch element 2 of 2");
  CHECK(message_of<ShapeError>([&] { detail::require_example(layout, -1); }) == "batch element -1 of 2");
  CHECK(message_of<ShapeError>([&] { detail::require_query(layout, 1, 3); }) ==
        "batch element 1: query 3 of 3");
  CHECK_THROWS_AS(detail::require_query(layout, 1, -1), ShapeError);
  CHECK_NOTHROW(detail::require_query(layout, 0, 3));
}

TEST_CASE("a query is shown unless it is excluded") {
  const Layout layout({2, 1, 4, 4}, {.excluded_queries = {{3, 1}, {}}});
  for (Index query = 0; query < 4; ++query) {
    CHECK(layout.shows(0, query) == (query == 0 || query == 2));
    CHECK(layout.shows(1, query));
    CHECK(Layout({1, 1, 4, 4}).shows(0, query));
  }
}
