#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

namespace attnscope {

using Eigen::Index;

/// The partial states of the blocks 0, 1, 2, ... of a list, merged so that the result is the same to the bit
/// in whatever order, and by however many threads, shards or ranks, the blocks were made.
///
/// A node of level l at place k is the state of the blocks k 2^l .. (k + 1) 2^l - 1; it is made by merging
/// its two halves as soon as both are there, the earlier one first. So the nodes, and the total, depend on
/// which blocks there are alone. A run of n blocks is held by at most 2 log2(n) nodes.
///
/// State: merge(State&& later), associative up to rounding; a default-constructed one is neutral.
template <typename State>
class BlockTree {
 public:
  /// Neighbouring blocks, merged.
  struct Node {
    int level = 0;  ///< 2^level blocks
    State state;    ///< what is known of them
  };

  /// One more block. @throws ValueError it is there already, or negative
  void add(Index block, State state) { put(block, {0, std::move(state)}); }
  /// All nodes of another tree, whichever came first. @throws ValueError a block is in both; then nothing has
  /// changed
  void merge(BlockTree&& other) {
    for (const auto& [first, node] : other.nodes_) check_free(first, node.level);
    for (auto& [first, node] : other.nodes_) put(first, std::move(node));
    other.nodes_.clear();
  }
  /// A node of 2^level blocks. @throws ValueError it does not begin at a multiple of 2^level, or blocks of it
  /// are there already
  void put(Index first, Node node) {
    require<ValueError>(node.level >= 0 && node.level < 48 && first >= 0 && first % blocks(node) == 0,
                        "there is no node of level {} at block {}", node.level, first);
    check_free(first, node.level);
    for (;;) {
      const Index buddy = first ^ blocks(node);
      const auto found = nodes_.find(buddy);
      if (found == nodes_.end() || found->second.level != node.level) break;
      Node other = std::move(nodes_.extract(found).mapped());
      if (buddy < first) std::swap(node, other);
      node.state.merge(std::move(other.state));
      first = std::min(first, buddy);
      ++node.level;
    }
    nodes_.emplace(first, std::move(node));
  }

  /// By their first block.
  const std::map<Index, Node>& nodes() const { return nodes_; }
  /// Blocks that are there.
  Index size() const {
    Index count = 0;
    for (const auto& [first, node] : nodes_) count += blocks(node);
    return count;
  }
  /// Whether it is there.
  bool contains(Index block) const {
    const auto after = nodes_.upper_bound(block);
    return after != nodes_.begin() && block < end_of(*std::prev(after));
  }
  /// The runs [first, last) of the blocks 0 .. count - 1 that are not there.
  std::vector<std::pair<Index, Index>> missing(Index count) const {
    std::vector<std::pair<Index, Index>> gaps;
    Index at = 0;
    for (const auto& named : nodes_) {
      if (named.first >= count) break;
      if (named.first > at) gaps.emplace_back(at, named.first);
      at = end_of(named);
    }
    if (at < count) gaps.emplace_back(at, count);
    return gaps;
  }
  /// The state of the blocks 0 .. count - 1, all that there may be: the nodes, merged from the first on.
  /// @throws ValueError naming the first blocks that are missing, or are too many
  State total(Index count) const {
    const auto gaps = missing(count);
    require<ValueError>(gaps.empty(), "of {} blocks, {} .. {} are missing", count,
                        gaps.empty() ? 0 : gaps.front().first, gaps.empty() ? 0 : gaps.front().second - 1);
    require<ValueError>(size() == count, "{} blocks where there should be {}", size(), count);
    State all{};
    for (const auto& [first, node] : nodes_) all.merge(State(node.state));
    return all;
  }

 private:
  static Index blocks(const Node& node) { return Index{1} << node.level; }
  static Index end_of(const std::pair<const Index, Node>& named) {
    return named.first + blocks(named.second);
  }
  void check_free(Index first, int level) const {
    const auto after = nodes_.lower_bound(first + (Index{1} << level));
    const bool is_free = after == nodes_.begin() || end_of(*std::prev(after)) <= first;
    require<ValueError>(is_free, "block {} is there already",
                        is_free ? 0 : std::max(first, std::prev(after)->first));
  }

  std::map<Index, Node> nodes_;  // by their first block
};

}  // namespace attnscope
