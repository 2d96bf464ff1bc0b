#pragma once
#include <attnscope/core/head_mask.hpp>

#include <fmt/ranges.h>

#include <functional>
#include <map>
#include <utility>

namespace attnscope {

/// How good a model is with some of its heads alone: accuracy, log-likelihood; higher is better, so give a
/// loss its minus sign. Called with [layer][head] which heads are kept.
using MaskScorer = std::function<double(const HeadMask& kept)>;

/// Called after every score with how many are known and how many a function needs; false stops it (Stopped).
using ScoreProgress = std::function<bool(Index done, Index total)>;

/// A caller's evaluation of a model without some heads, asked once for every mask and remembered: whatever
/// removes heads shares one of these, and none of them evaluates what another did. Not for several threads.
class MaskedScore {
 public:
  /// heads_by_layer: [layer] how many heads. @throws ShapeError a negative one
  MaskedScore(const std::vector<Index>& heads_by_layer, MaskScorer scorer)
      : all_(every_head(heads_by_layer)), scorer_(std::move(scorer)) {}

  /// Every head.
  const HeadMask& all() const { return all_; }
  /// How often the caller's function was called.
  Index evaluations() const { return static_cast<Index>(known_.size()); }

  /// The score of the model with these heads. What the caller's function throws passes through, and nothing
  /// is remembered of that mask.
  /// @throws ShapeError a mask of other heads; ValueError naming the heads left out: a score that is not
  /// finite
  double operator()(const HeadMask& kept) {
    if (const auto found = known_.find(kept); found != known_.end()) return found->second;
    require<ShapeError>(heads_by_layer(kept) == heads_by_layer(all_),
                        "a mask of [{}] heads for a model of [{}]", fmt::join(heads_by_layer(kept), ", "),
                        fmt::join(heads_by_layer(all_), ", "));
    const double score = scorer_(kept);
    require<ValueError>(std::isfinite(score), "the score is {} {}", score, named(heads_in(kept, false)));
    return known_.emplace(kept, score).first->second;
  }

 private:
  /// "with every head", "without layer 0, head 1; layer 0, head 2; and 3 more"
  static std::string named(const std::vector<HeadId>& left_out) {
    if (left_out.empty()) return "with every head";
    constexpr std::size_t most = 2;
    std::string text = "without ";
    for (std::size_t i = 0; i < std::min(most, left_out.size()); ++i)
      text += fmt::format("{}layer {}, head {}", i > 0 ? "; " : "", left_out[i].layer, left_out[i].head);
    return left_out.size() > most ? text + fmt::format("; and {} more", left_out.size() - most) : text;
  }

  HeadMask all_;
  MaskScorer scorer_;
  std::map<HeadMask, double> known_;
};

/// The loop of every function that removes heads: asks for one score after the other and tells `progress`.
class ScoreLoop {
 public:
  /// total: how many scores will be asked for.
  ScoreLoop(MaskedScore& score, Index total, const ScoreProgress& progress)
      : score_(score), total_(total), progress_(progress) {}

  /// @throws Stopped progress said so
  double operator()(const HeadMask& kept) {
    const double score = score_(kept);
    if (progress_ && !progress_(++done_, total_)) throw Stopped();
    return score;
  }

 private:
  MaskedScore& score_;
  Index total_, done_ = 0;
  const ScoreProgress& progress_;
};

}  // namespace attnscope
