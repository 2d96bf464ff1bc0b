#pragma once
// Dumps made in memory, from tensors of constant or random attention.
#include <attnscope/io/dump.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

namespace attnscope::test {

/// A tensor of this shape with every element `value`.
template <typename Scalar = float>
RawTensor filled(std::vector<Index> shape, double value) {
  Index size = 1;
  for (const Index length : shape) size *= length;
  return raw_tensor(std::vector<Scalar>(static_cast<std::size_t>(size), static_cast<Scalar>(value)),
                    std::move(shape));
}

/// Uniform attention of [batch, head, tokens, tokens].
template <typename Scalar = float>
RawTensor uniform(Index batch, Index heads, Index tokens) {
  return filled<Scalar>({batch, heads, tokens, tokens}, 1.0 / static_cast<double>(tokens));
}

/// Layers 0 and 2 of 3 heads over 4 tokens, the first and the last of them special.
inline Dump two_layers() {
  return make_dump(
      "x", {{"self.0.attention", uniform(1, 3, 4)}, {"self.2.attention", uniform(1, 3, 4)}},
      {{"tokens", R"(["[CLS]", "a", "b", "[SEP]"])"}, {"special_tokens", R"(["[CLS]", "[SEP]"])"}});
}

inline Layout layout_of(const DumpLayer& layer) {
  return std::visit([](const auto& source) { return source.layout(); }, layer.attention);
}

inline const DumpLayer& only_layer(const Dump& dump) { return dump.stacks.at(0).layers.at(0); }

/// Of the error that these tensors make.
template <typename Kind>
std::string message(const RawTensors& tensors, const Metadata& metadata = {}) {
  return message_of<Kind>([&] { make_dump("x", tensors, metadata); });
}

}  // namespace attnscope::test
