#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/io/mapped_file.hpp>
#include <attnscope/io/raw_tensor.hpp>
#include <attnscope/io/safetensors_header.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

namespace detail::safetensors {

/// Gives every tensor its bytes; no byte of the data may belong to two tensors or to none.
inline RawTensors share_out(std::span<const std::byte> data, std::vector<HeaderEntry> entries,
                            const std::shared_ptr<const void>& owner) {
  std::ranges::sort(entries, {}, [](const HeaderEntry& entry) { return std::pair(entry.begin, entry.end); });
  RawTensors tensors;
  std::size_t covered = 0;
  for (HeaderEntry& entry : entries) {
    require<FileError>(entry.begin == covered, "tensor \"{}\" begins at byte {} of the data, not at {}",
                       entry.name, entry.begin, covered);
    require<FileError>(entry.end <= data.size(), "tensor \"{}\" ends at byte {} of the data, the file has {}",
                       entry.name, entry.end, data.size());
    entry.tensor.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    entry.tensor.owner = owner;
    covered = entry.end;
    tensors.emplace(std::move(entry.name), std::move(entry.tensor));
  }
  require<FileError>(covered == data.size(), "the tensors end at byte {} of the data, the file has {}",
                     covered, data.size());
  return tensors;
}

}  // namespace detail::safetensors

/// The tensors and free strings in the bytes of a whole safetensors file
/// (https://github.com/huggingface/safetensors). Reads the header alone, in linear time; the tensors are
/// views that share the `owner`; without one the caller keeps the bytes alive.
///
/// @throws FileError with the tensor and the numbers, whatever departs from the format: a header of wrong
/// length, over 100,000,000 bytes or not JSON, a key that stands twice, an unknown dtype or field, a shape
/// that does not match its bytes, a byte of the data that belongs to two tensors or to none. Nothing is ever
/// allocated on the word of the file alone
inline TensorFile parse_safetensors(std::span<const std::byte> file,
                                    const std::shared_ptr<const void>& owner = nullptr) {
  namespace format = detail::safetensors;
  const std::string_view text = format::header_text(file);
  format::Header header = format::read_header(text);
  return {
      format::share_out(file.subspan(format::length_bytes + text.size()), std::move(header.entries), owner),
      std::move(header.metadata)};
}

/// The same from a file, which stays mapped as long as one of its tensors lives.
/// @throws FileError with the path, also if it cannot be mapped (see MappedFile)
inline TensorFile read_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return in_context(path.string(), [&] { return parse_safetensors(file->bytes(), file); });
}

}  // namespace attnscope
