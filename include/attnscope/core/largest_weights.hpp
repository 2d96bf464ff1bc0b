#pragma once
#include <attnscope/core/vector_math.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace attnscope {

/// A key of a row, and the weight on it.
struct TopKey {
  Index key = 0;      ///< counted from the example's first true token
  double weight = 0;  ///< 0..1
  bool operator==(const TopKey&) const = default;
};

namespace detail {

/// The `count` (at least 1) keys of largest weight, the largest first; of equal ones the lower key. None of
/// weight 0 or below `min_weight`. Cost: one comparison a weight, and little more where the row is long.
template <typename Weight>
std::vector<TopKey> largest_weights(std::span<const Weight> row, Index count, double min_weight = 0) {
  const auto goes_first = [](const TopKey& a, const TopKey& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.key < b.key;
  };
  constexpr std::size_t run = 64;                // most runs have nothing to list, which vectors tell
  double bar = std::nextafter(min_weight, 0.0);  // what is listed must be above it
  std::vector<TopKey> best;
  for (std::size_t first = 0; first < row.size(); first += run) {
    const auto part = row.subspan(first, std::min(run, row.size() - first));
    if (!(static_cast<double>(vector_math::largest(part)) > bar)) continue;
    for (std::size_t j = 0; j < part.size(); ++j)
      if (const auto weight = static_cast<double>(part[j]); weight > bar)
        best.push_back({static_cast<Index>(first + j), weight});
    // Thinned out now and then, not at each: a later key does not displace an equal weight.
    if (static_cast<Index>(best.size()) / 2 < count) continue;
    std::nth_element(best.begin(), best.begin() + count - 1, best.end(), goes_first);
    best.resize(static_cast<std::size_t>(count));
    bar = best.back().weight;
  }
  const auto kept = best.begin() + std::min(count, static_cast<Index>(best.size()));
  std::partial_sort(best.begin(), kept, best.end(), goes_first);
  return {best.begin(), kept};
}

}  // namespace detail
}  // namespace attnscope
