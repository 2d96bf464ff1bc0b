#pragma once
#include <attnscope/core/row_summaries.hpp>

namespace attnscope {

/// What a measure looks at that asks for no more of two aligned rows than the sums of their products: some
/// consecutive queries of one head, as HeadRows. The pass that makes them is the one that checks the
/// companion, so that its numbers are read once.
template <typename Weight, typename Companion>
class RowProducts : public HeadPlace {
 public:
  /// products: [row]
  RowProducts(const HeadPlace& place, const simd::ProductSums* products)
      : HeadPlace(place), products_(products) {}

  /// Row r of the attention times that of the companion, number by number.
  const simd::ProductSums& operator[](Index r) const { return products_[r]; }

 private:
  const simd::ProductSums* products_;
};

/// Products of rows that are stored, in buffers that are kept.
template <typename Weight, typename Companion>
class Multiplier {
 public:
  /// Valid until the next call. Where one row is longer than the other, the rest is hidden and 0. next ones:
  /// what is looked at after these, and fetched meanwhile.
  RowProducts<Weight, Companion> of(const HeadRows<Weight>& rows, const HeadRows<Weight>& next_rows,
                                    const HeadRows<Companion>& companion,
                                    const HeadRows<Companion>& next_companion) {
    const Index keys = std::min(rows.keys(), companion.keys());
    products_.resize(static_cast<std::size_t>(rows.size()));
    if (rows.size() > 0)
      vector_math::products(stored(rows, keys, next_rows), stored(companion, keys, next_companion),
                            products_.data());
    return {rows, products_.data()};
  }
  /// Sum and sign of the rows of the last call, for who checks them; all else in these is 0. Valid until the
  /// next call.
  RowSummaries<Weight> sums(const HeadRows<Weight>& rows) {
    return first_.with(rows, summaries([](const simd::ProductSums& row) {
                         return RowSummary{.sum = row.first_sum, .smallest = row.smallest};
                       }));
  }
  /// The sums of the companion's rows.
  RowSummaries<Companion> companion_sums(const HeadRows<Companion>& companion) {
    return other_.with(
        companion, summaries([](const simd::ProductSums& row) { return RowSummary{.sum = row.other_sum}; }));
  }

 private:
  template <typename Number>
  static simd::StoredRows<Number> stored(const HeadRows<Number>& rows, Index keys,
                                         const HeadRows<Number>& next) {
    return {rows.row(0).data(), rows.row_stride(), rows.size(), keys, 0, next.row(0).data(), next.size()};
  }
  template <typename Tell>
  const RowSummary* summaries(const Tell& tell) {
    summaries_.resize(products_.size());
    std::transform(products_.begin(), products_.end(), summaries_.begin(), tell);
    return summaries_.data();
  }

  std::vector<simd::ProductSums> products_;
  std::vector<RowSummary> summaries_;
  Summariser<Weight> first_;
  Summariser<Companion> other_;
};

}  // namespace attnscope
