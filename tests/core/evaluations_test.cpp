#include <attnscope/core/evaluations.hpp>

#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("a question is asked once") {
  Remembered<int, std::vector<int>> squares;
  int calls = 0;
  const auto square = [&](int x) {
    ++calls;
    return std::vector<int>{x * x};
  };
  const std::vector<int>& first = squares(3, square);
  for (int x = 0; x < 100; ++x) squares(x, square);
  CHECK(first == std::vector<int>{9});  // it stays where it is
  CHECK(&squares(3, square) == &first);
  CHECK(calls == 100);
  CHECK(squares.size() == 100);
}

TEST_CASE("what throws is not remembered") {
  Remembered<int, int> answers;
  CHECK_THROWS_WITH(answers(1, [](int) -> int { throw std::runtime_error("out of memory"); }),
                    "out of memory");
  CHECK(answers.size() == 0);
  CHECK(answers(1, [](int x) { return x; }) == 1);
}

TEST_CASE("progress is counted, and false stops") {
  std::vector<std::pair<Index, Index>> seen;
  const ScoreProgress progress = [&](Index done, Index total) {
    seen.emplace_back(done, total);
    return done < 2;
  };
  const auto half = [](int x) { return x / 2.; };
  ScoreLoop ask(half, 7, progress);
  CHECK(ask(3) == 1.5);
  CHECK(message_of<Stopped>([&] { ask(5); }) == "stopped by the progress callback");
  CHECK(seen == std::vector<std::pair<Index, Index>>{{1, 7}, {2, 7}});
  const ScoreProgress none;
  ProgressCount count(1, none);
  count();
  count();
  CHECK(seen.size() == 2);
  seen.clear();
  ProgressCount many(40, progress);
  CHECK_THROWS_AS(many(30), Stopped);
  CHECK(seen == std::vector<std::pair<Index, Index>>{{30, 40}});
}

TEST_CASE("a loop hands on references") {
  Remembered<int, std::vector<int>> known;
  const auto answer = [&](int x) -> const std::vector<int>& {
    return known(x, [](int y) { return std::vector<int>{y}; });
  };
  const ScoreProgress none;
  ScoreLoop ask(answer, 1, none);
  CHECK(&ask(4) == &answer(4));
}
