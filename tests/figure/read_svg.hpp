#pragma once
// Reads back what the figures write, by means of its own: the texts, and the cells by painting their strokes.
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <Eigen/Core>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
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

/// A text as it stands in the picture: its words and about the room that it takes, turned or not.
struct Text {
  std::string words;
  attnscope::Box box;
};

/// The characters that the five entities of XML stand for.
inline std::string unescaped(std::string text) {
  constexpr const char* entities[][2] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : entities)
    for (std::size_t at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1))
      text.replace(at, std::string_view(entity).size(), character);
  return text;
}

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
