#pragma once
// Tokens that mean harm, and whether a picture survived them.
#include <attnscope/core/utf8.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace hostile {

/// Control characters, invalid UTF-8, markup, marks that turn the direction of text, letters from right to
/// left, an emoji, 10,000 characters, and nothing.
inline std::vector<std::string> tokens() {
  return {"<script>alert(1)</script>", "]]>", "\"'&", std::string("\0\x01\x1b", 3), "\xff\xc0\x80\xed\xa0\x80", "\u202e\u2066", "\u05d0\u05d1\u0645", "\U0001F600",
          std::string(10000, 'W'), "", "\n\t", "\u0120the", "\u2581", "##ing", "\ufffe"};
}
/// `count` of them, in turn.
inline std::vector<std::string> tokens(std::size_t count) {
  const std::vector<std::string> all = tokens();
  std::vector<std::string> turn;
  for (std::size_t i = 0; i < count; ++i) turn.push_back(all[i % all.size()]);
  return turn;
}

/// What is wrong with a document as XML of the simple kind that figures are made of: elements that open and
/// close in order, attributes in double quotes, no entity but the five, no character that is not allowed; and
/// nothing but pictures in it. Empty when all is well.
inline std::string flaw(std::string_view svg) {
  for (const char32_t code : attnscope::decode_utf8(svg))
    if ((code < 0x20 && code != U'\n' && code != U'\t') || code == 0xFFFE || code == 0xFFFF) return "a forbidden character";
  if (attnscope::encode_utf8(attnscope::decode_utf8(svg)) != svg) return "not UTF-8";
  std::vector<std::string> open;
  const auto entities = [](std::string_view text) {
    for (std::size_t at = text.find('&'); at != text.npos; at = text.find('&', at + 1)) {
      bool known = false;
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
        known = known || text.substr(at).starts_with(entity);
      if (!known) return false;
    }
    return true;
  };
  if (!entities(svg)) return "an unknown entity";
  for (std::size_t at = 0; at < svg.size();) {
    const std::size_t begin = svg.find('<', at);
    if (begin == svg.npos) break;
    if (svg.substr(at, begin - at).find('>') != svg.npos) return "a stray >";
    const std::size_t end = svg.find('>', begin);
    if (end == svg.npos) return "a tag without end";
    std::string_view tag = svg.substr(begin + 1, end - begin - 1);
    at = end + 1;
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "closes what is not open: " + std::string(tag);
      open.pop_back();
      continue;
    }
    std::size_t quotes = 0;
    for (const char c : tag) {
      quotes += c == '"';
      if (c == '<') return "< within a tag";
    }
    if (quotes % 2 != 0) return "an open quote: " + std::string(tag.substr(0, 60));
    const std::string name(tag.substr(0, tag.find_first_of(" /\n")));
    bool known = false;
    for (const char* element : {"svg", "title", "desc", "rect", "g", "path", "text", "image", "circle", "line"})
      known = known || name == element;
    if (!known) return "an element " + name;
    if (!tag.ends_with("/")) open.push_back(name);
  }
  return open.empty() ? "" : "open at the end: " + open.back();
}

}  // namespace hostile
