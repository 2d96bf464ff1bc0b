#pragma once
#include <attnscope/sweep.hpp>

#include <optional>
#include <string>

namespace attnscope {

/// What one cell of a pooled map is of its weights.
enum class Pool {
  mean,     ///< their mean
  largest,  ///< the largest
};

/// Options of pooled_maps().
struct PooledMapsOptions {
  Index most_rows = 512;     ///< rows of cells, at most
  Index most_columns = 512;  ///< columns of cells, at most
  Pool pool = Pool::mean;    ///< what a cell is
  bool operator==(const PooledMapsOptions&) const = default;
};

/// The pooled maps of one example.
struct ExamplePooledMaps {
  std::vector<Eigen::MatrixXd> heads;  ///< [head] of [row x column], 0..1
  std::vector<Range> rows;             ///< [row] the queries in it
  std::vector<Range> columns;          ///< [column] the keys in it
};

/// Result of pooled_maps().
struct PooledMapsResult {
  std::vector<ExamplePooledMaps> examples;  ///< [example]
};

namespace detail {

/// Tokens in equal groups, of which the last may be smaller: no more than `most`.
class EqualGroups {
 public:
  EqualGroups(Index tokens, Index most)
      : tokens_(tokens), width_(std::max<Index>(1, (tokens + most - 1) / most)) {}
  Index count() const { return groups_before(tokens_); }
  Index of(Index token) const { return token / width_; }
  /// How many groups hold the tokens before this one.
  Index groups_before(Index end) const { return (end + width_ - 1) / width_; }
  Range tokens(Index group) const { return {group * width_, std::min(tokens_, (group + 1) * width_)}; }
  std::vector<Range> all() const {
    std::vector<Range> all;
    for (Index group = 0; group < count(); ++group) all.push_back(tokens(group));
    return all;
  }

 private:
  Index tokens_, width_;
};

/// The rows of cells that one state has seen of one example. Only these are kept, so that the states of all
/// parts of an example take the memory of one map a head.
class PooledPart {
 public:
  PooledPart(const Layout& layout, Index example, const PooledMapsOptions& options)
      : rows_(layout.queries(example), options.most_rows),
        columns_(layout.keys(example), options.most_columns),
        pool_(options.pool),
        cells_(static_cast<std::size_t>(layout.shape().heads)) {}

  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    for (Index r = 0; r < rows.size();) {
      const Index row = rows_.of(rows.query(r));
      if (!first_) first_ = row;
      const Index last = std::min(rows.size(), r + rows_.tokens(row).last - rows.query(r));
      add(rows, {r, last}, row);
      if (rows.head() == 0)
        for (; r < last; ++r) count_pairs(rows, r, row);
      r = last;
    }
  }
  void merge(PooledPart&& later) {
    if (!later.first_) return;
    if (!first_) first_ = later.first_;
    const Index skip = (*later.first_ - *first_) * columns_.count();
    const auto join = [&](std::vector<double>& to, const std::vector<double>& from, bool sum) {
      const auto size = skip + static_cast<Index>(from.size());
      if (static_cast<Index>(to.size()) < size) to.resize(static_cast<std::size_t>(size));
      auto cell = to.begin() + skip;
      for (const double value : from) {
        *cell = sum ? *cell + value : std::max(*cell, value);
        ++cell;
      }
    };
    for (std::size_t h = 0; h < cells_.size(); ++h) join(cells_[h], later.cells_[h], pool_ == Pool::mean);
    join(pairs_, later.pairs_, true);
  }
  ExamplePooledMaps result() const {
    ExamplePooledMaps maps{{}, rows_.all(), columns_.all()};
    const Index seen = static_cast<Index>(pairs_.size()) / std::max<Index>(1, columns_.count());
    for (const std::vector<double>& cells : cells_) {
      maps.heads.emplace_back(Eigen::MatrixXd::Zero(rows_.count(), columns_.count()));
      if (seen == 0) continue;
      const Cells values(cells.data(), seen, columns_.count()), pairs(pairs_.data(), seen, columns_.count());
      for (Index column = 0; column < values.cols(); ++column)
        for (Index row = 0; row < seen; ++row) {
          const double many = pool_ == Pool::mean ? std::max(1., pairs(row, column)) : 1;  // of no pair: 0
          maps.heads.back()(*first_ + row, column) = values(row, column) / many;
        }
    }
    return maps;
  }

 private:
  using Cells = Eigen::Map<const RowMatrix<double>>;

  /// The cells of a row of them, which exists from now on.
  double* at(std::vector<double>& cells, Index row) const {
    const auto first = static_cast<std::size_t>((row - *first_) * columns_.count());
    const std::size_t size = first + static_cast<std::size_t>(columns_.count());
    if (cells.size() < size) cells.resize(size);
    return cells.data() + first;
  }
  /// Rows r of one group: first over the queries, which vectorises, then over the keys of each cell.
  template <typename Weight>
  void add(const RowSummaries<Weight>& rows, Range part, Index row) {
    double* cells = at(cells_[static_cast<std::size_t>(rows.head())], row);
    const Range seen = rows.keys();
    if (seen.size() == 0) return;
    constexpr Index run = 256;  // the longest sum in the weights' precision
    for (Index first = part.first; first < part.last; first += run) {
      const Row<Weight> keys = over_queries(rows, {first, std::min(part.last, first + run)});
      const Index end_of_cells = columns_.groups_before(seen.last);
      for (Index cell = columns_.of(seen.first); cell < end_of_cells; ++cell) {
        const Range tokens = columns_.tokens(cell);
        const Weight* begin = keys.data() + (std::max(tokens.first, seen.first) - seen.first);
        const Weight* end = keys.data() + (std::min(tokens.last, seen.last) - seen.first);
        if (pool_ == Pool::mean)
          for (; begin < end; ++begin) cells[cell] += static_cast<double>(*begin);
        else
          cells[cell] = std::max(cells[cell], static_cast<double>(*std::max_element(begin, end)));
      }
    }
  }
  template <typename Weight>
  using Row = Eigen::Array<Weight, Eigen::Dynamic, 1>;
  /// [key] the sum, or the largest, of the weights of some queries.
  template <typename Weight>
  Row<Weight> over_queries(const RowSummaries<Weight>& rows, Range part) const {
    Row<Weight> keys = Row<Weight>::Zero(rows.keys().size());
    for (Index r = part.first; r < part.last; ++r) {
      const Eigen::Map<const Row<Weight>> raw(rows.raw(r).data(), keys.size());
      const auto factor = static_cast<Weight>(rows.factor(r));
      if (pool_ == Pool::mean)
        keys += raw * factor;
      else
        keys = keys.max(raw * factor);
    }
    return keys;
  }
  void count_pairs(const HeadPlace& rows, Index r, Index row) {
    double* pairs = at(pairs_, row);
    const Range seen = rows.visible(r);
    if (seen.size() == 0) return;
    const Index end_of_cells = columns_.groups_before(seen.last);
    for (Index cell = columns_.of(seen.first); cell < end_of_cells; ++cell) {
      const Range tokens = columns_.tokens(cell);
      const Range both{std::max(seen.first, tokens.first), std::min(seen.last, tokens.last)};
      pairs[cell] += static_cast<double>(rows.layout().count_keys(rows.example(), both));
    }
  }

  EqualGroups rows_, columns_;
  Pool pool_;
  std::optional<Index> first_{};            // the first row of cells that is kept
  std::vector<std::vector<double>> cells_;  // [head] of [row * column]: sums, or largest weights
  std::vector<double> pairs_{};             // [row * column] that a query sees, whatever the head
};

}  // namespace detail

/// See pooled_maps().
class PooledMapsMeasure {
 public:
  /// @throws ValueError a map of less than one row or column
  explicit PooledMapsMeasure(PooledMapsOptions options = {}) : options_(options) {
    require<ValueError>(options.most_rows >= 1 && options.most_columns >= 1, "maps of at most {} x {} cells",
                        options.most_rows, options.most_columns);
  }
  PooledMapsMeasure empty() const { return PooledMapsMeasure(options_); }

  static constexpr SummaryParts summary_parts{.entropy = false, .distance = false};
  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    examples_.at(rows, [&] { return detail::PooledPart(rows.layout(), rows.example(), options_); })
        .look(rows);
  }
  void merge(PooledMapsMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot join pooled maps of other options");
    examples_.merge(std::move(later.examples_));
  }
  PooledMapsResult result() const {
    PooledMapsResult result;
    for (const detail::PooledPart& part : examples_.parts()) result.examples.push_back(part.result());
    return result;
  }

 private:
  PooledMapsOptions options_;
  PerExample<detail::PooledPart> examples_;
};

/// Maps [query x key] small enough to be drawn, of attention of any length: consecutive queries, and
/// consecutive keys, share a row or column of cells, ceil(tokens / most) each, the last maybe fewer. A cell
/// is the mean weight, or the largest, of the pairs (query, key) in it that are seen: hidden pairs, excluded
/// tokens and padding do not count. So a cell on the causal border is the mean over its pairs at or below the
/// diagonal alone, not a paler one; at the edge of a window likewise. A cell of hidden pairs only is 0. Where
/// nothing needs to be pooled the maps are those of head_maps(). The n x n map never exists. attention:
/// [batch, head, query, key]. Cost: one or two operations a weight; memory: heads x cells doubles an example,
/// whatever the threads.
/// @throws ValueError most_rows or most_columns < 1
template <typename A>
PooledMapsResult pooled_maps(const A& attention, PooledMapsOptions options = {},
                             const SweepOptions& how = {}) {
  return measured(PooledMapsMeasure(options), attention, how);
}

/// A label for each cell, for `row_labels` and `column_labels` of a figure: its first token's number.
inline std::vector<std::string> cell_labels(const std::vector<Range>& cells) {
  std::vector<std::string> labels;
  for (const Range& tokens : cells) labels.push_back(fmt::format("{}", tokens.first));
  return labels;
}

}  // namespace attnscope
