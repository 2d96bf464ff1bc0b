#pragma once
#include <attnscope/core/utf8.hpp>
#include <attnscope/io/field_name.hpp>
#include <attnscope/io/json_text.hpp>
#include <attnscope/io/npy.hpp>
#include <attnscope/io/tensor_file.hpp>
#include <attnscope/io/zip.hpp>

namespace attnscope {

namespace detail::npz {

using Eigen::Index;
using npy::Array;

/// Archives may inflate to so many bytes whatever their ratio, and beyond to so many times their size.
/// Attention that is nearly all padding comes near that, a zip bomb passes it.
inline constexpr std::size_t always_inflated = std::size_t{1} << 30, most_times = 100;

/// Refuses a bomb before anything is inflated.
inline void require_no_bomb(const std::vector<ZipMember>& members, std::size_t archive_bytes) {
  const std::size_t most = std::max(always_inflated, archive_bytes * most_times);
  std::size_t total = 0;
  for (const ZipMember& member : members) {
    if (!member.deflated) continue;
    require<FileError>(member.size <= most - total,
                       "member \"{}\" would inflate to {} bytes, in an archive of {}: is it a zip bomb? "
                       "(What numpy.savez writes is read at any size)",
                       member.name, member.size, archive_bytes);
    total += member.size;
  }
}

/// One text of an array, which NumPy fills up with zeros.
inline std::string text_of(const Array& array, std::span<const std::byte> item) {
  std::string text;
  if (array.kind == 'S') {
    text.assign(reinterpret_cast<const char*>(item.data()), item.size());
  } else {
    for (; !item.empty(); item = item.subspan(4)) {
      std::uint32_t c = 0;
      std::memcpy(&c, item.data(), 4);
      if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        throw FileError(fmt::format("its text holds {:#x}, which is no character", c));
      append_utf8(text, c);
    }
  }
  return text.substr(0, text.find_last_not_of('\0') + 1);
}

template <typename Number>
Number number_of(std::span<const std::byte> item) {
  Number number{};
  std::memcpy(&number, item.data(), sizeof number);
  return number;
}

inline nlohmann::json value_of(const Array& array, std::span<const std::byte> item) {
  if (array.is_text()) return text_of(array, item);
  switch (dtype_of_numbers(array)) {
    case Dtype::BOOL:
      return item[0] != std::byte{0};
    case Dtype::F16:
      return static_cast<double>(number_of<Eigen::half>(item));
    case Dtype::F32:
      return static_cast<double>(number_of<float>(item));
    case Dtype::F64:
      return number_of<double>(item);
    case Dtype::I8:
      return number_of<std::int8_t>(item);
    case Dtype::I16:
      return number_of<std::int16_t>(item);
    case Dtype::I32:
      return number_of<std::int32_t>(item);
    case Dtype::I64:
      return number_of<std::int64_t>(item);
    case Dtype::U8:
      return number_of<std::uint8_t>(item);
    case Dtype::U16:
      return number_of<std::uint16_t>(item);
    case Dtype::U32:
      return number_of<std::uint32_t>(item);
    default:
      return number_of<std::uint64_t>(item);
  }
}

/// An array of up to two axes as the string that metadata would hold: text as it is, anything else as JSON.
inline std::string metadata_text(const Array& array) {
  require<FileError>(array.shape.size() <= 2, "text has at most two axes, this has {}", array.shape.size());
  const std::shared_ptr<const std::byte[]> items = items_of(array, nullptr);
  std::span<const std::byte> rest(items.get(), array.bytes.size());
  const auto next = [&] {
    const nlohmann::json value = value_of(array, rest.first(array.item_bytes));
    rest = rest.subspan(array.item_bytes);
    return value;
  };
  const auto list = [&](Index length) {
    nlohmann::json values = nlohmann::json::array();
    for (Index k = 0; k < length; ++k) values.push_back(next());
    return values;
  };
  if (array.shape.empty()) {
    const nlohmann::json value = next();
    return value.is_string() ? value.get<std::string>() : json_text(value);
  }
  if (array.shape.size() == 1 || rest.empty()) return json_text(list(rest.empty() ? 0 : array.shape[0]));
  nlohmann::json rows = nlohmann::json::array();
  while (!rest.empty()) rows.push_back(list(array.shape[1]));
  return json_text(rows);
}

/// Whether an array speaks of the tensors rather than being one: tokens, lengths, causal, a scale.
inline bool is_metadata(const std::string& name, const Array& array) {
  if (is_dump_name(name)) return false;
  const std::size_t axes = array.shape.size();
  return array.is_text() || axes < 2 || (axes == 2 && array.kind != 'f');
}

inline void add(TensorFile& file, const ZipMember& member, const std::shared_ptr<const void>& archive) {
  constexpr std::string_view suffix = ".npy";
  if (!member.name.ends_with(suffix)) return;
  const std::string name = member.name.substr(0, member.name.size() - suffix.size());
  std::span<const std::byte> bytes = member.stored;
  std::shared_ptr<const void> owner = archive;
  if (member.deflated) {
    const std::shared_ptr<const std::byte[]> inflated_bytes = inflated(member);
    bytes = {inflated_bytes.get(), member.size};
    owner = inflated_bytes;
  }
  const Array array = npy::parse(bytes);
  if (is_metadata(name, array))
    file.metadata.emplace(name, metadata_text(array));
  else
    file.tensors.emplace(name, npy::tensor_of(array, owner));
}

}  // namespace detail::npz

/// The arrays in the bytes of a whole .npz archive, as numpy.savez and numpy.savez_compressed write it. An
/// array of text, and a number or short list that is named like no tensor of a dump (tokens, lengths, causal,
/// scale.self.0), becomes metadata: text as it is, lists as JSON.
///
/// Stored arrays are lent where they lie, deflated ones inflated here. Checksums are verified of deflated
/// members alone: reading stored ones would cost a pass over the file.
/// @throws FileError before anything large is allocated: what zip_members and parse_npy refuse, and archives
/// that would inflate to more than 1 GiB and more than 100 times their size
inline TensorFile parse_npz(std::span<const std::byte> archive,
                            const std::shared_ptr<const void>& owner = nullptr) {
  const std::vector<ZipMember> members = zip_members(archive);
  detail::npz::require_no_bomb(members, archive.size());
  TensorFile file;
  for (const ZipMember& member : members) {
    require<FileError>(
        !member.name.ends_with("data.pkl"),
        "it is a PyTorch file, whose pickled objects run code when they are read; save the tensors "
        "with safetensors.torch.save_file or numpy.savez");
    in_context(fmt::format("member \"{}\"", member.name), [&] { detail::npz::add(file, member, owner); });
  }
  return file;
}

/// The same from a file, which stays mapped. @throws FileError with the path
inline TensorFile read_npz(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return in_context(path.string(), [&] { return parse_npz(file->bytes(), file); });
}

}  // namespace attnscope
