#pragma once
#include <attnscope/attribution/model_output.hpp>
#include <attnscope/core/evaluations.hpp>
#include <attnscope/core/states.hpp>

#include <fmt/ranges.h>

#include <functional>
#include <optional>
#include <utility>

namespace attnscope {

/// [token] which tokens of a text are kept.
using TokenMask = std::vector<bool>;

/// The caller's model on a text of which some tokens are gone -> class probabilities, or one number. What
/// gone means is the caller's choice, and changes the answer: deleted, replaced by [MASK] or [PAD], hidden
/// from attention.
using TokenMaskModel = std::function<Eigen::VectorXd(const TokenMask& kept)>;

/// A caller's model on one text, asked once for every mask and remembered: leave-one-out, erasure curves of
/// several methods and their random baseline share one of these. Not for several threads.
class MaskedTokens {
 public:
  /// tokens: the true tokens of the text. @throws ShapeError a negative number
  MaskedTokens(Index tokens, TokenMaskModel model) : tokens_(tokens), model_(std::move(model)) {
    require<ShapeError>(tokens >= 0, "a text of {} tokens", tokens);
  }

  /// How many tokens the text has.
  Index tokens() const { return tokens_; }
  /// Every token kept.
  TokenMask all() const { return TokenMask(static_cast<std::size_t>(tokens_), true); }
  /// How often the caller's function was called.
  Index evaluations() const { return known_.size(); }

  /// The output with these tokens alone. What the caller's function throws passes through, and nothing is
  /// remembered of that mask.
  /// @throws ShapeError a mask of another length, outputs of unlike sizes; ValueError an output that is not
  /// finite, naming the tokens left out
  const Eigen::VectorXd& operator()(const TokenMask& kept) {
    return known_(kept, [this](const TokenMask& asked) {
      require<ShapeError>(static_cast<Index>(asked.size()) == tokens_, "a mask of {} tokens for a text of {}",
                          asked.size(), tokens_);
      Eigen::VectorXd output = detail::checked_output(model_(asked), size_, named(asked));
      size_ = output.size();
      return output;
    });
  }

 private:
  /// "with every token", "without tokens 0, 3 and 5 more"
  static std::string named(const TokenMask& kept) {
    std::vector<std::size_t> left_out;
    for (std::size_t token = 0; token < kept.size(); ++token)
      if (!kept[token]) left_out.push_back(token);
    if (left_out.empty()) return "with every token";
    constexpr std::size_t most = 3;
    const std::size_t others = left_out.size() - std::min(most, left_out.size());
    left_out.resize(left_out.size() - others);
    return fmt::format("without token{} {}{}", left_out.size() > 1 ? "s" : "", fmt::join(left_out, ", "),
                       others > 0 ? fmt::format(" and {} more", others) : "");
  }

  Index tokens_, size_ = 0;
  TokenMaskModel model_;
  Remembered<TokenMask, Eigen::VectorXd> known_;
};

namespace detail {

/// The tokens of a text that may be left out, in order.
/// excluded: those that always stay. @throws ShapeError naming one that is not there
inline std::vector<Index> removable_tokens(Index tokens, const std::vector<Index>& excluded) {
  TokenMask removable(static_cast<std::size_t>(tokens), true);
  for (const Index token : excluded) {
    require<ShapeError>(token >= 0 && token < tokens, "excluded token {} of {}", token, tokens);
    removable[static_cast<std::size_t>(token)] = false;
  }
  std::vector<Index> chosen;
  for (Index token = 0; token < tokens; ++token)
    if (removable[static_cast<std::size_t>(token)]) chosen.push_back(token);
  return chosen;
}
/// The class that a function looks at: the one asked for, else the predicted one.
inline Index class_of(const std::optional<Index>& asked, const Eigen::VectorXd& output) {
  const Index chosen = asked.value_or(predicted_class(output));
  require<ShapeError>(chosen >= 0 && chosen < output.size(), "class {} of an output of {} numbers", chosen,
                      output.size());
  return chosen;
}

}  // namespace detail
}  // namespace attnscope
