#pragma once
#include <attnscope/figure/token_columns.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

/// A line from a token of the left column to one of the right.
struct TokenLink {
  std::ptrdiff_t left = 0;   ///< its number
  std::ptrdiff_t right = 0;  ///< its number
  double weight = 1;         ///< 0 is invisible, TokenLinksOptions::high opaque
  std::size_t kind = 0;      ///< which of TokenLinksOptions::kinds
};

/// What the lines of one colour are; several have a legend.
struct LinkKind {
  std::string name = {};       ///< in the legend
  Colour colour{0, 114, 178};  ///< of its lines
  bool dashed = false;         ///< else one line
};

/// How token_links() draws.
struct TokenLinksOptions {
  std::string title = {};            ///< above the figure; none where it is empty
  std::string left_title = "query";  ///< above the left column
  std::string right_title = "key";   ///< above the right one
  double high = 1;                   ///< the weight of an opaque line, as larger ones have; a note says it
  std::vector<LinkKind> kinds{LinkKind{}};  ///< at least one
  Theme theme = Theme::light;               ///< of paper or screen
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
  LineOpacity opacity(options.high);
  for (std::size_t n = 0; n < links.size(); ++n) {
    const auto& [from, to, weight, kind] = links[n];
    require<ShapeError>(within(from, left.size()), "link {}: left token {} of {}", n, from, left.size());
    require<ShapeError>(within(to, right.size()), "link {}: right token {} of {}", n, to, right.size());
    require<ShapeError>(kind < options.kinds.size(), "link {}: kind {} of {}", n, kind, options.kinds.size());
    require<ValueError>(std::isfinite(weight) && weight >= 0, "link {}: the weight is {}", n, weight);
    draw_line(columns.svg(), columns.at(0, from), columns.at(1, to),
              stroke(options.kinds[kind], opacity.of(weight)),
              fmt::format("{} \u2013 {}: {:.3g}", readable_token(left[static_cast<std::size_t>(from)], 100),
                          readable_token(right[static_cast<std::size_t>(to)], 100), weight));
  }
  std::vector<LegendEntry> legend;
  if (options.kinds.size() > 1)
    for (const LinkKind& kind : options.kinds) legend.push_back({kind.name, stroke(kind, 1)});
  return columns.document(Legend(std::move(legend)), opacity.note(), "links between tokens",
                          fmt::format("{} tokens to the left, {} to the right, {} links.", left.size(),
                                      right.size(), links.size()));
}

/// How alignment_links() draws.
struct AlignmentLinksOptions {
  std::string title = {};               ///< above the figure; none where it is empty
  std::string source_title = "source";  ///< above the left column
  std::string target_title = "target";  ///< above the right one
  Theme theme = Theme::light;           ///< of paper or screen
};

namespace detail {

/// Source and target of links of any kind, in order.
template <typename Links>
std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> linked_pairs(const Links& links) {
  std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> pairs;
  for (const auto& link : links) pairs.push_back({link.source, link.target});
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

inline TokenLinksOptions alignment_drawing(const AlignmentLinksOptions& options) {
  return {.title = options.title,
          .left_title = options.source_title,
          .right_title = options.target_title,
          .kinds = {{"in gold", category_colour(0, options.theme)}},
          .theme = options.theme};
}

}  // namespace detail

/// The links between two sentences (SVG), the source to the left, each as opaque as its confidence. found:
/// any range of what has target, source and confidence, such as AlignmentLinks::links.
/// @throws ShapeError a link of a token that is not there; ValueError a confidence that is not finite or is
/// negative
template <typename Found>
std::string alignment_links(const std::vector<std::string>& sources, const std::vector<std::string>& targets,
                            const Found& found, const AlignmentLinksOptions& options = {}) {
  std::vector<TokenLink> lines;
  for (const auto& link : found) lines.push_back({link.source, link.target, link.confidence, 0});
  return token_links(sources, targets, lines, detail::alignment_drawing(options));
}

/// The same where people have said what is right: links in gold, links that are not, and gold links that were
/// not found have a colour, and dashes or none, of their own. gold: what has the ranges `sure` and `possible`
/// of links, as GoldLinks; a possible link may be found and need not. @throws as above
template <typename Found, typename Gold>
std::string alignment_links(const std::vector<std::string>& sources, const std::vector<std::string>& targets,
                            const Found& found, const Gold& gold, const AlignmentLinksOptions& options) {
  const auto holds = [](const auto& pairs, const auto& link) {
    return std::binary_search(pairs.begin(), pairs.end(),
                              std::pair<std::ptrdiff_t, std::ptrdiff_t>(link.source, link.target));
  };
  const auto sure = detail::linked_pairs(gold.sure), possible = detail::linked_pairs(gold.possible),
             hits = detail::linked_pairs(found);
  TokenLinksOptions drawing = detail::alignment_drawing(options);
  drawing.kinds.push_back({"not in gold", category_colour(1, options.theme), true});
  drawing.kinds.push_back({"gold, not found", theme_colours(options.theme).line, true});
  std::vector<TokenLink> lines;
  for (const auto& link : gold.sure)
    if (!holds(hits, link)) lines.push_back({link.source, link.target, 1, 2});
  for (const auto& link : found) {
    const bool right = holds(sure, link) || holds(possible, link);
    lines.push_back({link.source, link.target, link.confidence, right ? 0u : 1u});
  }
  return token_links(sources, targets, lines, drawing);
}

}  // namespace attnscope
