#pragma once
// What units that are compiled with unlike flags, and then linked, all include.
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_distance.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/importance.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/source/query_key.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include <vector>

/// Something of every kernel, of one head pair and of queries and keys.
inline std::vector<double> numbers() {
  using namespace attnscope;
  const Index tokens = 37, dim = 9;
  std::vector<float> vectors(static_cast<std::size_t>(2 * tokens * dim));
  for (std::size_t i = 0; i < vectors.size(); ++i)
    vectors[i] = static_cast<float>((i * 37 + i / 7) % 101) / 50 - 1;
  const QueryKeyAttention<float> computed(vectors.data(), vectors.data(),
                                          Layout({1, 2, tokens, tokens}, {.causal = true}), 2, dim);
  AttentionTensor<float> attention(1, 2, tokens, tokens);
  auto reader = computed.reader();
  const Block<float> block = reader.read(0, {0, tokens});
  for (Index h = 0; h < 2; ++h)
    for (Index i = 0; i < tokens; ++i)
      for (Index j = 0; j < tokens; ++j)
        attention(0, h, i, j) = block.head(h).row(i)[static_cast<std::size_t>(j)];
  const Eigen::Tensor<Eigen::half, 4, Eigen::RowMajor> half = attention.cast<Eigen::half>();

  std::vector<double> all;
  const auto keep = [&](const auto& matrix) {
    all.insert(all.end(), matrix.data(), matrix.data() + matrix.size());
  };
  keep(entropy(computed).entropies);
  keep(entropy(attention).entropies);
  keep(entropy(half).entropies);
  keep(received_attention(computed).received[0]);
  keep(head_similarity(attention).similarity_matrix);
  keep(head_distance(attention).mean_distances);
  keep(
      importance(aligned(AttentionView<float>(attention), AttentionView<float>(attention))).mean.elementwise);
  return all;
}
