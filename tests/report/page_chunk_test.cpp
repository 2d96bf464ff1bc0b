#include "support/catch.hpp"

#include <attnscope/report/page_chunk.hpp>

#include <string>

using namespace attnscope;

namespace {

std::string inflated(const std::string& packed, std::size_t size) {
  std::string bytes(size, '\0');
  uLongf length = static_cast<uLongf>(size);
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(bytes.data()), &length,
                     reinterpret_cast<const Bytef*>(packed.data()),
                     static_cast<uLong>(packed.size())) == Z_OK);
  REQUIRE(length == size);
  return bytes;
}

}  // namespace

TEST_CASE("base64 is that of RFC 4648", "[page]") {
  CHECK(detail::base64("") == "");
  CHECK(detail::base64("f") == "Zg==");
  CHECK(detail::base64("fo") == "Zm8=");
  CHECK(detail::base64("foo") == "Zm9v");
  CHECK(detail::base64("foob") == "Zm9vYg==");
  CHECK(detail::base64("fooba") == "Zm9vYmE=");
  CHECK(detail::base64("foobar") == "Zm9vYmFy");
  CHECK(detail::base64(std::string("\xfb\xff\xbf\0", 4)) == "+/+/AA==");
}

TEST_CASE("What is compressed comes back, by either way", "[page]") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "<path d=\"M" + std::to_string(i % 100) + "\"/>";
  for (const int strategy : {Z_DEFAULT_STRATEGY, Z_RLE}) {
    const std::string packed = detail::deflated(text, strategy);
    CHECK(packed.size() < text.size());
    CHECK(inflated(packed, text.size()) == text);
  }
}

TEST_CASE("A chunk is compressed only where that makes it smaller", "[page]") {
  const std::string same(3000, 'a');
  const PageChunk small = page_chunk(same);
  CHECK(small.deflated);
  CHECK(small.base64.size() < 100);
  std::string noise;
  unsigned state = 1;
  for (int i = 0; i < 3000; ++i) noise += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24);
  const PageChunk raw = page_chunk(noise);
  CHECK_FALSE(raw.deflated);
  CHECK(raw.base64 == detail::base64(noise));
  CHECK_FALSE(page_chunk("").deflated);
}
