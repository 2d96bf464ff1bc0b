#pragma once
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/svg.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace attnscope::detail {

/// What is said below a figure, in one line: "a; b".
inline std::string joined_notes(const std::vector<std::string>& notes) {
  std::string line;
  for (const std::string& note : notes) line += (line.empty() ? "" : "; ") + note;
  return line;
}

/// A line of text, left out where it is empty, with the room that it takes.
struct Caption {
  std::string words;
  TextStyle style;

  double width() const { return std::ceil(text_width(words, style.size) * (style.bold ? 1.15 : 1.0)); }
  double height() const { return words.empty() ? 0 : std::ceil(1.7 * style.size); }

  void draw(Svg& svg, Point at) const {
    if (!words.empty()) svg.text(at, words, style);
  }
};

}  // namespace attnscope::detail
