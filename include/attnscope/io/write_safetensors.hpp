#pragma once
#include <attnscope/core/atomic_file.hpp>
#include <attnscope/core/errors.hpp>
#include <attnscope/io/dtype.hpp>
#include <attnscope/io/json_text.hpp>
#include <attnscope/io/raw_tensor.hpp>
#include <attnscope/io/safetensors_header.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

namespace detail::safetensors {

/// Large elements first: then every tensor is aligned to its elements.
inline std::vector<const RawTensors::value_type*> in_file_order(const RawTensors& tensors) {
  std::vector<const RawTensors::value_type*> order;
  for (const auto& named : tensors) order.push_back(&named);
  std::ranges::stable_sort(order, std::greater{},
                           [](auto* named) { return dtype_bits(named->second.dtype); });
  return order;
}

inline std::string header_for(const std::vector<const RawTensors::value_type*>& order,
                              const Metadata& metadata) {
  std::vector<std::string> strings;
  for (const auto& [key, text] : metadata) strings.push_back(json_text(key) + ":" + json_text(text));
  std::vector<std::string> entries;
  if (!metadata.empty())
    entries.push_back(fmt::format("\"{}\":{{{}}}", metadata_key, fmt::join(strings, ",")));
  std::size_t begin = 0;
  for (const auto* named : order) {
    const auto& [name, tensor] = *named;
    require<FileError>(name != metadata_key, "no tensor may be called {}", name);
    in_context("tensor " + json_text(name), [&] { require_whole(named->second); });
    const std::size_t end = begin + tensor.bytes.size();
    entries.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                  json_text(name), dtype_name(tensor.dtype), fmt::join(tensor.shape, ","),
                                  begin, end));
    begin = end;
  }
  std::string header = fmt::format("{{{}}}", fmt::join(entries, ","));
  header.resize((header.size() + 7) / 8 * 8, ' ');
  require<FileError>(header.size() <= most_header_bytes,
                     "the header would have {} bytes, at most {} are allowed", header.size(),
                     most_header_bytes);
  return header;
}

/// put(bytes) of the whole file, piece by piece.
template <typename Put>
void put_file(const std::vector<const RawTensors::value_type*>& order, const std::string& header,
              const Put& put) {
  const std::uint64_t length = header.size();
  put(std::as_bytes(std::span(&length, 1)));
  put(std::as_bytes(std::span(header)));
  for (const auto* named : order) put(named->second.bytes);
}

}  // namespace detail::safetensors

/// The bytes of a safetensors file: the tensors by descending element size, then name, every one of them
/// aligned to its elements; the same input gives the same bytes.
/// @throws ShapeError a tensor whose bytes do not match its shape; FileError a name or string that is not
/// UTF-8, a tensor called `__metadata__`, a header over 100,000,000 bytes
inline std::vector<std::byte> safetensors_bytes(const RawTensors& tensors, const Metadata& metadata = {}) {
  namespace format = detail::safetensors;
  const auto order = format::in_file_order(tensors);
  std::vector<std::byte> all;
  format::put_file(order, format::header_for(order, metadata), [&](std::span<const std::byte> bytes) {
    all.insert(all.end(), bytes.begin(), bytes.end());
  });
  return all;
}

/// Writes these bytes to a file, which appears whole or not at all (see AtomicFile).
/// @throws what safetensors_bytes throws, and FileError when the system refuses; all with the path
inline void write_safetensors(const std::filesystem::path& path, const RawTensors& tensors,
                              const Metadata& metadata = {}) {
  namespace format = detail::safetensors;
  const auto order = format::in_file_order(tensors);
  const std::string header = in_context(path.string(), [&] { return format::header_for(order, metadata); });
  AtomicFile file(path);
  format::put_file(order, header, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
}

}  // namespace attnscope
