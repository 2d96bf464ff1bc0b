#pragma once
#include <attnscope/statistics/correlation.hpp>

#include <string>

namespace attnscope {

/// What a correlation and its interval say of two orders.
enum class Verdict {
  alike,        ///< the interval lies above 0
  opposite,     ///< below 0
  no_evidence,  ///< it covers 0
  nothing,      ///< there is none: nothing can be said
};

/// What spearman_interval() found: nothing without a correlation, or for n < 4.
struct CorrelationInterval {
  std::optional<double> lower;  ///< -1 .. 1
  std::optional<double> upper;  ///< -1 .. 1
};

/// The confidence interval of Spearman's rho of n pairs: Fisher's z = atanh(rho) plus and minus q se, back by
/// tanh, with se^2 = (1 + rho^2 / 2) / (n - 3) (Bonett & Wright 2000) and q the normal quantile. At |rho| = 1
/// z is infinite: there the interval is that of half a step less, the step from a perfect order to the next
/// best one, 12 / (n (n^2 - 1)), and its outer end is 1.
///
/// Why not the bootstrap: it draws, costs 1000 correlations, and draws ties, which pull rho towards 0: of 6
/// normal pairs at r = .97 its 95 % interval holds the truth in .68 of samples, this one in .96 (docs/
/// agreement.md has the table). Both take tokens as independent, which they are not: over many texts,
/// bootstrap one rho a text.
///
/// confidence: above 0 and below 1. Cost: constant.
/// @throws ValueError rho not within -1 .. 1; confidence
inline CorrelationInterval spearman_interval(std::optional<double> rho, Index n, double confidence = .95) {
  require<ValueError>(confidence > 0 && confidence < 1, "confidence = {} is not between 0 and 1", confidence);
  if (!rho || n < 4) return {};
  require<ValueError>(*rho >= -1 && *rho <= 1, "rho = {} is not within -1 .. 1", *rho);
  const double size = static_cast<double>(n);
  const double most = 1 - 6 / (size * (size * size - 1)), centre = std::clamp(*rho, -most, most);
  const double quantile = Eigen::numext::ndtri((1 + confidence) / 2);
  const double z = std::atanh(centre), reach = quantile * std::sqrt((1 + centre * centre / 2) / (size - 3));
  return {*rho == -1 ? -1 : std::tanh(z - reach), *rho == 1 ? 1 : std::tanh(z + reach)};
}

/// What an interval says; one that ends at 0 covers it.
inline Verdict verdict(const CorrelationInterval& interval) {
  if (!interval.lower || !interval.upper) return Verdict::nothing;
  if (*interval.lower > 0) return Verdict::alike;
  if (*interval.upper < 0) return Verdict::opposite;
  return Verdict::no_evidence;
}

/// How agreement_sentence() speaks.
struct SentenceOptions {
  double confidence = .95;        ///< of the interval
  std::string things = "tokens";  ///< what was ordered, in the plural
};

namespace detail {

/// ".41", "-.25", "1.00": two decimals, or the first digit of a smaller number, for ".00" would hide on which
/// side of 0 it is.
inline std::string short_number(double number) {
  std::string text =
      std::abs(number) < .005 && number != 0 ? fmt::format("{:.1g}", number) : fmt::format("{:.2f}", number);
  const std::size_t zero = number < 0 ? 1 : 0;
  if (text.size() > zero + 1 && text[zero] == '0' && text[zero + 1] == '.') text.erase(zero, 1);
  return text;
}
inline std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

}  // namespace detail

/// One English sentence of what Spearman's rho of n tokens says of two methods, by spearman_interval():
/// "Attention (received) and the input gradient order the 34 tokens alike: rho = .41, 95 % interval .07 to
/// .67." Or that they order them oppositely, that there is no evidence of either, that nothing can be said.
/// first, second: their names, as they stand in the middle of a sentence. @throws what spearman_interval
/// throws
inline std::string agreement_sentence(const std::string& first, const std::string& second,
                                      std::optional<double> rho, Index n,
                                      const SentenceOptions& options = {}) {
  const CorrelationInterval interval = spearman_interval(rho, n, options.confidence);
  const std::string both = fmt::format("{} and {}", first, second);
  const Verdict found = verdict(interval);
  if (found == Verdict::nothing) {
    if (n < 4)
      return fmt::format("Nothing can be said of {}: {} {} are too few, it takes 4.", both, n,
                         options.things);
    return fmt::format("Nothing can be said of {}: one of them gives all {} {} the same score.", both, n,
                       options.things);
  }
  const std::string numbers =
      fmt::format("rho = {}, {:g} % interval {} to {}", detail::short_number(*rho), 100 * options.confidence,
                  detail::short_number(*interval.lower), detail::short_number(*interval.upper));
  if (found == Verdict::no_evidence)
    return fmt::format("There is no evidence that {} order the {} alike or oppositely: {} covers 0 (n = {}).",
                       both, options.things, numbers, n);
  return fmt::format("{} order the {} {} {}: {}.", detail::capitalised(both), n, options.things,
                     found == Verdict::alike ? "alike" : "oppositely", numbers);
}

}  // namespace attnscope
