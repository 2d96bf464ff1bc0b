#pragma once
#include <attnscope/figure/token_columns.hpp>

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
  const auto stroke = [](const LinkKind& kind, double opacity) {
    return Stroke{kind.colour, 2, opacity, kind.dashed ? plain_dashes : ""};
  };
  TokenColumns columns({.title = options.title,
                        .left_title = options.left_title,
                        .right_title = options.right_title,
                        .left = left,
                        .right = right,
                        .theme = options.theme});
  for (std::size_t n = 0; n < links.size(); ++n) {
    const auto& [from, to, weight, kind] = links[n];
    require<ShapeError>(within(from, left.size()), "link {}: left token {} of {}", n, from, left.size());
    require<ShapeError>(within(to, right.size()), "link {}: right token {} of {}", n, to, right.size());
    require<ShapeError>(kind < options.kinds.size(), "link {}: kind {} of {}", n, kind, options.kinds.size());
    require<ValueError>(std::isfinite(weight) && weight >= 0, "link {}: the weight is {}", n, weight);
    draw_line(columns.svg(), columns.at(0, from), columns.at(1, to),
              stroke(options.kinds[kind], std::min(weight / options.high, 1.)),
              fmt::format("{} \u2013 {}: {:.3g}", readable_token(left[static_cast<std::size_t>(from)], 100),
                          readable_token(right[static_cast<std::size_t>(to)], 100), weight));
  }
  std::vector<LegendEntry> legend;
  if (options.kinds.size() > 1)
    for (const LinkKind& kind : options.kinds) legend.push_back({kind.name, stroke(kind, 1)});
  return columns.document(Legend(std::move(legend)), "", "links between tokens",
                          fmt::format("{} tokens to the left, {} to the right, {} links.", left.size(),
                                      right.size(), links.size()));
}

}  // namespace attnscope
