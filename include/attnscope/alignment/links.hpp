#pragma once
#include <attnscope/alignment/link.hpp>
#include <attnscope/core/assignment.hpp>

#include <array>

namespace attnscope {

/// How extract_links() makes links of weights.
enum class LinkMethod {
  target_argmax,        ///< each target token with its source token of largest weight
  source_argmax,        ///< each source token with the target token that gives it the largest weight
  intersection,         ///< what both of these say
  union_of_both,        ///< what either says
  grow_diag,            ///< intersection, then neighbours from the union
  grow_diag_final,      ///< then what else is said of a token that has no link
  grow_diag_final_and,  ///< then what else is said of two tokens that have none
  itermax,              ///< intersection, repeated among what is left
  mutual_threshold,     ///< enough of the target's weight, and of the source's
  assignment,           ///< one to one, of the largest sum of weights
};

/// The settings of extract_links(), each of the methods that it names.
struct LinkOptions {
  LinkMethod method = LinkMethod::target_argmax;  ///< any of them; the others' settings have no effect
  Index iterations = 2;                           ///< of itermax, the intersection being the first
  double discount = .9;    ///< of itermax, 0..1: the factor on pairs of which one token has a link
  double threshold = .25;  ///< of mutual_threshold, 0..1: the share of its row, and of its column, that a
                           ///< weight must exceed
};

namespace detail {

/// Which tokens are linked, and which have a link at all.
class LinkGrid {
 public:
  LinkGrid(Index targets, Index sources)
      : linked_(static_cast<std::size_t>(targets * sources), false),
        target_links_(static_cast<std::size_t>(targets), 0),
        source_links_(static_cast<std::size_t>(sources), 0) {}
  explicit LinkGrid(const Eigen::MatrixXd& weights) : LinkGrid(weights.rows(), weights.cols()) {}

  Index targets() const { return static_cast<Index>(target_links_.size()); }
  Index sources() const { return static_cast<Index>(source_links_.size()); }
  /// false outside, too
  bool has(Index target, Index source) const {
    return target >= 0 && source >= 0 && target < targets() && source < sources() &&
           linked_[at(target, source)];
  }
  bool has_target(Index target) const { return target_links_[static_cast<std::size_t>(target)] > 0; }
  bool has_source(Index source) const { return source_links_[static_cast<std::size_t>(source)] > 0; }
  void add(Index target, Index source) {
    if (has(target, source)) return;
    linked_[at(target, source)] = true;
    ++target_links_[static_cast<std::size_t>(target)];
    ++source_links_[static_cast<std::size_t>(source)];
  }
  /// act(target, source) for every pair, by target, then source.
  template <typename Act>
  void each_pair(const Act& act) const {
    for (Index t = 0; t < targets(); ++t)
      for (Index s = 0; s < sources(); ++s) act(t, s);
  }

 private:
  std::size_t at(Index target, Index source) const {
    return static_cast<std::size_t>(target * sources() + source);
  }
  std::vector<bool> linked_;
  std::vector<Index> target_links_, source_links_;
};

/// Where the largest number of each row, or of each column, stands, the first of equals; nowhere where all
/// are 0.
inline LinkGrid largest_by_line(const Eigen::MatrixXd& weights, bool by_row) {
  LinkGrid grid(weights);
  const Index lines = by_row ? grid.targets() : grid.sources(),
              others = by_row ? grid.sources() : grid.targets();
  for (Index i = 0; i < lines; ++i) {
    double most = 0;
    Index largest = -1;
    for (Index j = 0; j < others; ++j)
      if (const double weight = by_row ? weights(i, j) : weights(j, i); weight > most) {
        most = weight;
        largest = j;
      }
    if (largest >= 0) by_row ? grid.add(i, largest) : grid.add(largest, i);
  }
  return grid;
}
inline LinkGrid links_of_targets(const Eigen::MatrixXd& weights) { return largest_by_line(weights, true); }
inline LinkGrid links_of_sources(const Eigen::MatrixXd& weights) { return largest_by_line(weights, false); }

/// Both directions' links.
struct BothWays {
  LinkGrid of_targets, of_sources;

  explicit BothWays(const Eigen::MatrixXd& weights)
      : of_targets(links_of_targets(weights)), of_sources(links_of_sources(weights)) {}
  bool both(Index t, Index s) const { return of_targets.has(t, s) && of_sources.has(t, s); }
  bool either(Index t, Index s) const { return of_targets.has(t, s) || of_sources.has(t, s); }
  LinkGrid intersection() const {
    return chosen([this](Index t, Index s) { return both(t, s); });
  }
  LinkGrid united() const {
    return chosen([this](Index t, Index s) { return either(t, s); });
  }

 private:
  template <typename Choose>
  LinkGrid chosen(const Choose& choose) const {
    LinkGrid grid(of_targets.targets(), of_targets.sources());
    grid.each_pair([&](Index t, Index s) {
      if (choose(t, s)) grid.add(t, s);
    });
    return grid;
  }
};

/// Koehn's growing: targets in order, in each the sources in order; around every linked pair the neighbours,
/// straight ones before diagonal ones, are added where the union has them and one of their tokens has no
/// link. New links are seen at once. Until nothing changes.
inline void grow_diagonally(LinkGrid& grid, const BothWays& links) {
  constexpr std::array<std::array<Index, 2>, 8> neighbours{
      {{-1, 0}, {0, -1}, {1, 0}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}};
  bool grown = true;
  while (grown) {
    grown = false;
    grid.each_pair([&](Index t, Index s) {
      if (!grid.has(t, s)) return;
      for (const auto& [down, right] : neighbours) {
        const Index target = t + down, source = s + right;
        if (!links.either(target, source) || (grid.has_target(target) && grid.has_source(source))) continue;
        grid.add(target, source);
        grown = true;
      }
    });
  }
}

/// Koehn's last step: links of one direction, by target, then source, of which one token, or both, have no
/// link yet.
inline void add_final(LinkGrid& grid, const LinkGrid& direction, bool both_free) {
  grid.each_pair([&](Index t, Index s) {
    const int taken = grid.has_target(t) + grid.has_source(s);
    if (direction.has(t, s) && taken <= (both_free ? 0 : 1)) grid.add(t, s);
  });
}

inline LinkGrid grow(const BothWays& links, LinkMethod method) {
  LinkGrid grid = links.intersection();
  grow_diagonally(grid, links);
  if (method == LinkMethod::grow_diag) return grid;
  const bool both_free = method == LinkMethod::grow_diag_final_and;
  add_final(grid, links.of_targets, both_free);
  add_final(grid, links.of_sources, both_free);
  return grid;
}

/// Whether each side has a token with weight and without a link.
inline bool both_sides_free(const LinkGrid& grid, const Eigen::MatrixXd& weights) {
  bool target = false, source = false;
  grid.each_pair([&](Index t, Index s) {
    if (weights(t, s) == 0) return;
    target = target || !grid.has_target(t);
    source = source || !grid.has_source(s);
  });
  return target && source;
}

/// The intersection, then that of the weights between what is left, while both sides have a free token: pairs
/// of which both tokens have a link are out, of which one has are discounted.
inline LinkGrid repeat_intersection(const Eigen::MatrixXd& weights, const LinkOptions& options) {
  LinkGrid grid = BothWays(weights).intersection();
  for (Index i = 1; i < options.iterations && both_sides_free(grid, weights); ++i) {
    Eigen::MatrixXd left = weights;
    grid.each_pair([&](Index t, Index s) {
      const int taken = grid.has_target(t) + grid.has_source(s);
      left(t, s) *= taken == 0 ? 1 : taken == 1 ? options.discount : 0;
    });
    const BothWays links(left);
    grid.each_pair([&](Index t, Index s) {
      if (links.both(t, s)) grid.add(t, s);
    });
  }
  return grid;
}

/// One to one, with the largest sum of weights; pairs without weight are no links.
inline LinkGrid assigned(const Eigen::MatrixXd& weights) {
  LinkGrid grid(weights);
  const std::vector<Index> sources = cheapest_assignment(-weights).column;
  for (Index t = 0; t < grid.targets(); ++t)
    if (const Index s = sources[static_cast<std::size_t>(t)]; s >= 0 && weights(t, s) > 0) grid.add(t, s);
  return grid;
}

/// A weight as a share of what its target gives, of what its source receives, and the geometric mean of both.
class WeightShares {
 public:
  explicit WeightShares(const Eigen::MatrixXd& weights)
      : weights_(weights), given_(weights.rowwise().sum()), received_(weights.colwise().sum()) {}
  double least(Index t, Index s) const { return weights_(t, s) / std::max(given_(t), received_(s)); }
  /// Root by root, so that no product of tiny or huge weights leaves the numbers.
  double mean(Index t, Index s) const {
    return std::sqrt(weights_(t, s) / given_(t)) * std::sqrt(weights_(t, s) / received_(s));
  }

 private:
  const Eigen::MatrixXd& weights_;
  Eigen::VectorXd given_;
  Eigen::RowVectorXd received_;
};

inline LinkGrid above_threshold(const Eigen::MatrixXd& weights, double threshold) {
  LinkGrid grid(weights);
  const WeightShares shares(weights);
  grid.each_pair([&](Index t, Index s) {
    if (weights(t, s) > 0 && shares.least(t, s) > threshold) grid.add(t, s);
  });
  return grid;
}

inline LinkGrid links_by(const Eigen::MatrixXd& weights, const LinkOptions& options) {
  using enum LinkMethod;
  switch (options.method) {
    case target_argmax:
      return links_of_targets(weights);
    case source_argmax:
      return links_of_sources(weights);
    case intersection:
      return BothWays(weights).intersection();
    case union_of_both:
      break;
    case grow_diag:
    case grow_diag_final:
    case grow_diag_final_and:
      return grow(BothWays(weights), options.method);
    case itermax:
      return repeat_intersection(weights, options);
    case mutual_threshold:
      return above_threshold(weights, options.threshold);
    case assignment:
      return assigned(weights);
  }
  return BothWays(weights).united();
}

inline void check_link_options(const LinkOptions& options) {
  require<ValueError>(options.iterations >= 1, "iterations = {} is not at least 1", options.iterations);
  require<ValueError>(options.discount >= 0 && options.discount <= 1, "discount = {} is not in 0..1",
                      options.discount);
  require<ValueError>(options.threshold >= 0 && options.threshold <= 1, "threshold = {} is not in 0..1",
                      options.threshold);
}

/// `weights` with the rows and columns of what is left out at 0.
inline Eigen::MatrixXd without_tokens(Eigen::MatrixXd weights, const TokensLeftOut& left_out) {
  for (const Index t : left_out.targets) {
    require<ShapeError>(t >= 0 && t < weights.rows(), "target {} is left out of {}", t, weights.rows());
    weights.row(t).setZero();
  }
  for (const Index s : left_out.sources) {
    require<ShapeError>(s >= 0 && s < weights.cols(), "source {} is left out of {}", s, weights.cols());
    weights.col(s).setZero();
  }
  return weights;
}

}  // namespace detail

/// Links from one map. weights: [target x source], finite, not negative; rows need not sum to 1. A pair
/// without weight is never linked, and equal weights go to the lower index. confidence: the geometric mean of
/// the weight as a share of its row and of its column, 1 where both tokens give each other everything. Och &
/// Ney 2003 and Koehn et al. 2003 (the directions and growing); Jalili Sabet et al. 2020 (itermax; their code
/// does without it where a side has two tokens or less); Dou & Neubig 2021 (both thresholds). Cost: some
/// passes; growing repeats them until nothing changes; assignment is cubic in the shorter side.
/// @throws ShapeError a token left out that is not there; ValueError options out of range, a weight that is
/// negative or not finite, naming target and source
inline AlignmentLinks extract_links(const Eigen::MatrixXd& weights, const LinkOptions& options = {},
                                    const TokensLeftOut& left_out = {}) {
  detail::check_link_options(options);
  for (Index t = 0; t < weights.rows(); ++t)
    for (Index s = 0; s < weights.cols(); ++s)
      require<ValueError>(std::isfinite(weights(t, s)) && weights(t, s) >= 0,
                          "target {}, source {}: the weight is {}", t, s, weights(t, s));
  const Eigen::MatrixXd kept = detail::without_tokens(weights, left_out);
  const detail::LinkGrid grid = detail::links_by(kept, options);
  const detail::WeightShares shares(kept);
  AlignmentLinks result;
  grid.each_pair([&](Index t, Index s) {
    if (grid.has(t, s)) result.links.push_back({t, s, std::min(1., shares.mean(t, s))});
  });
  result.unaligned_targets = detail::unaligned(
      grid.targets(), [&](Index t) { return grid.has_target(t); }, left_out.targets);
  result.unaligned_sources = detail::unaligned(
      grid.sources(), [&](Index s) { return grid.has_source(s); }, left_out.sources);
  return result;
}

}  // namespace attnscope
