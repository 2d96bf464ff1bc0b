#pragma once
#include <attnscope/attribution/masked_tokens.hpp>
#include <attnscope/statistics/resampling.hpp>

#include <algorithm>
#include <cmath>

namespace attnscope {

/// What erasure_curves() erases.
struct ErasureOptions {
  std::vector<double> shares{.01, .05, .1, .2, .5};  ///< above 0, at most 1, of the tokens that are not
                                                     ///< excluded, rounded up; empty: one token after another
  std::optional<Index> of_class{};                   ///< whose output is followed; nothing: the predicted one
  std::vector<Index> excluded{};                     ///< tokens that always stay, such as [CLS] and [SEP]
};

/// Both curves of DeYoung et al. 2020 (ERASER) and their means.
struct ErasureCurves {
  Index of_class = 0;                 ///< whose output is followed
  double output = 0;                  ///< its output p(x) for the whole text
  std::vector<Index> tokens;          ///< [share] how many tokens those are
  Eigen::VectorXd comprehensiveness;  ///< [share] p(x) - p(x without the top tokens); high: they are needed
  Eigen::VectorXd sufficiency;        ///< [share] p(x) - p(the top tokens alone); low: they are enough
  double comprehensiveness_area = 0;  ///< mean over shares (area over the perturbation curve, AOPC)
  double sufficiency_area = 0;        ///< mean over shares
};

namespace detail {

/// [share] how many of n tokens. @throws ValueError no token; a share not in 0..1, or smaller than the one
/// before
inline std::vector<Index> erased_tokens(Index n, const std::vector<double>& shares) {
  require<ValueError>(n > 0, "no token may be erased");
  std::vector<Index> counts;
  if (shares.empty())
    for (Index count = 1; count <= n; ++count) counts.push_back(count);
  double before = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    require<ValueError>(shares[i] > 0 && shares[i] <= 1, "shares[{}] = {} is not above 0 and at most 1", i,
                        shares[i]);
    require<ValueError>(shares[i] > before, "shares[{}] = {} is not above {}", i, shares[i], before);
    before = shares[i];
    // .07 of 100 tokens is a hair above 7 in floating point, and means 7.
    const Index count = static_cast<Index>(std::ceil(shares[i] * static_cast<double>(n) - 1e-9));
    counts.push_back(std::max<Index>(1, count));
  }
  return counts;
}

/// The curves of one order of the tokens that may be erased. ask: the output of a mask.
template <typename Ask>
ErasureCurves curves_of_order(Ask& ask, const TokenMask& all, const std::vector<Index>& order,
                              const ErasureOptions& options) {
  const Eigen::VectorXd& whole = ask(all);
  ErasureCurves curves;
  curves.of_class = class_of(options.of_class, whole);
  curves.output = whole(curves.of_class);
  curves.tokens = erased_tokens(static_cast<Index>(order.size()), options.shares);
  const Index points = static_cast<Index>(curves.tokens.size());
  curves.comprehensiveness.resize(points);
  curves.sufficiency.resize(points);
  for (Index point = 0; point < points; ++point) {
    TokenMask without_top = all, top_alone = all;
    for (std::size_t place = 0; place < order.size(); ++place) {
      const bool top = static_cast<Index>(place) < curves.tokens[static_cast<std::size_t>(point)];
      (top ? without_top : top_alone)[static_cast<std::size_t>(order[place])] = false;
    }
    curves.comprehensiveness(point) = curves.output - ask(without_top)(curves.of_class);
    curves.sufficiency(point) = curves.output - ask(top_alone)(curves.of_class);
  }
  curves.comprehensiveness_area = curves.comprehensiveness.mean();
  curves.sufficiency_area = curves.sufficiency.mean();
  return curves;
}
/// How many masks the curves of one order ask for.
inline Index masks_of_curves(std::size_t tokens, const ErasureOptions& options) {
  return 1 + 2 * static_cast<Index>(erased_tokens(static_cast<Index>(tokens), options.shares).size());
}

}  // namespace detail

/// Are the tokens that score high those that the model decides by? The largest go first (of equal ones the
/// first), at given shares, and stay alone (DeYoung et al. 2020). Faithful scores: high comprehensiveness,
/// low sufficiency; how high is high, random_erasure_curves() says. The areas are the mean over the shares;
/// the paper's formula for comprehensiveness counts a share of 0 as well, which divides by one more.
/// scores: [token]; those of excluded tokens do not count. Evaluations: 2 shares + 1, less what `model`
/// knows.
/// @throws ShapeError scores of another length, a token or class that is not there; ValueError a score that
/// is NaN, shares that do not rise within 0..1, no token to erase; what `model` throws; Stopped
inline ErasureCurves erasure_curves(MaskedTokens& model, const VectorView& scores,
                                    const ErasureOptions& options = {}, const ScoreProgress& progress = {}) {
  require<ShapeError>(scores.size() == model.tokens(), "{} scores for a text of {} tokens", scores.size(),
                      model.tokens());
  std::vector<Index> order = detail::removable_tokens(model.tokens(), options.excluded);
  for (const Index token : order)
    require<ValueError>(!std::isnan(scores(token)), "scores[{}] is {}", token, scores(token));
  std::ranges::stable_sort(order, std::greater<>(), [&](Index token) { return scores(token); });
  ScoreLoop ask(model, detail::masks_of_curves(order.size(), options), progress);
  return detail::curves_of_order(ask, model.all(), order, options);
}

/// How random_erasure_curves() draws.
struct RandomErasureOptions {
  Index orders = 20;         ///< 1 or more
  std::uint64_t seed = 0;    ///< of the orders
  ErasureOptions erasure{};  ///< of every order
};

/// Curves of tokens that go in random order.
struct RandomErasureCurves {
  std::vector<ErasureCurves> orders;  ///< [order]
  ErasureCurves mean;                 ///< of all of them

  /// 0 .. 1: share of random orders whose area is as good or better: near 0, these curves are no chance.
  double share_as_comprehensive(const ErasureCurves& curves) const {
    return share([&](const ErasureCurves& random) {
      return random.comprehensiveness_area >= curves.comprehensiveness_area;
    });
  }
  /// 0 .. 1: the same of sufficiency, whose area is as good when it is as low or lower.
  double share_as_sufficient(const ErasureCurves& curves) const {
    return share(
        [&](const ErasureCurves& random) { return random.sufficiency_area <= curves.sufficiency_area; });
  }

 private:
  template <typename Holds>
  double share(const Holds& holds) const {
    return static_cast<double>(std::ranges::count_if(orders, holds)) / static_cast<double>(orders.size());
  }
};

/// What scores that know nothing would give: the baseline that erasure curves are read against. Every order
/// is equally likely; the same for the same seed on every machine. Evaluations: 2 shares an order + 1, less
/// what `model` knows.
/// @throws ValueError less than one order; as erasure_curves()
inline RandomErasureCurves random_erasure_curves(MaskedTokens& model,
                                                 const RandomErasureOptions& options = {},
                                                 const ScoreProgress& progress = {}) {
  require<ValueError>(options.orders >= 1, "orders = {} is less than 1", options.orders);
  std::vector<Index> order = detail::removable_tokens(model.tokens(), options.erasure.excluded);
  ScoreLoop ask(model, options.orders * detail::masks_of_curves(order.size(), options.erasure), progress);
  std::mt19937_64 generator(options.seed);
  RandomErasureCurves result;
  for (Index round = 0; round < options.orders; ++round) {
    detail::shuffle(generator, static_cast<Index>(order.size()), [&](Index i, Index j) {
      std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
    });
    result.orders.push_back(detail::curves_of_order(ask, model.all(), order, options.erasure));
  }
  result.mean = result.orders.front();
  for (std::size_t round = 1; round < result.orders.size(); ++round) {
    result.mean.comprehensiveness += result.orders[round].comprehensiveness;
    result.mean.sufficiency += result.orders[round].sufficiency;
  }
  result.mean.comprehensiveness /= static_cast<double>(options.orders);
  result.mean.sufficiency /= static_cast<double>(options.orders);
  result.mean.comprehensiveness_area = result.mean.comprehensiveness.mean();
  result.mean.sufficiency_area = result.mean.sufficiency.mean();
  return result;
}

}  // namespace attnscope
