#pragma once
#include <attnscope/alignment/link.hpp>
#include <attnscope/core/tokens.hpp>

namespace attnscope {

namespace detail {

/// The words all of whose tokens are left out. words: [token]
inline std::vector<Index> words_left_out(std::span<const Index> words, const std::vector<Index>& tokens) {
  std::vector<bool> out(words.size(), false);
  for (const Index token : tokens) {
    require<ShapeError>(token >= 0 && token < static_cast<Index>(words.size()), "token {} is left out of {}",
                        token, words.size());
    out[static_cast<std::size_t>(token)] = true;
  }
  std::vector<bool> keeps(static_cast<std::size_t>(count_words(words)), false);
  for (std::size_t t = 0; t < words.size(); ++t)
    if (!out[t]) keeps[static_cast<std::size_t>(words[t])] = true;
  std::vector<Index> left_out;
  for (std::size_t w = 0; w < keeps.size(); ++w)
    if (!keeps[w]) left_out.push_back(static_cast<Index>(w));
  return left_out;
}

}  // namespace detail

/// Links between words, where any of their tokens are linked, with the largest confidence of these.
/// target_words, source_words: [token] the number of the word that the token is a piece of, see word_index().
/// Where there is a choice, merge_words(attention, target_words, source_words) and links of that come first:
/// then the pieces of a word add up their evidence and have one say, where here every piece has its own, and
/// a long word collects links.
/// @throws ShapeError a word index that has gaps, naming the side and token; a link outside
inline AlignmentLinks word_links(const std::vector<Link>& tokens, std::span<const Index> target_words,
                                 std::span<const Index> source_words, const TokensLeftOut& left_out = {}) {
  const auto words_of = [](const char* side, std::span<const Index> words,
                           const std::vector<Index>& without) {
    return in_context(fmt::format("{} words", side), [&] { return detail::words_left_out(words, without); });
  };
  const std::vector<Index> no_targets = words_of("target", target_words, left_out.targets),
                           no_sources = words_of("source", source_words, left_out.sources);
  detail::require_inside("link", tokens, static_cast<Index>(target_words.size()),
                         static_cast<Index>(source_words.size()));
  AlignmentLinks result;
  for (const Link& link : tokens)
    result.links.push_back({target_words[static_cast<std::size_t>(link.target)],
                            source_words[static_cast<std::size_t>(link.source)], link.confidence});
  result.links = distinct_links(std::move(result.links));
  const auto linked = [&](Index Link::*side) {
    return [&links = result.links, side](Index word) {
      return std::any_of(links.begin(), links.end(), [&](const Link& link) { return link.*side == word; });
    };
  };
  result.unaligned_targets = detail::unaligned(count_words(target_words), linked(&Link::target), no_targets);
  result.unaligned_sources = detail::unaligned(count_words(source_words), linked(&Link::source), no_sources);
  return result;
}

}  // namespace attnscope
