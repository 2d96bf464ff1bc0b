#pragma once
#include <attnscope/core/states.hpp>
#include <attnscope/statistics/proportion.hpp>
#include <attnscope/statistics/resampling.hpp>

#include <cstdint>

/// @file
/// The bootstrap of a stream: each replicate gives each example a weight of its own, drawn from the Poisson
/// distribution of mean 1, where the bootstrap of n examples at hand draws n of them (Hanley & MacGibbon
/// 2006; Chamandy et al. 2012). Nobody needs to know n, and replicates of parts add up.
namespace attnscope {

/// The place of an example in the list of a corpus: the file, and the element of its batch.
struct ExamplePlace {
  Index item = 0;     ///< from 0
  Index element = 0;  ///< of its batch, from 0
  auto operator<=>(const ExamplePlace&) const = default;
};

/// How a part of a state is stored: rows of a matrix are entries of this shape; columns, if there may be
/// several, come first.
struct PartShape {
  std::vector<Index> rows;         ///< [axis] their lengths, whose product is the number of rows
  std::optional<Index> columns{};  ///< how many; nothing where the part is one column by nature
};

namespace detail {

/// The output function of SplitMix64 (Steele et al. 2014): every bit of the result hangs on every bit of x.
inline std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}
/// How often an example is drawn, from a number that is as likely to be any: the inverse of the distribution.
inline double poisson_weight(std::uint64_t random) {
  double left = static_cast<double>(random >> 11) * 0x1p-53, chance = 0.36787944117144233;  // 1 / e
  int weight = 0;
  for (; left >= chance && weight < 20; chance /= ++weight) left -= chance;
  return weight;
}

}  // namespace detail

/// What equal shares of the smallest and the largest of some numbers lie outside of (Efron 1979); NaN of
/// none.
/// @throws ValueError a confidence not between 0 and 1
inline ConfidenceInterval percentile_interval(std::vector<double> numbers, double confidence) {
  require<ValueError>(confidence > 0 && confidence < 1, "confidence = {} is not between 0 and 1", confidence);
  if (numbers.empty()) return {};
  std::sort(numbers.begin(), numbers.end());
  return {detail::quantile(numbers, (1 - confidence) / 2), detail::quantile(numbers, (1 + confidence) / 2)};
}

/// [replicate] the weights of an example: 0, 1, 2, ... They hang on seed, place and replicate alone, and so
/// are the same on whichever machine the example is looked at.
inline Eigen::VectorXd poisson_weights(Index replicates, std::uint64_t seed, ExamplePlace place) {
  using detail::mixed;
  const std::uint64_t example = mixed(mixed(mixed(seed) + static_cast<std::uint64_t>(place.item)) +
                                      static_cast<std::uint64_t>(place.element));
  Eigen::VectorXd weights(replicates);
  for (Index r = 0; r < replicates; ++r)
    weights(r) = detail::poisson_weight(mixed(example + static_cast<std::uint64_t>(r)));
  return weights;
}

/// The weighted sums of some numbers in every replicate.
class ReplicateSums {
 public:
  /// The empty one, all 0.
  ReplicateSums(Index entries, Index replicates)
      : sums_(Eigen::MatrixXd::Zero(entries, replicates)), weights_(Eigen::VectorXd::Zero(replicates)) {}

  /// values: [entry], NaN where undefined; weights: [replicate].
  void add(const Eigen::ArrayXd& values, const Eigen::VectorXd& weights) {
    Eigen::VectorXd defined = values, absent = Eigen::VectorXd::Zero(values.size());
    bool any_absent = false;
    for (Index e = 0; e < values.size(); ++e) {
      if (!std::isnan(values(e))) continue;
      any_absent = true;
      absent(e) = 1;
      defined(e) = 0;
    }
    add_products(defined, weights, sums_);
    weights_ += weights;
    if (any_absent) add_products(absent, weights, missing());
  }
  /// later: of later examples, of the same size.
  void merge(const ReplicateSums& later) {
    sums_ += later.sums_;
    weights_ += later.weights_;
    if (later.missing_.size() > 0) missing() += later.missing_;
  }
  /// How many there are.
  Index replicates() const { return weights_.size(); }
  /// The percentile interval of the mean of an entry; NaN where no replicate has drawn a defined number.
  /// @throws ValueError a confidence not between 0 and 1
  ConfidenceInterval interval_of_mean(Index entry, double confidence) const {
    std::vector<double> means;
    for (Index r = 0; r < replicates(); ++r) {
      const double weight = weights_(r) - (missing_.size() > 0 ? missing_(entry, r) : 0);
      if (weight > 0) means.push_back(sums_(entry, r) / weight);
    }
    return percentile_interval(std::move(means), confidence);
  }
  /// visit(name, numbers, shape) for all that is to be stored, entries being of that shape; the missing
  /// weights are empty where none is missing.
  template <typename Self, typename Visit>
  static void each_part(Self& self, const std::vector<Index>& entries, const Visit& visit) {
    const Index replicates = self.replicates();
    visit("replicate_sums", self.sums_, PartShape{entries, replicates});
    visit("replicate_weights", self.weights_, PartShape{{replicates}});
    visit("replicate_missing", self.missing_, PartShape{entries, replicates});
  }

 private:
  /// sums [entry x replicate] += values [entry] times weights [replicate]
  static void add_products(const Eigen::VectorXd& values, const Eigen::VectorXd& weights,
                           Eigen::MatrixXd& sums) {
    for (Index r = 0; r < weights.size(); ++r) sums.col(r) += weights(r) * values;
  }
  Eigen::MatrixXd& missing() {
    if (missing_.size() == 0) missing_ = Eigen::MatrixXd::Zero(sums_.rows(), sums_.cols());
    return missing_;
  }

  Eigen::MatrixXd sums_;     // [entry x replicate]
  Eigen::VectorXd weights_;  // [replicate]
  Eigen::MatrixXd missing_;  // [entry x replicate] the weight of the examples that do not define the entry
};

}  // namespace attnscope
