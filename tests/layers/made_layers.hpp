#pragma once
// The layers of make_layers.py, padded on the left; tests/support/pattern.hpp has the formula.
#include "support/pattern.hpp"

namespace attnscope::test {

inline const Mask made_mask = self_padding({6, 6}, {2, 0}, {.causal = true});

inline std::vector<AttentionTensor<double>> made_tensors() {
  std::vector<AttentionTensor<double>> layers;
  for (const Index salt : {0, 3, 4, 8}) layers.push_back(pattern(Layout({2, 3, 8, 8}, made_mask), salt));
  return layers;
}

inline std::vector<AttentionView<double>> views(const std::vector<AttentionTensor<double>>& tensors) {
  std::vector<AttentionView<double>> all;
  for (const auto& tensor : tensors) all.emplace_back(tensor, made_mask);
  return all;
}

}  // namespace attnscope::test
