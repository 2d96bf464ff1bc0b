#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("the head mean of a padded causal batch") {
  const Mask mask = self_padding({300, 80}, {0, 100}, {.causal = true});
  const auto a = test::random_attention<double>(Layout({2, 3, 300, 300}, mask));
  AttentionTensor<double> mean(2, 1, 300, 300);
  for (Index b = 0; b < 2; ++b)
    for (Index i = 0; i < 300; ++i)
      for (Index j = 0; j < 300; ++j) mean(b, 0, i, j) = (a(b, 0, i, j) + a(b, 1, i, j) + a(b, 2, i, j)) / 3;
  const Eigen::VectorXd expected = entropy(AttentionView<double>(mean, mask)).entropies;
  CHECK(test::difference(entropy(mean_heads(AttentionView<double>(a, mask))).entropies, expected) < 1e-13);
}

TEST_CASE("chosen heads, in the order given, twice if asked") {
  const auto a = test::random_attention<float>(Layout({1, 4, 20, 20}));
  const Eigen::VectorXd all = entropy(a).entropies;
  const Eigen::VectorXd some = entropy(select_heads(a, {3, 0, 3})).entropies;
  CHECK(some == Eigen::Vector3d(all(3), all(0), all(3)));
}

TEST_CASE("adaptors nest, in any order that means the same") {
  const auto a = test::random_attention<double>(Layout({1, 4, 20, 20}));
  const double one = entropy(mean_heads(select_heads(a, {1, 2}))).entropies(0);
  CHECK(entropy(mean_heads(AttentionView<double>(a).heads(1, 2))).entropies(0) == one);
  const ExcludedTokens first{.keys = {{0}}, .renormalise = false};
  CHECK(test::difference(received_attention(mean_heads(exclude_tokens(a, first))).received[0],
                         received_attention(exclude_tokens(mean_heads(a), first)).received[0]) < 1e-14);
}

TEST_CASE("heads that are not there") {
  const auto a = test::random_attention<float>(Layout({1, 4, 5, 5}));
  CHECK(message_of<ShapeError>([&] { select_heads(a, {0, 4}); }) == "head 4 of 4");
  CHECK(message_of<ShapeError>([&] { select_heads(a, {-1}); }) == "head -1 of 4");
  CHECK(message_of<ShapeError>([&] { mean_heads(select_heads(a, {})); }) == "the mean over no heads");
}
