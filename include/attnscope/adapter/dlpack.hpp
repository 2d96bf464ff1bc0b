#pragma once
#include <attnscope/adapter/strided.hpp>
#include <attnscope/source/any.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace attnscope {

// DLPack's structs are known by their fields, so that no header of it is needed and every version of it fits.

/// DLTensor: the description of a tensor that somebody else owns.
template <typename T>
concept DLPackTensor = requires(const T& tensor) {
  { tensor.data } -> std::convertible_to<const void*>;
  { tensor.shape } -> std::convertible_to<const std::int64_t*>;
  { tensor.strides } -> std::convertible_to<const std::int64_t*>;
  { tensor.ndim } -> std::convertible_to<std::int64_t>;
  { tensor.byte_offset } -> std::convertible_to<std::uint64_t>;
  { tensor.device.device_type } -> std::convertible_to<int>;
  { tensor.device.device_id } -> std::convertible_to<int>;
  { tensor.dtype.code } -> std::convertible_to<int>;
  { tensor.dtype.bits } -> std::convertible_to<int>;
  { tensor.dtype.lanes } -> std::convertible_to<int>;
};

/// DLManagedTensor and DLManagedTensorVersioned: a tensor that is handed over, to be given back by its
/// deleter.
template <typename T>
concept DLPackManagedTensor = requires(T* managed) {
  requires DLPackTensor<std::remove_cvref_t<decltype(managed->dl_tensor)>>;
  managed->deleter(managed);
};

namespace detail::dlpack {

// The numbers of the published header.
inline constexpr std::array devices{
    "",     "cpu",       "cuda",    "cuda_host",    "opencl", "",       "",        "vulkan", "metal", "vpi",
    "rocm", "rocm_host", "ext_dev", "cuda_managed", "oneapi", "webgpu", "hexagon", "maia",   "trn"};
inline constexpr std::array codes{"int", "uint", "float", "handle", "bfloat", "complex", "bool"};
enum Device { cpu = 1, cuda_host = 3, rocm_host = 11 };
enum Code { ieee_float = 2, bfloat = 4 };

/// The name of that number, empty for one that is newer than this file.
template <std::size_t Count>
constexpr std::string_view name_in(const std::array<const char*, Count>& names, int number) {
  return number >= 0 && static_cast<std::size_t>(number) < Count ? names[static_cast<std::size_t>(number)]
                                                                 : "";
}

struct Dtype {
  int code, bits, lanes;
  bool operator==(const Dtype&) const = default;
  std::string name() const {
    const std::string_view kind = name_in(codes, code);
    const std::string one =
        kind.empty() ? fmt::format("{}-bit of type code {}", bits, code) : fmt::format("{}{}", kind, bits);
    return lanes == 1 ? one : fmt::format("{} in {} lanes", one, lanes);
  }
};

template <typename Scalar>
inline constexpr Dtype dtype_of{std::same_as<Scalar, Eigen::bfloat16> ? bfloat : ieee_float,
                                8 * static_cast<int>(sizeof(Scalar)), 1};

template <DLPackTensor T>
Dtype dtype(const T& tensor) {
  return {static_cast<int>(tensor.dtype.code), static_cast<int>(tensor.dtype.bits),
          static_cast<int>(tensor.dtype.lanes)};
}

template <DLPackTensor T>
void require_host(const T& tensor) {
  const auto type = static_cast<int>(tensor.device.device_type);
  if (type == cpu || type == cuda_host || type == rocm_host) return;
  const std::string_view known = name_in(devices, type);
  throw ValueError(fmt::format("the tensor is on {}:{}: copy it to the CPU first",
                               known.empty() ? fmt::format("device type {}", type) : std::string(known),
                               static_cast<int>(tensor.device.device_id)));
}

}  // namespace detail::dlpack

/// A DLTensor whose precision the caller knows, borrowed: its data must outlive the view, the struct need
/// not. Axes and strides as in strided_view(). @throws what strided_view() throws, and ValueError for memory
/// that the CPU does not see and for another precision
template <typename Scalar, DLPackTensor T>
AttentionView<Scalar> dlpack_view(const T& tensor, Mask mask = {}) {
  using namespace detail::dlpack;
  require_host(tensor);
  require<ValueError>(dtype(tensor) == dtype_of<Scalar>, "the tensor is {}, not {}", dtype(tensor).name(),
                      dtype_of<Scalar>.name());
  require<ShapeError>(tensor.ndim >= 0 && (tensor.ndim == 0 || tensor.shape != nullptr),
                      "a tensor of {} axes without a shape", static_cast<int>(tensor.ndim));
  const auto axes = static_cast<std::size_t>(tensor.ndim);
  const auto* data = static_cast<const std::byte*>(tensor.data);
  return strided_view<Scalar>(data ? data + tensor.byte_offset : data, {tensor.shape, axes},
                              {tensor.strides, tensor.strides ? axes : 0}, std::move(mask));
}

/// A DLTensor of any precision, borrowed: its data must outlive the source unless `owner` keeps it.
/// @throws what dlpack_view() throws
template <DLPackTensor T>
LoadedAttention dlpack_attention(const T& tensor, Mask mask = {},
                                 std::shared_ptr<const void> owner = nullptr) {
  using namespace detail::dlpack;
  const Dtype type = dtype(tensor);
  const auto load = [&]<typename Scalar>(Scalar) -> LoadedAttention {
    return AnyAttention(dlpack_view<Scalar>(tensor, std::move(mask)), std::move(owner));
  };
  if (type == dtype_of<float>) return load(float{});
  if (type == dtype_of<double>) return load(double{});
  if (type == dtype_of<Eigen::half>) return load(Eigen::half{});
  if (type == dtype_of<Eigen::bfloat16>) return load(Eigen::bfloat16{});
  throw ValueError(fmt::format(
      "the tensor is {}, but attention is read from float16, bfloat16, float32 and float64", type.name()));
}

/// A managed tensor of any precision, with or without a version, taken over: its deleter runs once, when the
/// last copy of the source goes, or at once if this throws.
/// @throws what dlpack_view() throws, and ValueError for a null pointer and for a version other than 1
template <DLPackManagedTensor T>
LoadedAttention dlpack_attention(T* managed, Mask mask = {}) {
  require<ValueError>(managed != nullptr, "there is no tensor: the pointer is null");
  const std::shared_ptr<const T> owner(managed, [](T* tensor) {
    if (tensor->deleter) tensor->deleter(tensor);
  });
  // Of another major version only version, context and deleter may be looked at.
  if constexpr (requires { managed->version.major; })
    require<ValueError>(managed->version.major == 1, "the tensor is of DLPack {}.{}, but 1 is what is read",
                        managed->version.major, managed->version.minor);
  return dlpack_attention(managed->dl_tensor, std::move(mask), owner);
}

}  // namespace attnscope
