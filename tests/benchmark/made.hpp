#pragma once
// Inputs that a script can make, too: number n of a sequence depends on n alone.
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include <cmath>
#include <cstdint>

namespace attnscope::made {

/// The finalizer of MurmurHash3.
inline std::uint32_t mixed(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
  x = (x ^ (x >> 13)) * 0xC2B2AE35u;
  return x ^ (x >> 16);
}
/// In -1 .. 1, uniform.
inline float number(std::uint32_t n) { return static_cast<float>(mixed(n) >> 8) * 0x1p-23f - 1; }

/// Rows over what they may see of exp(8 x), x uniform in -1 .. 1, which sum to 1; hidden weights are 0. No
/// padding. first: the number of the first weight.
template <typename Scalar = float>
AttentionTensor<Scalar> attention(const Layout& layout, std::uint32_t first = 0) {
  const Shape& s = layout.shape();
  AttentionTensor<Scalar> weights(s.batch, s.heads, s.queries, s.keys);
  Scalar* to = weights.data();
  Eigen::ArrayXf row(s.keys);
  for (Index b = 0; b < s.batch; ++b)
    for (Index q = 0; q < s.heads * s.queries; ++q, to += s.keys) {
      for (float& x : row) x = 8 * number(first++);
      const Range seen = layout.visible(b, q % s.queries);
      row = row.exp().eval();
      row.head(seen.first).setZero();
      row.tail(s.keys - seen.last).setZero();
      row /= row.sum();
      Eigen::Map<Eigen::Array<Scalar, Eigen::Dynamic, 1>>(to, s.keys) = row.template cast<Scalar>();
    }
  return weights;
}

}  // namespace attnscope::made
