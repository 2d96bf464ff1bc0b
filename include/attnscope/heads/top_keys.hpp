#pragma once
#include <attnscope/core/largest_weights.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/sweep.hpp>

namespace attnscope {

/// Options of top_keys().
struct TopKeysOptions {
  Index count = 5;                            ///< keys a row, at most
  std::vector<std::vector<Index>> queries{};  ///< [batch element] true queries that are asked for; none: all
  bool operator==(const TopKeysOptions&) const = default;
};

/// The top keys of one example.
struct ExampleTopKeys {
  std::vector<Index> queries;                           ///< whose keys are listed, in the order of the text
  std::vector<std::vector<std::vector<TopKey>>> heads;  ///< [head][i] the keys of queries[i], largest first
};

/// Result of top_keys().
struct TopKeysResult {
  std::vector<ExampleTopKeys> examples;  ///< [example]
};

namespace detail {

/// @throws ShapeError lists that are not one a batch element; a query that is not there
inline void check_queries(const Layout& layout, const std::vector<std::vector<Index>>& queries) {
  require<ShapeError>(queries.empty() || static_cast<Index>(queries.size()) == layout.shape().batch,
                      "{} lists of queries for a batch of {}", queries.size(), layout.shape().batch);
  for (std::size_t b = 0; b < queries.size(); ++b)
    for (const Index query : queries[b]) require_query(layout, static_cast<Index>(b), query);
}

/// [batch element] the true queries that are not named.
inline std::vector<std::vector<Index>> other_queries(const Layout& layout,
                                                     const std::vector<std::vector<Index>>& queries) {
  std::vector<std::vector<Index>> others(queries.size());
  for (std::size_t b = 0; b < queries.size(); ++b) {
    std::vector<bool> named(static_cast<std::size_t>(layout.queries(static_cast<Index>(b))));
    for (const Index query : queries[b]) named[static_cast<std::size_t>(query)] = true;
    for (std::size_t query = 0; query < named.size(); ++query)
      if (!named[query]) others[b].push_back(static_cast<Index>(query));
  }
  return others;
}

}  // namespace detail

/// See top_keys(). A sweep reads all rows; top_keys() only those of the queries that are asked for.
class TopKeysMeasure {
 public:
  /// @throws ValueError count < 1
  explicit TopKeysMeasure(TopKeysOptions options = {}) : options_(std::move(options)) {
    require<ValueError>(options_.count >= 1, "count = {} is below 1", options_.count);
    for (std::vector<Index>& queries : options_.queries) std::sort(queries.begin(), queries.end());
  }
  TopKeysMeasure empty() const { return TopKeysMeasure(options_); }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false};
  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    Part& part = examples_.at(rows, [&] {
      detail::check_queries(rows.layout(), options_.queries);
      return Part(rows.layout().shape().heads);
    });
    for (Index r = 0; r < rows.size(); ++r) {
      if (!asks_for(rows.example(), rows.query(r))) continue;
      if (rows.head() == 0) part.queries.push_back(rows.query(r));
      part.heads[static_cast<std::size_t>(rows.head())].push_back(largest(rows, r));
    }
  }
  void merge(TopKeysMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool the top {} and {} keys of other queries",
                        options_.count, later.options_.count);
    examples_.merge(std::move(later.examples_));
  }
  TopKeysResult result() const {
    TopKeysResult result;
    for (const Part& part : examples_.parts()) result.examples.push_back(part);
    return result;
  }

 private:
  struct Part : ExampleTopKeys {
    explicit Part(Index count) { heads.resize(static_cast<std::size_t>(count)); }
    void merge(Part&& later) {
      queries.insert(queries.end(), later.queries.begin(), later.queries.end());
      for (std::size_t h = 0; h < heads.size(); ++h)
        std::move(later.heads[h].begin(), later.heads[h].end(), std::back_inserter(heads[h]));
    }
  };

  template <typename Weight>
  std::vector<TopKey> largest(const RowSummaries<Weight>& rows, Index r) const {
    std::vector<TopKey> keys = detail::largest_weights(rows.raw(r), options_.count);
    for (TopKey& key : keys) key = {key.key + rows.keys().first, key.weight * rows.factor(r)};
    return keys;
  }
  bool asks_for(Index example, Index query) const {
    if (options_.queries.empty()) return true;
    const std::vector<Index>& asked = options_.queries[static_cast<std::size_t>(example)];
    return std::binary_search(asked.begin(), asked.end(), query);
  }

  TopKeysOptions options_;
  PerExample<Part> examples_;
};

/// Where queries look: in each head the `count` keys of largest weight, of equal ones the lower key; keys of
/// weight 0 are not listed, so that a row may have fewer, or none. Queries are those that options.queries
/// names, in the order of the text, whatever theirs; of excluded ones nothing is listed. attention:
/// [batch, head, query, key]. Cost: one comparison a weight of the rows asked for, no other is read; memory:
/// `count` keys a row and head.
/// @throws ValueError count < 1; ShapeError a query that is not there, naming batch element and query
template <Attention A>
TopKeysResult top_keys(const A& attention, const TopKeysOptions& options = {}, const SweepOptions& how = {}) {
  const auto source = source_of(attention);
  const Layout& layout = source.layout();
  detail::check_queries(layout, options.queries);
  if (options.queries.empty()) return measured(TopKeysMeasure(options), source, how);
  return measured(TopKeysMeasure(options),
                  exclude_tokens(source, {.queries = detail::other_queries(layout, options.queries)}), how);
}

}  // namespace attnscope
