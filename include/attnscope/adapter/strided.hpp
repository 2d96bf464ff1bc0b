#pragma once
#include <attnscope/source/stored.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>

namespace attnscope {

namespace detail::strided {

/// One number for each of batch, head, query and key.
using Four = std::array<Index, 4>;
using Numbers = std::span<const std::int64_t>;

/// The last of the four are the given ones, the first are 1: axes are left out in front.
inline Four aligned_right(Numbers given) {
  Four four{1, 1, 1, 1};
  std::copy_backward(given.begin(), given.end(), four.end());
  return four;
}

/// Whether bytes can be counted: then every product of some of the lengths is safe to compute.
inline bool countable(const Four& lengths, Index room) {
  for (const Index length : lengths) room /= std::max<Index>(length, 1);
  return room > 0;
}

/// Whether all elements lie within `room` elements of the first.
inline bool reachable(const Four& lengths, const Four& strides, Index room) {
  for (std::size_t axis = 0; axis < 4; ++axis) {
    const Index steps = lengths[axis] - 1;
    if (steps <= 0) continue;
    const Index longest = room / steps;
    if (strides[axis] > longest || strides[axis] < -longest) return false;
    room -= steps * std::abs(strides[axis]);
  }
  return true;
}

/// room: how many elements an address space can hold.
inline Layout layout_of(Numbers sizes, Index room, Mask mask) {
  require<ShapeError>(sizes.size() >= 2 && sizes.size() <= 4,
                      "the tensor has {} axes, but attention is [batch, head, query, key], [head, query, "
                      "key] or [query, key]",
                      sizes.size());
  const auto [batch, heads, queries, keys] = aligned_right(sizes);
  require<ShapeError>(countable({batch, heads, queries, keys}, room),
                      "a tensor of shape [{}] has more bytes than can be counted", fmt::join(sizes, ", "));
  return Layout({batch, heads, queries, keys}, std::move(mask));
}

/// The strides of a tensor that is not empty. That of an axis of length 1 is anything; for the key, 1 says
/// that nothing needs to be copied.
inline Four steps_of(Numbers sizes, Numbers strides, Index room) {
  require<ShapeError>(strides.size() == sizes.size(), "{} strides for {} axes", strides.size(), sizes.size());
  const Four lengths = aligned_right(sizes);
  Four steps = aligned_right(strides);
  require<ShapeError>(reachable(lengths, steps, room),
                      "strides [{}] of shape [{}] reach beyond what can be addressed",
                      fmt::join(strides, ", "), fmt::join(sizes, ", "));
  for (std::size_t axis = 0; axis < 4; ++axis)
    if (lengths[axis] == 1) steps[axis] = 1;
  return steps;
}

}  // namespace detail::strided

/// A tensor of another library, borrowed: attention [batch, head, query, key], [head, query, key] or
/// [query, key]; an axis that is left out has length 1. data: the first element; strides: how many elements
/// lie between one index of an axis and the next, zero and negative ones included; none: dense, row-major.
/// Scalar: float, double, Eigen::half, Eigen::bfloat16. Nothing is copied.
/// @throws ShapeError another number of axes, lengths and strides that no memory can hold, no data for a
/// shape that is not empty, a mask that does not fit
/// @throws ValueError an address at which no Scalar may lie
template <typename Scalar>
AttentionView<Scalar> strided_view(const void* data, std::span<const std::int64_t> sizes,
                                   std::span<const std::int64_t> strides = {}, Mask mask = {}) {
  constexpr Index room = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(Scalar));
  Layout layout = detail::strided::layout_of(sizes, room, std::move(mask));
  // Strides of what has no elements mean nothing, and would lead away from a null pointer.
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end())
    return {static_cast<const Scalar*>(nullptr), std::move(layout), {}};

  require<ValueError>(reinterpret_cast<std::uintptr_t>(data) % alignof(Scalar) == 0,
                      "the tensor begins at an address that is no multiple of {}: copy it to an aligned one",
                      alignof(Scalar));
  const auto* first = static_cast<const Scalar*>(data);
  if (strides.empty()) return {first, std::move(layout)};
  return {first, std::move(layout), detail::strided::steps_of(sizes, strides, room)};
}

}  // namespace attnscope
