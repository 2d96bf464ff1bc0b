#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <string>

namespace attnscope {

/// The bins of a histogram, fixed before the first number comes, so that histograms of any parts of a corpus
/// add up.
///
/// Linear: `count` bins of one width over low .. high. By octaves, for numbers from 0 on whose size is not
/// known: bin 0 is what lies below `low`; above it each octave low 2^k .. low 2^(k+1) is cut into equally
/// wide bins, so that a bin is at most 1 / bins_an_octave of its numbers wide. Smaller numbers fall into the
/// first bin, larger ones into the last.
struct Bins {
  double low = 0;           ///< where the first bin begins; by octaves above 0, where the second does
  double high = 1;          ///< where the last one ends
  Eigen::Index count = 64;  ///< how many there are
  bool by_octaves = false;  ///< else linear

  /// Of one width.
  static Bins linear(double low, double high, Eigen::Index count) { return {low, high, count, false}; }
  /// From 2^first to 2^last.
  static Bins octaves(int first, int last, Eigen::Index bins_an_octave) {
    return {std::ldexp(1., first), std::ldexp(1., last), 1 + (last - first) * bins_an_octave, true};
  }
  bool operator==(const Bins&) const = default;

  /// Whether this is a histogram at all. @throws ValueError there are no such bins
  void check() const {
    const bool whole = count > 0 && std::isfinite(low) && std::isfinite(high) && low < high;
    require<ValueError>(whole && (!by_octaves || (low > 0 && bins_an_octave() > 0)), "there are no {}",
                        text());
  }

  /// The bin of a number.
  Eigen::Index of(double value) const {
    if (!(value >= low)) return 0;
    if (value >= high) return count - 1;
    if (!by_octaves) return std::min(count - 1, static_cast<Eigen::Index>((value - low) / width()));
    int octave = 0;
    const double within = 2 * std::frexp(value / low, &octave) - 1;  // 0 .. 1
    const double an_octave = static_cast<double>(bins_an_octave());
    return 1 + (octave - 1) * bins_an_octave() + static_cast<Eigen::Index>(within * an_octave);
  }
  /// Where a bin begins; of `count`: where the last one ends.
  double edge(Eigen::Index bin) const {
    if (!by_octaves) return bin == count ? high : low + static_cast<double>(bin) * width();
    if (bin == 0) return 0;
    const auto octave = static_cast<int>((bin - 1) / bins_an_octave());
    const double within =
        static_cast<double>((bin - 1) % bins_an_octave()) / static_cast<double>(bins_an_octave());
    return std::ldexp(low * (1 + within), octave);
  }
  /// "64 bins of 0 .. 1".
  std::string text() const {
    return fmt::format("{} bins{} of {} .. {}", count, by_octaves ? " by octaves" : "", low, high);
  }

 private:
  double width() const { return (high - low) / static_cast<double>(count); }
  Eigen::Index bins_an_octave() const {
    return (count - 1) / std::max<Eigen::Index>(1, std::lround(std::log2(high / low)));
  }
};

/// The smallest number that at least a `share` of the numbers do not exceed, from their histogram and
/// extremes: as numpy's quantile by "inverted_cdf", off by at most the width of the bin it falls into, within
/// which numbers are taken to lie evenly. NaN of none. Of numbers beyond the bins it is only known that they
/// lie between the extremes. counts: [bin]; share: 0..1. Cost: bins. @throws ValueError share
template <typename Counts>
double quantile_of_histogram(const Bins& bins, const Counts& counts, double smallest, double largest,
                             double share) {
  require<ValueError>(share >= 0 && share <= 1, "share = {} is not within 0 .. 1", share);
  double total = 0;
  for (Eigen::Index b = 0; b < bins.count; ++b) total += static_cast<double>(counts(b));
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  const double rank = std::max(1., std::ceil(share * total));
  double before = 0;
  Eigen::Index bin = 0;
  for (; before + static_cast<double>(counts(bin)) < rank; ++bin) before += static_cast<double>(counts(bin));
  const double within = (rank - before - .5) / static_cast<double>(counts(bin));
  const double from = bin == 0 ? std::min(smallest, bins.edge(0)) : bins.edge(bin);
  const double to = bin + 1 == bins.count ? std::max(largest, bins.high) : bins.edge(bin + 1);
  return std::clamp(from + within * (to - from), smallest, largest);
}

}  // namespace attnscope
