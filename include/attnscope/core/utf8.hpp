#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace attnscope {

/// U+FFFD, what stands for something that cannot be shown.
inline constexpr char32_t replacement_character = 0xFFFD;

namespace detail {

// How many bytes the character at the front of `bytes` takes; 0 where no valid one begins: a stray or missing
// continuation byte, an overlong form, a surrogate, or beyond U+10FFFF.
inline std::size_t utf8_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool out_of_range = (first == 0xED && second >= 0xA0) || (first == 0xF4 && second >= 0x90);
  return overlong || out_of_range ? 0 : length;
}

}  // namespace detail

/// The code points of UTF-8 text; every byte that belongs to no valid character becomes U+FFFD.
inline std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  while (!bytes.empty()) {
    const std::size_t length = detail::utf8_length(bytes);
    char32_t code = static_cast<unsigned char>(bytes[0]);
    if (length > 1) code &= 0xFFU >> (length + 1);
    for (std::size_t i = 1; i < length; ++i)
      code = code << 6 | (static_cast<unsigned char>(bytes[i]) & 0x3FU);
    text += length == 0 ? replacement_character : code;
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

/// The UTF-8 of one code point, appended to `bytes`.
inline void append_utf8(std::string& bytes, char32_t code) {
  if (code < 0x80) {
    bytes += static_cast<char>(code);
    return;
  }
  const int continuations = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const unsigned mark = 0xF0U << (3 - continuations) & 0xFFU;
  bytes += static_cast<char>(mark | code >> (6 * continuations));
  for (int i = continuations - 1; i >= 0; --i) bytes += static_cast<char>(0x80U | (code >> (6 * i) & 0x3FU));
}

/// The UTF-8 of a text.
inline std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  for (const char32_t code : text) append_utf8(bytes, code);
  return bytes;
}

/// The first characters of a text, for a message: U+FFFD stands for control characters and what is no UTF-8.
inline std::string printable(std::string_view bytes, std::size_t most_characters) {
  std::u32string text = decode_utf8(bytes.substr(0, 4 * most_characters));
  if (text.size() > most_characters) text.resize(most_characters);
  for (char32_t& code : text)
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) code = replacement_character;
  return encode_utf8(text);
}

}  // namespace attnscope
