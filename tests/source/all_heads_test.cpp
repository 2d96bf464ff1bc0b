#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/source/all_heads.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
/// Two layers of 2 and 3 heads, padded and causal, and the same five heads in one tensor.
struct TwoLayers {
  Mask mask = self_padding({300, 80}, {0, 100}, {.causal = true});
  AttentionTensor<float> together = test::random_attention<float>(Layout({2, 5, 300, 300}, mask));
  AttentionView<float> all = AttentionView<float>(together, mask);
  std::vector<AttentionView<float>> layers{all.heads(0, 2), all.heads(2, 3)};
};
}  // namespace

TEST_CASE("heads of several layers are the heads of one source, in order") {
  const TwoLayers two;
  const auto joined = all_heads(two.layers);
  CHECK(joined.layout().shape() == two.all.layout().shape());
  CHECK(test::difference(entropy(joined).entropies, entropy(two.all).entropies) < 1e-7);
  CHECK(head_similarity(joined).similarity_matrix == head_similarity(two.all).similarity_matrix);
}

TEST_CASE("every head knows where it comes from") {
  const TwoLayers two;
  CHECK(all_heads(two.layers).origins() == std::vector<HeadId>{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {1, 2}});
}

TEST_CASE("layers of any kind of source, and adaptors around them") {
  const TwoLayers two;
  const std::vector means{mean_heads(two.layers[0]), mean_heads(two.layers[1])};
  const Eigen::VectorXd entropies = entropy(all_heads(means)).entropies;
  CHECK(entropies(1) == Approx(entropy(means[1]).entropies(0)).epsilon(1e-6));
  const Eigen::VectorXd some = entropy(select_heads(all_heads(two.layers), {4, 1})).entropies;
  CHECK(some(0) == Approx(entropy(two.all).entropies(4)).epsilon(1e-6));
}

TEST_CASE("layers of a file may have unlike precisions: one in double makes all double") {
  const Mask mask{.causal = true};
  const auto single = test::random_attention<float>(Layout({1, 2, 20, 20}, mask));
  const auto twice = test::random_attention<double>(Layout({1, 1, 20, 20}, mask), 2);
  const AnyAttention a(AttentionView<float>(single, mask));
  const AnyAttention b(AttentionView<double>(twice, mask));
  CHECK(std::holds_alternative<AnyAttention<float>>(all_heads(std::vector<LoadedAttention>{a, a})));
  const auto both = std::get<AnyAttention<double>>(all_heads({a, b, a}));
  const Eigen::VectorXd entropies = entropy(both).entropies;
  REQUIRE(entropies.size() == 5);
  CHECK(entropies(2) == entropy(b).entropies(0));
  CHECK(entropies(3) == Approx(entropy(a).entropies(0)).epsilon(1e-6));
}

TEST_CASE("layers of the same tokens, padded on either side") {
  const Mask left = self_padding({3}, {2}), right = self_padding({3});
  const auto a = test::random_attention<double>(Layout({1, 2, 5, 5}, left));
  const auto b = test::random_attention<double>(Layout({1, 1, 4, 4}, right));
  const std::vector layers{AttentionView<double>(a, left), AttentionView<double>(b, right)};
  const Eigen::VectorXd entropies = entropy(all_heads(layers)).entropies;
  CHECK(entropies.head(2) == entropy(layers[0]).entropies);
  CHECK(entropies(2) == entropy(layers[1]).entropies(0));
}

TEST_CASE("layers that do not fit are named with what differs") {
  const auto a = test::random_attention<float>(Layout({2, 1, 5, 5}));
  const auto shorter = test::random_attention<float>(Layout({2, 1, 4, 5}));
  const AttentionView<float> view(a);
  const auto message = [](std::vector<AttentionView<float>> layers) {
    return message_of<ShapeError>([&] { all_heads(layers); });
  };
  CHECK(message({}) == "the heads of no layers");
  CHECK(message({view, view, view.example(0)}) ==
        "layers 0 and 2: aligned sources have 2 and 1 batch elements");
  CHECK(message({view, AttentionView<float>(shorter)}) ==
        "layers 0 and 1: batch element 0: aligned sources have 5 x 5 and 4 x 5 true tokens");
  CHECK(message({view, AttentionView<float>(a, {.causal = true})}) ==
        "layers 0 and 1: aligned sources hide different weights (causal, sliding_window or excluded tokens "
        "differ)");
}

TEST_CASE("layers without heads add none; an example without tokens has no rows") {
  const TwoLayers two;
  const auto joined = all_heads(std::vector{two.all.heads(0, 0), two.all, two.all.heads(0, 0)});
  CHECK(test::difference(entropy(joined).entropies, entropy(two.all).entropies) < 1e-7);
  const Mask none = self_padding({0, 0});
  const auto empty = two.all.masked(none);
  CHECK(entropy(all_heads(std::vector{empty, empty})).queries == 0);
}
