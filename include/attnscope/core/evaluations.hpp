#pragma once
#include <attnscope/core/layout.hpp>

#include <functional>
#include <map>

/// What every function shares that asks the caller's model again and again: minutes may go into one answer.
namespace attnscope {

/// Called after every evaluation with how many are done and how many a function needs; false stops it
/// (Stopped).
using ScoreProgress = std::function<bool(Index done, Index total)>;

/// Counts evaluations and tells `progress`, which it borrows.
class ProgressCount {
 public:
  /// total: how many evaluations there will be.
  ProgressCount(Index total, const ScoreProgress& progress) : total_(total), progress_(progress) {}

  /// So many more are done. @throws Stopped progress said so
  void operator()(Index more = 1) {
    done_ += more;
    if (progress_ && !progress_(done_, total_)) throw Stopped();
  }

 private:
  Index total_, done_ = 0;
  const ScoreProgress& progress_;
};

/// Answers by question: what was asked once is not asked again. Not for several threads.
template <typename Question, typename Answer>
class Remembered {
 public:
  /// The answer, from ask(question) the first time. What that throws passes through, and nothing is
  /// remembered.
  template <typename Ask>
  const Answer& operator()(const Question& question, const Ask& ask) {
    if (const auto found = known_.find(question); found != known_.end()) return found->second;
    return known_.emplace(question, ask(question)).first->second;
  }
  /// How many answers there are.
  Index size() const { return static_cast<Index>(known_.size()); }

 private:
  std::map<Question, Answer> known_;
};

/// The loop of every function that removes heads or tokens: asks for one score after the other and tells
/// `progress`.
template <typename Score>
class ScoreLoop {
 public:
  /// total: how many scores will be asked for.
  ScoreLoop(Score& score, Index total, const ScoreProgress& progress)
      : score_(score), count_(total, progress) {}

  /// @throws Stopped progress said so; what `score` throws
  template <typename Mask>
  decltype(auto) operator()(const Mask& kept) {
    decltype(auto) score = score_(kept);
    count_();
    return score;
  }

 private:
  Score& score_;
  ProgressCount count_;
};

}  // namespace attnscope
