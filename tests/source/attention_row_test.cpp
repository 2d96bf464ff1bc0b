#include <attnscope/source/attention_row.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/maps.hpp>
#include <attnscope/source/query_key.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("a row is that of the map, over all true keys") {
  const Mask mask = self_padding({5, 3}, {0, 2}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 2, 5, 5}, mask));
  const AttentionView<float> view(a, mask);
  const auto maps = head_maps(view, 1);
  for (Index query = 0; query < 3; ++query) {
    const Eigen::VectorXd row = attention_row(view, 1, 1, query);
    REQUIRE(row.size() == 3);
    CHECK(row.transpose() == maps[1].row(query));
  }
}

TEST_CASE("a row of queries and keys, and no other one, is computed") {
  std::vector<float> queries(2 * 50 * 4), keys(50 * 4);
  for (std::size_t i = 0; i < queries.size(); ++i) queries[i] = static_cast<float>((i * 37) % 11) / 4 - 1;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<float>((i * 53) % 13) / 5 - 1;
  const Layout layout({1, 2, 50, 50}, {.causal = true});
  const QueryKeyAttention<float> attention(queries.data(), keys.data(), layout, 1, 4);
  const Eigen::MatrixXd map = head_maps(attention)[1];
  queries[(50 + 20) * 4] = std::numeric_limits<float>::quiet_NaN();
  CHECK((attention_row(attention, 0, 1, 30).transpose() - map.row(30)).cwiseAbs().maxCoeff() < 1e-6);
}

TEST_CASE("rows that are not there") {
  const auto a = test::random_attention<float>(Layout({2, 3, 4, 5}));
  CHECK(message_of<ShapeError>([&] { attention_row(a, 2, 0, 0); }) == "batch element 2 of 2");
  CHECK(message_of<ShapeError>([&] { attention_row(a, 0, 3, 0); }) == "head 3 of 3");
  CHECK(message_of<ShapeError>([&] { attention_row(a, 1, 0, -1); }) == "batch element 1: query -1 of 4");
  const auto without = exclude_tokens(a, {.queries = {{}, {2}}});
  CHECK(attention_row(without, 0, 0, 2).size() == 5);
  CHECK(message_of<ShapeError>([&] { attention_row(without, 1, 0, 2); }) ==
        "batch element 1: query 2 is excluded");
}
