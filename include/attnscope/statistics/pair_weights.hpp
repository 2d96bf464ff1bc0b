#pragma once
#include <attnscope/core/ranks.hpp>

#include <cstdint>
#include <numeric>
#include <span>

/// What Kendall's correlations and distances count, in n log n (Knight 1966; with weights Vigna 2015).
namespace attnscope::detail {

/// (x, y), ordered by x, then by y.
using Points = std::vector<std::pair<double, double>>;

inline Points ordered_points(const VectorView& x, const VectorView& y) {
  Points points;
  points.reserve(static_cast<std::size_t>(x.size()));
  for (Index i = 0; i < x.size(); ++i) points.emplace_back(x(i), y(i));
  std::sort(points.begin(), points.end());
  return points;
}

/// Sums over pairs of points, where a pair weighs as much as its two points together.
template <typename Number>
struct PairWeights {
  Number all = 0;
  Number tied_x = 0, tied_y = 0, tied_both = 0;  ///< both: also in each of the others
  Number discordant = 0;                         ///< x rises and y falls
  std::vector<Index> ties_x{}, ties_y{};         ///< the sizes of groups of two or more equal numbers

  Number concordant_minus_discordant() const { return all - tied_x - tied_y + tied_both - 2 * discordant; }
};

template <typename Number>
struct WeightedY {
  double y;
  Number weight;
};

template <typename Number>
Number sum_of_weights(std::span<const WeightedY<Number>> points) {
  return std::accumulate(points.begin(), points.end(), Number(0),
                         [](Number sum, const WeightedY<Number>& point) { return sum + point.weight; });
}

/// Sorts by y (a stable merge sort). Returns what the pairs weigh that change their order.
template <typename Number>
Number sort_and_weigh(std::span<WeightedY<Number>> points, std::span<WeightedY<Number>> buffer) {
  const std::size_t half = points.size() / 2;
  if (half == 0) return 0;
  const auto right = points.subspan(half);
  Number exchanged = sort_and_weigh(points.first(half), buffer) + sort_and_weigh(right, buffer);
  const auto left = buffer.first(half);
  std::copy_n(points.begin(), half, left.begin());
  Number waiting = sum_of_weights<Number>(left);
  for (std::size_t l = 0, r = 0; l < half;)
    if (r < right.size() && right[r].y < left[l].y) {
      exchanged += static_cast<Number>(half - l) * right[r].weight + waiting;
      points[l + r] = right[r];
      ++r;
    } else {
      waiting -= left[l].weight;
      points[l + r] = left[l];
      ++l;
    }
  return exchanged;
}

/// What the pairs within runs of equal points weigh; `sizes` gets those of two or more.
template <typename Number, typename Same>
Number weigh_ties(std::span<const WeightedY<Number>> points, const Same& same, std::vector<Index>* sizes) {
  Number sum = 0;
  for_each_run(static_cast<Index>(points.size()), same, [&](Range run) {
    if (run.size() < 2) return;
    if (sizes) sizes->push_back(run.size());
    sum += static_cast<Number>(run.size() - 1) *
           sum_of_weights(
               points.subspan(static_cast<std::size_t>(run.first), static_cast<std::size_t>(run.size())));
  });
  return sum;
}

/// weight(k): of points[k]
template <typename Number, typename Weight>
PairWeights<Number> pair_weights(const Points& points, const Weight& weight) {
  using Items = std::span<const WeightedY<Number>>;
  const Index n = static_cast<Index>(points.size());
  std::vector<WeightedY<Number>> items, buffer(points.size() / 2);
  items.reserve(points.size());
  for (Index k = 0; k < n; ++k) items.push_back({points[static_cast<std::size_t>(k)].second, weight(k)});

  PairWeights<Number> pairs;
  const auto point = [&](Index k) { return points[static_cast<std::size_t>(k)]; };
  const auto y = [&](Index k) { return items[static_cast<std::size_t>(k)].y; };
  pairs.all = static_cast<Number>(n - 1) * sum_of_weights<Number>(Items(items));
  pairs.tied_x = weigh_ties<Number>(
      items, [&](Index k, Index next) { return point(k).first == point(next).first; }, &pairs.ties_x);
  pairs.tied_both = weigh_ties<Number>(
      items, [&](Index k, Index next) { return point(k) == point(next); }, nullptr);
  pairs.discordant = sort_and_weigh<Number>(items, buffer);
  pairs.tied_y = weigh_ties<Number>(
      items, [&](Index k, Index next) { return y(k) == y(next); }, &pairs.ties_y);
  return pairs;
}

/// Every point weighs 1, and so every pair 2.
inline PairWeights<std::int64_t> count_pairs(const Points& points) {
  return pair_weights<std::int64_t>(points, [](Index) { return std::int64_t{1}; });
}

}  // namespace attnscope::detail
