#pragma once
#include <attnscope/core/moments.hpp>
#include <attnscope/corpus/example_numbers.hpp>

namespace attnscope {

/// What is kept of one number of every head (or layer) over examples: count, mean and standard deviation,
/// the extremes and whose they are, a histogram, and bootstrap replicates of the mean. Undefined numbers are
/// passed over, each entry by itself. Memory: 8 (7 + bins / 2 + replicates) bytes an entry, and half as much
/// again where numbers are undefined.
class NumberStatistics {
 public:
  /// The empty one. @throws ValueError there are no such bins
  NumberStatistics(Bins bins, Index layers, Index heads, Index replicates)
      : bins_(bins),
        layers_(layers),
        heads_(heads),
        smallest_(Eigen::ArrayXd::Constant(entries(), std::numeric_limits<double>::infinity())),
        largest_(-smallest_),
        smallest_at_(Places::Zero(entries())),
        largest_at_(Places::Zero(entries())),
        histogram_(Counts::Zero(entries(), bins.count)),
        replicates_(entries(), replicates) {
    bins.check();
  }

  /// Of the tables.
  Index layers() const { return layers_; }
  /// Of each layer; 1 of numbers of layers.
  Index heads() const { return heads_; }
  /// Of the histograms.
  const Bins& bins() const { return bins_; }

  /// What is unlike in another table of the same name, and so cannot be pooled with this one; empty if
  /// nothing is.
  std::string unlike(Index layers, Index heads, const Bins& bins) const {
    if (layers != layers_ || heads != heads_)
      return fmt::format("[{} x {}] here and [{} x {}] before", layers, heads, layers_, heads_);
    if (bins != bins_) return fmt::format("{} here and {} before", bins.text(), bins_.text());
    return "";
  }
  /// values: [layer x head], finite or NaN; place: a number that tells the example; weights: [replicate].
  void add(const Eigen::ArrayXXd& values, std::uint64_t place, const Eigen::VectorXd& weights) {
    Eigen::ArrayXd flat(entries());
    for (Index e = 0; e < entries(); ++e) flat(e) = values(e / heads_, e % heads_);
    moments_.add_defined(flat);
    replicates_.add(flat, weights);
    for (Index e = 0; e < entries(); ++e) {
      if (std::isnan(flat(e))) continue;
      ++histogram_(e, bins_.of(flat(e)));
      extend(e, flat(e), place, flat(e), place);
    }
  }
  /// later: of later examples; unlike() finds nothing in it.
  void merge(const NumberStatistics& later) {
    moments_.merge(later.moments_);
    replicates_.merge(later.replicates_);
    histogram_ += later.histogram_;
    for (Index e = 0; e < entries(); ++e)
      extend(e, later.smallest_(e), later.smallest_at_(e), later.largest_(e), later.largest_at_(e));
  }

  /// [layer x head] examples where the number is defined.
  Eigen::ArrayXXd counts() const {
    if (moments_.count() == 0) return Eigen::ArrayXXd::Zero(layers_, heads_);
    return of_heads(moments_.counts());
  }
  /// [layer x head] NaN where nothing was defined.
  Eigen::ArrayXXd mean() const { return of_heads(moments_.mean()); }
  /// [layer x head] of the examples; NaN for fewer than two.
  Eigen::ArrayXXd standard_deviation() const { return of_heads(moments_.standard_deviation()); }
  /// [layer x head] of the mean; NaN for fewer than two.
  Eigen::ArrayXXd standard_error() const { return of_heads(moments_.standard_error()); }
  /// [layer x head] NaN where nothing was defined.
  Eigen::ArrayXXd smallest() const { return of_heads(known(smallest_)); }
  /// [layer x head] NaN where nothing was defined.
  Eigen::ArrayXXd largest() const { return of_heads(known(largest_)); }
  /// The first example with that number, as it was called in add(); 0 where nothing was defined.
  std::uint64_t smallest_at(Index layer, Index head) const { return smallest_at_(layer * heads_ + head); }
  /// The same of the largest number.
  std::uint64_t largest_at(Index layer, Index head) const { return largest_at_(layer * heads_ + head); }
  /// [layer x head] by quantile_of_histogram(); NaN where nothing was defined. share: 0..1. @throws
  /// ValueError share
  Eigen::ArrayXXd quantile(double share) const {
    return each_head([&](Index e) {
      return quantile_of_histogram(bins_, histogram_.row(e), smallest_(e), largest_(e), share);
    });
  }
  /// [bin] how many examples fell into each bin.
  Eigen::ArrayXd histogram(Index layer, Index head) const {
    Eigen::ArrayXd counts(bins_.count);
    for (Index bin = 0; bin < counts.size(); ++bin)
      counts(bin) = static_cast<double>(histogram_(layer * heads_ + head, bin));
    return counts;
  }
  /// The percentile interval of the mean over replicates, where two examples or more are defined, else NaN.
  /// @throws ValueError a confidence not between 0 and 1
  ConfidenceInterval interval_of_mean(Index layer, Index head, double confidence = .95) const {
    const Index entry = layer * heads_ + head;
    if (moments_.count() == 0 || moments_.counts()(entry) < 2) return {};
    return replicates_.interval_of_mean(entry, confidence);
  }
  /// The places of all extremes: visit(place).
  template <typename Visit>
  void each_extreme(const Visit& visit) const {
    for (Index e = 0; e < entries(); ++e) {
      if (smallest_(e) > largest_(e)) continue;
      visit(smallest_at_(e));
      visit(largest_at_(e));
    }
  }
  /// visit(name, numbers, shape) for all that is to be stored.
  template <typename Self, typename Visit>
  static void each_part(Self& self, const Visit& visit) {
    const std::vector<Index> shape{self.layers_, self.heads_};
    const auto of_heads = [&](const char* name, auto& numbers) { visit(name, numbers, PartShape{shape}); };
    detail::Moments::each_part(self.moments_, of_heads);
    of_heads("smallest", self.smallest_);
    of_heads("largest", self.largest_);
    of_heads("smallest_at", self.smallest_at_);
    of_heads("largest_at", self.largest_at_);
    visit("histogram", self.histogram_, PartShape{shape, self.bins_.count});
    ReplicateSums::each_part(self.replicates_, shape, visit);
  }

 private:
  using Places = Eigen::Array<std::uint64_t, Eigen::Dynamic, 1>;
  using Counts = Eigen::Array<std::uint32_t, Eigen::Dynamic, Eigen::Dynamic>;

  Index entries() const { return layers_ * heads_; }
  void extend(Index e, double low, std::uint64_t low_at, double high, std::uint64_t high_at) {
    if (low < smallest_(e)) {
      smallest_(e) = low;
      smallest_at_(e) = low_at;
    }
    if (high > largest_(e)) {
      largest_(e) = high;
      largest_at_(e) = high_at;
    }
  }
  Eigen::ArrayXd known(const Eigen::ArrayXd& extreme) const {
    Eigen::ArrayXd known = extreme;
    for (Index e = 0; e < entries(); ++e)
      if (smallest_(e) > largest_(e)) known(e) = undefined;
    return known;
  }
  Eigen::ArrayXXd of_heads(const Eigen::ArrayXXd& flat) const {
    if (flat.size() == 0) return Eigen::ArrayXXd::Constant(layers_, heads_, undefined);
    Eigen::ArrayXXd numbers(layers_, heads_);
    for (Index e = 0; e < entries(); ++e) numbers(e / heads_, e % heads_) = flat(e);
    return numbers;
  }
  template <typename Value>
  Eigen::ArrayXXd each_head(const Value& value) const {
    Eigen::ArrayXd flat(entries());
    for (Index e = 0; e < entries(); ++e) flat(e) = value(e);
    return of_heads(flat);
  }

  Bins bins_;
  Index layers_, heads_;
  detail::Moments moments_;
  Eigen::ArrayXd smallest_, largest_;  // [entry] inf and -inf where nothing was defined
  Places smallest_at_, largest_at_;    // [entry]
  Counts histogram_;                   // [entry x bin]
  ReplicateSums replicates_;
};

}  // namespace attnscope
