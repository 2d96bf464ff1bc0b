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

// Gives every tensor its bytes; no byte of the data may belong to two tensors or to none.
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

/// The tensors and free strings of a safetensors file (https://github.com/huggingface/safetensors). Opening
/// maps the file and reads the header alone, in linear time; the tensors are views, and each of them keeps
/// the file mapped by its `owner`.
///
/// Read strictly: whatever departs from the format (a header of wrong length, over 100,000,000 bytes or not
/// JSON, a key that stands twice, an unknown dtype or field, a shape that does not match its bytes, a byte of
/// the data that belongs to two tensors or to none) throws FileError with the file, the tensor and the
/// numbers. Nothing is ever allocated on the word of the file alone.
class Safetensors {
 public:
  /// Opens the file. FileError also if it cannot be mapped (see MappedFile).
  explicit Safetensors(const std::filesystem::path& path)
      : Safetensors(std::make_shared<const MappedFile>(path), path.string()) {}

  /// The same from the bytes of a whole file in memory; `name` stands for the path in messages. The caller
  /// keeps the bytes alive, or gives an `owner` that does.
  Safetensors(std::span<const std::byte> bytes, const std::string& name,
              std::shared_ptr<const void> owner = nullptr) {
    in_context(name, [&] { read(bytes, owner); });
  }

  const Metadata& metadata() const { return metadata_; }
  const RawTensors& tensors() const { return tensors_; }

  /// The tensor of that name, or null.
  const RawTensor* find(std::string_view name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

 private:
  Safetensors(const std::shared_ptr<const MappedFile>& file, const std::string& name)
      : Safetensors(file->bytes(), name, file) {}

  void read(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner) {
    namespace format = detail::safetensors;
    const std::string_view text = format::header_text(bytes);
    format::Header header = format::read_header(text);
    metadata_ = std::move(header.metadata);
    tensors_ = format::share_out(bytes.subspan(format::length_bytes + text.size()), std::move(header.entries),
                                 owner);
  }

  Metadata metadata_;
  RawTensors tensors_;
};

}  // namespace attnscope
