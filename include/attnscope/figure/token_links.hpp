#pragma once
#include <attnscope/core/errors.hpp>
#include <attnscope/figure/caption.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace attnscope {

/// A line from a token of the left column to one of the right.
struct TokenLink {
  std::ptrdiff_t left = 0;
  std::ptrdiff_t right = 0;
  double weight = 1;     ///< 0 is invisible, TokenLinksOptions::high opaque
  std::size_t kind = 0;  ///< which of TokenLinksOptions::kinds
};

/// What the lines of one colour are; several have a legend.
struct LinkKind {
  std::string name = {};
  Colour colour{0, 114, 178};
  bool dashed = false;
};

struct TokenLinksOptions {
  std::string title = {};
  std::string left_title = "query";
  std::string right_title = "key";
  double high = 1;  ///< the weight of an opaque line
  std::vector<LinkKind> kinds{LinkKind{}};
  Theme theme = Theme::light;
};

namespace detail {

/// Two columns of tokens and what lies between them.
class TokenColumns {
 public:
  TokenColumns(const std::vector<std::string>& left, const std::vector<std::string>& right,
               const TokenLinksOptions& options)
      : title_{readable_line(options.title), {.size = 15, .bold = true}},
        left_title_{readable_line(options.left_title, 40), {.size = 12, .anchor = Anchor::end, .bold = true}},
        right_title_{readable_line(options.right_title, 40), {.size = 12, .bold = true}},
        left_(captions(left, Anchor::end)),
        right_(captions(right, Anchor::start)) {
    if (options.kinds.size() > 1)
      for (const LinkKind& kind : options.kinds)
        legend_.push_back({{readable_line(kind.name, 60), {.size = 11}}, kind});
    left_width_ = widest(left_, left_title_);
    right_width_ = widest(right_, right_title_);
    top_ = margin + title_.height() + std::max(left_title_.height(), right_title_.height());
  }

  static constexpr double gap = 6;  // between a token and its lines

  double left_end() const { return margin + left_width_; }
  double right_start() const { return left_end() + between; }
  double row(std::ptrdiff_t token) const { return top_ + (static_cast<double>(token) + .5) * pitch; }

  void draw(Svg& svg) const {
    title_.draw(svg, {margin, margin + title_.height() / 2});
    const double titles = top_ - std::max(left_title_.height(), right_title_.height()) / 2;
    left_title_.draw(svg, {left_end(), titles});
    right_title_.draw(svg, {right_start(), titles});
    for (std::size_t i = 0; i < left_.size(); ++i)
      left_[i].draw(svg, {left_end(), row(static_cast<std::ptrdiff_t>(i))});
    for (std::size_t j = 0; j < right_.size(); ++j)
      right_[j].draw(svg, {right_start(), row(static_cast<std::ptrdiff_t>(j))});
    double y = columns_end() + pitch;
    for (const auto& [name, kind] : legend_) {
      stroke(svg, {margin, y}, {margin + 24, y}, kind, 1);
      svg.markup("/>\n");
      name.draw(svg, {margin + 32, y});
      y += pitch;
    }
  }

  /// A line of this kind, left open for its title.
  static void stroke(Svg& svg, Point from, Point to, const LinkKind& kind, double opacity) {
    svg.markup(
        "<path d=\"M{} {}L{} {}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-opacity=\"{}\"",
        svg_number(from.x), svg_number(from.y), svg_number(to.x), svg_number(to.y), hex(kind.colour),
        svg_number(opacity));
    if (kind.dashed) svg.markup(" stroke-dasharray=\"5 4\"");
  }

  double width() const {
    double right = right_start() + right_width_;
    for (const auto& [name, kind] : legend_) right = std::max(right, margin + 32 + name.width());
    return std::max(right, margin + title_.width()) + margin;
  }
  double height() const {
    const double legend = legend_.empty() ? 0 : (static_cast<double>(legend_.size()) + .5) * pitch;
    return columns_end() + legend + margin;
  }
  const std::string& title() const { return title_.words; }

 private:
  static constexpr double margin = 16, pitch = 20, between = 180 + 2 * gap;

  struct LegendLine {
    Caption name;
    LinkKind kind;
  };

  static std::vector<Caption> captions(const std::vector<std::string>& tokens, Anchor anchor) {
    std::vector<Caption> all;
    for (const std::string& token : tokens)
      all.push_back({readable_token(token, 24), {.size = 12, .anchor = anchor}});
    return all;
  }
  static double widest(const std::vector<Caption>& column, const Caption& title) {
    double width = title.width();
    for (const Caption& token : column) width = std::max(width, token.width());
    return width;
  }
  double columns_end() const {
    return top_ + static_cast<double>(std::max(left_.size(), right_.size())) * pitch;
  }

  Caption title_, left_title_, right_title_;
  std::vector<Caption> left_, right_;
  std::vector<LegendLine> legend_;
  double left_width_ = 0, right_width_ = 0, top_ = 0;
};

}  // namespace detail

/// Two columns of tokens joined by lines (SVG): the links of an alignment, or what one head attends to. A
/// line is as opaque as its weight / options.high, at most 1, and names its tokens and weight where the
/// viewer shows titles. Several kinds of lines have colours of their own and a legend. Lines are painted in
/// their order.
/// @throws ShapeError a link of a token or kind that is not there; ValueError a weight that is not finite or
/// is negative, a `high` that is not above 0
inline std::string token_links(const std::vector<std::string>& left, const std::vector<std::string>& right,
                               const std::vector<TokenLink>& links, const TokenLinksOptions& options = {}) {
  require<ValueError>(options.high > 0 && std::isfinite(options.high), "high = {} is not above 0",
                      options.high);
  const auto within = [](std::ptrdiff_t index, std::size_t size) {
    return index >= 0 && static_cast<std::size_t>(index) < size;
  };
  const detail::TokenColumns columns(left, right, options);
  Svg svg(options.theme);
  for (std::size_t n = 0; n < links.size(); ++n) {
    const auto& [from, to, weight, kind] = links[n];
    require<ShapeError>(within(from, left.size()), "link {}: left token {} of {}", n, from, left.size());
    require<ShapeError>(within(to, right.size()), "link {}: right token {} of {}", n, to, right.size());
    require<ShapeError>(kind < options.kinds.size(), "link {}: kind {} of {}", n, kind, options.kinds.size());
    require<ValueError>(std::isfinite(weight) && weight >= 0, "link {}: the weight is {}", n, weight);
    columns.stroke(svg, {columns.left_end() + columns.gap, columns.row(from)},
                   {columns.right_start() - columns.gap, columns.row(to)}, options.kinds[kind],
                   std::min(weight / options.high, 1.));
    svg.markup("><title>{} \u2013 {}: {:.3g}</title></path>\n",
               xml_text(readable_token(left[static_cast<std::size_t>(from)], 100)),
               xml_text(readable_token(right[static_cast<std::size_t>(to)], 100)), weight);
  }
  columns.draw(svg);
  return svg.document({.width = columns.width(),
                       .height = columns.height(),
                       .title = columns.title().empty() ? "links between tokens" : columns.title(),
                       .description = fmt::format("{} tokens to the left, {} to the right, {} links.",
                                                  left.size(), right.size(), links.size())});
}

}  // namespace attnscope
