#include <attnscope/alignment/sentence_maps.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/words.hpp>

#include "alignment/links.hpp"
#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("every sentence's maps, whichever side the padding is on") {
  const Layout layout(
      {2, 2, 6, 5},
      {.query_lengths = {6, 2}, .key_lengths = {4, 5}, .query_starts = {0, 3}, .key_starts = {1, 0}});
  const auto a = test::random_attention<float>(layout);
  Index sentences = 0;
  each_sentence(AttentionView(a, layout.mask()), [&](Index b, const SentenceMaps& maps) {
    CHECK(b == sentences++);
    REQUIRE(maps.heads.size() == 2);
    CHECK(maps.left_out.targets.empty());
    for (Index h = 0; h < 2; ++h) {
      const Eigen::MatrixXd& map = maps.heads[static_cast<std::size_t>(h)];
      REQUIRE(map.rows() == layout.queries(b));
      REQUIRE(map.cols() == layout.keys(b));
      for (Index t = 0; t < map.rows(); ++t)
        for (Index s = 0; s < map.cols(); ++s)
          CHECK(map(t, s) == double(a(b, h, layout.query_start(b) + t, layout.key_start(b) + s)));
    }
  });
  CHECK(sentences == 2);
}

TEST_CASE("excluded tokens are empty, and have no link") {
  const auto a = test::random_attention<double>(Layout({1, 1, 6, 5}));
  const auto without = exclude_tokens(a, {.queries = {{2, 5}}, .keys = {{0}}});
  each_sentence(without, [&](Index, const SentenceMaps& maps) {
    CHECK(maps.heads[0].row(2).isZero());
    CHECK(maps.heads[0].row(5).isZero());
    CHECK(maps.heads[0].col(0).isZero());
    CHECK(maps.heads[0].row(4).sum() == Approx(1));
    CHECK(maps.left_out.targets == std::vector<Index>{2, 5});
    CHECK(maps.left_out.sources == std::vector<Index>{0});
  });
  const AlignmentLinks found = sentence_links(without)[0][0];
  CHECK(found.links.size() == 4);
  CHECK(found.unaligned_targets.empty());
  for (const Index source : found.unaligned_sources) CHECK(source != 0);
}

TEST_CASE("links of one head are those among all heads") {
  const auto a = test::random_attention<float>(Layout({2, 3, 6, 5}));
  const LinkOptions options{.method = LinkMethod::intersection};
  const auto all = sentence_links(a, options);
  for (const Index head : {0, 2}) {
    const std::vector<AlignmentLinks> one = links_of_head(a, head, options);
    REQUIRE(one.size() == 2);
    for (std::size_t b = 0; b < 2; ++b) {
      const AlignmentLinks& same = all[b][static_cast<std::size_t>(head)];
      CHECK(test::text_of(one[b].links) == test::text_of(same.links));
      CHECK(one[b].unaligned_targets == same.unaligned_targets);
    }
  }
  CHECK_THAT(message_of<ShapeError>([&] { links_of_head(a, 3); }), ContainsSubstring("head 3"));
}

TEST_CASE("links of words, merged before: pieces add up") {
  // Tokens 1 and 2 are one target word whose pieces both look most at source 0, yet more at word 1 together.
  const Eigen::MatrixXd map{{.8, .1, .1}, {.4, .3, .3}, {.4, .3, .3}};
  CHECK(test::text_of(sentence_links(map)[0][0].links) == "0-0 1-0 2-0");
  const auto words = merge_words(map, {{0, 1, 1}}, {{0, 1, 1}});
  CHECK(test::text_of(sentence_links(words)[0][0].links) == "0-0 1-1");
}

TEST_CASE("a map that is no distribution names where") {
  Eigen::Matrix2d map{{.5, .5}, {.5, std::nan("")}};
  CHECK(message_of<ValueError>([&] { sentence_links(map); }) ==
        "batch element 0, head 0, query 1, key 1: the weight is nan");
  map << .5, .5, 2, 1;
  CHECK(message_of<ValueError>([&] { sentence_links(map); }) ==
        "batch element 0, head 0, query 1: the weights sum to 3, more than 1 (logits, or dropout in "
        "training?)");
}
