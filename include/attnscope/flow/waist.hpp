#pragma once
#include <attnscope/core/ordered_tasks.hpp>
#include <attnscope/flow/sink_flow.hpp>
#include <attnscope/flow/trivial_cut.hpp>

#include <map>

namespace attnscope::detail {

/// [source x input token] in units: what every flow lies between.
struct FlowBounds {
  /// Bounds this near to one another, relative to the upper one, are one number.
  static constexpr double tolerance = 1e-10;

  Eigen::MatrixXd lower, upper;

  bool meet(Index i, Index j) const { return lower(i, j) >= upper(i, j) * (1 - tolerance); }
  Index open() const {
    Index pairs = 0;
    for (Index j = 0; j < lower.cols(); ++j)
      for (Index i = 0; i < lower.rows(); ++i) pairs += meet(i, j) ? 0 : 1;
    return pairs;
  }
};

/// The members of the largest class of equal rows.
inline std::vector<Index> largest_class(const BitMatrix& sets) {
  std::map<std::vector<Word>, std::vector<Index>> classes;
  for (Index i = 0; i < sets.rows(); ++i) classes[{sets.row(i), sets.row(i) + sets.words()}].push_back(i);
  std::vector<Index> largest;
  for (auto& [set, members] : classes)
    if (members.size() > largest.size()) largest = std::move(members);
  return largest;
}

/// Flow that stands at the upper nodes, spread over their arcs in proportion to capacity; what a node's arcs
/// cannot hold is lost.
inline Eigen::RowVectorXd spread_down(const Eigen::RowVectorXd& flow, const Arcs& arcs) {
  Eigen::RowVectorXd below = Eigen::RowVectorXd::Zero(flow.size());
  for (Index k = 0; k < flow.size(); ++k) {
    const double most = arcs.capacity.row(k).sum();
    if (flow(k) > 0 && most > 0) below += std::min(1., flow(k) / most) * arcs.capacity.row(k);
  }
  return below;
}

/// A waist of the stack: levels bottom <= top between which one flow is fixed in advance, `profile` at the
/// top, spread in proportion to capacity below it. A source that fills a of it from above and a sink that is
/// filled with b of it from below share at least a + b - |profile|. So 2 tokens flows bound tokens^2 ones,
/// and in deep stacks of dense layers the bound is nearly always the trivial cut.
class Waist {
 public:
  Waist(const CapacityGrid& grid, Index depth, Index top, Index bottom)
      : grid_(grid), depth_(depth), top_(top), bottom_(bottom) {}

  /// Raises lower bounds, and lowers upper ones where an input takes less than its trivial cut. False if the
  /// sources do not share enough of the waist to try: fewer than an eighth reach the same nodes of it.
  bool tighten(FlowBounds& bounds, int threads) {
    const std::vector<Index> sources = largest_class(reach_down(grid_, depth_, top_));
    if (8 * static_cast<Index>(sources.size()) < grid_.tokens()) return false;
    set_profile(sources);
    const Eigen::RowVectorXd most = bounds.upper.colwise().maxCoeff();
    Eigen::RowVectorXd filled, taken, limit;
    const auto work = [&] {
      return [&](Index half) {
        half == 0 ? fill_from_above(filled) : fill_from_below(most, taken, limit);
        return half;
      };
    };
    ordered_tasks(2, thread_count(threads, 2), work, [](Index, Index) {});
    const double size = profile_.sum();
    for (Index j = 0; j < grid_.tokens(); ++j)
      for (Index i = 0; i < grid_.tokens(); ++i) {
        bounds.upper(i, j) = std::min(bounds.upper(i, j), limit(j));
        bounds.lower(i, j) = std::max(bounds.lower(i, j), filled(i) + taken(j) - size);
      }
    return true;
  }

 private:
  /// What the sources send on average. Whole numbers at the top; at the bottom nothing more than arrives.
  void set_profile(const std::vector<Index>& sources) {
    Eigen::RowVectorXd flow = Eigen::RowVectorXd::Zero(grid_.tokens());
    for (const Index i : sources) flow += grid_.down(depth_ - 1).capacity.row(i);
    flow /= static_cast<double>(sources.size());
    for (Index l = depth_ - 1; l-- > top_;) flow = spread_down(flow, grid_.down(l));
    for (double& number : flow) number = std::floor(number);
    profile_ = arriving_ = flow;
    if (top_ == bottom_) return;
    for (Index l = top_; l-- > bottom_;) arriving_ = spread_down(arriving_, grid_.down(l));
    for (double& number : arriving_)
      number = std::max(0., std::floor(number - 1));  // the unit is for the rounding of what was spread
  }
  /// [source] how much of the profile each can send.
  void fill_from_above(Eigen::RowVectorXd& filled) const {
    SinkFlow flow(layers_down(grid_, top_, depth_ - 1), grid_.tokens());
    flow.open(profile_);
    filled.resize(grid_.tokens());
    for (Index i = 0; i < grid_.tokens(); ++i) filled(i) = flow.solve(grid_.down(depth_ - 1).capacity.row(i));
  }
  /// [input] how much of the profile each can take; where that is less than both, `limit` is what it can take
  /// when every node of the waist has as much as a source can send.
  void fill_from_below(const Eigen::RowVectorXd& most, Eigen::RowVectorXd& taken,
                       Eigen::RowVectorXd& limit) const {
    SinkFlow flow(layers_up(grid_, 1, bottom_), grid_.tokens());
    taken = limit = most;
    flow.open(arriving_);
    for (Index j = 0; j < grid_.tokens(); ++j) taken(j) = flow.solve(grid_.up(0).capacity.row(j));
    const double size = arriving_.sum(), sent = grid_.down(depth_ - 1).capacity.rowwise().sum().maxCoeff();
    bool opened = false;
    for (Index j = 0; j < grid_.tokens(); ++j) {
      if (taken(j) >= std::min(size, most(j)) * (1 - FlowBounds::tolerance)) continue;
      if (!opened) flow.open(Eigen::RowVectorXd::Constant(grid_.tokens(), sent));
      opened = true;
      limit(j) = std::min(most(j), flow.solve(grid_.up(0).capacity.row(j), most(j)));
    }
  }

  const CapacityGrid& grid_;
  Index depth_, top_, bottom_;
  Eigen::RowVectorXd profile_, arriving_;
};

/// Bounds on the flows from level `depth` to the inputs, from waists that have proved worth their time, until
/// they meet or another waist does not pay.
inline void tighten_by_waists(const CapacityGrid& grid, Index depth, FlowBounds& bounds, int threads) {
  if (depth < 4 || grid.tokens() == 0) return;
  const Index half = (depth + 1) / 2;
  std::vector<std::pair<Index, Index>> waists;
  if (depth >= 8) waists.push_back({depth - 4, 5});
  waists.push_back({half, half});
  waists.push_back(depth < 8 ? std::pair{depth / 2, depth / 2} : std::pair{half + 1, half + 1});
  const Index pairs = grid.tokens() * grid.tokens();
  for (std::size_t tried = 0; tried < waists.size(); ++tried) {
    const auto [top, bottom] = waists[tried];
    if (top < bottom || bottom < 2 || top > depth - 2 || (tried > 0 && waists[tried] == waists[tried - 1]))
      continue;
    if (!Waist(grid, depth, top, bottom).tighten(bounds, threads)) return;
    const Index open = bounds.open();
    if (open == 0 || (tried > 0 && 10 * open > 9 * pairs)) return;
  }
}

}  // namespace attnscope::detail
