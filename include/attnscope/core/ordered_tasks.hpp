#pragma once
#include <Eigen/Core>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace attnscope::detail {

using Eigen::Index;

/// The threads for so many tasks: as many as are asked for (0: as the machine has), at most one a task, at
/// least 1.
inline int thread_count(int asked, Index tasks) {
  const int machine = static_cast<int>(std::thread::hardware_concurrency());  // 0: not known
  return static_cast<int>(std::clamp<Index>(asked > 0 ? asked : machine, 1, std::max<Index>(tasks, 1)));
}

/// What the threads of one ordered_tasks call share. Everything is guarded by `mutex`.
template <typename Result>
class TaskLine {
 public:
  TaskLine(Index tasks, Index most_ahead) : count_(tasks), ahead_(most_ahead), failed_(tasks) {}

  /// The next task, once it is not too far ahead of what is kept; the count when there is nothing left to do.
  Index take() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return next_ >= count_ || failed_ < count_ || next_ < kept_ + ahead_; });
    return next_ >= count_ || failed_ < count_ ? count_ : next_++;
  }
  /// Once all threads have ended: what went wrong, if anything.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }
  /// Stores a result and keeps every result whose turn has come.
  template <typename Keep>
  void put(Index task, Result&& result, const Keep& keep) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(task, std::move(result));
    try {
      for (; kept_ < failed_ && !waiting_.empty() && waiting_.begin()->first == kept_; ++kept_)
        keep(kept_, std::move(waiting_.extract(waiting_.begin()).mapped()));
    } catch (...) {
      record_failure(kept_);
    }
    moved_.notify_all();
  }
  void fail(Index task) {
    const std::lock_guard lock(mutex_);
    record_failure(task);
    moved_.notify_all();
  }

 private:
  void record_failure(Index task) {
    if (failure_ && task >= failed_) return;
    failed_ = task;
    failure_ = std::current_exception();
  }

  const Index count_, ahead_;
  Index next_ = 0, kept_ = 0, failed_;
  std::map<Index, Result> waiting_;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable moved_;
};

/// Runs `work()(task)` for the tasks 0 .. count-1 on up to `threads` threads (of less than 1: on one), and
/// `keep(task, result)` one at a time IN TASK ORDER, so that what is kept does not depend on the number of
/// threads. `work()` is called once a thread: what it returns owns that thread's buffers. Results that wait
/// for their turn are at most 4 a thread. The exception of the lowest failed task is rethrown after every
/// thread has ended; nothing later than it is kept. The caller's thread works too; where the system gives no
/// more threads, the ones there are do the work.
template <typename Work, typename Keep>
void ordered_tasks(Index count, int threads, const Work& work, const Keep& keep) {
  using Result = decltype(work()(Index{}));
  threads = std::max(threads, 1);
  TaskLine<Result> line(count, 4 * static_cast<Index>(threads));
  const auto run = [&] {
    Index task = 0;
    try {
      auto worker = work();
      for (task = line.take(); task < count; task = line.take()) line.put(task, worker(task), keep);
    } catch (...) {
      line.fail(task);
    }
  };
  std::vector<std::jthread> others;
  try {
    for (int t = 1; t < threads; ++t) others.emplace_back(run);
  } catch (const std::system_error&) {
  }
  run();
  others.clear();  // joins
  line.rethrow();
}

}  // namespace attnscope::detail
