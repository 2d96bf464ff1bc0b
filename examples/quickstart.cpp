#include <attnscope/attnscope.hpp>

int main() {
  // [batch, head, query, key]: two heads over five tokens, one looks everywhere, one at the token before.
  attnscope::AttentionTensor<float> attention(1, 2, 5, 5);
  attention.setZero();
  for (int query = 0; query < 5; ++query) {
    for (int key = 0; key < 5; ++key) attention(0, 0, query, key) = 0.2f;
    attention(0, 1, query, query == 0 ? 0 : query - 1) = 1;
  }

  const auto entropy = attnscope::entropy(attention).entropies;
  const auto locality = attnscope::locality(attention, {.window = 1});
  const auto similarity = attnscope::head_similarity(attention);
  fmt::print("entropy {:.3f} and {:.3f} nats, local mass {:.2f} and {:.2f}, diversity {:.3f}\n", entropy(0),
             entropy(1), locality.locality(0), locality.locality(1), similarity.diversity_score.value());

  attnscope::write_svg("quickstart.svg",
                       attnscope::heatmap(attnscope::head_maps(attention)[1], {.title = "head 1"}));
}
