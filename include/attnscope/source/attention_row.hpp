#pragma once
#include <attnscope/source/source.hpp>

namespace attnscope {

/// [key] the weights of one query in one head, over all true keys of the example, hidden ones 0, without
/// reading any other row. example: batch element; query: counted from its first true token. The weights are
/// not checked. Cost: one row of all heads; from queries and keys of
/// one head, and the copy of its keys.
/// @throws ShapeError an example, head or query that is not there, or a query that is excluded
template <Attention A>
Eigen::VectorXd attention_row(const A& attention, Index example, Index head, Index query) {
  const auto source = source_of(attention);
  const Layout& layout = source.layout();
  detail::require_example(layout, example);
  const Index heads = layout.shape().heads;
  require<ShapeError>(head >= 0 && head < heads, "head {} of {}", head, heads);
  detail::require_query(layout, example, query);
  require<ShapeError>(layout.shows(example, query), "batch element {}: query {} is excluded", example, query);
  Eigen::VectorXd row = Eigen::VectorXd::Zero(layout.keys(example));
  auto reader = source.reader();
  if constexpr (SummarisingReader<decltype(reader), typename SourceOf<A>::Weight>)
    if (reader.summarises()) {
      const auto rows = reader.summarise(example, head, {query, query + 1}, {});
      for (Index key = rows.keys().first; key < rows.keys().last; ++key) row(key) = rows.weight(0, key);
      return row;
    }
  const auto rows = reader.read(example, {query, query + 1}).head(head);
  row.head(rows.keys()) = rows.matrix().row(0).template cast<double>();
  return row;
}

}  // namespace attnscope
