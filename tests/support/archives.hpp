#pragma once
// .npy files and zip archives made in memory, sound ones and others.
#include <attnscope/io/npy.hpp>

#include <zlib.h>

#include <string>
#include <vector>

namespace attnscope::test {

/// The little-endian bytes of a number.
template <typename Number>
std::string bytes_of(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}
template <typename Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

/// A .npy file, version 1, of this header and data.
inline std::string npy_file(const std::string& header, const std::string& data) {
  return "\x93NUMPY" + std::string("\1\0", 2) + bytes_of(static_cast<std::uint16_t>(header.size())) + header +
         data;
}
/// descr: "<f4"; shape: "2, 3," as it stands between the parentheses.
inline std::string npy_file(const std::string& descr, const std::string& shape, const std::string& data) {
  return npy_file("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n", data);
}

struct ZipEntry {
  std::string name, content;
  bool deflated = false;
  bool zip64 = false;  // sizes in the extra field alone, as Python writes large members
};

inline std::string deflated(const std::string& content) {
  std::string out(compressBound(content.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// The records of one member: what stands before its data, and its entry in the directory.
struct ZipRecords {
  std::string local, entry;
};
inline ZipRecords zip_records(const std::string& name, bool deflated, bool zip64, std::uint32_t crc,
                              std::uint64_t size, std::uint64_t stored, std::size_t begin) {
  const auto fixed = [&](std::uint64_t number) {
    return bytes_of(zip64 ? ~0u : static_cast<std::uint32_t>(number));
  };
  const auto short_bytes = [](std::size_t number) { return bytes_of(static_cast<std::uint16_t>(number)); };
  const std::string extra =
      zip64 ? short_bytes(1) + short_bytes(16) + bytes_of(size) + bytes_of(stored) : std::string();
  const std::string common = short_bytes(45) + short_bytes(0) + short_bytes(deflated ? 8 : 0) +
                             std::string(4, '\0') + bytes_of(crc) + fixed(stored) + fixed(size) +
                             short_bytes(name.size()) + short_bytes(extra.size());
  return {"PK\3\4" + common + name + extra, "PK\1\2" + short_bytes(45) + common + std::string(10, '\0') +
                                                bytes_of(static_cast<std::uint32_t>(begin)) + name + extra};
}

inline std::string zip_file(const std::vector<ZipEntry>& entries) {
  std::string archive, directory;
  for (const ZipEntry& entry : entries) {
    const std::string data = entry.deflated ? deflated(entry.content) : entry.content;
    const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(entry.content.data()), entry.content.size());
    const ZipRecords records =
        zip_records(entry.name, entry.deflated, entry.zip64, static_cast<std::uint32_t>(crc),
                    entry.content.size(), data.size(), archive.size());
    archive += records.local + data;
    directory += records.entry;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return archive + directory + "PK\5\6" + std::string(4, '\0') + bytes_of(count) + bytes_of(count) +
         bytes_of(static_cast<std::uint32_t>(directory.size())) +
         bytes_of(static_cast<std::uint32_t>(archive.size())) + std::string(2, '\0');
}

/// What stands before and after the `size` bytes of a stored member in an archive of more than 4 GiB.
struct ZipParts {
  std::string before, after;
};
inline ZipParts zip64_around(const std::string& name, std::uint64_t size) {
  const ZipRecords records = zip_records(name, false, true, 0, size, size, 0);
  const std::uint64_t directory = records.local.size() + size, end = directory + records.entry.size();
  const std::string end64 = "PK\6\6" + bytes_of(std::uint64_t{44}) + std::string(12, '\0') +
                            bytes_of(std::uint64_t{1}) + bytes_of(std::uint64_t{1}) +
                            bytes_of(std::uint64_t{records.entry.size()}) + bytes_of(directory);
  const std::string locator = "PK\6\7" + std::string(4, '\0') + bytes_of(end) + bytes_of(1u);
  return {records.local, records.entry + end64 + locator + "PK\5\6" + std::string(4, '\0') + bytes_of(~0u) +
                             bytes_of(~0u) + bytes_of(~0u) + std::string(2, '\0')};
}

/// A copy without a byte to spare, so that a sanitizer sees every access beyond the end.
inline std::shared_ptr<const std::vector<std::byte>> exact_copy(const std::string& file) {
  const auto bytes = std::as_bytes(std::span(file));
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

/// What a tensor holds, as Scalar.
template <typename Scalar>
std::vector<Scalar> values_of(const RawTensor& tensor) {
  const auto first = elements<Scalar>(tensor);
  return {first.get(), first.get() + tensor.bytes.size() / sizeof(Scalar)};
}

}  // namespace attnscope::test
