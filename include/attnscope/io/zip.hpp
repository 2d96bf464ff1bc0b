#pragma once
#include <attnscope/core/errors.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// A file inside a zip archive.
struct ZipMember {
  std::string name;                   ///< with its folders, as the archive has it
  bool deflated = false;              ///< else stored as it is
  std::span<const std::byte> stored;  ///< as it lies in the archive
  std::size_t size = 0;               ///< inflated; stored.size() unless `deflated`
  std::uint32_t crc = 0;              ///< of the inflated bytes
  std::size_t begin = 0;              ///< where its local header stands in the archive
};

namespace detail::zip {

inline constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                               end_signature = 0x06054b50, end64_signature = 0x06064b50,
                               locator_signature = 0x07064b50;

/// A record of the archive: little-endian numbers at fixed places.
class Record {
 public:
  /// @throws FileError fewer than `size` bytes lie at `at`, or they do not begin with the signature
  Record(std::span<const std::byte> archive, std::size_t at, std::size_t size, std::uint32_t signature,
         const char* what) {
    require<FileError>(at <= archive.size() && size <= archive.size() - at,
                       "the zip archive is cut off: {} at byte {} of {}", what, at, archive.size());
    bytes_ = archive.subspan(at, size);
    require<FileError>(number<std::uint32_t>(0) == signature, "the zip archive is damaged: no {} at byte {}",
                       what, at);
  }
  template <typename Number>
  Number number(std::size_t at) const {
    Number value = 0;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Where the central directory lies, and of how many members it tells.
struct Directory {
  std::uint64_t begin = 0, end = 0, members = 0;
};

/// Where the end record begins: the last one whose comment reaches exactly to the end of the file.
inline std::size_t end_record(std::span<const std::byte> archive) {
  constexpr std::size_t size = 22, longest_comment = 0xffff;
  for (std::size_t comment = 0; comment <= longest_comment && size + comment <= archive.size(); ++comment) {
    const std::size_t at = archive.size() - size - comment;
    std::uint32_t signature = 0;
    std::uint16_t length = 0;
    std::memcpy(&signature, archive.data() + at, sizeof signature);
    std::memcpy(&length, archive.data() + at + 20, sizeof length);
    if (signature == end_signature && length == comment) return at;
  }
  throw FileError("the zip archive has no end record: was it cut off?");
}

inline Directory find_directory(std::span<const std::byte> archive) {
  const std::size_t at = end_record(archive);
  const Record end(archive, at, 22, end_signature, "end record");
  Directory directory{end.number<std::uint32_t>(16), 0, end.number<std::uint16_t>(10)};
  std::uint64_t size = end.number<std::uint32_t>(12), stop = at;
  const bool large = directory.begin == 0xffffffff || size == 0xffffffff || directory.members == 0xffff;
  if (large) {
    require<FileError>(at >= 20, "the zip archive is cut off: no room for its zip64 locator");
    const Record locator(archive, at - 20, 20, locator_signature, "zip64 locator");
    stop = locator.number<std::uint64_t>(8);
    require<FileError>(stop <= archive.size(), "the zip64 end record would begin at byte {} of {}", stop,
                       archive.size());
    const Record end64(archive, stop, 56, end64_signature, "zip64 end record");
    directory.members = end64.number<std::uint64_t>(32);
    size = end64.number<std::uint64_t>(40);
    directory.begin = end64.number<std::uint64_t>(48);
  }
  require<FileError>(directory.begin <= stop && size == stop - directory.begin,
                     "the zip directory of {} bytes at {} does not end where the end record begins, at {}",
                     size, directory.begin, stop);
  directory.end = stop;
  return directory;
}

/// The sizes and the place of a member; from its zip64 field where the fixed ones are too small.
struct Place {
  std::uint64_t size, stored, begin;
};
inline Place place_of(const Record& entry, std::span<const std::byte> extra) {
  constexpr std::uint32_t elsewhere = 0xffffffff;
  Place place{entry.number<std::uint32_t>(24), entry.number<std::uint32_t>(20),
              entry.number<std::uint32_t>(42)};
  while (extra.size() >= 4) {
    std::uint16_t id = 0, length = 0;
    std::memcpy(&id, extra.data(), 2);
    std::memcpy(&length, extra.data() + 2, 2);
    require<FileError>(length <= extra.size() - 4, "its extra field of {} bytes is cut off", length);
    std::span<const std::byte> field = extra.subspan(4, length);
    extra = extra.subspan(4 + std::size_t{length});
    if (id != 1) continue;
    for (std::uint64_t* number : {&place.size, &place.stored, &place.begin}) {
      if (*number != elsewhere) continue;
      require<FileError>(field.size() >= 8, "its zip64 field is too short");
      std::memcpy(number, field.data(), 8);
      field = field.subspan(8);
    }
    return place;
  }
  return place;
}

/// Where the member's data begin, behind the local header. Of that nothing else is believed: its sizes are
/// often not filled in.
inline std::size_t data_begin(std::span<const std::byte> archive, std::uint64_t begin,
                              const std::string& name) {
  const Record local(archive, begin, 30, local_signature, "local header");
  const std::size_t name_bytes = local.number<std::uint16_t>(26), extra = local.number<std::uint16_t>(28);
  const std::size_t left = archive.size() - begin - 30;
  require<FileError>(name_bytes + extra <= left, "its local header is cut off");
  const std::string_view local_name(reinterpret_cast<const char*>(archive.data() + begin + 30), name_bytes);
  require<FileError>(local_name == name, "its local header names another file");
  return begin + 30 + name_bytes + extra;
}

/// The member that the directory's entry at `at` tells of; `at` moves to the next entry.
inline ZipMember read_entry(std::span<const std::byte> archive, const Directory& directory, std::size_t& at) {
  const Record entry(archive.first(directory.end), at, 46, central_signature, "directory entry");
  const std::size_t name_bytes = entry.number<std::uint16_t>(28),
                    extra_bytes = entry.number<std::uint16_t>(30),
                    comment_bytes = entry.number<std::uint16_t>(32);
  const std::span<const std::byte> variable = archive.first(directory.end).subspan(at + 46);
  require<FileError>(name_bytes + extra_bytes + comment_bytes <= variable.size(),
                     "the zip archive is damaged: the directory entry at byte {} is cut off", at);
  ZipMember member;
  member.name.assign(reinterpret_cast<const char*>(variable.data()), name_bytes);
  in_context(fmt::format("member \"{}\"", member.name), [&] {
    const auto flags = entry.number<std::uint16_t>(8), method = entry.number<std::uint16_t>(10);
    require<FileError>((flags & 1) == 0, "it is encrypted");
    require<FileError>(method == 0 || method == 8, "its compression method {} is neither stored nor deflated",
                       method);
    const Place place = place_of(entry, variable.subspan(name_bytes, extra_bytes));
    const std::span<const std::byte> data = archive.first(directory.begin);
    require<FileError>(place.begin <= data.size(), "it would begin at byte {}, the data end at {}",
                       place.begin, data.size());
    const std::size_t begin = data_begin(data, place.begin, member.name);
    require<FileError>(place.stored <= data.size() - begin,
                       "its {} bytes from byte {} run beyond the data of {}", place.stored, begin,
                       data.size());
    member.deflated = method == 8;
    require<FileError>(member.deflated || place.size == place.stored,
                       "it is stored in {} bytes, but is said to have {}", place.stored, place.size);
    member.stored = data.subspan(begin, place.stored);
    member.size = place.size;
    member.crc = entry.number<std::uint32_t>(16);
    member.begin = place.begin;
  });
  at += 46 + name_bytes + extra_bytes + comment_bytes;
  return member;
}

/// No byte may belong to two members: overlapping ones are how small archives inflate without end.
inline void require_apart(const std::vector<ZipMember>& members, const std::byte* archive) {
  std::vector<const ZipMember*> order;
  for (const ZipMember& member : members) order.push_back(&member);
  std::ranges::sort(order, {}, &ZipMember::begin);
  for (std::size_t k = 1; k < order.size(); ++k) {
    const ZipMember& before = *order[k - 1];
    const auto end = static_cast<std::size_t>(before.stored.data() + before.stored.size() - archive);
    require<FileError>(end <= order[k]->begin, "members \"{}\" and \"{}\" overlap in the zip archive",
                       before.name, order[k]->name);
  }
}

}  // namespace detail::zip

/// The members of a zip archive, in the order of its central directory, which alone is believed. Zip64 is
/// read; encrypted archives, several volumes and compression other than deflate are refused.
/// @throws FileError naming member and byte: truncated, overlapping or contradictory records, a name twice
inline std::vector<ZipMember> zip_members(std::span<const std::byte> archive) {
  namespace zip = detail::zip;
  const zip::Directory directory = zip::find_directory(archive);
  std::vector<ZipMember> members;
  std::size_t at = directory.begin;
  while (at < directory.end) members.push_back(zip::read_entry(archive, directory, at));
  require<FileError>(members.size() == directory.members,
                     "the zip directory lists {} members, but is said to have {}", members.size(),
                     directory.members);
  std::vector<std::string_view> names;
  for (const ZipMember& member : members) names.push_back(member.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  require<FileError>(twice == names.end(), "the member \"{}\" stands twice in the zip archive",
                     twice == names.end() ? "" : *twice);
  zip::require_apart(members, archive.data());
  return members;
}

/// The bytes of a deflated member. Allocates member.size bytes, which is at most 1032 times what it is stored
/// in: whoever calls has decided that this may be.
/// @throws FileError the data are damaged: no deflate stream, more or fewer bytes than stated, a wrong
/// checksum
inline std::shared_ptr<const std::byte[]> inflated(const ZipMember& member) {
  constexpr std::size_t most_times =
      1032;  // what a deflate stream can reach (https://zlib.net/zlib_tech.html)
  require<FileError>(member.size / most_times <= member.stored.size(),
                     "{} bytes cannot inflate to the {} it states", member.stored.size(), member.size);
  const std::shared_ptr<std::byte[]> bytes(new std::byte[member.size]);
  z_stream stream{};
  require<FileError>(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib cannot start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> close(&stream, inflateEnd);
  // zlib counts in 32 bits.
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  std::span<const std::byte> in = member.stored;
  std::span<std::byte> out(bytes.get(), member.size);
  std::byte beyond{};  // where a stream that is longer than stated shows itself
  int status = Z_OK;
  while (status == Z_OK) {
    const std::span<std::byte> room =
        out.empty() ? std::span(&beyond, 1) : out.first(std::min(out.size(), most));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream.avail_in = static_cast<uInt>(std::min(in.size(), most));
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const uInt before_in = stream.avail_in, before_out = stream.avail_out;
    status = inflate(&stream, Z_NO_FLUSH);
    in = in.subspan(before_in - stream.avail_in);
    const std::size_t written = before_out - stream.avail_out;
    require<FileError>(!out.empty() || written == 0, "it inflates to more than the {} bytes it states",
                       member.size);
    out = out.subspan(written);
  }
  require<FileError>(status == Z_STREAM_END && in.empty(), "its deflated data are damaged");
  require<FileError>(out.empty(), "it inflates to {} bytes, not to the {} it states",
                     member.size - out.size(), member.size);
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.get()), member.size);
  if (crc != member.crc) throw FileError(fmt::format("its checksum is {:08x}, not {:08x}", crc, member.crc));
  return bytes;
}

}  // namespace attnscope
