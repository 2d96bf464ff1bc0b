#include <attnscope/alignment/head_selection.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

// On real cross-attention: cipher_batch_test.cpp.
namespace {
using Heads = std::vector<HeadId>;
using Tensor = AttentionTensor<double>;

Heads ids(const std::vector<RankedHead>& ranked) {
  Heads heads;
  for (const RankedHead& head : ranked) heads.push_back(head.id);
  return heads;
}

/// Sentences of 4 x 4 tokens whose gold links are the diagonal. links[head][sentence]: how many targets of a
/// head look at their source token, with .9 of their weight; the others look at the next one, with .6.
Tensor diagonal_heads(const std::vector<std::vector<Index>>& links) {
  const Index heads = static_cast<Index>(links.size()), batch = static_cast<Index>(links[0].size());
  Tensor a(batch, heads, 4, 4);
  for (Index b = 0; b < batch; ++b)
    for (Index h = 0; h < heads; ++h)
      for (Index t = 0; t < 4; ++t) {
        const bool right = t < links[static_cast<std::size_t>(h)][static_cast<std::size_t>(b)];
        const double weight = right ? .9 : .6;
        for (Index s = 0; s < 4; ++s) a(b, h, t, s) = (1 - weight) / 3;
        a(b, h, t, right ? t : (t + 1) % 4) = weight;
      }
  return a;
}
std::vector<GoldLinks> diagonal_gold(std::size_t sentences) {
  return std::vector<GoldLinks>(sentences, {.sure = {{0, 0}, {1, 1}, {2, 2}, {3, 3}}});
}
}  // namespace

TEST_CASE("ranked heads: ties by layer and head, undefined scores last") {
  const HeadScores scores{Eigen::Vector3d(.5, undefined, .7), Eigen::Vector2d(.7, .1)};
  CHECK(ids(ranked_heads(scores, BestScore::highest)) == Heads{{0, 2}, {1, 0}, {0, 0}, {1, 1}, {0, 1}});
  CHECK(ids(ranked_heads(scores, BestScore::lowest)) == Heads{{1, 1}, {0, 0}, {0, 2}, {1, 0}, {0, 1}});
  CHECK(ranked_heads(scores, BestScore::highest)[2].score == .5);
  CHECK(ranked_heads({}, BestScore::lowest).empty());
}

TEST_CASE("a head looks like an alignment when it is sharp, covers and agrees") {
  Tensor a(1, 4, 3, 3);
  a.setZero();
  for (Index t = 0; t < 3; ++t) {
    a(0, 0, t, 2) = 1;            // always the same token: sharp, covers a third
    a(0, 1, t, (t + 1) % 3) = 1;  // one to one
    for (Index s = 0; s < 3; ++s) {
      a(0, 2, t, s) = 1 / 3.;            // uniform
      a(0, 3, t, s) = s == t ? .8 : .1;  // one to one, less sharp
    }
  }
  const Eigen::VectorXd score = alignment_score(alignment_metrics(a));
  CHECK(score(0) == Approx(std::cbrt(1 * (1 / 3.) * (2 / 4.))));
  CHECK(score(1) == 1);
  CHECK(score(2) == Approx(0).margin(1e-4));
  CHECK(score(3) == Approx(std::cbrt(1 + (.8 * std::log(.8) + .2 * std::log(.1)) / std::log(3.))));
  CHECK(ids(likely_alignment_heads(std::vector{a, a})) ==
        Heads{{0, 1}, {1, 1}, {0, 3}, {1, 3}, {0, 0}, {1, 0}, {0, 2}, {1, 2}});
}

TEST_CASE("a set without gold links: the mean that looks most like an alignment") {
  // Heads 0 and 1 are sure of the diagonal in unlike halves, and look at one token in the other; head 2 looks
  // at one token always.
  Tensor a(2, 3, 4, 4);
  a.setZero();
  for (Index b = 0; b < 2; ++b)
    for (Index t = 0; t < 4; ++t) {
      const Index sure = t < 2 ? 0 : 1;
      a(b, sure, t, t) = .9 + .01 * static_cast<double>(sure + b);
      a(b, 1 - sure, t, sure == 0 ? 3 : 0) = .3;
      a(b, 2, t, 3) = 1;
    }
  const std::vector<Tensor> layers{a};
  const auto expected = [&](const auto& attention, std::vector<Index> heads) {
    return alignment_score(alignment_metrics(mean_heads(select_heads(attention, std::move(heads)))))(0);
  };
  const std::vector<RankedHead> set = select_likely_heads(layers);
  REQUIRE(ids(set) == Heads{{0, 1}, {0, 0}});
  CHECK(set[0].score == Approx(likely_alignment_heads(layers)[0].score).epsilon(1e-12));
  CHECK(set[1].score == Approx(expected(a, {0, 1})).epsilon(1e-12));
  CHECK(set[1].score > set[0].score);
  CHECK(expected(a, {0, 1, 2}) < set[1].score);
  CHECK(ids(select_likely_heads(layers, 1)) == Heads{{0, 1}});

  // Tokens left out count nowhere.
  Tensor longer(2, 3, 5, 5);
  longer.setConstant(.01);
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 3; ++h)
      for (Index t = 0; t < 4; ++t)
        for (Index s = 0; s < 4; ++s) longer(b, h, t, s) = a(b, h, t, s);
  const std::vector without{
      exclude_tokens(longer, {.queries = {{4}, {4}}, .keys = {{4}, {4}}, .renormalise = false})};
  const std::vector<RankedHead> same = select_likely_heads(without);
  REQUIRE(ids(same) == ids(set));
  CHECK(same[1].score == Approx(set[1].score).epsilon(1e-12));

  CHECK(select_likely_heads(AlignmentMaps()).empty());
  CHECK(select_likely_heads(std::vector{Tensor(1, 0, 4, 4)}).empty());
  CHECK(message_of<ValueError>([&] { select_likely_heads(layers, 0); }) ==
        "most_heads = 0 is not at least 1");
}

TEST_CASE("heads by their error rate, over layers of unlike head counts") {
  const std::vector<Tensor> layers{diagonal_heads({{1, 2}, {4, 3}}),
                                   diagonal_heads({{0, 0}, {3, 4}, {4, 4}})};
  const auto ranked = alignment_heads_by_error(layers, diagonal_gold(2));
  CHECK(ids(ranked) == Heads{{1, 2}, {0, 1}, {1, 1}, {0, 0}, {1, 0}});
  CHECK(ranked[0].score == 0);
  CHECK(ranked[1].score == Approx(1 / 8.));
  CHECK(ranked[4].score == 1);
}

TEST_CASE("a second head is taken where the mean aligns better, and no third that does not help") {
  // Where one of the heads 0 and 1 is wrong, the other is right and surer of it.
  const std::vector<Tensor> layers{diagonal_heads({{4, 2}, {2, 4}}), diagonal_heads({{3, 3}})};
  const HeadSelectionResult result = select_alignment_heads(layers, diagonal_gold(2), {.folds = 0});
  CHECK(result.chosen.heads == Heads{{0, 0}, {0, 1}});  // all three are wrong twice: the first begins
  CHECK(result.chosen.error_rates == std::vector<double>{.25, 0});
  CHECK(result.folds.empty());
  CHECK(std::isnan(result.held_out.error_rate));
  CHECK(select_alignment_heads(layers, diagonal_gold(2), {.most_heads = 1, .folds = 0}).chosen.heads ==
        Heads{{0, 0}});
}

TEST_CASE("every set on the way is scored by the mean of all its heads") {
  Tensor a = test::random_attention<double>(Layout({4, 8, 6, 6}));
  for (Index b = 0; b < 4; ++b)
    for (Index h = 0; h < 8; ++h)
      for (Index t = 0; t < 6; ++t) {
        for (Index s = 0; s < 6; ++s) a(b, h, t, s) *= .85;
        a(b, h, t, t) += .15;
      }
  const std::vector<GoldLinks> gold(4, {.sure = {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}}});
  const HeadSet set = select_alignment_heads(std::vector{a}, gold, {.folds = 0}).chosen;
  REQUIRE(set.heads.size() >= 3);
  std::vector<Index> heads;
  for (std::size_t i = 0; i < set.heads.size(); ++i) {
    heads.push_back(set.heads[i].head);
    CHECK(set.error_rates[i] ==
          Approx(error_rate(mean_heads(select_heads(a, heads)), gold).error_rate(0)).epsilon(1e-12));
  }
}

TEST_CASE("what is chosen on some sentences is tried on the others") {
  // Head 0 is right in sentences 0 and 2, head 1 in sentences 1 and 3: chosen on either half it fails the
  // other.
  const std::vector<Tensor> layers{diagonal_heads({{4, 0, 4, 0}}), diagonal_heads({{0, 4, 0, 4}})};
  const HeadSelectionResult result = select_alignment_heads(layers, diagonal_gold(4), {.folds = 2});
  REQUIRE(result.folds.size() == 2);
  CHECK(result.folds[0].heads == Heads{{1, 0}});  // fold 0 holds out sentences 0 and 2
  CHECK(result.folds[1].heads == Heads{{0, 0}});
  CHECK(result.folds[0].error_rates == std::vector<double>{0});
  CHECK(result.held_out.error_rate == 1);
  CHECK(result.held_out_single.error_rate == 1);

  const std::vector<Tensor> same{diagonal_heads({{4, 4, 4, 3}, {1, 1, 1, 1}})};
  const HeadSelectionResult steady = select_alignment_heads(same, diagonal_gold(4), {.folds = 4});
  for (const HeadSet& fold : steady.folds) CHECK(fold.heads.front() == HeadId{0, 0});
  CHECK(steady.held_out_single.error_rate == Approx(1 / 16.));
}

TEST_CASE("head sets by another method of links") {
  const std::vector<Tensor> layers{diagonal_heads({{4, 2}, {2, 4}})};
  const LinkOptions intersection{.method = LinkMethod::intersection};
  const HeadSelectionResult result =
      select_alignment_heads(layers, diagonal_gold(2), {.most_heads = 1, .folds = 0, .links = intersection});
  LinkTally tally;
  for (const auto& sentence : sentence_links(layers[0], intersection))
    tally.add(sentence[0].links, diagonal_gold(1)[0], 4, 4);
  CHECK(result.chosen.error_rates[0] == tally.scores().error_rate);
}

TEST_CASE("layers are counted, those without heads too") {
  AlignmentMaps maps;
  for (const auto& layer :
       {Tensor(2, 0, 4, 4), diagonal_heads({{4, 4}}), Tensor(2, 0, 4, 4), diagonal_heads({{4, 4}, {3, 3}})})
    maps.add_layer(layer);
  CHECK(maps.heads() == Heads{{1, 0}, {3, 0}, {3, 1}});
  CHECK(message_of<ShapeError>([&] { maps.add_layer(diagonal_heads({{4}})); }) ==
        "layer 4: 1 sentences, but 2 in the layers before");
}

TEST_CASE("a fold without a set misses its gold links") {
  // Only sentence 1 has weights and gold links that heads can be told apart by.
  Tensor a = diagonal_heads({{4, 4}});
  a.chip(0, 0).setZero();
  std::vector<GoldLinks> gold = diagonal_gold(2);
  gold[0].sure.clear();
  const HeadSelectionResult result = select_alignment_heads(std::vector{a}, gold);
  CHECK(result.chosen.heads == Heads{{0, 0}});
  CHECK(result.folds[0].heads == Heads{{0, 0}});
  CHECK(result.folds[1].heads.empty());  // chosen on sentence 0, and tried on sentence 1
  CHECK(result.held_out.recall == 0);
  CHECK(result.held_out.error_rate == 1);
  CHECK(result.held_out_single.error_rate == 1);
  const HeadSelectionResult no_heads = select_alignment_heads(std::vector{Tensor(2, 0, 4, 4)}, gold);
  CHECK(no_heads.held_out.error_rate == 1);
}

TEST_CASE("nothing to choose from") {
  const Tensor no_heads(1, 0, 4, 4);
  CHECK(select_alignment_heads(std::vector{no_heads}, diagonal_gold(1), {.folds = 0}).chosen.heads.empty());
  CHECK(select_alignment_heads(AlignmentMaps(), {}, {.folds = 0}).chosen.heads.empty());
  const Tensor no_weight = diagonal_heads({{4, 4}}) * 0.;
  const HeadSelectionResult none = select_alignment_heads(std::vector{no_weight}, std::vector<GoldLinks>(2));
  CHECK(none.chosen.heads.empty());  // neither links nor gold links: no error rate
  CHECK(std::isnan(none.held_out.error_rate));
}

TEST_CASE("head selection names what does not fit") {
  const std::vector<Tensor> layers{diagonal_heads({{4, 2}})};
  AlignmentMaps maps;
  maps.add_layer(layers[0]);
  const auto message = [&](const std::vector<GoldLinks>& gold, const HeadSelectionOptions& options) {
    return message_of<Error>([&] { select_alignment_heads(maps, gold, options); });
  };
  CHECK(message(diagonal_gold(3), {}) == "gold links of 3 sentences for 2");
  CHECK(message({{}, {.sure = {{4, 0}}}}, {}) ==
        "sentence 1: the gold link of target 4 and source 0 lies outside 4 targets x 4 sources");
  CHECK(message(diagonal_gold(2), {.most_heads = 0}) == "most_heads = 0 is not at least 1");
  CHECK(message(diagonal_gold(2), {.folds = 3}) ==
        "3 folds of 2 sentences: 0, or 2 to the number of sentences");
  CHECK(message(diagonal_gold(2), {.folds = 1}) ==
        "1 folds of 2 sentences: 0, or 2 to the number of sentences");
  CHECK(message(diagonal_gold(2), {.links = {.discount = -1}}) == "discount = -1 is not in 0..1");

  CHECK(message_of<ShapeError>([&] {
          maps.add_layer(diagonal_heads({{4, 4, 4}}));
        }) == "layer 1: 3 sentences, but 2 in the layers before");
  Tensor wide(2, 1, 4, 5);
  wide.setConstant(.2);
  CHECK(message_of<ShapeError>([&] { maps.add_layer(wide); }) ==
        "layer 1: sentence 0 is 4 targets x 5 sources, but 4 x 4 in the layers before");
  const Tensor same = diagonal_heads({{4, 2}});
  CHECK(message_of<ShapeError>([&] {
          maps.add_layer(exclude_tokens(same, {.keys = {{}, {3}}}));
        }) == "layer 1: sentence 1 leaves out other tokens than in the layers before");
  CHECK(maps.heads().size() == 1);
  wide(1, 0, 2, 3) = std::nan("");
  const std::string at = "layer 1: batch element 1, head 0, query 2, key 3: the weight is nan";
  CHECK(message_of<ValueError>([&] { maps.add_layer(wide); }) == at);
  CHECK(message_of<ValueError>([&] { likely_alignment_heads(std::vector{layers[0], wide}); }) == at);
  CHECK(message_of<ValueError>([&] {
          alignment_heads_by_error(std::vector{layers[0], wide}, diagonal_gold(2));
        }) == at);
}
