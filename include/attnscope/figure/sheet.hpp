#pragma once
#include <attnscope/figure/caption.hpp>
#include <attnscope/figure/marks.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

/// What the lines or marks of one look are.
struct LegendEntry {
  std::string name = {};                 ///< "head 3"
  Stroke line = {};                      ///< how the line looks; of a mark, its colour
  std::optional<std::size_t> mark = {};  ///< the shape of a mark in the line's colour; none: the line
  std::optional<Stroke> inner = {};      ///< what is drawn along the middle of a thick line
};

/// The names of a figure's lines and marks, in columns of at most `most_rows`; empty where there is none.
class Legend {
 public:
  Legend() = default;
  /// Entries from the first on, down the first column, then the next.
  explicit Legend(std::vector<LegendEntry> entries, std::size_t most_rows = 24)
      : entries_(std::move(entries)), rows_(std::clamp<std::size_t>(entries_.size(), 1, most_rows)) {
    double widest = 0;
    for (const LegendEntry& entry : entries_) {
      names_.push_back({readable_line(entry.name, 40), {.size = 11}});
      widest = std::max(widest, names_.back().width());
    }
    column_ = swatch + gap + widest;
  }

  /// Whether there are no entries.
  bool empty() const { return entries_.empty(); }
  /// px.
  double width() const {
    const std::size_t columns = (entries_.size() + rows_ - 1) / rows_;
    return empty() ? 0 : static_cast<double>(columns) * (column_ + between) - between;
  }
  /// px.
  double height() const { return empty() ? 0 : static_cast<double>(rows_) * pitch; }

  /// Draws it with its upper left corner at `at`.
  void draw(Svg& svg, Point at) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const double x = at.x + static_cast<double>(i / rows_) * (column_ + between),
                   y = at.y + (static_cast<double>(i % rows_) + .5) * pitch;
      const LegendEntry& entry = entries_[i];
      if (entry.mark)
        draw_mark(svg, {x + swatch / 2, y}, {entry.line.colour, *entry.mark});
      else
        draw_line(svg, {x, y}, {x + swatch, y}, entry.line);
      if (entry.inner) draw_line(svg, {x, y}, {x + swatch, y}, *entry.inner);
      names_[i].draw(svg, {x + swatch + gap, y});
    }
  }

 private:
  static constexpr double swatch = 22, gap = 7, pitch = 18, between = 18;

  std::vector<LegendEntry> entries_;
  std::vector<detail::Caption> names_;
  std::size_t rows_ = 1;
  double column_ = 0;
};

/// The page of a figure that is not a map: a title above, a legend to the right, a note below, and a margin
/// around all.
class Sheet {
 public:
  static constexpr double margin = 16;  ///< px around all

  /// The title is drawn, unless it is empty.
  Sheet(const std::string& title, Theme theme)
      : svg_(theme), title_{readable_line(title), {.size = 15, .bold = true}} {}

  /// Where the figure is drawn.
  Svg& svg() { return svg_; }
  /// Where the figure may begin, below the title.
  double top() const { return margin + title_.height() + (title_.words.empty() ? 0 : 4); }

  /// The whole figure. `content`: the room of all that was drawn, from {margin, top()} on; `fallback`: what
  /// it is called where it has no title.
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
