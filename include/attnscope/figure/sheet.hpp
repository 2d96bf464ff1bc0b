#pragma once
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/legend.hpp>

#include <algorithm>
#include <string>

namespace attnscope {

/// The page of a figure that is not a map: a title above, a legend to the right, a note below, and a margin
/// around all.
class Sheet {
 public:
  static constexpr double margin = 16;

  Sheet(const std::string& title, Theme theme)
      : svg_(theme), title_{readable_line(title), {.size = 15, .bold = true}} {}

  Svg& svg() { return svg_; }
  /// Where the figure may begin, below the title.
  double top() const { return margin + title_.height() + (title_.words.empty() ? 0 : 4); }

  /// The whole figure. `content`: the room of all that was drawn, from {margin, top()} on; `fallback`: what it
  /// is called where it has no title.
  std::string document(const Box& content, const Legend& legend, const std::string& note,
                       const std::string& fallback, const std::string& description) {
    const detail::Caption below{readable_line(note, 200), {.size = 10, .colour = svg_.colours().quiet}};
    double right = std::max({content.right(), margin + title_.width(), margin + below.width()});
    double bottom = content.bottom();
    title_.draw(svg_, {margin, margin + title_.height() / 2});
    if (!legend.empty()) {
      legend.draw(svg_, {content.right() + margin, content.top});
      right = std::max(right, content.right() + margin + legend.width());
      bottom = std::max(bottom, content.top + legend.height());
    }
    below.draw(svg_, {margin, bottom + 2 + below.height() / 2});
    return svg_.document({.width = right + margin,
                          .height = bottom + below.height() + margin,
                          .title = title_.words.empty() ? fallback : title_.words,
                          .description = description});
  }

 private:
  Svg svg_;
  detail::Caption title_;
};

}  // namespace attnscope
