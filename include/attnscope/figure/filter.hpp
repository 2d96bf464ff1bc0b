#pragma once
#include <attnscope/core/errors.hpp>

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace attnscope {

/// Which of the rows, columns, heads or layers of a figure it shows, by number; by default all.
struct Filter {
  std::vector<Eigen::Index> only = {};     ///< these, in this order; where none is named, all
  std::vector<Eigen::Index> without = {};  ///< and of them not these
};

/// Leaves the first token out: as a filter of columns, it takes the attention sink of many models out of the
/// picture, and out of the colour scale.
inline const Filter all_but_first{.without = {0}};

/// The numbers, of 0 to count - 1, that a filter keeps.
/// @throws with `what` ("column"): ShapeError a number that is not there, or none is left; ValueError a
/// number twice in `only`
inline std::vector<Eigen::Index> kept(const Filter& filter, Eigen::Index count, std::string_view what) {
  for (const auto* named : {&filter.only, &filter.without})
    for (const Eigen::Index i : *named)
      require<ShapeError>(0 <= i && i < count, "filter: {} {} of {}", what, i, count);
  std::vector<Eigen::Index> sorted = filter.only;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  require<ValueError>(twice == sorted.end(), "filter: {} {} twice", what, twice == sorted.end() ? 0 : *twice);
  std::vector<Eigen::Index> left = filter.only;
  if (left.empty())
    for (Eigen::Index i = 0; i < count; ++i) left.push_back(i);
  const auto is_left_out = [&](Eigen::Index i) {
    return std::find(filter.without.begin(), filter.without.end(), i) != filter.without.end();
  };
  left.erase(std::remove_if(left.begin(), left.end(), is_left_out), left.end());
  require<ShapeError>(!left.empty() || count == 0, "filter: no {} of {} is left", what, count);
  return left;
}

/// Those of `all` whose numbers are kept; none of none.
template <typename T>
std::vector<T> kept_of(const std::vector<T>& all, const std::vector<Eigen::Index>& numbers) {
  std::vector<T> some;
  if (all.empty()) return some;
  for (const Eigen::Index i : numbers) some.push_back(all[static_cast<std::size_t>(i)]);
  return some;
}

}  // namespace attnscope
