#include <attnscope/core/ordered_tasks.hpp>

#include <atomic>
#include <stdexcept>
#include <string>

#include "support/catch.hpp"

using attnscope::detail::Index;
using attnscope::detail::ordered_tasks;

namespace {
const auto twice = [] { return [](Index task) { return 2 * task; }; };
}

TEST_CASE("results are kept in task order, whatever finishes first") {
  for (const int threads : {1, 2, 8}) {
    std::vector<Index> kept;
    const auto slow_first = [] {
      return [](Index task) {
        if (task % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return 2 * task;
      };
    };
    ordered_tasks(100, threads, slow_first, [&](Index task, Index&& result) {
      CHECK(result == 2 * task);
      kept.push_back(task);
    });
    REQUIRE(kept.size() == 100);
    CHECK(std::is_sorted(kept.begin(), kept.end()));
  }
}

TEST_CASE("threads: as asked for, no more than tasks, never none") {
  using attnscope::detail::thread_count;
  CHECK(thread_count(3, 8) == 3);
  CHECK(thread_count(3, 2) == 2);
  CHECK(thread_count(3, 0) == 1);
  for (const int asked : {0, -2}) {
    CHECK(thread_count(asked, 1000) >= 1);
    CHECK(thread_count(asked, 1000) <= std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
    CHECK(thread_count(asked, 1) == 1);
  }
  for (const int threads : {0, -3}) {  // would wait for ever for room ahead of what is kept
    Index kept = 0;
    ordered_tasks(5, threads, twice, [&](Index, Index&&) { ++kept; });
    CHECK(kept == 5);
  }
}

TEST_CASE("no tasks, nothing kept") {
  ordered_tasks(0, 4, twice, [](Index, Index&&) { FAIL("kept"); });
}

TEST_CASE("nobody runs far ahead of what is kept") {
  std::atomic<Index> kept{0}, furthest{0};
  const auto work = [&] {
    return [&](Index task) {
      if (task == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      furthest = std::max(furthest.load(), task - kept.load());
      return task;
    };
  };
  ordered_tasks(1000, 2, work, [&](Index, Index&&) { ++kept; });
  CHECK(kept == 1000);
  CHECK(furthest <= 8);
}

TEST_CASE("the lowest failure reaches the caller, and nothing after it is kept") {
  for (const int threads : {1, 3, 8}) {
    Index last = -1;
    const auto fails = [] {
      return [](Index task) {
        if (task == 20) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        if (task == 20 || task == 22) throw std::runtime_error(std::to_string(task));
        return task;
      };
    };
    CHECK_THROWS_WITH(ordered_tasks(100, threads, fails, [&](Index task, Index&&) { last = task; }), "20");
    CHECK(last < 20);
  }
}

TEST_CASE("what keep or the making of a worker throws reaches the caller") {
  const auto refuse = [](Index task, Index&&) {
    if (task == 5) throw std::runtime_error("kept enough");
  };
  CHECK_THROWS_WITH(ordered_tasks(100, 4, twice, refuse), "kept enough");
  const auto no_worker = []() -> Index (*)(Index) { throw std::runtime_error("no worker"); };
  CHECK_THROWS_WITH(ordered_tasks(100, 4, no_worker, [](Index, Index&&) {}), "no worker");
}
