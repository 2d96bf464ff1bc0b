#pragma once
#include <Eigen/Core>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace attnscope {

static_assert(std::endian::native == std::endian::little,
              "stored tensors are little endian and read in place");

/// How the numbers of a stored tensor are encoded: the names of the safetensors format.
enum class Dtype {
  BOOL,
  F4,
  F6_E2M3,
  F6_E3M2,
  U8,
  I8,
  F8_E5M2,
  F8_E4M3,
  F8_E8M0,
  F8_E4M3FNUZ,
  F8_E5M2FNUZ,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64
};

namespace detail {

struct DtypeEntry {
  Dtype dtype;
  std::string_view name;
  std::size_t bits;
};

/// In the order of the enumeration.
inline constexpr std::array<DtypeEntry, 22> dtype_table{{
    {Dtype::BOOL, "BOOL", 8},
    {Dtype::F4, "F4", 4},
    {Dtype::F6_E2M3, "F6_E2M3", 6},
    {Dtype::F6_E3M2, "F6_E3M2", 6},
    {Dtype::U8, "U8", 8},
    {Dtype::I8, "I8", 8},
    {Dtype::F8_E5M2, "F8_E5M2", 8},
    {Dtype::F8_E4M3, "F8_E4M3", 8},
    {Dtype::F8_E8M0, "F8_E8M0", 8},
    {Dtype::F8_E4M3FNUZ, "F8_E4M3FNUZ", 8},
    {Dtype::F8_E5M2FNUZ, "F8_E5M2FNUZ", 8},
    {Dtype::I16, "I16", 16},
    {Dtype::U16, "U16", 16},
    {Dtype::F16, "F16", 16},
    {Dtype::BF16, "BF16", 16},
    {Dtype::I32, "I32", 32},
    {Dtype::U32, "U32", 32},
    {Dtype::F32, "F32", 32},
    {Dtype::C64, "C64", 64},
    {Dtype::F64, "F64", 64},
    {Dtype::I64, "I64", 64},
    {Dtype::U64, "U64", 64},
}};

}  // namespace detail

/// The name that the format gives it, such as "BF16".
constexpr std::string_view dtype_name(Dtype dtype) {
  return detail::dtype_table[static_cast<std::size_t>(dtype)].name;
}

/// The bits of one element: 8 to 64, and 4 or 6 for the packed floats F4 and F6.
constexpr std::size_t dtype_bits(Dtype dtype) {
  return detail::dtype_table[static_cast<std::size_t>(dtype)].bits;
}

/// The encoding of that name, or nothing if the format has none.
constexpr std::optional<Dtype> dtype_named(std::string_view name) {
  for (const detail::DtypeEntry& entry : detail::dtype_table) {
    if (entry.name == name) return entry.dtype;
  }
  return std::nullopt;
}

namespace detail {

template <typename Scalar>
constexpr std::optional<Dtype> dtype_of_scalar() {
  if (std::same_as<Scalar, Eigen::half>) return Dtype::F16;
  if (std::same_as<Scalar, Eigen::bfloat16>) return Dtype::BF16;
  if (std::same_as<Scalar, float>) return Dtype::F32;
  if (std::same_as<Scalar, double>) return Dtype::F64;
  if (!std::integral<Scalar> || std::same_as<Scalar, bool>) return std::nullopt;
  constexpr bool is_signed = std::is_signed_v<Scalar>;
  if (sizeof(Scalar) == 1) return is_signed ? Dtype::I8 : Dtype::U8;
  if (sizeof(Scalar) == 2) return is_signed ? Dtype::I16 : Dtype::U16;
  if (sizeof(Scalar) == 4) return is_signed ? Dtype::I32 : Dtype::U32;
  return is_signed ? Dtype::I64 : Dtype::U64;
}

}  // namespace detail

/// A C++ type whose memory is an element as stored: float, double, Eigen::half, Eigen::bfloat16 and the
/// integers. Not bool: a stored byte that is neither 0 nor 1 would be no bool at all.
template <typename Scalar>
concept StorableScalar = (detail::dtype_of_scalar<Scalar>() != std::nullopt);

/// The encoding of a C++ type: F32 for float.
template <StorableScalar Scalar>
inline constexpr Dtype dtype_of = *detail::dtype_of_scalar<Scalar>();

}  // namespace attnscope
