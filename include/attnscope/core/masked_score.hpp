#pragma once
#include <attnscope/core/evaluations.hpp>
#include <attnscope/core/head_mask.hpp>

#include <fmt/ranges.h>

#include <utility>

namespace attnscope {

/// How good a model is with some of its heads alone: accuracy, log-likelihood; higher is better, so give a
/// loss its minus sign. Called with [layer][head] which heads are kept.
using MaskScorer = std::function<double(const HeadMask& kept)>;

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
  Index evaluations() const { return known_.size(); }

  /// The score of the model with these heads. What the caller's function throws passes through, and nothing
  /// is remembered of that mask.
  /// @throws ShapeError a mask of other heads; ValueError naming the heads left out: a score that is not
  /// finite
  double operator()(const HeadMask& kept) {
    return known_(kept, [this](const HeadMask& asked) {
      require<ShapeError>(heads_by_layer(asked) == heads_by_layer(all_),
                          "a mask of [{}] heads for a model of [{}]",
                          fmt::join(heads_by_layer(asked), ", "), fmt::join(heads_by_layer(all_), ", "));
      const double score = scorer_(asked);
      require<ValueError>(std::isfinite(score), "the score is {} {}", score, named(heads_in(asked, false)));
      return score;
    });
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
  Remembered<HeadMask, double> known_;
};

}  // namespace attnscope
