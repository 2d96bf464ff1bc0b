#pragma once
#include <Eigen/Core>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
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

/// The order that the threads of one ordered_tasks call keep. Everything is guarded by `mutex`.
class TaskLine {
 public:
  TaskLine(Index tasks, Index most_ahead)
      : count_(tasks), failed_(tasks), waiting_(static_cast<std::size_t>(most_ahead), 0) {}

  /// Where the result of a task waits until it is kept.
  std::size_t slot(Index task) const { return static_cast<std::size_t>(task) % waiting_.size(); }
  /// The next task, once its slot is free; the count when there is nothing left to do.
  Index take() {
    std::unique_lock lock(mutex_);
    const auto ahead = static_cast<Index>(waiting_.size());
    while (next_ < count_ && failed_ == count_ && next_ >= kept_ + ahead) moved_.wait(lock);
    return next_ >= count_ || failed_ < count_ ? count_ : next_++;
  }
  /// The result of the task lies in its slot: keep(task), and of every later one whose turn has come by that.
  template <typename Keep>
  void arrive(Index task, const Keep& keep) {
    const std::lock_guard lock(mutex_);
    waiting_[slot(task)] = 1;
    try {
      for (; waiting_[slot(kept_)]; ++kept_) {  // never past a failed one, which does not arrive
        waiting_[slot(kept_)] = 0;
        keep(kept_);
      }
    } catch (...) {
      record_failure(kept_);
    }
    moved_.notify_all();
  }
  /// To be called while what failed is being handled.
  void fail(Index task) {
    const std::lock_guard lock(mutex_);
    record_failure(task);
    moved_.notify_all();
  }
  /// Once all threads have ended: what went wrong, if anything.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void record_failure(Index task) {
    if (failure_ && task >= failed_) return;
    failed_ = task;
    failure_ = std::current_exception();
  }

  const Index count_;
  Index next_ = 0, kept_ = 0, failed_;
  std::vector<char> waiting_;  // [slot]
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable moved_;
};

/// Runs `run`, which does not throw, on the caller's thread and on as many others as are asked for and the
/// system gives.
inline void on_threads(int threads, const std::function<void()>& run) {
  std::vector<std::thread> others;
  try {
    for (int t = 1; t < threads; ++t) others.emplace_back(std::cref(run));
  } catch (const std::system_error&) {
  }
  run();
  for (std::thread& other : others) other.join();
}

/// Runs `work()(task)` for the tasks 0 .. count-1 on up to `threads` threads (of less than 1: on one), and
/// `keep(task, result)` one at a time IN TASK ORDER, so that what is kept does not depend on the number of
/// threads. `work()` is called once a thread: what it returns owns that thread's buffers. Results that wait
/// for their turn are at most 4 a thread. The exception of the lowest failed task is rethrown after every
/// thread has ended; nothing later than it is kept. The caller's thread works too; where the system gives no
/// more threads, the ones there are do the work.
template <typename Work, typename Keep>
void ordered_tasks(Index count, int threads, const Work& work, const Keep& keep) {
  using Result = decltype(work()(Index{}));
  const Index ahead = 4 * static_cast<Index>(std::max(threads, 1));
  TaskLine line(count, ahead);
  std::vector<std::optional<Result>> waiting(static_cast<std::size_t>(ahead));
  const auto keep_one = [&](Index task) {
    std::optional<Result>& result = waiting[line.slot(task)];
    keep(task, *std::move(result));
    result.reset();
  };
  on_threads(threads, [&] {
    Index task = 0;
    try {
      auto worker = work();
      for (task = line.take(); task < count; task = line.take()) {
        waiting[line.slot(task)].emplace(worker(task));
        line.arrive(task, keep_one);
      }
    } catch (...) {
      line.fail(task);
    }
  });
  line.rethrow();
}

}  // namespace attnscope::detail
