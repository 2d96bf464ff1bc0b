#include <attnscope/source/aligned.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

// How measures look at aligned sources: sweep_test.cpp.
using namespace attnscope;

TEST_CASE("left-padded and right-padded examples of the same tokens are aligned") {
  const Mask left = self_padding({3}, {2}), right = self_padding({3});
  const auto a = test::random_attention<float>(Layout({1, 2, 5, 5}, left));
  const auto b = test::random_attention<double>(Layout({1, 2, 4, 4}, right));
  CHECK_NOTHROW(aligned(AttentionView<float>(a, left), AttentionView<double>(b, right)));
}

TEST_CASE("the layout is that of the first; adaptors may be aligned") {
  const auto a = test::random_attention<float>(Layout({1, 2, 5, 5}));
  const auto both = aligned(mean_heads(a), a, a);
  CHECK(both.layout().shape().heads == 1);
  CHECK(std::tuple_size_v<std::remove_cvref_t<decltype(both.sources())>> == 3);
}

TEST_CASE("sources that hide other weights are not aligned") {
  const Eigen::Matrix3d a = Eigen::Matrix3d::Identity();
  const AttentionView<double> plain(a), causal(a, {.causal = true}),
      window(a, {.causal = true, .sliding_window = 2}), excluded(a, {.excluded_keys = {{1}}});
  const auto refused = [](const auto& first, const auto& second) {
    return message_of<ShapeError>([&] { aligned(first, second); });
  };
  const std::string unlike =
      "aligned sources hide different weights (causal, sliding_window or excluded tokens differ)";
  CHECK(refused(plain, causal) == unlike);
  CHECK(refused(causal, window) == unlike);
  CHECK(refused(plain, excluded) == unlike);
}
