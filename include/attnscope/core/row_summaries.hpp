#pragma once
#include <attnscope/core/packed_heads.hpp>
#include <attnscope/core/vector_math.hpp>

namespace attnscope {

/// What a measure looks at that asks for no more than what one pass over a row tells, for single weights and
/// for column sums: some consecutive queries of one head, as HeadRows. Such measures share that pass, and a
/// source that computes its weights can leave them unfinished: here they are `raw(r)` times `factor(r)`.
/// A measure may say what it needs: `static constexpr SummaryParts summary_parts{.distance = false};`
template <typename Weight>
class RowSummaries : public HeadPlace {
 public:
  /// data: the first row's weight on key keys.first, unfinished; all other keys have weight 0.
  /// factors, summaries: [row]; columns: [key - keys.first] the sums of the weights, where they are known
  RowSummaries(const HeadPlace& place, const Weight* data, Index row_stride, Range keys,
               const Weight* factors, const RowSummary* summaries, const Weight* columns = nullptr)
      : HeadPlace(place),
        data_(data),
        row_stride_(row_stride),
        keys_(keys),
        factors_(factors),
        summaries_(summaries),
        columns_(columns) {}

  /// Row r by what one pass tells of it.
  const RowSummary& operator[](Index r) const { return summaries_[r]; }

  /// The keys that raw rows are over; on others no row has weight.
  Range keys() const { return keys_; }
  /// [key - keys().first] the unfinished weights of row r; times factor(r) they are the weights.
  std::span<const Weight> raw(Index r) const {
    return {data_ + r * row_stride_, static_cast<std::size_t>(keys_.size())};
  }
  /// What finishes raw(r).
  double factor(Index r) const { return static_cast<double>(factors_[r]); }

  /// One weight of row r; 0 on keys outside of keys().
  double weight(Index r, Index key) const {
    if (key < keys_.first || key >= keys_.last) return 0;
    return static_cast<double>(raw(r)[static_cast<std::size_t>(key - keys_.first)]) * factor(r);
  }
  /// The sum of the weights on some keys.
  double mass(Index r, Range keys) const {
    const Index first = std::clamp(keys.first, keys_.first, keys_.last) - keys_.first;
    const Index last = std::clamp(keys.last, keys_.first, keys_.last) - keys_.first;
    if (last <= first) return 0;
    return vector_math::sum(
               raw(r).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first))) *
           factor(r);
  }
  /// sums: [key] of all the layout's keys, to which each column's sum of weights is added.
  void add_columns(Eigen::Ref<Eigen::RowVectorXd> sums) const {
    constexpr Weight whole = 1;
    const auto seen = sums.segment(keys_.first, keys_.size());
    if (columns_)
      vector_math::add_columns(columns_, 0, 1, &whole, seen);
    else
      vector_math::add_columns(data_, row_stride_, size(), factors_, seen);
  }
  /// facts: [key - keys().first] all that the columns hold, added to what they held before. At most 256 rows.
  void add_column_facts(const simd::ColumnFacts& facts) const {
    vector_math::add_column_facts(data_, row_stride_, size(), keys_.size(), factors_, facts);
  }

 private:
  const Weight* data_;
  Index row_stride_;
  Range keys_;
  const Weight* factors_;
  const RowSummary* summaries_;
  const Weight* columns_;
};

/// Summaries of rows that are stored, in buffers that are kept.
template <typename Weight>
class Summariser {
 public:
  /// Valid until the next call. Column sums run in single precision over these rows. next: what is looked at
  /// after these, and fetched meanwhile. copy: [row x key] = the rows of floats, where not null.
  RowSummaries<Weight> of(const HeadRows<Weight>& rows, SummaryParts parts, const HeadRows<Weight>& next,
                          Weight* copy = nullptr) {
    summaries_.resize(static_cast<std::size_t>(rows.size()));
    Weight* columns = nullptr;
    if constexpr (std::is_same_v<Weight, float>) {
      if (rows.size() > 0) {
        if (parts.columns) columns = empty_columns(rows.row(0).data(), rows.keys());
        vector_math::summarise({rows.row(0).data(), rows.row_stride(), rows.size(), rows.keys(),
                                rows.position(0), next.row(0).data(), next.size()},
                               parts, summaries_.data(), columns, copy);
      }
    } else {
      for (Index r = 0; r < rows.size(); ++r)
        summaries_[static_cast<std::size_t>(r)] = vector_math::summary(rows.row(r), rows.position(r), parts);
    }
    return with(rows, summaries_.data(), columns);
  }
  /// The same, where nothing is looked at after these.
  RowSummaries<Weight> of(const HeadRows<Weight>& rows, SummaryParts parts) { return of(rows, parts, rows); }
  /// Where they are known already: [row], and maybe [key].
  RowSummaries<Weight> with(const HeadRows<Weight>& rows, const RowSummary* summaries,
                            const Weight* columns = nullptr) {
    if (ones_.size() < static_cast<std::size_t>(rows.size()))
      ones_.assign(static_cast<std::size_t>(rows.size()), Weight(1));
    return {rows,   rows.matrix().data(), rows.row_stride(), {0, rows.keys()}, ones_.data(), summaries,
            columns};
  }

  /// [key] zeros, to which column sums of these rows are added. Valid until the next call of this or of().
  Weight* empty_columns(const Weight* rows, Index keys) {
    const std::size_t room = vector_math::column_room(keys);
    Weight* const columns = detail::placed_like(rows, room, columns_);
    std::fill_n(columns, room, Weight(0));
    return columns;
  }

 private:
  std::vector<RowSummary> summaries_;
  std::vector<Weight> ones_, columns_;
};

}  // namespace attnscope
