#include <attnscope/core/utf8.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("utf8: every code point survives encoding and decoding") {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    if (0xD800 <= code && code <= 0xDFFF) continue;
    if (decode_utf8(encode_utf8(std::u32string(1, code))) != std::u32string(1, code))
      FAIL(static_cast<unsigned>(code));
  }
}

TEST_CASE("utf8: the first and last code point of each length") {
  CHECK(decode_utf8("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") ==
        U"\x7f\x80\x7ff\x800\xffff\U00010000\U0010ffff");
  CHECK(encode_utf8(U"a\u00e9\u20ac\U0001f600") == "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST_CASE("utf8: what is malformed becomes one replacement character a byte, and what is around it stays") {
  const std::u32string bad(1, replacement_character);
  CHECK(decode_utf8("a\x80z") == U"a" + bad + U"z");                // a continuation without a start
  CHECK(decode_utf8("a\xffz") == U"a" + bad + U"z");                // a byte that is in no character
  CHECK(decode_utf8("\xe2\x82z") == bad + bad + U"z");              // a continuation is missing
  CHECK(decode_utf8("a\xe2\x82") == U"a" + bad + bad);              // the text ends too early
  CHECK(decode_utf8("\xc0\xaf") == bad + bad);                      // overlong
  CHECK(decode_utf8("\xe0\x9f\xbf") == bad + bad + bad);            // overlong
  CHECK(decode_utf8("\xf0\x8f\xbf\xbf") == bad + bad + bad + bad);  // overlong
  CHECK(decode_utf8("\xed\xa0\x80") == bad + bad + bad);            // a surrogate
  CHECK(decode_utf8("\xf4\x90\x80\x80") == bad + bad + bad + bad);  // beyond the last code point
  CHECK(decode_utf8("\xf5\x80\x80\x80") == bad + bad + bad + bad);  // beyond the last code point
  CHECK(decode_utf8("").empty());
}
