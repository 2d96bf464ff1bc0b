#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/io/dtype.hpp>

#include <fmt/ranges.h>

#include <unsupported/Eigen/CXX11/Tensor>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

/// A tensor as it stands in a file: the last axis runs fastest, elements are little endian and packed.
struct RawTensor {
  Dtype dtype = Dtype::F32;           ///< of every element
  std::vector<Eigen::Index> shape;    ///< empty for a scalar; an axis may have length 0
  std::span<const std::byte> bytes;   ///< exactly stored_bytes(dtype, shape) of them, at any alignment
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive; null where the caller sees to that
};

/// Tensors by name, in the order of the names.
using RawTensors = std::map<std::string, RawTensor, std::less<>>;

/// product(shape) * dtype_bits / 8, or nothing where there can be no such tensor: a negative length, elements
/// that do not fill whole bytes, or lengths other than 0 whose product, in bits, exceeds 2^63 - 1 (then any
/// product of some of them is safe to compute).
inline std::optional<std::size_t> stored_bytes(Dtype dtype, std::span<const Eigen::Index> shape) {
  auto bits = static_cast<std::int64_t>(dtype_bits(dtype));
  bool empty = false;
  for (const std::int64_t length : shape) {
    const std::int64_t factor = std::max<std::int64_t>(length, 1);
    if (length < 0 || bits > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
    bits *= factor;
    empty = empty || length == 0;
  }
  if (empty) return 0;
  if (bits % 8 != 0) return std::nullopt;
  return static_cast<std::size_t>(bits / 8);
}

/// Asks that shape and bytes fit. @throws ShapeError the tensor has not exactly the bytes that its shape and
/// encoding ask for
inline void require_whole(const RawTensor& tensor) {
  require<ShapeError>(stored_bytes(tensor.dtype, tensor.shape) == tensor.bytes.size(),
                      "{} bytes cannot be a {} tensor of shape [{}]", tensor.bytes.size(),
                      dtype_name(tensor.dtype), fmt::join(tensor.shape, ", "));
}

/// `values` as a tensor of that shape, which keeps them alive: move them in and nothing is copied.
/// @throws ShapeError the product of the shape is not their number
template <StorableScalar Scalar>
RawTensor raw_tensor(std::vector<Scalar> values, std::vector<Eigen::Index> shape) {
  const auto owner = std::make_shared<const std::vector<Scalar>>(std::move(values));
  RawTensor tensor{dtype_of<Scalar>, std::move(shape), std::as_bytes(std::span(*owner)), owner};
  require_whole(tensor);
  return tensor;
}

/// The same from an Eigen tensor. A column-major one does not lie as the format asks: swap its layout first.
template <StorableScalar Scalar, int Rank>
RawTensor raw_tensor(Eigen::Tensor<Scalar, Rank, Eigen::RowMajor> values) {
  const auto owner = std::make_shared<const Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>>(std::move(values));
  const auto& lengths = owner->dimensions();
  return {dtype_of<Scalar>,
          {lengths.begin(), lengths.end()},
          std::as_bytes(std::span(owner->data(), static_cast<std::size_t>(owner->size()))),
          owner};
}

/// The elements of a tensor, row-major: lent from where they lie if they are aligned there, else copied.
/// Either way the pointer keeps what it points at alive (as far as the tensor's `owner` does). There are
/// bytes.size() / sizeof(Scalar) of them. @throws ShapeError the tensor holds another type (nothing is
/// converted), or other bytes than its shape asks for
template <StorableScalar Scalar>
std::shared_ptr<const Scalar[]> elements(const RawTensor& tensor) {
  require<ShapeError>(tensor.dtype == dtype_of<Scalar>, "the tensor holds {}, not {}",
                      dtype_name(tensor.dtype), dtype_name(dtype_of<Scalar>));
  require_whole(tensor);
  if (reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % alignof(Scalar) == 0) {
    return {tensor.owner, reinterpret_cast<const Scalar*>(tensor.bytes.data())};
  }
  const auto copy = std::make_shared<std::vector<Scalar>>(tensor.bytes.size() / sizeof(Scalar));
  std::ranges::copy(tensor.bytes, std::as_writable_bytes(std::span(*copy)).begin());
  return {copy, copy->data()};
}

}  // namespace attnscope
