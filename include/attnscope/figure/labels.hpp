#pragma once
#include <attnscope/core/utf8.hpp>
#include <attnscope/figure/svg.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

namespace detail {

inline constexpr char32_t space_mark = 0xB7;         // a middle dot
inline constexpr char32_t line_break_mark = 0x21B5;  // an arrow to the left that comes from above
inline constexpr char32_t tab_mark = 0x21E5;         // an arrow to the right that meets a bar

/// What shows a character that would otherwise be invisible.
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

/// The same at the front of a token, where byte-level BPE writes space, line break and tab as letters.
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

struct CodeRange {
  char32_t first, last;

  bool holds(char32_t code) const { return first <= code && code <= last; }
};

/// Whether a character is drawn above or below the letter before it: marks of Latin, Greek, Cyrillic, Hebrew,
/// Arabic, Thai, Lao, Tibetan and kana, and those for all scripts.
inline bool is_combining(char32_t code) {
  constexpr std::array<CodeRange, 25> marks{
      {{0x300, 0x36F},   {0x483, 0x487},   {0x591, 0x5BD},   {0x5C1, 0x5C2},   {0x5C4, 0x5C5},
       {0x610, 0x61A},   {0x64B, 0x659},   {0x65B, 0x65F},   {0x670, 0x670},   {0x6D6, 0x6DC},
       {0x6DF, 0x6E4},   {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},   {0xEB1, 0xEB1},
       {0xEB4, 0xEBC},   {0xEC8, 0xECD},   {0xF71, 0xF7E},   {0xF80, 0xF84},   {0x1AB0, 0x1ACE},
       {0x1DC0, 0x1DFF}, {0x20D0, 0x20F0}, {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE20, 0xFE2F}}};
  return std::any_of(marks.begin(), marks.end(), [&](const CodeRange& range) { return range.holds(code); });
}

/// Without the third and further marks of a letter, which would climb over the lines above and below.
inline std::u32string without_towers(const std::u32string& text) {
  std::u32string kept;
  int marks = 0;
  for (const char32_t code : text) {
    marks = is_combining(code) ? marks + 1 : 0;
    if (marks <= 2) kept += code;
  }
  return kept;
}

inline std::string bounded(const std::u32string& whole, std::size_t longest) {
  std::u32string text = without_towers(whole);
  if (text.size() > longest) {
    text.resize(std::max<std::size_t>(longest, 1) - 1);
    text += U'\u2026';
  }
  return encode_utf8(text);
}

}  // namespace detail

/// A line of text for a figure: line breaks and tabs shown as arrows, malformed UTF-8 as U+FFFD, at most two
/// combining marks a letter, and more than `longest` code points cut short with an ellipsis.
inline std::string readable_line(std::string_view line, std::size_t longest = 100) {
  std::u32string text = decode_utf8(line);
  std::transform(text.begin(), text.end(), text.begin(), detail::visible);
  return detail::bounded(text, longest);
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
  return detail::bounded(text, longest);
}

namespace detail {

/// The widths of the characters from `first` on in units of 0.04 em, as letters: 'a' is 0.
struct WidthTable {
  char32_t first;
  std::string_view widths;
};

inline constexpr std::array<WidthTable, 4> exact_widths{
    {{U' ',
      "ilmvqyuhkknvikijqqqqqqqqqqjjvvvozsssuqputiirowtuqusqqtszsqskjkvnnqqoqqjqqhhphzqqqqlokqpvppoqjqv"},
     {0xA0,
      "ilqqqqjnnzmqvkznnvllnqqinlmqzzzosssssszsqqqqiiiiutuuuuuvuttttqqqqqqqqqzoqqqqhhhhqqqqqqqvqqqqqpqp"},
     {0x100,
      "sqsqsqsosososouquqqqqqqqqqqququququqtqxsihihihihihpoihrppohohokojpitqtqtqvtquququq|{slslslqoqoqo"
      "qoqkqkqktqtqtqtqtqtqzvqpqsososoj"},
     {0x400,
      "qquqsqiii}|ustqtsssquq|rttstwtutqsqqwsus|}vxss|sqqposqxorrqqtrqrqoppwpspxysupowqqqqooohhhxxrqrpr"}}};

/// The widest of DejaVu Sans in each of these ranges, in em.
struct WideRange {
  CodeRange codes;
  double width;
};
inline constexpr std::array<WideRange, 11> wide_ranges{{{{0x1C4, 0x1F6}, 1.45},
                                                        {{0x460, 0x52F}, 1.2},
                                                        {{0x600, 0x6FF}, 1.25},
                                                        {{0x1400, 0x16FF}, 1.65},
                                                        {{0x2030, 0x2031}, 1.75},
                                                        {{0x20A0, 0x218F}, 1.4},
                                                        {{0x2200, 0x22FF}, 1.45},
                                                        {{0x2300, 0x2C7F}, 1.45},
                                                        {{0xA640, 0xA7FF}, 1.4},
                                                        {{0xFB00, 0xFEFF}, 1.55},
                                                        {{0x10000, 0x10FFFF}, 1.65}}};

inline double character_width(char32_t code) {
  if (is_combining(code)) return 0;
  for (const auto& [first, widths] : exact_widths)
    if (first <= code && code < first + widths.size()) return 0.04 * (widths[code - first] - 'a');
  for (const auto& [codes, width] : wide_ranges)
    if (codes.holds(code)) return width;
  return 1.1;
}

}  // namespace detail

/// About how wide a text is, in px, at a font size of `size` px, in DejaVu Sans, the widest of the common
/// sans-serif fonts: exact, rounded up to 0.04 em a letter, for Latin as far as U+017F and for Russian;
/// generous for others: 1.1 em for most, 0 for marks on a letter. No character of DejaVu Sans is wider.
inline double text_width(std::string_view text, double size) {
  double sum = 0;
  // What is unfit for XML is drawn as U+FFFD, which is wide.
  for (const char32_t code : decode_utf8(text))
    sum += detail::character_width(detail::is_unfit_for_xml(code) ? replacement_character : code);
  return sum * size;
}

namespace detail {

inline bool are_numbers(const std::vector<std::string>& labels) {
  const auto is_digit = [](char c) { return '0' <= c && c <= '9'; };
  return std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
    return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
  });
}

/// The least of 1, 2, 5 times a power of ten that is not below `least`, which is above 0.
inline double round_step(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1., 2., 5.})
    if (factor * power >= least) return factor * power;
  return 10 * power;
}

}  // namespace detail

/// The labels of the rows or of the columns of a map, as large as their distance allows (8 to 12 px); where
/// it does not, every k-th is drawn, with a tick to its cell. An empty one takes no place. No two ever
/// overlap. Numbers need not all be there to be read: where they are thinned, k is 1, 2 or 5 times a power of
/// ten, and they lie flat.
class AxisLabels {
 public:
  /// `tokens`: one for each row or column, or none at all; `pitch`: the distance of two of them in px;
  /// `longest`: how many characters of a token are shown.
  AxisLabels(const std::vector<std::string>& tokens, double pitch, std::size_t longest = 16) : pitch_(pitch) {
    const double line = std::clamp(pitch, 9.6, 14.4);
    size_ = line / 1.2;
    auto step = static_cast<std::size_t>(std::ceil(line / pitch));
    if (step > 1 && detail::are_numbers(tokens)) {
      double width = line;
      for (const std::string& number : tokens) width = std::max(width, text_width(number, size_) + 4);
      step = static_cast<std::size_t>(detail::round_step(width / pitch));
    }
    ticks_ = step > 1;
    std::size_t free = 0;                                 // the first that has room
    std::size_t nearest = std::max(step, tokens.size());  // the least distance of two
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i < free || tokens[i].empty()) continue;
      if (!words_.empty()) nearest = std::min(nearest, i - places_.back());
      places_.push_back(i);
      words_.push_back(readable_token(tokens[i], longest));
      widest_ = std::max(widest_, text_width(words_.back(), size_));
      free = i + step;
    }
    turned_ = widest_ + 4 > pitch * static_cast<double>(nearest);
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
    if (ticks_ && !ticks.empty()) svg.path(ticks, svg.colours().line);
  }

  /// Draws them to the right of `map`.
  void draw_rows_after(Svg& svg, const Box& map) const {
    std::string ticks;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const double y = map.top + position(i);
      svg.text({map.right() + gap, y}, words_[i], {.size = size_});
      ticks += fmt::format("M{} {}h3", svg_number(map.right() + 1), svg_number(y));
    }
    if (ticks_ && !ticks.empty()) svg.path(ticks, svg.colours().line);
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
    if (ticks_ && !ticks.empty()) svg.path(ticks, svg.colours().line);
  }

 private:
  static constexpr double gap = 6;

  double position(std::size_t label) const { return (static_cast<double>(places_[label]) + 0.5) * pitch_; }

  double pitch_;
  double size_;
  double widest_ = 0;
  bool turned_;
  bool ticks_;
  std::vector<std::string> words_;   // those that are drawn
  std::vector<std::size_t> places_;  // and whose they are
};

}  // namespace attnscope
