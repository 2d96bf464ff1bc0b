#pragma once
#include <attnscope/core/states.hpp>

#include <algorithm>
#include <cmath>

namespace attnscope::detail {

/// Count, mean and sum of squared deviations of matrices, every entry by itself (Chan et al. 1983): what is
/// left of a corpus however long it is. All matrices have one shape.
class Moments {
 public:
  void add(const Eigen::ArrayXXd& value) {
    merge({Eigen::ArrayXXd::Ones(value.rows(), value.cols()), value});
  }
  /// The same, but undefined (NaN) entries are passed over.
  void add_defined(Eigen::ArrayXXd value) {
    Eigen::ArrayXXd counts = Eigen::ArrayXXd::Ones(value.rows(), value.cols());
    for (Index i = 0; i < value.size(); ++i)
      if (std::isnan(value(i))) counts(i) = value(i) = 0;
    merge({std::move(counts), std::move(value)});
  }
  void merge(const Moments& later) {
    if (later.counts_.size() == 0) return;
    if (counts_.size() == 0) {
      *this = later;
      return;
    }
    for (Index i = 0; i < counts_.size(); ++i) {
      const double total = counts_(i) + later.counts_(i);
      const double share = later.counts_(i) / std::max(total, 1.), apart = later.mean_(i) - mean_(i);
      mean_(i) += apart * share;
      deviations_(i) += later.deviations_(i) + apart * apart * (counts_(i) * share);
      counts_(i) = total;
    }
  }
  /// How often each entry was added.
  const Eigen::ArrayXXd& counts() const { return counts_; }
  /// The largest of the counts.
  Index count() const { return counts_.size() == 0 ? 0 : static_cast<Index>(counts_.maxCoeff()); }
  /// Undefined (NaN) where nothing was added.
  Eigen::ArrayXXd mean() const {
    return each([](double count, double mean, double) { return count > 0 ? mean : undefined; });
  }
  /// Of the entries; undefined (NaN) for fewer than two.
  Eigen::ArrayXXd standard_deviation() const {
    return each([](double count, double, double deviations) {
      return count > 1 ? std::sqrt(deviations / (count - 1)) : undefined;
    });
  }
  /// Of the mean; undefined (NaN) for fewer than two.
  Eigen::ArrayXXd standard_error() const {
    return each([](double count, double, double deviations) {
      return count > 1 ? std::sqrt(deviations / (count * (count - 1))) : undefined;
    });
  }

  /// visit(name, numbers) for all that is to be stored; nothing is in them where nothing was added.
  template <typename Self, typename Visit>
  static void each_part(Self& self, const Visit& visit) {
    visit("count", self.counts_);
    visit("mean", self.mean_);
    visit("squared_deviations", self.deviations_);
  }

  Moments() = default;

 private:
  Moments(Eigen::ArrayXXd counts, Eigen::ArrayXXd value)
      : counts_(std::move(counts)),
        mean_(std::move(value)),
        deviations_(Eigen::ArrayXXd::Zero(mean_.rows(), mean_.cols())) {}
  /// entry(count, mean, deviations) of every entry.
  template <typename Entry>
  Eigen::ArrayXXd each(const Entry& entry) const {
    Eigen::ArrayXXd entries(counts_.rows(), counts_.cols());
    for (Index i = 0; i < entries.size(); ++i) entries(i) = entry(counts_(i), mean_(i), deviations_(i));
    return entries;
  }

  Eigen::ArrayXXd counts_, mean_, deviations_;
};

}  // namespace attnscope::detail
