#pragma once
// What every method says of the tokens of the same reviews, and how often it is right.
#include "live.hpp"

#include <attnscope/attribution/erasure_curves.hpp>
#include <attnscope/attribution/leave_one_out.hpp>
#include <attnscope/attribution/token_scores.hpp>
#include <attnscope/flow/relevance.hpp>
#include <attnscope/flow/rollout.hpp>

namespace reviews {

using attnscope::TokenScores;

/// Which rows of a map the model's decision reads.
inline attnscope::Readout readout_of(const Model& model) {
  return {model.pooling() == Pooling::first ? attnscope::ReadFrom::first_query : attnscope::ReadFrom::mean};
}

/// [review] tests of single reviews in one model.
inline std::vector<Counterfactual> each_review(const Model& model, const std::vector<Review>& all) {
  std::vector<Counterfactual> each;
  for (const Review& review : all) each.emplace_back(model, review);
  return each;
}

inline TokenScores integrated_gradient_scores(const std::vector<Counterfactual>& each) {
  TokenScores scores{"integrated gradients", {}};
  for (const Counterfactual& review : each)
    scores.scores.push_back(attnscope::integrated_gradients(review.score(), review.gradient(),
                                                            review.embedding(),
                                                            {.steps = 16, .baseline = review.baseline()})
                                .tokens.cwiseAbs());
  return scores;
}
/// Special tokens, which are not left out, have a score of 0.
inline TokenScores leave_one_out_scores(const std::vector<Counterfactual>& each,
                                        std::vector<attnscope::MaskedTokens>& masked) {
  TokenScores scores{"leave one out", {}};
  for (std::size_t i = 0; i < each.size(); ++i) {
    const Eigen::VectorXd found = attnscope::leave_one_out(masked[i], {.excluded = each[i].special()}).scores;
    scores.scores.push_back(found.array().isNaN().select(0, found));
  }
  return scores;
}

/// The methods that the report compares, all of the class that the model chooses.
inline std::vector<TokenScores> all_methods(const Model& model, const LiveRun& run,
                                            const std::vector<Counterfactual>& each,
                                            std::vector<attnscope::MaskedTokens>& masked) {
  const attnscope::Readout readout = readout_of(model), received;
  const auto attention = run.attention();
  const auto layers_with_gradients = run.with_gradients();
  const auto named = [](const std::string& layer, TokenScores scores) {
    scores.method = layer + " " + scores.method;
    return scores;
  };
  std::vector<TokenScores> all;
  all.push_back(named("bottom", attnscope::attention_scores(attention.front(), received)));
  all.push_back(named("top", attnscope::attention_scores(attention.back(), received)));
  if (readout.from == attnscope::ReadFrom::first_query)
    all.push_back(named("top", attnscope::attention_scores(attention.back(), readout)));
  all.push_back(attnscope::map_scores("rollout", attnscope::rollout(attention).top, readout));
  all.push_back(attnscope::map_scores("relevance", attnscope::relevance(layers_with_gradients), readout));
  all.push_back(attnscope::input_gradient_scores(run.embedding_gradient()));
  all.push_back(attnscope::input_gradient_scores(run.embedding_gradient(),
                                                 attnscope::GradientScore::abs_times_input, run.embedding()));
  all.push_back(integrated_gradient_scores(each));
  all.push_back(leave_one_out_scores(each, masked));
  return all;
}

/// The word of a review with the largest score, special tokens aside.
inline std::size_t top_word(const Eigen::VectorXd& scores) {
  Index best = 0;
  scores.segment(1, scores.size() - 2).maxCoeff(&best);
  return static_cast<std::size_t>(best + 1);
}
/// Share of the reviews whose top word is one of those that make the label.
inline double hits(const TokenScores& scores, const std::vector<Review>& all) {
  double found = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    found += std::ranges::count(all[i].deciding, top_word(scores.scores[i])) > 0;
  return found / static_cast<double>(all.size());
}
/// The same of scores that know nothing.
inline double hits_by_chance(const std::vector<Review>& all) {
  double found = 0;
  for (const Review& review : all)
    found += static_cast<double>(review.deciding.size()) / static_cast<double>(review.tokens.size() - 2);
  return found / static_cast<double>(all.size());
}

/// Mean areas over reviews.
struct Areas {
  double comprehensiveness = 0, sufficiency = 0;
};
inline Areas erasure_areas(const TokenScores& scores, const std::vector<Counterfactual>& each,
                           std::vector<attnscope::MaskedTokens>& masked) {
  Areas mean;
  const double n = static_cast<double>(each.size());
  for (std::size_t i = 0; i < each.size(); ++i) {
    const auto curves =
        attnscope::erasure_curves(masked[i], scores.scores[i], {.excluded = each[i].special()});
    mean.comprehensiveness += curves.comprehensiveness_area / n;
    mean.sufficiency += curves.sufficiency_area / n;
  }
  return mean;
}
inline Areas random_areas(const std::vector<Counterfactual>& each,
                          std::vector<attnscope::MaskedTokens>& masked) {
  Areas mean;
  const double n = static_cast<double>(each.size());
  for (std::size_t i = 0; i < each.size(); ++i) {
    const auto curves =
        attnscope::random_erasure_curves(masked[i], {.orders = 5, .erasure = {.excluded = each[i].special()}})
            .mean;
    mean.comprehensiveness += curves.comprehensiveness_area / n;
    mean.sufficiency += curves.sufficiency_area / n;
  }
  return mean;
}

}  // namespace reviews
