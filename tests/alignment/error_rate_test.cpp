#include <attnscope/alignment/error_rate.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

// On real cross-attention: cipher_batch_test.cpp.
TEST_CASE("precision, recall, F1 and error rate of one sentence") {
  // A = {0-0, 1-1, 2-2, 3-2}, S = {0-0, 1-1, 3-3}, P = S and {2-2}: |A and P| = 3, |A and S| = 2.
  const GoldLinks gold{.sure = {{0, 0}, {1, 1}, {3, 3}}, .possible = {{2, 2}}};
  const LinkCounts counts = count_links({{3, 2}, {0, 0}, {1, 1}, {2, 2}}, gold, 4, 4);
  CHECK(counts == LinkCounts{.links = 4, .sure = 3, .sure_hits = 2, .possible_hits = 3});
  const LinkScores scores = link_scores(counts);
  CHECK(scores.precision == .75);
  CHECK(scores.recall == Approx(2 / 3.));
  CHECK(scores.f1 == Approx(2 * .75 * (2 / 3.) / (.75 + 2 / 3.)));
  CHECK(scores.error_rate == Approx(1 - 5 / 7.));
}

TEST_CASE("a link named twice counts once, and sure links are possible ones") {
  const GoldLinks gold{.sure = {{0, 0}, {0, 0}}, .possible = {{0, 0}, {1, 0}, {1, 0}}};
  CHECK(count_links({{0, 0}, {1, 0}, {0, 0, .5}}, gold, 2, 1) ==
        LinkCounts{.links = 2, .sure = 1, .sure_hits = 1, .possible_hits = 2});
}

TEST_CASE("scores over nothing are undefined, without a hit they are 0") {
  const LinkScores nothing = link_scores({});
  CHECK(std::isnan(nothing.precision));
  CHECK(std::isnan(nothing.recall));
  CHECK(std::isnan(nothing.f1));
  CHECK(std::isnan(nothing.error_rate));
  const LinkScores no_links = link_scores({.sure = 3});
  CHECK(std::isnan(no_links.precision));
  CHECK(no_links.recall == 0);
  CHECK(std::isnan(no_links.f1));
  CHECK(no_links.error_rate == 1);
  const LinkScores wrong = link_scores({.links = 2, .sure = 3});
  CHECK(wrong.f1 == 0);
  CHECK(wrong.error_rate == 1);
}

TEST_CASE("a corpus pools counts, and merging two halves is the whole") {
  LinkTally first, second, whole;
  const GoldLinks long_one{.sure = {{0, 0}, {1, 1}, {2, 2}}}, short_one{.sure = {{0, 0}}};
  first.add({{0, 0}, {1, 1}, {2, 2}}, long_one, 3, 3);
  second.add({{0, 1}}, short_one, 1, 2);
  whole.add({{0, 0}, {1, 1}, {2, 2}}, long_one, 3, 3);
  whole.add({{0, 1}}, short_one, 1, 2);
  first.merge(second);
  CHECK(first.counts() == whole.counts());
  CHECK(first.sentences() == 2);
  CHECK(whole.scores().error_rate == .25);  // not the mean of 0 and 1
}

TEST_CASE("links outside name the sentence and the link") {
  LinkTally tally;
  tally.add({}, {}, 0, 0);
  CHECK(message_of<ShapeError>([&] {
          tally.add({{0, 0}, {2, 1}}, {}, 2, 2);
        }) == "sentence 1: the link of target 2 and source 1 lies outside 2 targets x 2 sources");
  CHECK(message_of<ShapeError>([&] {
          tally.add({}, {.sure = {{0, -1}}}, 2, 2);
        }) == "sentence 1: the gold link of target 0 and source -1 lies outside 2 targets x 2 sources");
  CHECK(message_of<ShapeError>([&] {
          tally.add({}, {.possible = {{0, 2}}}, 2, 2);
        }) == "sentence 1: the gold link of target 0 and source 2 lies outside 2 targets x 2 sources");
  CHECK(tally.sentences() == 1);
}

TEST_CASE("the error rate of heads is that of their argmax links, whichever side the padding is on") {
  const Layout right({2, 3, 600, 9}, {.query_lengths = {600, 4}, .key_lengths = {9, 5}});
  const Layout left(
      {2, 3, 600, 9},
      {.query_lengths = {600, 4}, .key_lengths = {9, 5}, .query_starts = {0, 596}, .key_starts = {0, 4}});
  const auto a = test::random_attention<float>(right), b = test::random_attention<float>(left);
  std::vector<GoldLinks> gold(2);
  for (Index t = 0; t < 600; ++t) gold[0].sure.push_back({t, t % 9});
  for (Index t = 0; t < 4; ++t) gold[1].possible.push_back({t, t});
  gold[1].sure = {{3, 1}};
  const ErrorRateResult found = error_rate(AttentionView(a, right.mask()), gold);
  CHECK(found.counts == error_rate(AttentionView(b, left.mask()), gold).counts);

  const std::vector<std::vector<Index>> special{{5, 7}, {0}};
  const ErrorRateResult without =
      error_rate(exclude_tokens(AttentionView(a, right.mask()), {.queries = special, .keys = special}), gold);
  for (Index h = 0; h < 3; ++h) {
    LinkTally tally, tally_without;
    for (Index e = 0; e < 2; ++e) {
      std::vector<Link> links, links_without;
      const auto hidden = [&](Index token) {
        const auto& list = special[static_cast<std::size_t>(e)];
        return std::find(list.begin(), list.end(), token) != list.end();
      };
      for (Index t = 0; t < right.queries(e); ++t) {
        Index best = 0, best_without = -1;
        for (Index s = 0; s < right.keys(e); ++s) {
          if (a(e, h, t, s) > a(e, h, t, best)) best = s;
          if (!hidden(s) && (best_without < 0 || a(e, h, t, s) > a(e, h, t, best_without))) best_without = s;
        }
        links.push_back({t, best});
        if (!hidden(t)) links_without.push_back({t, best_without});
      }
      tally.add(links, gold[static_cast<std::size_t>(e)], right.queries(e), right.keys(e));
      tally_without.add(links_without, gold[static_cast<std::size_t>(e)], right.queries(e), right.keys(e));
    }
    CHECK(found.counts[static_cast<std::size_t>(h)] == tally.counts());
    CHECK(without.counts[static_cast<std::size_t>(h)] == tally_without.counts());
    CHECK(found.error_rate(h) == tally.scores().error_rate);
    CHECK(found.precision(h) == tally.scores().precision);
    CHECK(found.recall(h) == tally.scores().recall);
    CHECK(found.f1(h) == tally.scores().f1);
  }
}

TEST_CASE("ties go to the first source token, and a target without weight has no link") {
  const Eigen::Matrix3d map{{.4, .4, .2}, {0, 0, 0}, {.2, .4, .4}};
  const ErrorRateResult found = error_rate(map, {{.sure = {{0, 0}, {1, 0}, {2, 1}}}});
  CHECK(found.counts[0] == LinkCounts{.links = 2, .sure = 3, .sure_hits = 2, .possible_hits = 2});
  CHECK(found.error_rate(0) == Approx(1 - 4 / 5.));
}

TEST_CASE("gold links that do not fit the batch") {
  AttentionTensor<float> a(2, 1, 3, 2);
  a.setConstant(.5);
  CHECK(message_of<ShapeError>([&] { error_rate(a, {GoldLinks{}}); }) ==
        "gold links of 1 sentences for a batch of 2");
  CHECK(message_of<ShapeError>([&] {
          error_rate(a, {{}, {.possible = {{0, 2}}}});
        }) == "batch element 1: the gold link of target 0 and source 2 lies outside 3 targets x 2 sources");
  ErrorRateMeasure one({GoldLinks{}}), two({GoldLinks{}});
  const Eigen::Matrix2d one_head = Eigen::Matrix2d::Identity();
  sweep(one_head, one);
  AttentionTensor<float> two_heads(1, 2, 1, 1);
  two_heads.setConstant(1);
  sweep(two_heads, two);
  CHECK(message_of<ShapeError>([&] { one.merge(std::move(two)); }) ==
        "cannot pool the links of 1 heads with 2");
}
