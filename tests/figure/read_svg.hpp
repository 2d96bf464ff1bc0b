#pragma once
// Reads back what the figures write, by means of its own: the texts, and the cells by painting their strokes.
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace read_svg {

/// What stands between the first `before` at or after `from` and the next `after`; empty where there is none.
inline std::string between(std::string_view text, std::string_view before, std::string_view after,
                           std::size_t from = 0) {
  const std::size_t begin = text.find(before, from);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = text.find(after, begin + before.size());
  return std::string(text.substr(begin + before.size(), end - begin - before.size()));
}

inline double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

inline std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

/// The elements called `name`, from "<name " to the next end of a line.
inline std::vector<std::string> elements(std::string_view svg, const std::string& name) {
  std::vector<std::string> found;
  const std::string start = "<" + name + " ";
  for (std::size_t at = svg.find(start); at != std::string_view::npos; at = svg.find(start, at + 1)) {
    found.emplace_back(svg.substr(at, svg.find('\n', at) - at));
  }
  return found;
}

inline double attribute(const std::string& element, const std::string& name) {
  return number(between(element, " " + name + "=\"", "\""));
}

/// What escaped text says.
inline std::string unescaped(std::string text) {
  for (const auto& [escape, character] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}})
    for (std::size_t at = text.find(escape); at != std::string::npos; at = text.find(escape, at + 1))
      text.replace(at, std::string_view(escape).size(), character);
  return text;
}

/// A text as it stands in the picture: its words and about the room that it takes, turned or not.
struct Text {
  std::string words;
  attnscope::Box box;
};

inline std::vector<Text> texts(std::string_view svg, double (*width)(std::string_view, double)) {
  std::vector<Text> found;
  for (const std::string& element : elements(svg, "text")) {
    const double x = attribute(element, "x"), y = attribute(element, "y"),
                 size = attribute(element, "font-size");
    const std::string words = between(element, ">", "</text>"),
                      anchor = between(element, "text-anchor=\"", "\"");
    const double length = width(unescaped(words), size);
    const double before = anchor == "end" ? length : anchor == "middle" ? length / 2 : 0;
    const bool upwards = element.find("rotate(-90 ") != std::string::npos;
    // Reading upwards, the start of the text is below its end.
    found.push_back({words, upwards ? attnscope::Box{x - size / 2, y - (length - before), size, length}
                                    : attnscope::Box{x - before, y - size / 2, length, size}});
  }
  return found;
}

/// A group of cells: its place and the colour of each cell ("#rrggbb").
struct Cells {
  attnscope::Box box;
  std::vector<std::vector<std::string>> colours;
};

// Paints the strokes of one path: M x y.5, then h and m in turn.
inline void paint(const std::string& path, Cells& cells) {
  const std::string colour = between(path, "stroke=\"", "\""), data = between(path, " d=\"", "\"");
  double x = 0, y = 0;
  const char* at = data.c_str();
  const auto next = [&] {
    char* end = nullptr;
    const double value = std::strtod(at, &end);
    at = end;
    return value;
  };
  while (*at != '\0') {
    const char command = *at++;
    if (command == 'h') {
      const auto row = static_cast<std::size_t>(y);
      for (double end = x + next(); x < end; ++x)
        cells.colours.at(row).at(static_cast<std::size_t>(x)) = colour;
    } else {
      const double right = next(), down = next();
      x = command == 'm' ? x + right : right;
      y = command == 'm' ? y + down : down;
    }
  }
}

/// The groups of cells of a picture, painted; the background of each is the rectangle in front of it.
inline std::vector<Cells> cells(std::string_view svg) {
  std::vector<Cells> found;
  for (std::size_t at = svg.find("<g "); at != std::string_view::npos; at = svg.find("<g ", at + 1)) {
    // The transparent rectangles over the cells of a map are a group, too.
    if (svg.substr(at, svg.find('>', at) - at).find("crispEdges") == std::string_view::npos) continue;
    const std::string rectangle(svg.substr(svg.rfind("<rect ", at), at - svg.rfind("<rect ", at)));
    const std::string scale = between(svg, "scale(", ")", at);
    const std::size_t space = scale.find(' ');
    Cells group;
    group.box = {attribute(rectangle, "x"), attribute(rectangle, "y"), attribute(rectangle, "width"),
                 attribute(rectangle, "height")};
    const auto columns = static_cast<std::size_t>(group.box.width / number(scale.substr(0, space)) + 0.5);
    const auto rows = static_cast<std::size_t>(group.box.height / number(scale.substr(space)) + 0.5);
    group.colours.assign(rows, std::vector<std::string>(columns, between(rectangle, "fill=\"", "\"")));
    const std::string_view inner = svg.substr(at, svg.find("</g>", at) - at);
    for (const std::string& path : elements(inner, "path")) paint(path, group);
    found.push_back(std::move(group));
  }
  return found;
}

/// What a parser of XML 1.0 would refuse in a document of elements, attributes between double quotes and
/// text, or what a figure must not hold (scripts, links); empty when all is well.
inline std::string malformed(std::string_view xml) {
  if (attnscope::encode_utf8(attnscope::decode_utf8(xml)) != xml) return "malformed UTF-8";
  for (const char32_t code : attnscope::decode_utf8(xml))
    if (attnscope::detail::is_unfit_for_xml(code)) return "a character that XML forbids";
  const auto bad_text = [](std::string_view text) {
    for (std::size_t at = text.find('&'); at != std::string_view::npos; at = text.find('&', at + 1)) {
      const std::string name(text.substr(at + 1, text.find(';', at) - at - 1));
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#39") return true;
    }
    return text.find('<') != std::string_view::npos;
  };
  std::vector<std::string> open;
  std::size_t at = 0;
  while (at < xml.size()) {
    const std::size_t tag = std::min(xml.find('<', at), xml.size());
    const std::string_view text = xml.substr(at, tag - at);
    if (bad_text(text)) return "text: " + std::string(text);
    if (open.empty() && text.find_first_not_of('\n') != std::string_view::npos) return "text outside";
    if (tag == xml.size()) break;
    // The end of the tag is the first > outside of quotes.
    std::size_t end = tag;
    for (bool quoted = false; end < xml.size() && (quoted || xml[end] != '>'); ++end)
      if (xml[end] == '"') quoted = !quoted;
    if (end == xml.size()) return "a tag without an end";
    std::string_view inner = xml.substr(tag + 1, end - tag - 1);
    at = end + 1;
    if (inner.starts_with('/')) {
      if (open.empty() || open.back() != inner.substr(1)) return "</" + std::string(inner.substr(1));
      open.pop_back();
      if (open.empty() && xml.find('<', at) != std::string_view::npos) return "a second root";
      continue;
    }
    const bool closed = inner.ends_with('/');
    if (closed) inner.remove_suffix(1);
    const std::string name(inner.substr(0, inner.find(' ')));
    for (const char* known :
         {"svg", "title", "desc", "rect", "g", "path", "text", "circle", "line", "polygon"})
      if (name == known) goto known_element;
    return "an element " + name;
  known_element:
    inner.remove_prefix(name.size());
    while (!inner.empty()) {
      const std::size_t equal = inner.find("=\""), close = inner.find('"', equal + 2);
      if (equal == std::string_view::npos || close == std::string_view::npos || inner[0] != ' ')
        return "attributes " + std::string(inner);
      const std::string_view key = inner.substr(1, equal - 1);
      if (key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") != key.npos ||
          key.starts_with("on") || key.empty())
        return "an attribute " + std::string(key);
      if (bad_text(inner.substr(equal + 2, close - equal - 2))) return "the value of " + std::string(key);
      inner.remove_prefix(close + 1);
    }
    if (!closed) open.push_back(name);
  }
  return open.empty() ? "" : "no end of " + open.back();
}

/// Tokens that mean harm: markup, control characters, malformed UTF-8, marks that turn the direction, emoji,
/// 10,000 characters, nothing.
inline std::vector<std::string> hostile_tokens() {
  return {"</text><script>alert(1)</script>",
          "\"onload=\"x",
          "&amp;&#0;",
          "]]>",
          std::string("\0\x1b\x7f", 3),
          "\xff\xfe\xc3",
          "\xed\xa0\x80",
          "\u202eevil",
          "\u05e9\u05dc\u05d5\u05dd",
          "\U0001F600\U0001F3FD",
          std::string(10000, 'x'),
          "",
          "\n\t ",
          "\ufffe"};
}
/// So many of them, in turn.
inline std::vector<std::string> hostile_tokens(std::size_t count) {
  const std::vector<std::string> all = hostile_tokens();
  std::vector<std::string> turn;
  for (std::size_t i = 0; i < count; ++i) turn.push_back(all[i % all.size()]);
  return turn;
}

inline bool overlap(const attnscope::Box& a, const attnscope::Box& b) {
  return a.left < b.right() && b.left < a.right() && a.top < b.bottom() && b.top < a.bottom();
}

/// What lies off the page, or on something else: empty when all is well.
inline std::string misplaced(const std::string& svg) {
  const std::string root = elements(svg, "svg").front();
  const double width = attribute(root, "width"), height = attribute(root, "height");
  std::vector<Text> things = texts(svg, attnscope::text_width);
  for (const Cells& cells : cells(svg)) things.push_back({"cells", cells.box});
  std::string wrong;
  for (std::size_t i = 0; i < things.size(); ++i) {
    const attnscope::Box& box = things[i].box;
    const bool inside =
        box.left >= 4 && box.top >= 4 && box.right() <= width - 4 && box.bottom() <= height - 4;
    if (!inside) wrong += things[i].words + " is off the page\n";
    for (std::size_t j = 0; j < i; ++j) {
      if (overlap(box, things[j].box)) wrong += things[i].words + " is on " + things[j].words + "\n";
    }
  }
  return wrong;
}

}  // namespace read_svg
