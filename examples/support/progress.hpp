#pragma once
// What a program tells while it works, on stderr, and how SIGINT and SIGTERM end it.
#include <attnscope/core/errors.hpp>
#include <attnscope/core/tokens.hpp>

#include <signal.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>

#include "terminal.hpp"

inline volatile std::sig_atomic_t interrupting_signal = 0;  // 0: none

/// The first SIGINT or SIGTERM is noted, for the program to stop where it can; the second ends it at once.
/// Who started it so that it ignores them is obeyed.
inline void note_interruptions() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct ::sigaction old {};
    if (::sigaction(signal, nullptr, &old) != 0 || old.sa_handler == SIG_IGN) continue;
    struct ::sigaction action {};
    action.sa_handler = [](int which) { interrupting_signal = which; };
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}
/// @throws Stopped a signal has come
inline void stop_if_interrupted() {
  if (interrupting_signal != 0) throw attnscope::Stopped();
}

/// Says what is being done and how far it is: nothing in the first second; on a terminal in one line, redrawn
/// at most 10 times a second and gone at the end; elsewhere a line every 10 seconds, which ends in three dots.
class Progress {
 public:
  explicit Progress(std::string program, std::FILE* stream = stderr)
      : program_(std::move(program)), stream_(stream), live_(terminal_of(stream).width) {
    if (environment("TERM") == "dumb") live_ = 0;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// What begins. @throws Stopped a signal has come
  void step(const std::string& what) {
    stop_if_interrupted();
    const std::lock_guard lock(mutex_);
    what_ = attnscope::printable(what, what.size());
    show("");
  }
  /// How far it is, and what else is known of that; false: a signal has come.
  bool operator()(attnscope::Index done, attnscope::Index total, const std::string& more = "") {
    const std::lock_guard lock(mutex_);
    if (total > 0)
      show(fmt::format(": {:.0f} %{}", 100 * static_cast<double>(done) / static_cast<double>(total), more));
    return interrupting_signal == 0;
  }
  /// Takes the line away, before anything else is printed.
  void clear() {
    const std::lock_guard lock(mutex_);
    if (drawn_) fmt::print(stream_, "\r\033[K");
    std::fflush(stream_);
    drawn_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void show(const std::string& share) {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + (live_ > 0 ? std::chrono::milliseconds(100) : std::chrono::seconds(10));
    std::string line = fmt::format("{}: {}{}", program_, what_, share);
    if (live_ == 0) {
      fmt::print(stream_, "{} ...\n", line);
    } else {
      line = attnscope::printable(line, static_cast<std::size_t>(live_ - 1));
      fmt::print(stream_, "\r{}\033[K", line);
      drawn_ = true;
    }
    std::fflush(stream_);
  }

  std::string program_, what_;
  std::FILE* stream_;
  int live_;  ///< columns of the terminal; 0: no line can be redrawn
  bool drawn_ = false;
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(1);
  std::mutex mutex_;
};
