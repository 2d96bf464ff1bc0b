#pragma once
#include <attnscope/core/layout.hpp>

#include <cmath>
#include <utility>
#include <vector>

namespace attnscope {

/// [n] what statistics take: any vector of doubles, row or column. One that lies side by side is lent.
using VectorView = Eigen::Ref<const Eigen::VectorXd>;

namespace detail {

/// name: "x". @throws ValueError the first NaN, naming its index; infinity has a rank
inline void check_ordered(const char* name, const VectorView& x) {
  for (Index i = 0; i < x.size(); ++i) require<ValueError>(!std::isnan(x(i)), "{}[{}] is {}", name, i, x(i));
}
/// @throws ShapeError
inline void check_same_size(const VectorView& x, const VectorView& y) {
  require<ShapeError>(x.size() == y.size(), "x has {} numbers, but y has {}", x.size(), y.size());
}

/// act(run) for each longest run of 0 .. size-1 in which same(i - 1, i).
template <typename Same, typename Act>
void for_each_run(Index size, const Same& same, const Act& act) {
  for (Index first = 0, last; first < size; first = last) {
    last = first + 1;
    while (last < size && same(last - 1, last)) ++last;
    act(Range{first, last});
  }
}

/// The numbers with their indices, the largest first; equal ones by index.
inline std::vector<std::pair<double, Index>> in_falling_order(const VectorView& x) {
  std::vector<std::pair<double, Index>> order;
  order.reserve(static_cast<std::size_t>(x.size()));
  for (Index i = 0; i < x.size(); ++i) order.emplace_back(-x(i), i);
  std::sort(order.begin(), order.end());
  for (auto& [number, index] : order) number = -number;
  return order;
}

}  // namespace detail

/// [n] ranks 1 .. n from the smallest up; equal numbers share the mean of theirs. Cost: n log n.
/// @throws ValueError NaN, naming its index
inline Eigen::VectorXd average_ranks(const VectorView& x) {
  detail::check_ordered("x", x);
  const auto order = detail::in_falling_order(x);
  const auto at = [&](Index k) { return order[static_cast<std::size_t>(k)]; };
  Eigen::VectorXd ranks(x.size());
  detail::for_each_run(
      x.size(), [&](Index k, Index next) { return at(k).first == at(next).first; },
      [&](Range run) {
        // Counted from the largest down these are run.first + 1 .. run.last.
        const double rank = static_cast<double>(x.size()) - static_cast<double>(run.first + run.last - 1) / 2;
        for (Index k = run.first; k < run.last; ++k) ranks(at(k).second) = rank;
      });
  return ranks;
}

}  // namespace attnscope
