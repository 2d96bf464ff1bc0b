#pragma once
#include <attnscope/core/errors.hpp>

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace attnscope {

/// Bytes as a page carries them: in base64, and before that compressed where it makes them fewer.
struct PageChunk {
  std::string base64;     ///< of RFC 4648, padded
  bool deflated = false;  ///< the format "deflate" of the browsers' DecompressionStream (RFC 1950)
};

namespace detail {

/// Base64 of RFC 4648, padded.
inline std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : 0U;
  };
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* to = text.data();
  for (std::size_t i = 0; i < bytes.size(); i += 3, to += 4) {
    const std::uint32_t three = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    to[0] = digits[three >> 18];
    to[1] = digits[three >> 12 & 63];
    if (i + 1 < bytes.size()) to[2] = digits[three >> 6 & 63];
    if (i + 2 < bytes.size()) to[3] = digits[three & 63];
  }
  return text;
}

/// Entropy coding alone where there are few repetitions, as in weights, is ten times as fast as looking for
/// them.
inline std::string deflated(std::string_view bytes, int strategy) {
  z_stream stream{};
  require<Error>(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS, 9, strategy) == Z_OK,
                 "zlib cannot begin to compress");
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  // zlib reads only what next_in points to; its type has no const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int state = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  require<Error>(state == Z_STREAM_END, "zlib cannot compress {} bytes", bytes.size());
  return packed;
}

}  // namespace detail

/// is_text: repetitions are worth looking for. @throws ValueError 4 GiB or more; Error zlib has no memory.
/// Cost: one pass
inline PageChunk page_chunk(std::string_view bytes, bool is_text = false) {
  require<ValueError>(bytes.size() < std::size_t{1} << 32, "a part of a page has {} bytes, 4 GiB or more",
                      bytes.size());
  const std::string packed = detail::deflated(bytes, is_text ? Z_DEFAULT_STRATEGY : Z_RLE);
  if (packed.size() < bytes.size()) return {detail::base64(packed), true};
  return {detail::base64(bytes), false};
}

}  // namespace attnscope
