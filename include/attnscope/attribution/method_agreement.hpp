#pragma once
#include <attnscope/attribution/agreement.hpp>
#include <attnscope/core/moments.hpp>
#include <attnscope/statistics/divergence.hpp>

#include <array>

namespace attnscope {

/// One statistic of all pairs of methods over the examples of a corpus.
struct MethodMatrices {
  Eigen::MatrixXd mean;    ///< [method x method] over examples; undefined (NaN) without a defined one
  Eigen::MatrixXd spread;  ///< [method x method] standard deviation over examples; undefined (NaN) below two
  Eigen::MatrixXd share_significant;  ///< [method x method] 0..1, of the examples that have a p, those with
                                      ///< p <= significance; undefined (NaN) of statistics without p
  Eigen::MatrixXd count;              ///< [method x method] examples where the statistic is defined
};

/// What method_agreement() found.
struct MethodAgreementResult {
  std::vector<std::string> methods;     ///< in the order of the matrices' rows and columns
  Index examples = 0;                   ///< added, also those that a method lacks
  MethodMatrices spearman_correlation;  ///< -1 .. 1, see Agreement
  MethodMatrices kendall_tau;           ///< -1 .. 1
  MethodMatrices weighted_kendall;      ///< -1 .. 1
  MethodMatrices pearson;               ///< -1 .. 1
  MethodMatrices top_k_overlap;         ///< 0 .. 1
  MethodMatrices
      jensen_shannon;  ///< nats, between scores divided by their sums; undefined where one is negative
};

/// How method_agreement() compares two methods.
struct MethodAgreementOptions {
  Index k = 5;                ///< of top_k_overlap
  double significance = .05;  ///< the p up to which an example counts as significant

  bool operator==(const MethodAgreementOptions&) const = default;
};

/// How several methods agree with one another over a corpus: statistics of every pair and example, of which
/// the moments alone are kept. Merges with what was added later; the empty one, of the same methods and
/// options, is neutral.
class MethodAgreement {
 public:
  /// methods: their names. @throws ValueError k < 1, significance not within 0 .. 1
  explicit MethodAgreement(std::vector<std::string> methods, MethodAgreementOptions options = {})
      : methods_(std::move(methods)), options_(options) {
    require<ValueError>(options.k >= 1, "the {} largest scores", options.k);
    require<ValueError>(options.significance >= 0 && options.significance <= 1,
                        "significance = {} is not within 0 .. 1", options.significance);
  }
  /// One of the same methods and options that saw no example.
  MethodAgreement empty() const { return MethodAgreement(methods_, options_); }

  /// One example. scores: [method] of [token]; empty, or all undefined (NaN), of a method that lacks it.
  /// Statistics of constant scores are undefined and count nowhere. Cost: n log n a pair. If it throws,
  /// nothing was added.
  /// @throws ShapeError other methods, methods of unlike tokens; ValueError scores that are not finite;
  /// naming methods
  void add(const std::vector<Eigen::VectorXd>& scores) {
    require<ShapeError>(scores.size() == methods_.size(), "scores of {} methods, not {}", scores.size(),
                        methods_.size());
    const Index size = static_cast<Index>(methods_.size());
    Values statistics, significant;
    statistics.fill(Eigen::ArrayXXd::Constant(size, size, undefined));
    significant = statistics;
    for (Index a = 0; a < size; ++a)
      for (Index b = a; b < size; ++b) {
        const Eigen::VectorXd &x = scores[static_cast<std::size_t>(a)],
                              &y = scores[static_cast<std::size_t>(b)];
        if (!detail::has_scores(x) || !detail::has_scores(y)) continue;
        const Pair pair =
            in_context(fmt::format("{} (x) and {} (y)", name(a), name(b)), [&] { return compare(x, y); });
        for (std::size_t s = 0; s < count; ++s) {
          statistics[s](a, b) = statistics[s](b, a) = pair[s].statistic.value_or(undefined);
          if (const auto p = pair[s].p_value)
            significant[s](a, b) = significant[s](b, a) = *p <= options_.significance;
        }
      }
    for (std::size_t s = 0; s < count; ++s) {
      statistics_[s].add_defined(statistics[s]);
      significant_[s].add_defined(significant[s]);
    }
    ++examples_;
  }
  /// The examples of a batch. methods: in the order of their names. @throws ShapeError other methods, methods
  /// of unlike many examples; as above, naming the batch element; then the examples before it were added
  void add(std::span<const TokenScores> methods) {
    require<ShapeError>(methods.size() == methods_.size(), "scores of {} methods, not {}", methods.size(),
                        methods_.size());
    for (std::size_t m = 0; m < methods.size(); ++m) {
      require<ShapeError>(methods[m].method == methods_[m], "method {} is {}, not {}", m, methods[m].method,
                          methods_[m]);
      require<ShapeError>(methods[m].scores.size() == methods[0].scores.size(),
                          "{} has scores of {} examples, but {} of {}", methods[m].method,
                          methods[m].scores.size(), methods[0].method, methods[0].scores.size());
    }
    for (std::size_t b = 0; !methods.empty() && b < methods[0].scores.size(); ++b) {
      std::vector<Eigen::VectorXd> scores;
      for (const TokenScores& method : methods) scores.push_back(method.scores[b]);
      in_context(fmt::format("batch element {}", b), [&] { add(scores); });
    }
  }
  /// The examples of another one after these. @throws ShapeError other methods; ValueError other options
  void merge(MethodAgreement&& later) {
    require<ShapeError>(methods_ == later.methods_, "cannot pool the agreement of other methods");
    require<ValueError>(options_ == later.options_,
                        "cannot pool k = {}, significance = {} with k = {}, significance = {}", options_.k,
                        options_.significance, later.options_.k, later.options_.significance);
    for (std::size_t s = 0; s < count; ++s) {
      statistics_[s].merge(later.statistics_[s]);
      significant_[s].merge(later.significant_[s]);
    }
    examples_ += later.examples_;
  }
  /// The moments over what was added. Cost: methods^2.
  MethodAgreementResult result() const {
    return {methods_,    examples_,   matrices(0), matrices(1),
            matrices(2), matrices(3), matrices(4), matrices(5)};
  }

 private:
  static constexpr std::size_t count = 6;  // statistics, in the order of the result
  using Values = std::array<Eigen::ArrayXXd, count>;
  using Pair = std::array<CorrelationResult, count>;

  const std::string& name(Index method) const { return methods_[static_cast<std::size_t>(method)]; }
  Pair compare(const Eigen::VectorXd& x, const Eigen::VectorXd& y) const {
    const Agreement found = compare_scores(x, y, options_.k);
    const auto with = [&](std::optional<double> statistic, std::optional<double> p = {}) {
      return CorrelationResult{statistic, p, found.n};
    };
    return {with(found.spearman_correlation, found.p_value),
            with(found.kendall_tau, found.kendall_p_value),
            with(found.weighted_kendall),
            with(found.pearson, found.pearson_p_value),
            with(found.top_k_overlap),
            with(divergence(x, y))};
  }
  static std::optional<double> divergence(const Eigen::VectorXd& x, const Eigen::VectorXd& y) {
    if (x.minCoeff() < 0 || y.minCoeff() < 0 || x.maxCoeff() == 0 || y.maxCoeff() == 0) return {};
    const auto shares = [](const Eigen::VectorXd& scores) -> Eigen::VectorXd {
      const Eigen::VectorXd scaled = scores / scores.maxCoeff();  // sums neither overflow nor vanish
      return scaled / scaled.sum();
    };
    return jensen_shannon(shares(x), shares(y));
  }
  MethodMatrices matrices(std::size_t statistic) const {
    const Index size = static_cast<Index>(methods_.size());
    if (examples_ == 0) {
      const Eigen::MatrixXd none = Eigen::MatrixXd::Constant(size, size, undefined);
      return {none, none, none, Eigen::MatrixXd::Zero(size, size)};
    }
    const detail::Moments& moments = statistics_[statistic];
    return {moments.mean(), moments.standard_deviation(), significant_[statistic].mean(), moments.counts()};
  }

  std::vector<std::string> methods_;
  MethodAgreementOptions options_;
  std::array<detail::Moments, count> statistics_, significant_;
  Index examples_ = 0;
};

/// The agreement of methods on the examples of one batch; of a corpus, add batch after batch to a
/// MethodAgreement. @throws what MethodAgreement throws
inline MethodAgreementResult method_agreement(std::span<const TokenScores> methods,
                                              const MethodAgreementOptions& options = {}) {
  std::vector<std::string> names;
  for (const TokenScores& method : methods) names.push_back(method.method);
  MethodAgreement all(std::move(names), options);
  all.add(methods);
  return all.result();
}

}  // namespace attnscope
