#include <attnscope/core/block.hpp>

#include <numeric>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Two heads of three queries and four keys, numbered 0 .. 23; the block is queries 1 and 2.
struct Example {
  Layout layout{{1, 2, 3, 4}, {.causal = true, .query_offset = 1}};
  std::vector<float> weights = std::vector<float>(24);
  Example() { std::iota(weights.begin(), weights.end(), 0.f); }
  Block<float> block() const { return {weights.data() + 4, 12, 4, 0, {1, 3}, 4, layout}; }
};
}  // namespace

TEST_CASE("a block hands out the rows of one head, and parts of them") {
  const Example example;
  const Block<float> block = example.block();
  CHECK(block.heads() == 2);
  CHECK(block.size() == 2);
  CHECK(block.query(1) == 2);
  const HeadRows<float> rows = block.head(1);
  CHECK(rows.size() == 2);
  CHECK(rows.row(0)[0] == 16);
  CHECK(rows.row(1)[3] == 23);
  const HeadRows<float> part = block.head(1, {1, 2});
  CHECK(part.size() == 1);
  CHECK(part.query(0) == 2);
  CHECK(part.row(0)[0] == 20);
}

TEST_CASE("a block hands out one query of all heads") {
  const Example example;
  const Eigen::MatrixXf across = example.block().across_heads(1);
  CHECK(across == Eigen::MatrixXf{{8, 9, 10, 11}, {20, 21, 22, 23}});
}

TEST_CASE("rows know what their queries see, and where they stand") {
  const Example example;
  const HeadRows<float> rows = example.block().head(0);
  CHECK(rows.matrix()(1, 2) == 10);
  CHECK(rows.position(0) == 2);
  CHECK(rows.visible(0) == Range{0, 3});
  CHECK(rows.visible_keys(1) == 4);
}
