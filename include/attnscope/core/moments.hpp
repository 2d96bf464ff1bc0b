#pragma once
#include <attnscope/core/states.hpp>

#include <algorithm>

namespace attnscope::detail {

/// Count, mean and sum of squared deviations of matrices, every entry by itself (Chan et al. 1983): what is
/// left of a corpus however long it is. All matrices have one shape.
class Moments {
 public:
  void add(const Eigen::ArrayXXd& value) {
    merge({Eigen::ArrayXXd::Ones(value.rows(), value.cols()), value});
  }
  /// The same, but undefined (NaN) entries are passed over.
  void add_defined(const Eigen::ArrayXXd& value) {
    const auto missing = value.isNaN();
    merge({missing.select(Eigen::ArrayXXd::Zero(value.rows(), value.cols()), 1.), missing.select(0., value)});
  }
  void merge(const Moments& later) {
    if (later.counts_.size() == 0) return;
    if (counts_.size() == 0) {
      *this = later;
      return;
    }
    const Eigen::ArrayXXd total = counts_ + later.counts_;
    const Eigen::ArrayXXd share = later.counts_ / total.max(1.), apart = later.mean_ - mean_;
    mean_ += apart * share;
    deviations_ += later.deviations_ + apart.square() * (counts_ * share);
    counts_ = total;
  }
  /// How often each entry was added.
  const Eigen::ArrayXXd& counts() const { return counts_; }
  /// The largest of the counts.
  Index count() const { return counts_.size() == 0 ? 0 : static_cast<Index>(counts_.maxCoeff()); }
  /// Undefined (NaN) where nothing was added.
  Eigen::ArrayXXd mean() const { return (counts_ > 0).select(mean_, undefined); }
  /// Of the entries; undefined (NaN) for fewer than two.
  Eigen::ArrayXXd standard_deviation() const { return spread(counts_ - 1); }
  /// Of the mean; undefined (NaN) for fewer than two.
  Eigen::ArrayXXd standard_error() const { return spread(counts_ * (counts_ - 1)); }

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
  Eigen::ArrayXXd spread(const Eigen::ArrayXXd& divisor) const {
    return (counts_ > 1).select((deviations_ / divisor).sqrt(), undefined);
  }

  Eigen::ArrayXXd counts_, mean_, deviations_;
};

}  // namespace attnscope::detail
