#pragma once
#include <attnscope/attribution/masked_tokens.hpp>

namespace attnscope {

/// What a token's score is made of.
enum class OutputChange {
  mean_absolute,  ///< mean over classes of |change|, of Jain and Wallace 2019; never negative
  of_class        ///< output of one class less the output without the token; negative: it spoke against it
};

/// What leave_one_out() removes and scores.
struct LeaveOneOutOptions {
  OutputChange change = OutputChange::mean_absolute;  ///< what a score is
  std::optional<Index> of_class{};  ///< for OutputChange::of_class; nothing: the predicted one
  std::vector<Index> excluded{};    ///< tokens that always stay, such as [CLS] and [SEP]
};

/// What leave_one_out() found.
struct LeaveOneOutResult {
  Eigen::VectorXd output;  ///< with every token
  Index of_class = 0;      ///< the class asked for, or the predicted one
  Eigen::VectorXd scores;  ///< [token]; `undefined` (NaN) for excluded ones
};

/// Leave-one-out (Li, Monroe and Jurafsky 2016; Jain and Wallace 2019): how the output changes when one token
/// is gone. Sees no token whose work another one does as well. Evaluations: tokens + 1, less what `model`
/// knows already.
/// @throws ShapeError an excluded token or a class that is not there; what `model` throws; Stopped
inline LeaveOneOutResult leave_one_out(MaskedTokens& model, const LeaveOneOutOptions& options = {},
                                       const ScoreProgress& progress = {}) {
  const std::vector<Index> tokens = detail::removable_tokens(model.tokens(), options.excluded);
  ScoreLoop ask(model, static_cast<Index>(tokens.size()) + 1, progress);
  LeaveOneOutResult result{ask(model.all()), 0, Eigen::VectorXd::Constant(model.tokens(), undefined)};
  result.of_class = detail::class_of(options.of_class, result.output);
  for (const Index token : tokens) {
    TokenMask kept = model.all();
    kept[static_cast<std::size_t>(token)] = false;
    const Eigen::VectorXd change = result.output - ask(kept);
    result.scores(token) =
        options.change == OutputChange::of_class ? change(result.of_class) : change.cwiseAbs().mean();
  }
  return result;
}

}  // namespace attnscope
