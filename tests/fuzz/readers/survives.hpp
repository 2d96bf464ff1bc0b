#pragma once
#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include "fuzz/fuzz.hpp"

namespace fuzz {

inline bool same(const attnscope::RawTensors& one, const attnscope::RawTensors& other) {
  const auto same_tensor = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.dtype == b.second.dtype && a.second.shape == b.second.shape &&
           std::ranges::equal(a.second.bytes, b.second.bytes);
  };
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), same_tensor);
}

/// What the writer takes is read back as it was, and written again in the same bytes. Whether it takes it.
inline bool survives_writing(const attnscope::RawTensors& tensors, const attnscope::Metadata& metadata) {
  const auto bytes = accepted([&] { return attnscope::safetensors_bytes(tensors, metadata); });
  if (!bytes) return false;
  const attnscope::TensorFile again = attnscope::parse_safetensors(*bytes);
  expect(same(again.tensors, tensors), "tensors are others after writing and reading");
  expect(again.metadata == metadata, "metadata are others after writing and reading");
  expect(attnscope::safetensors_bytes(again.tensors, again.metadata) == *bytes,
         "other bytes the second time");
  return true;
}

}  // namespace fuzz
