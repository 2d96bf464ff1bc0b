#pragma once
#include <attnscope/adapter/strided.hpp>
#include <attnscope/source/any.hpp>

// The lightest header that knows a tensor: no operators, a third of the time that <ATen/ATen.h> takes.
#include <ATen/core/TensorBase.h>

#include <memory>

namespace attnscope {

namespace detail::from_torch {

inline void require_readable(const at::TensorBase& tensor) {
  require<ValueError>(tensor.defined(), "the tensor is undefined");
  require<ValueError>(tensor.layout() == at::kStrided,
                      "the tensor's layout is {}: make it dense by .to_dense()", c10::str(tensor.layout()));
  require<ValueError>(!tensor.is_nested(), "the tensor is nested: pad it by .to_padded_tensor(0)");
  require<ValueError>(tensor.device().is_cpu(), "the tensor is on {}: move it by .cpu()",
                      tensor.device().str());
  require<ValueError>(!tensor.is_neg(), "the tensor is negated lazily: settle it by .resolve_neg()");
  require<ValueError>(tensor.has_storage() && !tensor._is_zerotensor(),
                      "the tensor has no memory of its own: give it some by .clone()");
}

template <typename Scalar>
inline constexpr at::ScalarType scalar_type_of = c10::CppTypeToScalarType<Scalar>::value;
template <>
inline constexpr at::ScalarType scalar_type_of<Eigen::half> = at::kHalf;
template <>
inline constexpr at::ScalarType scalar_type_of<Eigen::bfloat16> = at::kBFloat16;

/// Later versions tell reading from writing, which would copy a lazy clone.
template <typename Tensor>
const void* data_of(const Tensor& tensor) {
  if constexpr (requires { tensor.const_data_ptr(); })
    return tensor.const_data_ptr();
  else
    return tensor.data_ptr();
}

}  // namespace detail::from_torch

/// A tensor whose precision the caller knows, borrowed: a tensor that shares its memory must outlive the
/// view. at::Tensor and torch::Tensor, of any strides, with or without gradients. Axes as in strided_view().
/// @throws what strided_view() throws, and ValueError for memory that the CPU does not see, for a layout
/// without strides and for another precision
template <typename Scalar>
AttentionView<Scalar> torch_view(const at::TensorBase& tensor, Mask mask = {}) {
  using namespace detail::from_torch;
  require_readable(tensor);
  require<ValueError>(tensor.scalar_type() == scalar_type_of<Scalar>, "the tensor is {}, not {}",
                      at::toString(tensor.scalar_type()), at::toString(scalar_type_of<Scalar>));
  const auto numbers = [](at::IntArrayRef list) { return std::span(list.data(), list.size()); };
  return strided_view<Scalar>(data_of(tensor), numbers(tensor.sizes()), numbers(tensor.strides()),
                              std::move(mask));
}
template <typename Scalar>
AttentionView<Scalar> torch_view(at::TensorBase&&, Mask = {}) = delete;  // would dangle

/// A tensor of any precision; the source keeps it alive, and shows what is written into it meanwhile.
/// @throws what torch_view() throws
inline LoadedAttention torch_attention(const at::TensorBase& tensor, Mask mask = {}) {
  detail::from_torch::require_readable(tensor);
  const auto load = [&]<typename Scalar>(Scalar) -> LoadedAttention {
    return AnyAttention(torch_view<Scalar>(tensor, std::move(mask)),
                        std::make_shared<at::TensorBase>(tensor));
  };
  switch (tensor.scalar_type()) {
    case at::kHalf:
      return load(Eigen::half{});
    case at::kBFloat16:
      return load(Eigen::bfloat16{});
    case at::kFloat:
      return load(float{});
    case at::kDouble:
      return load(double{});
    default:
      throw ValueError(
          fmt::format("the tensor is {}, but attention is read from Half, BFloat16, Float and Double",
                      at::toString(tensor.scalar_type())));
  }
}

}  // namespace attnscope
