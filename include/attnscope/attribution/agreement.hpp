#pragma once
#include <attnscope/attribution/token_scores.hpp>
#include <attnscope/statistics/rank_correlation.hpp>
#include <attnscope/statistics/top_k.hpp>

namespace attnscope {

/// How two scores of the same tokens agree. What is undefined is nothing: correlations of constant scores or
/// of fewer than two tokens, the top k of fewer than k tokens or of constant scores.
struct Agreement {
  Index n = 0;                                 ///< tokens that count
  std::optional<double> spearman_correlation;  ///< -1 .. 1, of average ranks
  std::optional<double> p_value;               ///< two-sided, of Spearman's, by Student's t
  std::optional<double> kendall_tau;           ///< -1 .. 1, tau-b
  std::optional<double> kendall_p_value;       ///< two-sided, exact without ties up to n = 33
  std::optional<double> weighted_kendall;      ///< -1 .. 1, the top counts most
  std::optional<double> pearson;               ///< -1 .. 1, of the scores themselves
  std::optional<double> pearson_p_value;       ///< two-sided, by Student's t
  std::optional<double> top_k_overlap;         ///< 0 .. 1, share of the k largest in common; nothing where
                                               ///< ties leave open which those are
  std::optional<double>
      top_k_distance;  ///< 0 .. 1, Fagin's of the two lists of k, of the largest there is; likewise
};

namespace detail {

/// Whether the k largest are some k and no others: the next one is smaller.
inline bool has_top(const VectorView& x, Index k) {
  if (x.size() <= k) return x.size() == k;
  const auto order = in_falling_order(x);
  return order[static_cast<std::size_t>(k) - 1].first > order[static_cast<std::size_t>(k)].first;
}

}  // namespace detail

/// Of two scores [token]; k: of the lists of the largest. See the statistics for their definitions. Scores
/// that differ by rounding alone, 1e-12 of the largest, are ties. Cost: n log n.
/// @throws ShapeError unlike sizes; ValueError k < 1, NaN, infinity
inline Agreement compare_scores(const VectorView& first, const VectorView& second, Index k = 5) {
  require<ValueError>(k >= 1, "the {} largest scores", k);
  const Eigen::VectorXd x = detail::without_rounding(first), y = detail::without_rounding(second);
  const CorrelationResult product = pearson(x, y);  // asks for sizes and finite numbers
  const CorrelationResult rho = spearman(x, y), tau = kendall(x, y);
  Agreement agreement{x.size(),
                      rho.statistic,
                      rho.p_value,
                      tau.statistic,
                      tau.p_value,
                      weighted_kendall(x, y).statistic,
                      product.statistic,
                      product.p_value,
                      {},
                      {}};
  if (rho.statistic && detail::has_top(x, k) && detail::has_top(y, k)) {
    const TopKResult top = compare_top_k(x, y, k);
    agreement.top_k_overlap = top.overlap;
    agreement.top_k_distance = top.normalized_distance;
  }
  return agreement;
}

/// Which tokens of a batch count.
struct CountedTokens {
  std::vector<std::vector<Index>> exclude{};  ///< [example] tokens that do not, from the first true one; or
                                              ///< empty. Special tokens, say
  bool strip_ends = false;  ///< neither do the first and the last true token, as in Jain & Wallace (2019)
};

namespace detail {

inline Eigen::VectorXd counted(const Eigen::VectorXd& scores, const std::vector<Index>& exclude,
                               bool strip_ends) {
  const Index n = scores.size();
  std::vector<bool> counts(static_cast<std::size_t>(n), true);
  for (const Index token : exclude) {
    require<ShapeError>(token >= 0 && token < n, "excluded token {} of {}", token, n);
    counts[static_cast<std::size_t>(token)] = false;
  }
  if (strip_ends && n > 0) counts.front() = counts.back() = false;
  Eigen::VectorXd left(std::count(counts.begin(), counts.end(), true));
  for (Index t = 0, next = 0; t < n; ++t)
    if (counts[static_cast<std::size_t>(t)]) left(next++) = scores(t);
  return left;
}
inline void check_examples(const TokenScores& scores, const CountedTokens& tokens) {
  require<ShapeError>(tokens.exclude.empty() || tokens.exclude.size() == scores.scores.size(),
                      "{} lists of excluded tokens for {} examples", tokens.exclude.size(),
                      scores.scores.size());
}
/// tokens, less the keys that nobody sees.
inline CountedTokens without_excluded_keys(CountedTokens tokens, const Layout& layout) {
  const auto& hidden = layout.mask().excluded_keys;
  if (hidden.empty()) return tokens;
  if (tokens.exclude.empty()) tokens.exclude.resize(hidden.size());
  for (std::size_t b = 0; b < std::min(hidden.size(), tokens.exclude.size()); ++b)
    tokens.exclude[b].insert(tokens.exclude[b].end(), hidden[b].begin(), hidden[b].end());
  return tokens;
}

/// Whether a method says anything of an example.
inline bool has_scores(const Eigen::VectorXd& scores) {
  return scores.size() > 0 && !scores.array().isNaN().all();
}

}  // namespace detail

/// The scores of the tokens that count, in their order; an example that has no scores still has none.
/// @throws ShapeError lists of other examples, a token that is not there
inline TokenScores counted_scores(TokenScores scores, const CountedTokens& tokens) {
  detail::check_examples(scores, tokens);
  for (std::size_t b = 0; b < scores.scores.size(); ++b)
    if (scores.scores[b].size() > 0)
      scores.scores[b] = in_context(fmt::format("batch element {}", b), [&] {
        return detail::counted(scores.scores[b],
                               tokens.exclude.empty() ? std::vector<Index>() : tokens.exclude[b],
                               tokens.strip_ends);
      });
  return scores;
}

/// How compare_scores() compares two methods.
struct CompareOptions {
  CountedTokens tokens{};  ///< which ones count
  Index k = 5;             ///< of the lists of the largest scores
};

/// [example] how two methods agree on the tokens that count; n = 0 where one of them has no scores, or all of
/// them are undefined (NaN), as those of an example that shows no query.
/// @throws ShapeError other examples, other tokens; ValueError k < 1, scores that are not finite; naming
/// batch element and methods
inline std::vector<Agreement> compare_scores(const TokenScores& a, const TokenScores& b,
                                             const CompareOptions& options = {}) {
  require<ShapeError>(a.scores.size() == b.scores.size(), "{} of {} examples, but {} of {}", a.method,
                      a.scores.size(), b.method, b.scores.size());
  const TokenScores x = counted_scores(a, options.tokens), y = counted_scores(b, options.tokens);
  std::vector<Agreement> agreements;
  for (std::size_t e = 0; e < x.scores.size(); ++e)
    in_context(fmt::format("batch element {}: {} (x) and {} (y)", e, a.method, b.method), [&] {
      const bool both = detail::has_scores(x.scores[e]) && detail::has_scores(y.scores[e]);
      agreements.push_back(both ? compare_scores(x.scores[e], y.scores[e], options.k) : Agreement{});
    });
  return agreements;
}

/// How compare_attention_and_attribution() and agreement_by_layer() compare.
struct AgreementOptions {
  Readout readout{};       ///< of the attention
  CountedTokens tokens{};  ///< which ones count
  Index k = 5;             ///< of the lists of the largest scores
};

/// [example] how the attention of one layer agrees with an attribution of the same tokens: attention_scores()
/// against it. Padding never counts, and neither do keys that the attention excludes. attribution: such as
/// input_gradient_scores(). Cost: attention_scores(), n log n an example.
/// @throws what attention_scores and compare_scores throw
template <StackLayer Layer>
std::vector<Agreement> compare_attention_and_attribution(const Layer& layer, const TokenScores& attribution,
                                                         const AgreementOptions& options = {},
                                                         const SweepOptions& how = {}) {
  const Layout layout = detail::layout_of(layer);
  return compare_scores(attention_scores(layer, options.readout, how), attribution,
                        {detail::without_excluded_keys(options.tokens, layout), options.k});
}

/// [layer] of [example] the same of every layer of a stack. @throws the same, naming the layer
template <StackLayers Layers>
std::vector<std::vector<Agreement>> agreement_by_layer(Layers&& layers, const TokenScores& attribution,
                                                       const AgreementOptions& options = {},
                                                       const SweepOptions& how = {}) {
  std::vector<std::vector<Agreement>> all;
  for (const auto& layer : layers)
    in_context(fmt::format("layer {}", all.size()),
               [&] { all.push_back(compare_attention_and_attribution(layer, attribution, options, how)); });
  return all;
}

}  // namespace attnscope
