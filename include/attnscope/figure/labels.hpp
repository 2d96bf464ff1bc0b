#pragma once
#include <attnscope/core/utf8.hpp>
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attnscope {

namespace detail {

inline constexpr char32_t space_mark = 0xB7;         // a middle dot
inline constexpr char32_t line_break_mark = 0x21B5;  // an arrow to the left that comes from above
inline constexpr char32_t tab_mark = 0x21E5;         // an arrow to the right that meets a bar

// What shows a character that would otherwise be invisible.
inline char32_t visible(char32_t code) {
  switch (code) {
    case U'\n':
      return line_break_mark;
    case U'\t':
      return tab_mark;
    case 0x2581:
      return space_mark;  // SentencePiece's space
    default:
      return code;
  }
}

// The same at the front of a token, where byte-level BPE writes space, line break and tab as letters.
inline char32_t visible_in_front(char32_t code) {
  switch (code) {
    case 0x120:
    case U' ':
      return space_mark;
    case 0x10A:
      return line_break_mark;
    case 0x109:
      return tab_mark;
    default:
      return visible(code);
  }
}

inline bool is_mark(char32_t code) {
  return code == space_mark || code == line_break_mark || code == tab_mark;
}

inline std::string bounded(std::u32string text, std::size_t longest) {
  if (text.size() > longest) {
    text.resize(std::max<std::size_t>(longest, 1) - 1);
    text += U'\u2026';
  }
  return encode_utf8(text);
}

}  // namespace detail

/// A line of text for a figure: line breaks and tabs shown as arrows, malformed UTF-8 as U+FFFD, and more
/// than `longest` code points cut short with an ellipsis.
inline std::string readable_line(std::string_view line, std::size_t longest = 100) {
  std::u32string text = decode_utf8(line);
  std::transform(text.begin(), text.end(), text.begin(), detail::visible);
  return detail::bounded(std::move(text), longest);
}

/// A token as a label: as `readable_line`, and the space that a tokenizer keeps in front of a word is a
/// middle dot, whether it is written " the", "▁the" (SentencePiece) or "Ġthe" (byte-level BPE, whose leading
/// Ċ and ĉ are a line break and a tab). "##ing" stays as it is, and so do the other letters of byte-level
/// BPE: that they stand for bytes cannot be seen from a token alone.
inline std::string readable_token(std::string_view token, std::size_t longest = 16) {
  std::u32string text = decode_utf8(token);
  std::size_t front = 0;
  for (; front < text.size(); ++front) {
    text[front] = detail::visible_in_front(text[front]);
    if (!detail::is_mark(text[front])) break;
  }
  std::transform(text.begin() + static_cast<std::ptrdiff_t>(front), text.end(),
                 text.begin() + static_cast<std::ptrdiff_t>(front), detail::visible);
  return detail::bounded(std::move(text), longest);
}

/// About how wide a text is, in px, at a font size of `size` px: exact, rounded up, for ASCII in DejaVu Sans,
/// the widest of the common sans-serif fonts; generous for other letters.
inline double text_width(std::string_view text, double size) {
  // The widths of the characters from space to tilde in units of 0.04, as letters: 'a' is 0.
  constexpr std::string_view widths =
      "ilmvqyuhkknvikijqqqqqqqqqqjjvvvozsssuqputiirowtuqusqqtszsqskjkvnnqqoqqjqqhhphzqqqqlokqpvppoqjqv";
  const auto width = [&](char32_t code) {
    if (U' ' <= code && code <= U'~') return 0.04 * (widths[code - U' '] - 'a');
    if (code == detail::space_mark) return 0.32;
    return code < 0x1100 ? 0.8 : code < 0x1F000 ? 1.05 : 1.35;
  };
  double sum = 0;
  // What is unfit for XML is drawn as U+FFFD, which is wide.
  for (const char32_t code : decode_utf8(text))
    sum += width(detail::is_unfit_for_xml(code) ? replacement_character : code);
  return sum * size;
}

/// The labels of the rows or of the columns of a map, as large as their distance allows (8 to 12 px); where
/// it does not, every k-th is drawn, with a tick to its cell. No two ever overlap.
class AxisLabels {
 public:
  /// `tokens`: one for each row or column, or none at all; `pitch`: the distance of two of them in px;
  /// `longest`: how many characters of a token are shown.
  AxisLabels(const std::vector<std::string>& tokens, double pitch, std::size_t longest = 16) : pitch_(pitch) {
    const double line = std::clamp(pitch, 9.6, 14.4);
    size_ = line / 1.2;
    step_ = static_cast<std::size_t>(std::ceil(line / pitch));
    for (std::size_t i = 0; i < tokens.size(); i += step_) {
      words_.push_back(readable_token(tokens[i], longest));
      widest_ = std::max(widest_, text_width(words_.back(), size_));
    }
    turned_ = widest_ + 4 > pitch * static_cast<double>(step_);
  }

  /// How far the labels of rows reach away from the map, in px.
  double extent() const { return words_.empty() ? 0 : std::ceil(gap + widest_); }

  /// The same for labels of columns.
  double column_extent() const { return words_.empty() || turned_ ? extent() : std::ceil(gap + 1.2 * size_); }

  /// Draws them to the left of `map`.
  void draw_rows(Svg& svg, const Box& map) const {
    std::string ticks;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const double y = map.top + position(i);
      svg.text({map.left - gap, y}, words_[i], {.size = size_, .anchor = Anchor::end});
      ticks += fmt::format("M{} {}h3", svg_number(map.left - 4), svg_number(y));
    }
    if (step_ > 1 && !ticks.empty()) svg.path(ticks, svg.colours().line);
  }

  /// Draws them to the right of `map`.
  void draw_rows_after(Svg& svg, const Box& map) const {
    std::string ticks;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const double y = map.top + position(i);
      svg.text({map.right() + gap, y}, words_[i], {.size = size_});
      ticks += fmt::format("M{} {}h3", svg_number(map.right() + 1), svg_number(y));
    }
    if (step_ > 1 && !ticks.empty()) svg.path(ticks, svg.colours().line);
  }

  /// Draws them below `map`, turned by 90 degrees where one of them is wider than its column.
  void draw_columns(Svg& svg, const Box& map) const {
    std::string ticks;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const double x = map.left + position(i);
      if (turned_)
        svg.text({x, map.bottom() + gap}, words_[i], {.size = size_, .anchor = Anchor::end, .turn = -90});
      else
        svg.text({x, map.bottom() + gap + size_ / 2}, words_[i], {.size = size_, .anchor = Anchor::middle});
      ticks += fmt::format("M{} {}v3", svg_number(x), svg_number(map.bottom() + 1));
    }
    if (step_ > 1 && !ticks.empty()) svg.path(ticks, svg.colours().line);
  }

 private:
  static constexpr double gap = 6;

  double position(std::size_t label) const { return (static_cast<double>(label * step_) + 0.5) * pitch_; }

  double pitch_;
  double size_;
  std::size_t step_;
  double widest_ = 0;
  bool turned_;
  std::vector<std::string> words_;  // those that are drawn: each step_-th
};

}  // namespace attnscope
