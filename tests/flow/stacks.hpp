#pragma once
// Stacks of layers for the tests of this room.
#include "support/attention.hpp"

#include <vector>

namespace attnscope::test {

/// Fixture E: two layers, one head, three tokens.
inline std::vector<Eigen::MatrixXd> fixture_e() {
  return {Eigen::Matrix3d{{.5, .3, .2}, {.1, .6, .3}, {.25, .25, .5}},
          Eigen::Matrix3d{{.2, .5, .3}, {.4, .4, .2}, {.1, .1, .8}}};
}

/// The layers of make_layer_maps.py: three heads, five tokens.
inline std::vector<AttentionTensor<double>> made_layers(Index layers = 3) {
  std::vector<AttentionTensor<double>> stack;
  for (Index l = 0; l < layers; ++l) {
    AttentionTensor<double> a(1, 3, 5, 5);
    for (Index h = 0; h < 3; ++h)
      for (Index i = 0; i < 5; ++i) {
        double sum = 0;
        for (Index j = 0; j < 5; ++j)
          sum += a(0, h, i, j) = static_cast<double>((7 * i + 3 * j + 5 * h + 2 * l + i * j) % 11 + 1);
        for (Index j = 0; j < 5; ++j) a(0, h, i, j) /= sum;
      }
    stack.push_back(a);
  }
  return stack;
}

/// Views of random layers that share a layout.
template <typename Scalar>
struct RandomStack {
  RandomStack(const Layout& layout, Index layers) {
    for (Index l = 0; l < layers; ++l)
      tensors.push_back(random_attention<Scalar>(layout, static_cast<unsigned>(l + 1)));
    for (const auto& tensor : tensors) views.emplace_back(tensor, layout.mask());
  }
  /// The layers of one example alone.
  std::vector<AttentionView<Scalar>> alone(Index example) const {
    std::vector<AttentionView<Scalar>> layers;
    for (const auto& view : views) layers.push_back(view.example(example));
    return layers;
  }
  std::vector<AttentionTensor<Scalar>> tensors;
  std::vector<AttentionView<Scalar>> views;
};

}  // namespace attnscope::test
