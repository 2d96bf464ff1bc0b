#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <vector>

/// @file
/// What an alignment is made of: links between the tokens, or the words, of a sentence and its translation.
namespace attnscope {

using Eigen::Index;

/// A target token and a source token that say the same.
struct Link {
  Index target = 0;       ///< from 0
  Index source = 0;       ///< from 0
  double confidence = 1;  ///< 0..1; gold links do not use it
};

/// The order of links everywhere: by target, then by source.
inline bool comes_before(const Link& a, const Link& b) {
  return a.target != b.target ? a.target < b.target : a.source < b.source;
}
/// Whether two links join the same tokens.
inline bool same_tokens(const Link& a, const Link& b) { return a.target == b.target && a.source == b.source; }
/// In order, of equal ones that with the most confidence.
inline std::vector<Link> distinct_links(std::vector<Link> links) {
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
    return same_tokens(a, b) ? a.confidence > b.confidence : comes_before(a, b);
  });
  links.erase(std::unique(links.begin(), links.end(), same_tokens), links.end());
  return links;
}

/// What people say of a sentence pair: links that must be there, and links that may be. Sure links are
/// possible ones too, whether they are named twice or not.
struct GoldLinks {
  std::vector<Link> sure{};      ///< S: in any order, also twice
  std::vector<Link> possible{};  ///< P, likewise
};

/// Tokens that have no part in links: special ones, or padding.
struct TokensLeftOut {
  std::vector<Index> targets{};  ///< from 0, in any order
  std::vector<Index> sources{};  ///< likewise
  bool operator==(const TokensLeftOut&) const = default;
};

/// The links of one sentence pair, and the tokens that have none.
struct AlignmentLinks {
  std::vector<Link> links;               ///< by target, then source
  std::vector<Index> unaligned_targets;  ///< without a link, those left out not among them; rising
  std::vector<Index> unaligned_sources;  ///< likewise
};

namespace detail {

/// what: "link" or "gold link". @throws ShapeError the first one that lies outside
inline void require_inside(const char* what, const std::vector<Link>& links, Index targets, Index sources) {
  for (const Link& link : links)
    require<ShapeError>(
        link.target >= 0 && link.target < targets && link.source >= 0 && link.source < sources,
        "the {} of target {} and source {} lies outside {} targets x {} sources", what, link.target,
        link.source, targets, sources);
}

/// The tokens 0 .. count - 1 that are neither linked nor left out.
template <typename Linked>
std::vector<Index> unaligned(Index count, const Linked& linked, const std::vector<Index>& left_out) {
  std::vector<Index> tokens;
  for (Index t = 0; t < count; ++t)
    if (!linked(t) && std::find(left_out.begin(), left_out.end(), t) == left_out.end()) tokens.push_back(t);
  return tokens;
}

}  // namespace detail
}  // namespace attnscope
