#pragma once
#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace attnscope {

using Eigen::Index;

/// A key of a row, and the weight on it.
struct TopKey {
  Index key = 0;
  double weight = 0;
  bool operator==(const TopKey&) const = default;
};

namespace detail {

/// The `count` (at least 1) keys of largest weight, the largest first; of equal ones the lower key. None of
/// weight 0 or below `min_weight`. Cost: one comparison a weight, log(count) for each that is listed for a
/// while.
template <typename Weight>
std::vector<TopKey> largest_weights(std::span<const Weight> row, Index count, double min_weight = 0) {
  const auto goes_first = [](const TopKey& a, const TopKey& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.key < b.key;
  };
  std::vector<TopKey> heap;  // the one that would go next is in front
  for (std::size_t key = 0; key < row.size(); ++key) {
    const auto weight = static_cast<double>(row[key]);
    const bool full = static_cast<Index>(heap.size()) == count;
    // A later key does not displace an equal weight.
    if (!(full ? weight > heap.front().weight : weight > 0 && weight >= min_weight)) continue;
    if (full) {
      std::pop_heap(heap.begin(), heap.end(), goes_first);
      heap.pop_back();
    }
    heap.push_back({static_cast<Index>(key), weight});
    std::push_heap(heap.begin(), heap.end(), goes_first);
  }
  std::sort_heap(heap.begin(), heap.end(), goes_first);
  return heap;
}

}  // namespace detail
}  // namespace attnscope
