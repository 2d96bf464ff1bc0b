#pragma once
#include <attnscope/io/raw_tensor.hpp>

#include <map>
#include <string>
#include <string_view>

namespace attnscope {

/// The free strings beside the tensors of a file, by key. In a dump most of them hold JSON.
using Metadata = std::map<std::string, std::string, std::less<>>;

/// What a file of any format holds. The tensors are views where they can be; each of them keeps alive, by its
/// `owner`, what it lies in.
struct TensorFile {
  RawTensors tensors;  ///< by name
  Metadata metadata;   ///< by key

  /// The tensor of that name, or null.
  const RawTensor* find(std::string_view name) const {
    const auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
  }
};

}  // namespace attnscope
