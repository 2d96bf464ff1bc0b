#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace attnscope {

using Eigen::Index;

/// Sizes of stored attention, padding included.
struct Shape {
  Index batch = 1;    ///< examples side by side
  Index heads = 1;    ///< query heads
  Index queries = 0;  ///< rows of a map: target tokens of cross-attention
  Index keys = 0;     ///< columns of a map: source tokens of cross-attention
  bool operator==(const Shape&) const = default;
};

/// Half-open range of tokens.
struct Range {
  Index first = 0;                             ///< the first token
  Index last = 0;                              ///< the first one behind it
  Index size() const { return last - first; }  ///< how many
  bool operator==(const Range&) const = default;
};

/// Which keys a query may see. An empty list means: nothing is padding, nothing is excluded.
struct Mask {
  bool causal = false;     ///< stored query i sees the stored keys 0 .. i + query_offset
  Index query_offset = 0;  ///< where stored query 0 stands among the stored keys (a cache: keys - queries)
  Index sliding_window =
      0;  ///< a query sees at most this many keys, ending at its own; 0 = all. Needs `causal`
  std::vector<Index> query_lengths{};  ///< [batch] true tokens; what lies outside is padding and never shown
  std::vector<Index> key_lengths{};    ///< [batch]
  std::vector<Index> query_starts{};   ///< [batch] stored index of the first true token (padding on the left)
  std::vector<Index> key_starts{};     ///< [batch]
  std::vector<std::vector<Index>> excluded_queries{};  ///< [batch] true tokens whose rows are not shown
  std::vector<std::vector<Index>> excluded_keys{};     ///< [batch] true tokens that nobody sees
  bool operator==(const Mask&) const = default;
};

/// `mask` with the padding of self-attention, where token i is both query i and key i.
/// lengths, starts: [batch]; no starts: the padding is on the right.
inline Mask self_padding(std::vector<Index> lengths, std::vector<Index> starts = {}, Mask mask = {}) {
  mask.query_lengths = lengths;
  mask.key_lengths = std::move(lengths);
  mask.query_starts = starts;
  mask.key_starts = std::move(starts);
  return mask;
}

/// Shape and mask, checked once: every source has one, and every question about padding or causality is
/// answered here. All tokens are counted from the example's first true token, so that the side of the padding
/// is forgotten.
class Layout {
 public:
  Layout() = default;

  /// @throws ShapeError negative sizes; lists that are not [batch] or reach beyond the shape; a window
  /// without `causal`
  explicit Layout(Shape shape, Mask mask = {}) : shape_(shape), mask_(std::move(mask)) {
    require<ShapeError>(shape.batch >= 0 && shape.heads >= 0 && shape.queries >= 0 && shape.keys >= 0,
                        "negative size in [batch {}, head {}, query {}, key {}]", shape.batch, shape.heads,
                        shape.queries, shape.keys);
    require<ShapeError>(mask_.sliding_window >= 0, "sliding_window = {} is negative", mask_.sliding_window);
    require<ShapeError>(mask_.sliding_window == 0 || mask_.causal,
                        "sliding_window = {} needs causal attention", mask_.sliding_window);
    check_size("query_starts", mask_.query_starts.size());
    check_size("query_lengths", mask_.query_lengths.size());
    check_span("query", mask_.query_starts, mask_.query_lengths, shape.queries);
    check_size("key_starts", mask_.key_starts.size());
    check_size("key_lengths", mask_.key_lengths.size());
    check_span("key", mask_.key_starts, mask_.key_lengths, shape.keys);
    sort_excluded("excluded_queries", mask_.excluded_queries, &Layout::queries);
    sort_excluded("excluded_keys", mask_.excluded_keys, &Layout::keys);
  }

  const Shape& shape() const { return shape_; }  ///< sizes, padding included
  const Mask& mask() const { return mask_; }     ///< what is hidden; excluded tokens in rising order

  /// How many true queries an example has, excluded ones included.
  Index queries(Index example) const {
    return length(mask_.query_starts, mask_.query_lengths, example, shape_.queries);
  }
  /// How many true keys, excluded ones included.
  Index keys(Index example) const {
    return length(mask_.key_starts, mask_.key_lengths, example, shape_.keys);
  }
  /// Stored index of the first true query.
  Index query_start(Index example) const { return at(mask_.query_starts, example, 0); }
  /// Stored index of the first true key.
  Index key_start(Index example) const { return at(mask_.key_starts, example, 0); }

  /// The key at which a query itself stands; distances are measured from here. May lie outside the keys.
  Index position(Index example, Index query) const {
    return query_start(example) + query + mask_.query_offset - key_start(example);
  }
  /// Keys that a query may see, excluded ones among them; within 0 .. keys(example).
  Range visible(Index example, Index query) const {
    const Index all = keys(example);
    if (!mask_.causal) return {0, all};
    const Index own = position(example, query), last = std::clamp<Index>(own + 1, 0, all);
    const Index first = mask_.sliding_window > 0 ? own + 1 - mask_.sliding_window : 0;
    return {std::clamp<Index>(first, 0, last), last};
  }
  /// Keys that any of these queries may see; none for no queries.
  Range visible(Index example, Range queries) const {
    if (queries.size() == 0) return {};
    return {visible(example, queries.first).first, visible(example, queries.last - 1).last};
  }
  /// The true keys that nobody sees, in rising order.
  std::span<const Index> excluded_keys(Index example) const { return list(mask_.excluded_keys, example); }
  /// Whether nobody sees this true key.
  bool excludes_key(Index example, Index key) const {
    const std::span<const Index> excluded = excluded_keys(example);
    return std::binary_search(excluded.begin(), excluded.end(), key);
  }
  /// How many keys of a range are not excluded.
  Index count_keys(Index example, Range keys) const {
    const std::span<const Index> excluded = excluded_keys(example);
    if (excluded.empty()) return keys.size();
    const auto before = [&](Index key) { return std::lower_bound(excluded.begin(), excluded.end(), key); };
    return keys.size() - (before(keys.last) - before(keys.first));
  }
  /// How many keys a query really sees.
  Index visible_keys(Index example, Index query) const {
    return count_keys(example, visible(example, query));
  }

  /// The true queries whose rows are not shown, in rising order.
  std::span<const Index> excluded_queries(Index example) const {
    return list(mask_.excluded_queries, example);
  }
  /// Whether the row of a true query is shown.
  bool shows(Index example, Index query) const {
    const std::span<const Index> excluded = excluded_queries(example);
    return !std::binary_search(excluded.begin(), excluded.end(), query);
  }
  /// The runs of consecutive queries that are shown: one, unless some are excluded. At least one, maybe
  /// empty.
  std::vector<Range> shown_queries(Index example) const {
    std::vector<Range> runs;
    Index first = 0;
    const auto close = [&](Index last) {
      if (last > first) runs.push_back({first, last});
      first = last + 1;
    };
    for (const Index query : excluded_queries(example)) close(query);
    close(queries(example));
    if (runs.empty()) runs.push_back({0, 0});
    return runs;
  }

 private:
  static std::span<const Index> list(const std::vector<std::vector<Index>>& lists, Index example) {
    if (lists.empty()) return {};
    return lists[static_cast<std::size_t>(example)];
  }
  static Index at(const std::vector<Index>& list, Index example, Index otherwise) {
    return list.empty() ? otherwise : list[static_cast<std::size_t>(example)];
  }
  static Index length(const std::vector<Index>& starts, const std::vector<Index>& lengths, Index example,
                      Index all) {
    return at(lengths, example, all - at(starts, example, 0));
  }
  void check_size(const char* name, std::size_t entries) const {
    require<ShapeError>(entries == 0 || static_cast<Index>(entries) == shape_.batch,
                        "{} has {} entries for a batch of {}", name, entries, shape_.batch);
  }
  void check_span(const char* axis, const std::vector<Index>& starts, const std::vector<Index>& lengths,
                  Index size) const {
    for (Index b = 0; b < shape_.batch; ++b) {
      const Index start = at(starts, b, 0), count = length(starts, lengths, b, size);
      require<ShapeError>(start >= 0 && start <= size && count >= 0 && count <= size - start,
                          "batch element {}: {} tokens from {} do not fit into {} {} positions", b, count,
                          start, size, axis);
    }
  }
  /// tokens: of an example
  void sort_excluded(const char* name, std::vector<std::vector<Index>>& excluded,
                     Index (Layout::*tokens)(Index) const) const {
    check_size(name, excluded.size());
    for (Index b = 0; b < static_cast<Index>(excluded.size()); ++b) {
      std::vector<Index>& list = excluded[static_cast<std::size_t>(b)];
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
      require<ShapeError>(list.empty() || (list.front() >= 0 && list.back() < (this->*tokens)(b)),
                          "{}[{}] names token {}, but the true tokens are 0 .. {}", name, b,
                          list.empty() || list.front() < 0 ? (list.empty() ? 0 : list.front()) : list.back(),
                          (this->*tokens)(b)-1);
    }
  }

  Shape shape_;
  Mask mask_;
};

namespace detail {

/// @throws ShapeError a batch element that is not there
inline void require_example(const Layout& layout, Index example) {
  require<ShapeError>(example >= 0 && example < layout.shape().batch, "batch element {} of {}", example,
                      layout.shape().batch);
}
/// @throws ShapeError a true query that is not there
inline void require_query(const Layout& layout, Index example, Index query) {
  require<ShapeError>(query >= 0 && query < layout.queries(example), "batch element {}: query {} of {}",
                      example, query, layout.queries(example));
}

}  // namespace detail

}  // namespace attnscope
