#include <attnscope/source/maps.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("maps hold the true tokens of one example, hidden keys as zero") {
  const Mask mask = self_padding({5, 3}, {0, 2}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 2, 5, 5}, mask));
  const auto maps = head_maps(AttentionView<float>(a, mask), 1);
  REQUIRE(maps.size() == 2);
  CHECK(maps[1].rows() == 3);
  CHECK(maps[1].cols() == 3);
  CHECK(maps[1](0, 1) == 0);
  CHECK(maps[1](2, 1) == static_cast<double>(a(1, 1, 4, 3)));
  CHECK(head_maps(mean_heads(AttentionView<float>(a, mask)))[0](0, 0) == 1);
}

TEST_CASE("keys that nobody sees stay in the map") {
  const Eigen::MatrixXd step = Eigen::MatrixXd::Identity(2, 4);
  CHECK(head_maps(AttentionView(step, {.causal = true}))[0].cols() == 4);
}

TEST_CASE("an example that is not there") {
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(2, 2);
  CHECK(message_of<ShapeError>([&] { head_maps(one, 1); }) == "batch element 1 of 1");
}
