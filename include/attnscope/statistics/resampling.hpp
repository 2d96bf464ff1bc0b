#pragma once
#include <attnscope/core/ranks.hpp>

#include <cstdint>
#include <numeric>
#include <optional>
#include <random>
#include <span>

namespace attnscope {
namespace detail {

/// 0 .. count - 1, all equally likely; the same on every standard library, unlike its distributions.
inline Index draw_below(std::mt19937_64& generator, Index count) {
  const std::uint64_t size = static_cast<std::uint64_t>(count), left_over = (0 - size) % size;
  std::uint64_t drawn;
  do drawn = generator();
  while (drawn < left_over);
  return static_cast<Index>(drawn % size);
}
/// The places 0 .. count - 1 in a new order by trade(i, j), which changes places; all orders equally likely.
template <typename Trade>
void shuffle(std::mt19937_64& generator, Index count, const Trade& trade) {
  for (Index left = count; left > 1; --left) trade(left - 1, draw_below(generator, left));
}
/// 0 .. 1, in steps of 2^-53.
inline double draw_share(std::mt19937_64& generator) {
  return static_cast<double>(generator() >> 11) * 0x1p-53;
}
/// A number that may be undefined: nothing, or NaN.
inline std::optional<double> defined(std::optional<double> number) {
  if (number && std::isnan(*number)) return {};
  return number;
}
/// The quantile of sorted numbers, linear between them.
inline double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1), below = std::floor(at);
  const std::size_t first = static_cast<std::size_t>(below), next = std::min(first + 1, sorted.size() - 1);
  // Also between infinite numbers, whose difference is none.
  if (sorted[first] == sorted[next] || at == below) return sorted[first];
  return sorted[first] + (at - below) * (sorted[next] - sorted[first]);
}
/// The median of numbers in any order; NaN of none.
inline double median_of(const VectorView& numbers) {
  std::vector<double> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted.empty() ? std::numeric_limits<double>::quiet_NaN() : quantile(sorted, .5);
}

}  // namespace detail

/// Options of permutation_test().
struct PermutationOptions {
  Index permutations = 9999;  ///< how often y is shuffled, at least 1
  std::uint64_t seed = 0;     ///< the same seed gives the same p everywhere
};

/// Result of permutation_test().
struct PermutationResult {
  std::optional<double> statistic;  ///< of the numbers as they are; nothing where it is undefined
  std::optional<double> p_value;    ///< (1 + as far from 0) / (1 + permutations); nothing without a statistic
  Index permutations = 0;           ///< those whose statistic is defined
};

/// How often chance alone gives a statistic of x and y [n] as far from 0: y is shuffled against x.
/// statistic(x, y): a number, or an optional one: [](const auto& x, const auto& y) { return kendall(x,
/// y).statistic; }. p is never 0, and valid for any number of permutations (Phipson & Smyth 2010). The same
/// for the same seed everywhere. Cost: one statistic a permutation.
/// @throws ShapeError unlike sizes; ValueError less than one permutation; what the statistic throws
template <typename Statistic>
PermutationResult permutation_test(const VectorView& x, const VectorView& y, const Statistic& statistic,
                                   PermutationOptions options = {}) {
  detail::check_same_size(x, y);
  require<ValueError>(options.permutations >= 1, "permutations = {} is less than 1", options.permutations);
  const std::optional<double> observed = detail::defined(statistic(x, y));
  if (!observed) return {};
  // What differs by rounding is as far.
  const double far = std::abs(*observed) * (1 - 1e-12);
  std::mt19937_64 generator(options.seed);
  Eigen::VectorXd shuffled = y;
  Index defined = 0, as_far = 0;
  for (Index round = 0; round < options.permutations; ++round) {
    detail::shuffle(generator, shuffled.size(),
                    [&](Index i, Index j) { std::swap(shuffled(i), shuffled(j)); });
    const std::optional<double> drawn = detail::defined(statistic(x, VectorView(shuffled)));
    defined += drawn.has_value();
    as_far += drawn && std::abs(*drawn) >= far;
  }
  return {observed, static_cast<double>(1 + as_far) / static_cast<double>(1 + defined), defined};
}

/// Options of bootstrap().
struct BootstrapOptions {
  Index resamples = 1000;    ///< how often n things are drawn, at least 1
  double confidence = 0.95;  ///< share of the resamples within the interval, above 0 and below 1
  std::uint64_t seed = 0;    ///< the same seed gives the same interval everywhere
};

/// Result of bootstrap().
struct BootstrapResult {
  std::optional<double> statistic;  ///< of the numbers as they are; nothing where it is undefined
  std::optional<double> lower;  ///< of the interval; nothing without a resample whose statistic is defined
  std::optional<double> upper;  ///< likewise
  Index resamples = 0;          ///< those whose statistic is defined
  /// Whether the interval holds this number; nothing without an interval.
  std::optional<bool> covers(double number) const {
    if (!lower) return {};
    return *lower <= number && number <= *upper;
  }
};

/// The percentile interval of any statistic of n things (Efron 1979): n of them are drawn with replacement,
/// again and again; the interval leaves out equal shares of the smallest and the largest statistics.
/// statistic(chosen): of the things std::span<const Index> chosen, a number or an optional one; draws for
/// which it is undefined, such as a correlation of n times the same thing, are left out. The same for the
/// same seed everywhere. Cost: one statistic a resample.
/// @throws ShapeError n < 0; ValueError less than one resample, a confidence not between 0 and 1; what the
/// statistic throws
template <typename Statistic>
BootstrapResult bootstrap(Index n, const Statistic& statistic, BootstrapOptions options = {}) {
  require<ShapeError>(n >= 0, "{} things to draw from", n);
  require<ValueError>(options.resamples >= 1, "resamples = {} is less than 1", options.resamples);
  require<ValueError>(options.confidence > 0 && options.confidence < 1,
                      "confidence = {} is not between 0 and 1", options.confidence);
  std::vector<Index> chosen(static_cast<std::size_t>(n));
  std::iota(chosen.begin(), chosen.end(), Index{0});
  const auto ask = [&] { return detail::defined(statistic(std::span<const Index>(chosen))); };
  BootstrapResult result{ask(), {}, {}, 0};
  std::mt19937_64 generator(options.seed);
  std::vector<double> drawn;
  for (Index round = 0; round < options.resamples; ++round) {
    for (Index& thing : chosen) thing = detail::draw_below(generator, n);
    if (const std::optional<double> number = ask()) drawn.push_back(*number);
  }
  if (drawn.empty()) return result;
  std::sort(drawn.begin(), drawn.end());
  result.lower = detail::quantile(drawn, (1 - options.confidence) / 2);
  result.upper = detail::quantile(drawn, (1 + options.confidence) / 2);
  result.resamples = static_cast<Index>(drawn.size());
  return result;
}

/// The interval of a statistic(x, y) of n pairs, which are drawn together: as bootstrap(n, ...). x, y: [n].
/// @throws ShapeError unlike sizes; as there
template <typename Statistic>
BootstrapResult bootstrap(const VectorView& x, const VectorView& y, const Statistic& statistic,
                          BootstrapOptions options = {}) {
  detail::check_same_size(x, y);
  Eigen::VectorXd drawn_x(x.size()), drawn_y(x.size());
  const auto of_pairs = [&](std::span<const Index> chosen) {
    for (Index i = 0; i < x.size(); ++i) {
      drawn_x(i) = x(chosen[static_cast<std::size_t>(i)]);
      drawn_y(i) = y(chosen[static_cast<std::size_t>(i)]);
    }
    return statistic(VectorView(drawn_x), VectorView(drawn_y));
  };
  return bootstrap(x.size(), of_pairs, options);
}

}  // namespace attnscope
