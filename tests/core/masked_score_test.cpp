#include <attnscope/core/masked_score.hpp>

#include <stdexcept>

#include "support/catch.hpp"

using namespace attnscope;

namespace {
double kept_heads(const HeadMask& kept) { return static_cast<double>(heads_in(kept).size()); }
}  // namespace

TEST_CASE("a mask is evaluated once") {
  int calls = 0;
  MaskedScore score({2, 3}, [&](const HeadMask& kept) {
    ++calls;
    return kept_heads(kept);
  });
  CHECK(calls == 0);
  CHECK(score(score.all()) == 5);
  CHECK(score(without(score.all(), {{0, 0}})) == 4);
  CHECK(score(without(score.all(), {{0, 1}})) == 4);
  CHECK(score(score.all()) == 5);
  CHECK(calls == 3);
  CHECK(score.evaluations() == 3);
}

TEST_CASE("what the function throws passes through, and the mask is asked for again") {
  bool fails = true;
  MaskedScore score({1}, [&](const HeadMask&) {
    if (fails) throw std::runtime_error("out of memory");
    return 1.;
  });
  CHECK_THROWS_WITH(score(score.all()), "out of memory");
  fails = false;
  CHECK(score(score.all()) == 1);
}

TEST_CASE("a score that is not finite is named with the heads left out") {
  MaskedScore score({2, 3}, [](const HeadMask& kept) { return kept_heads(kept) / 0.; });
  const auto message = [&](const std::vector<HeadId>& heads) {
    return message_of<ValueError>([&] { score(without(score.all(), heads)); });
  };
  CHECK(message({}) == "the score is inf with every head");
  CHECK(message({{1, 2}}) == "the score is inf without layer 1, head 2");
  CHECK(message({{0, 1}, {1, 0}}) == "the score is inf without layer 0, head 1; layer 1, head 0");
  CHECK(message({{0, 0}, {0, 1}, {1, 0}}) ==
        "the score is inf without layer 0, head 0; layer 0, head 1; and 1 more");
  CHECK(score.evaluations() == 0);
}

TEST_CASE("a mask of another model is refused") {
  MaskedScore score({2, 3}, kept_heads);
  CHECK(message_of<ShapeError>([&] {
          score(every_head({2, 2}));
        }) == "a mask of [2, 2] heads for a model of [2, 3]");
  CHECK(message_of<ShapeError>([] { MaskedScore({-1}, kept_heads); }) == "layer 0 has -1 heads");
}

TEST_CASE("progress counts what is asked for, known or not, and false stops") {
  MaskedScore score({2}, kept_heads);
  std::vector<std::pair<Index, Index>> seen;
  const ScoreProgress progress = [&](Index done, Index total) {
    seen.emplace_back(done, total);
    return done < 3;
  };
  ScoreLoop ask(score, 4, progress);
  CHECK(ask(score.all()) == 2);
  CHECK(ask(score.all()) == 2);
  CHECK_THROWS_AS(ask(without(score.all(), {{0, 0}})), Stopped);
  CHECK(seen == std::vector<std::pair<Index, Index>>{{1, 4}, {2, 4}, {3, 4}});
  CHECK(score.evaluations() == 2);
  const ScoreProgress none;
  CHECK(ScoreLoop(score, 1, none)(score.all()) == 2);
}
