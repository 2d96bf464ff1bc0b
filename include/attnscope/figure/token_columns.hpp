#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/sheet.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace attnscope {

/// What TokenColumns are like before anything is drawn between them.
struct TokenColumnsFrame {
  std::string title = {};                 ///< above them; none where it is empty
  std::string left_title = {};            ///< above the tokens of the first column
  std::string right_title = {};           ///< above those of the last one
  std::vector<std::string> left{};        ///< the tokens of the first column
  std::vector<std::string> right{};       ///< the tokens of the last one
  std::vector<std::string> gap_titles{};  ///< what stands above each gap between two columns, or none
  std::size_t columns = 2;                ///< 2 or more
  double between = 180;                   ///< px from column to column
  double left_strip = 0;       ///< px between the first column and its tokens, for marks of one's own
  double right_strip = 0;      ///< px between the last one and its tokens
  double top_room = 0;         ///< px above the first row, for what says what they are
  Theme theme = Theme::light;  ///< of paper or screen
};

/// Columns of tokens in rows of one height, the tokens' names to the left of the first and to the right of
/// the last, and whatever joins them drawn in between. Names are as large as the height of a row allows,
/// which is 20 px, and less where there are more than 60 tokens; then every k-th has its name.
class TokenColumns {
 public:
  /// Draws the names and titles.
  explicit TokenColumns(const TokenColumnsFrame& frame)
      : frame_(frame),
        sheet_(frame.title, frame.theme),
        rows_(std::max({frame.left.size(), frame.right.size(), std::size_t{1}})),
        pitch_(std::clamp(1200 / static_cast<double>(rows_), 1., 20.)),
        left_title_{readable_line(frame.left_title, 40), {.size = 12, .anchor = Anchor::end, .bold = true}},
        right_title_{readable_line(frame.right_title, 40), {.size = 12, .bold = true}},
        left_(frame.left, pitch_, 24),
        right_(frame.right, pitch_, 24) {
    const double titles = std::max(left_title_.height(), right_title_.height());
    first_ =
        Sheet::margin + frame.left_strip + std::ceil(std::max(left_.extent(), left_title_.width() + gap));
    top_ = sheet_.top() + std::max({titles, frame.gap_titles.empty() ? 0. : 20., frame.top_room});
    left_.draw_rows(svg(), {first_ - frame.left_strip, top_, 0, 0});
    right_.draw_rows_after(svg(), {last() + frame.right_strip, top_, 0, 0});
    const double line = top_ - titles / 2;
    left_title_.draw(svg(), {first_ - frame.left_strip - gap, line});
    right_title_.draw(svg(), {last() + frame.right_strip + gap, line});
    for (std::size_t i = 0; i < frame.gap_titles.size(); ++i) {
      const detail::Caption words{readable_line(frame.gap_titles[i], 40),
                                  {.size = 11, .anchor = Anchor::middle, .colour = svg().colours().quiet}};
      if (words.width() <= frame.between) words.draw(svg(), {(x(i) + x(i + 1)) / 2, line});
    }
  }

  /// Where the figure is drawn.
  Svg& svg() { return sheet_.svg(); }
  /// px from row to row.
  double pitch() const { return pitch_; }
  /// Where the column of this number stands, 0 the first.
  double x(std::size_t column) const { return first_ + static_cast<double>(column) * frame_.between; }
  /// The upper end of the first row.
  double top() const { return top_; }
  /// The middle of a token's row.
  double y(std::ptrdiff_t token) const { return top_ + (static_cast<double>(token) + .5) * pitch_; }
  /// Where a token of a column stands.
  Point at(std::size_t column, std::ptrdiff_t token) const { return {x(column), y(token)}; }

  /// The whole figure. `fallback`: what it is called where it has no title.
  std::string document(const Legend& legend, const std::string& note, const std::string& fallback,
                       const std::string& description) {
    const double right = last() + frame_.right_strip + std::max(right_.extent(), gap + right_title_.width());
    const Box content{Sheet::margin, sheet_.top(), right - Sheet::margin,
                      top_ + static_cast<double>(rows_) * pitch_ - sheet_.top()};
    return sheet_.document(content, legend, note, fallback, description);
  }

 private:
  static constexpr double gap = 6;

  double last() const { return x(frame_.columns - 1); }

  TokenColumnsFrame frame_;
  Sheet sheet_;
  std::size_t rows_;
  double pitch_;
  detail::Caption left_title_, right_title_;
  AxisLabels left_, right_;
  double first_ = 0, top_ = 0;
};

}  // namespace attnscope
