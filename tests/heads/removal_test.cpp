#include <attnscope/heads/removal.hpp>

#include <set>
#include <stdexcept>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

/// A model whose score is the sum of what its kept heads are worth, two of which stand in for each other:
/// layer 1, heads 0 and 1 are worth 8 while either is there.
struct Model {
  HeadScores worth{Eigen::Vector2d(1, 4), Eigen::Vector3d(0, 0, 2), Eigen::VectorXd::Constant(1, -3)};
  std::set<HeadMask> asked;
  Index calls = 0;

  double operator()(const HeadMask& kept) {
    CHECK(asked.insert(kept).second);  // no mask twice
    ++calls;
    double score = kept[1][0] || kept[1][1] ? 18 : 10;
    for (const HeadId& id : heads_in(kept)) score += score_of(worth, id);
    return score;
  }
};

MaskedScore score_by(Model& model) { return {heads_by_layer(model.worth), std::ref(model)}; }

}  // namespace

TEST_CASE("each head alone: its twin hides that a head is worth much") {
  Model model;
  MaskedScore score = score_by(model);
  const HeadRemovalResult result = remove_each_head(score);
  CHECK(result.baseline == 22);
  CHECK(result.effects[0] == Eigen::Vector2d(1, 4));
  CHECK(result.effects[1] == Eigen::Vector3d(0, 0, 2));
  CHECK(result.effects[2](0) == -3);
  CHECK(result.scores[2](0) == 25);
  CHECK(model.calls == 7);
}

TEST_CASE("whole layers") {
  Model model;
  MaskedScore score = score_by(model);
  const LayerRemovalResult result = remove_each_layer(score);
  CHECK(result.baseline == 22);
  CHECK(result.effects == Eigen::Vector3d(5, 10, -3));
  CHECK(result.scores == Eigen::Vector3d(17, 12, 25));
  CHECK(model.calls == 4);
}

TEST_CASE("all but one of a layer; a layer of one head stays whole") {
  Model model;
  MaskedScore score = score_by(model);
  const HeadRemovalResult result = keep_one_head(score);
  CHECK(result.effects[0] == Eigen::Vector2d(4, 1));
  CHECK(result.effects[1] == Eigen::Vector3d(2, 2, 8));
  CHECK(result.effects[2](0) == 0);
  CHECK(model.calls == 6);
}

TEST_CASE("greedy removal sees the twins") {
  Model model;
  MaskedScore score = score_by(model);
  const GreedyRemovalResult result = remove_greedily(score, 1);
  CHECK(result.baseline == 22);
  CHECK(result.order == std::vector<HeadId>{{2, 0}, {1, 0}, {0, 0}, {1, 2}, {0, 1}});
  const double expected[] = {25, 25, 24, 22, 18};
  for (Index i = 0; i < 5; ++i) CHECK(result.scores(i) == expected[i]);
  CHECK(heads_in(result.kept) == std::vector<HeadId>{{1, 1}});
  CHECK(model.calls == 1 + 6 + 5 + 4 + 3 + 2);
  CHECK(remove_greedily(score, 6).order.empty());
  CHECK(remove_greedily(score, 0).order.back() == HeadId{1, 1});
  CHECK(message_of<ValueError>([&] { remove_greedily(score, 7); }) == "heads_left = 7 is not in 0..6");
  CHECK(message_of<ValueError>([&] { remove_greedily(score, -1); }) == "heads_left = -1 is not in 0..6");
}

TEST_CASE("greedy removal ends where trying every subset of two heads does, when heads do not interact") {
  Model model;
  model.worth = {Eigen::Vector3d(.5, .25, 1), Eigen::Vector3d(0, 0, .125)};
  MaskedScore score({3, 3}, [&](const HeadMask& kept) {
    double sum = 0;
    for (const HeadId& id : heads_in(kept)) sum += score_of(model.worth, id);
    return sum;
  });
  double best = 0;
  for (const HeadId& a : heads_in(score.all()))
    for (const HeadId& b : heads_in(score.all()))
      if (a < b) best = std::max(best, score_of(model.worth, a) + score_of(model.worth, b));
  CHECK(remove_greedily(score, 2).scores(3) == best);
}

TEST_CASE("no mask is evaluated twice, by whichever function") {
  Model model;
  MaskedScore score = score_by(model);
  remove_each_head(score);
  CHECK(model.calls == 7);
  remove_each_layer(score);  // layer 2 has one head, which was removed before
  CHECK(model.calls == 9);
  keep_one_head(score);  // in layer 0 all but one is one less
  CHECK(model.calls == 12);
  remove_greedily(score, 5);  // its first step
  CHECK(model.calls == 12);
  CHECK(score.evaluations() == 12);
}

TEST_CASE("progress announces the scores of each function, and false stops it") {
  Model model;
  MaskedScore score = score_by(model);
  Index last = 0, of = 0;
  const ScoreProgress count = [&](Index done, Index total) {
    CHECK(done == last + 1);
    last = done;
    of = total;
    return true;
  };
  const auto check_whole = [&] {
    CHECK(last == of);
    last = 0;
  };
  remove_each_head(score, count);
  CHECK(of == 7);
  check_whole();
  remove_each_layer(score, count);
  CHECK(of == 4);
  check_whole();
  keep_one_head(score, count);
  CHECK(of == 7);
  check_whole();
  remove_greedily(score, 2, count);
  CHECK(of == 1 + 6 + 5 + 4 + 3);
  check_whole();
  const ScoreProgress two = [](Index done, Index) { return done < 2; };
  CHECK_THROWS_AS(remove_each_head(score, two), Stopped);
  CHECK_THROWS_AS(remove_greedily(score, 0, two), Stopped);
}

TEST_CASE("what the callback throws passes; a score that is not finite names its heads") {
  MaskedScore throws({2}, [](const HeadMask& kept) -> double {
    if (!kept[0][1]) throw std::out_of_range("no such head");
    return 1;
  });
  CHECK_THROWS_AS(remove_each_head(throws), std::out_of_range);
  MaskedScore undefined_score({2, 2}, [](const HeadMask& kept) { return kept[1][0] ? 1 : undefined; });
  CHECK(message_of<ValueError>([&] { remove_each_head(undefined_score); }) ==
        "the score is nan without layer 1, head 0");
}

TEST_CASE("no layers, a layer without heads") {
  MaskedScore nothing({}, [](const HeadMask&) { return 3.; });
  CHECK(remove_each_head(nothing).baseline == 3);
  CHECK(remove_each_layer(nothing).effects.size() == 0);
  CHECK(remove_greedily(nothing, 0).order.empty());
  MaskedScore gap({1, 0}, [](const HeadMask& kept) { return kept[0][0] ? 1. : 0.; });
  CHECK(remove_each_layer(gap).effects == Eigen::Vector2d(1, 0));
  CHECK(remove_each_head(gap).effects[1].size() == 0);
}
