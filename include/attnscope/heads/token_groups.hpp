#pragma once
#include <attnscope/sweep.hpp>

#include <memory>
#include <string>

namespace attnscope {

/// Which group every token is in: sentence A or B, text or image, content or special. Of self-attention both
/// lists are the same.
struct TokenGroups {
  std::vector<std::string> names;             ///< [group]
  std::vector<std::vector<Index>> queries{};  ///< [batch] of [true token] its group; -1: none
  std::vector<std::vector<Index>> keys{};     ///< the same
};

/// Groups of self-attention, where token i is both query i and key i.
inline TokenGroups token_groups(std::vector<std::string> names, std::vector<std::vector<Index>> tokens) {
  return {std::move(names), tokens, tokens};
}

/// [token] 0 before `boundary`, 1 from there on: the sentences of a pair. @throws ShapeError it lies outside
inline std::vector<Index> groups_at_boundary(Index tokens, Index boundary) {
  require<ShapeError>(boundary >= 0 && boundary <= tokens, "a boundary at token {} of {}", boundary, tokens);
  std::vector<Index> groups(static_cast<std::size_t>(tokens), 0);
  std::fill(groups.begin() + boundary, groups.end(), Index{1});
  return groups;
}

/// [token] 1 at `positions`, 0 elsewhere: special tokens and content. @throws ShapeError one is not there
inline std::vector<Index> groups_at_positions(Index tokens, std::span<const Index> positions) {
  std::vector<Index> groups(static_cast<std::size_t>(tokens), 0);
  for (const Index position : positions) {
    require<ShapeError>(position >= 0 && position < tokens, "position {} of {} tokens", position, tokens);
    groups[static_cast<std::size_t>(position)] = 1;
  }
  return groups;
}

/// [token] the number of the range that it lies in, -1 in none: the text and the image of a prompt.
/// @throws ShapeError ranges that overlap, run backwards or lie outside
inline std::vector<Index> groups_of_ranges(Index tokens, std::span<const Range> ranges) {
  std::vector<Index> groups(static_cast<std::size_t>(tokens), -1);
  for (std::size_t g = 0; g < ranges.size(); ++g) {
    const Range& range = ranges[g];
    require<ShapeError>(range.first >= 0 && range.first <= range.last && range.last <= tokens,
                        "range {} is {} .. {} of {} tokens", g, range.first, range.last, tokens);
    for (Index t = range.first; t < range.last; ++t) {
      Index& group = groups[static_cast<std::size_t>(t)];
      require<ShapeError>(group == -1, "token {} is in the ranges {} and {}", t, group, g);
      group = static_cast<Index>(g);
    }
  }
  return groups;
}

/// Result of group_mass().
struct GroupMassResult {
  std::vector<std::string> names;     ///< [group]
  std::vector<Eigen::MatrixXd> mass;  ///< [head] of [query group x key group] 0..1, what a query of the one
                                      ///< gives to the other, mean over the queries; undefined (NaN) without
                                      ///< one. A row sums to 1 where every key is in a group
  Eigen::MatrixXd uniform_mass;       ///< [query group x key group] 0..1, the same of uniform attention over
                                      ///< the visible keys: what the sizes of the groups alone give
  std::vector<Index> rows;            ///< [query group] how many queries the means are over
};

/// See group_mass().
class GroupMassMeasure {
 public:
  /// @throws ShapeError no groups; a token in a group that has no name
  explicit GroupMassMeasure(TokenGroups groups)
      : groups_(std::make_shared<const Groups>(std::move(groups))) {}
  GroupMassMeasure empty() const { return GroupMassMeasure(groups_); }

  template <typename Weight>
  void look(const HeadRows<Weight>& rows) {
    const Layout& layout = rows.layout();
    const Index example = rows.example(), count = groups_->count();
    groups_->check_example("query", groups_->of.queries, example, layout.queries(example));
    groups_->check_example("key", groups_->of.keys, example, layout.keys(example));
    if (sums_.size() == 0) {
      sums_.setZero(layout.shape().heads * count, count);
      uniform_.setZero(count, count);
      rows_.setZero(count);
    }
    const std::vector<Run>& runs = groups_->key_runs[static_cast<std::size_t>(example)];
    const std::vector<Index>& from = groups_->of.queries[static_cast<std::size_t>(example)];
    for (Index r = 0; r < rows.size(); ++r) {
      const Index group = from[static_cast<std::size_t>(rows.query(r))];
      if (group < 0) continue;
      const auto mass = [row = rows.row(r)](Range keys) {
        return vector_math::sum(
            row.subspan(static_cast<std::size_t>(keys.first), static_cast<std::size_t>(keys.size())));
      };
      add_runs(runs, {0, rows.keys()}, mass, sums_.row(rows.head() * count + group));
      if (rows.head() > 0) continue;
      rows_(group) += 1;
      const double all = static_cast<double>(rows.visible_keys(r));
      const auto share = [&](Range keys) {
        return static_cast<double>(layout.count_keys(example, keys)) / all;
      };
      if (all > 0) add_runs(runs, rows.visible(r), share, uniform_.row(group));
    }
  }
  void merge(GroupMassMeasure&& later) {
    require<ShapeError>(groups_->of.names == later.groups_->of.names, "cannot pool groups of other names");
    add_to(sums_, later.sums_);
    add_to(uniform_, later.uniform_);
    add_to(rows_, later.rows_);
  }
  GroupMassResult result() const {
    GroupMassResult result{groups_->of.names, {}, {}, {}};
    for (Index first = 0; first < sums_.rows(); first += groups_->count())
      result.mass.push_back(means_of(sums_.middleRows(first, groups_->count())));
    result.uniform_mass = means_of(uniform_);
    for (const double n : rows_) result.rows.push_back(static_cast<Index>(n));
    return result;
  }

 private:
  /// Consecutive keys of one group: most groups are few runs, and sums over them are vectorised.
  struct Run {
    Range keys;
    Index group;
  };

  /// The groups, checked once, and shared by the states of all tasks.
  struct Groups {
    TokenGroups of;
    std::vector<std::vector<Run>> key_runs;  // [batch]

    explicit Groups(TokenGroups groups) : of(std::move(groups)) {
      require<ShapeError>(count() > 0, "no groups of tokens");
      check_names("query", of.queries);
      check_names("key", of.keys);
      for (const std::vector<Index>& keys : of.keys) key_runs.push_back(runs_of(keys));
    }
    Index count() const { return static_cast<Index>(of.names.size()); }

    void check_names(const char* axis, const std::vector<std::vector<Index>>& lists) const {
      for (std::size_t b = 0; b < lists.size(); ++b)
        for (std::size_t t = 0; t < lists[b].size(); ++t)
          require<ShapeError>(lists[b][t] >= -1 && lists[b][t] < count(),
                              "batch element {}: {} {} is in group {}, but there are -1 .. {}", b, axis, t,
                              lists[b][t], count() - 1);
    }
    static void check_example(const char* axis, const std::vector<std::vector<Index>>& lists, Index example,
                              Index tokens) {
      require<ShapeError>(example < static_cast<Index>(lists.size()),
                          "batch element {}: its {} groups are not given, those of {} elements are", example,
                          axis, lists.size());
      const std::size_t given = lists[static_cast<std::size_t>(example)].size();
      require<ShapeError>(static_cast<Index>(given) == tokens,
                          "batch element {}: the groups of {} {} tokens are given, but there are {}", example,
                          given, axis, tokens);
    }
    static std::vector<Run> runs_of(const std::vector<Index>& groups) {
      std::vector<Run> runs;
      for (Index key = 0; key < static_cast<Index>(groups.size()); ++key) {
        const Index group = groups[static_cast<std::size_t>(key)];
        if (!runs.empty() && runs.back().keys.last == key && runs.back().group == group)
          ++runs.back().keys.last;
        else if (group >= 0)
          runs.push_back({{key, key + 1}, group});
      }
      return runs;
    }
  };

  explicit GroupMassMeasure(std::shared_ptr<const Groups> groups) : groups_(std::move(groups)) {}

  /// sums [group] += part(keys) of the keys of each run that lie in a range.
  template <typename Part>
  static void add_runs(const std::vector<Run>& runs, Range range, const Part& part,
                       Eigen::MatrixXd::RowXpr sums) {
    for (const Run& run : runs) {
      const Range keys{std::max(run.keys.first, range.first), std::min(run.keys.last, range.last)};
      if (keys.size() > 0) sums(run.group) += part(keys);
    }
  }

  /// sums: [query group x key group]; 0 / 0 of a group without queries: undefined
  Eigen::MatrixXd means_of(Eigen::MatrixXd sums) const {
    for (Index key = 0; key < sums.cols(); ++key)
      for (Index query = 0; query < sums.rows(); ++query) sums(query, key) /= rows_(query);
    return sums;
  }

  std::shared_ptr<const Groups> groups_;
  Eigen::MatrixXd sums_;     // [head * query group x key group]
  Eigen::MatrixXd uniform_;  // [query group x key group]
  Eigen::VectorXd rows_;     // [query group]
};

/// How much attention each head sends from one group of tokens to another: sentence A to B, text to image
/// patches, content to special tokens; and what uniform attention would send, which the sizes of the groups
/// alone explain. groups: one list a batch element, for the true tokens. attention: [batch, head, query,
/// key]. A corpus: one measure an example, merged. Cost: one addition a weight.
/// @throws ShapeError a list that does not fit, naming the batch element; a token in a group without a name;
/// what sweep throws
template <typename A>
GroupMassResult group_mass(const A& attention, TokenGroups groups, const SweepOptions& how = {}) {
  return measured(GroupMassMeasure(std::move(groups)), attention, how);
}

}  // namespace attnscope
