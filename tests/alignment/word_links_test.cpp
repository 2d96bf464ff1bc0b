#include <attnscope/alignment/word_links.hpp>

#include "alignment/links.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
using Tokens = std::vector<Index>;
const Tokens target_words{0, 0, 1, 2, 3}, source_words{0, 1, 1, 2};
}  // namespace

TEST_CASE("words are linked where any of their tokens are") {
  const AlignmentLinks words =
      word_links({{0, 0, .2}, {1, 0, .9}, {1, 2, .4}, {3, 1, .5}}, target_words, source_words);
  CHECK(test::text_of(words.links) == "0-0 0-1 2-1");
  CHECK(words.links[0].confidence == .9);
  CHECK(words.links[1].confidence == .4);
  CHECK(words.unaligned_targets == Tokens{1, 3});
  CHECK(words.unaligned_sources == Tokens{2});
}

TEST_CASE("a word is left out when all its tokens are") {
  const AlignmentLinks words =
      word_links({{0, 0}}, target_words, source_words, {.targets = {1, 4}, .sources = {2, 1}});
  CHECK(words.unaligned_targets == Tokens{1, 2});
  CHECK(words.unaligned_sources == Tokens{2});
  CHECK(word_links({}, {}, {}).unaligned_targets.empty());
  // A token that is named twice is still one.
  const AlignmentLinks twice =
      word_links({}, target_words, source_words, {.targets = {0, 0}, .sources = {3, 3}});
  CHECK(twice.unaligned_targets == Tokens{0, 1, 2, 3});
  CHECK(twice.unaligned_sources == Tokens{0, 1});
}

TEST_CASE("word links refuse what does not fit") {
  CHECK(message_of<ShapeError>([] {
          word_links({{5, 0}}, target_words, source_words);
        }) == "the link of target 5 and source 0 lies outside 5 targets x 4 sources");
  CHECK(message_of<ShapeError>([] {
          word_links({}, Tokens{0, 2}, source_words);
        }) ==
        "target words: token 1 is of word 2, but 0 or 1 is expected: words are numbered 0, 1, ... in the "
        "order of "
        "the tokens");
  CHECK(message_of<ShapeError>([] { word_links({}, target_words, Tokens{1}); }) ==
        "source words: token 0 is of word 1, but 0 is expected: words are numbered 0, 1, ... in the order of "
        "the "
        "tokens");
  CHECK(message_of<ShapeError>([] { word_links({}, target_words, source_words, {.sources = {4}}); }) ==
        "source words: token 4 is left out of 4");
}
