#include <attnscope/heads/received.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("the sink score of causal attention") {
  const Eigen::Matrix3d c{{1, 0, 0}, {.5, .5, 0}, {.2, .3, .5}};
  const ReceivedResult result = received_attention(AttentionView(c, {.causal = true}));
  CHECK((result.received[0] - Eigen::RowVector3d(1.7, .8, .5)).norm() < 1e-15);
  CHECK((result.mean_received[0] - Eigen::RowVector3d(1.7 / 3, .4, .5)).norm() <
        1e-15);  // numpy: .5666667 .4 .5
}

TEST_CASE("what all keys receive is what all queries give") {
  const Mask mask = self_padding({601, 1, 450}, {}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({3, 4, 601, 601}, mask));
  const ReceivedResult result = received_attention(AttentionView<float>(a, mask));
  for (std::size_t b = 0; b < 3; ++b)
    for (Index h = 0; h < 4; ++h)
      CHECK(result.received[b].row(h).sum() == Approx(mask.key_lengths[b]).epsilon(1e-6));
}

TEST_CASE("the mean is over all queries that see the key, however many tasks they fill") {
  const auto a = test::random_attention<float>(Layout({1, 2, 601, 601}, {.causal = true}));
  const ReceivedResult result = received_attention(AttentionView<float>(a, {.causal = true}));
  for (const Index key : {0, 300, 600})
    CHECK(result.mean_received[0](1, key) * static_cast<double>(601 - key) ==
          Approx(result.received[0](1, key)).epsilon(1e-12));
}

TEST_CASE("a key that nobody sees received nothing of nothing") {
  const Eigen::Matrix2d a{{1, 0}, {1, 0}};
  const ReceivedResult result = received_attention(AttentionView(a, {.causal = true, .query_offset = -1}));
  CHECK(result.received[0](0, 1) == 0);
  CHECK(std::isnan(result.mean_received[0](0, 1)));
  CHECK(result.mean_received[0](0, 0) == 1);
}
