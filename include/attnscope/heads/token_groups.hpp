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
      : groups_(std::make_shared<const TokenGroups>(std::move(groups))) {
    require<ShapeError>(count() > 0, "no groups of tokens");
    check("query", groups_->queries);
    check("key", groups_->keys);
  }
  GroupMassMeasure empty() const { return GroupMassMeasure(groups_); }

  template <typename Weight>
  void look(const HeadRows<Weight>& rows) {
    const std::vector<Index>& query_groups =
        groups_of("query", groups_->queries, rows.example(), rows.layout().queries(rows.example()));
    const std::vector<Index>& key_groups =
        groups_of("key", groups_->keys, rows.example(), rows.layout().keys(rows.example()));
    if (sums_.size() == 0) {
      sums_.setZero(rows.layout().shape().heads * count(), count());
      uniform_.setZero(count(), count());
      rows_.setZero(count());
    }
    for (Index r = 0; r < rows.size(); ++r) {
      const Index from = query_groups[static_cast<std::size_t>(rows.query(r))];
      if (from < 0) continue;
      const std::span<const Weight> row = rows.row(r);
      const auto weight = [&](Index key) { return static_cast<double>(row[static_cast<std::size_t>(key)]); };
      sums_.row(rows.head() * count() + from) += by_group(key_groups, {0, rows.keys()}, weight);
      if (rows.head() == 0) {
        rows_(from) += 1;
        uniform_.row(from) += uniform_row(key_groups, rows, r);
      }
    }
  }
  void merge(GroupMassMeasure&& later) {
    require<ShapeError>(groups_->names == later.groups_->names, "cannot pool groups of other names");
    add_to(sums_, later.sums_);
    add_to(uniform_, later.uniform_);
    add_to(rows_, later.rows_);
  }
  GroupMassResult result() const {
    GroupMassResult result{groups_->names, {}, {}, {}};
    const Eigen::ArrayXd rows = rows_.array();  // 0 / 0 of a group without queries: undefined
    for (Index first = 0; first < sums_.rows(); first += count())
      result.mass.emplace_back(sums_.middleRows(first, count()).array().colwise() / rows);
    result.uniform_mass = uniform_.array().colwise() / rows;
    for (const double n : rows_) result.rows.push_back(static_cast<Index>(n));
    return result;
  }

 private:
  explicit GroupMassMeasure(std::shared_ptr<const TokenGroups> groups) : groups_(std::move(groups)) {}

  Index count() const { return static_cast<Index>(groups_->names.size()); }

  void check(const char* axis, const std::vector<std::vector<Index>>& lists) const {
    for (std::size_t b = 0; b < lists.size(); ++b)
      for (std::size_t t = 0; t < lists[b].size(); ++t)
        require<ShapeError>(lists[b][t] >= -1 && lists[b][t] < count(),
                            "batch element {}: {} {} is in group {}, but there are -1 .. {}", b, axis, t,
                            lists[b][t], count() - 1);
  }
  static const std::vector<Index>& groups_of(const char* axis, const std::vector<std::vector<Index>>& lists,
                                             Index example, Index tokens) {
    require<ShapeError>(example < static_cast<Index>(lists.size()),
                        "batch element {}: its {} groups are not given, those of {} elements are", example,
                        axis, lists.size());
    const std::vector<Index>& groups = lists[static_cast<std::size_t>(example)];
    require<ShapeError>(static_cast<Index>(groups.size()) == tokens,
                        "batch element {}: the groups of {} {} tokens are given, but there are {}", example,
                        groups.size(), axis, tokens);
    return groups;
  }
  /// [group] sum of value(key) over the keys of each group in a range.
  template <typename Value>
  Eigen::RowVectorXd by_group(const std::vector<Index>& groups, Range keys, const Value& value) const {
    Eigen::RowVectorXd sums = Eigen::RowVectorXd::Zero(count() + 1);  // 0: no group
    for (Index key = keys.first; key < keys.last; ++key)
      sums(groups[static_cast<std::size_t>(key)] + 1) += value(key);
    return sums.tail(count());
  }
  /// [group] the share of the keys that row r sees.
  template <typename Weight>
  Eigen::RowVectorXd uniform_row(const std::vector<Index>& groups, const HeadRows<Weight>& rows,
                                 Index r) const {
    const auto seen = [&](Index key) {
      return static_cast<double>(rows.layout().count_keys(rows.example(), {key, key + 1}));
    };
    const double all = static_cast<double>(std::max<Index>(1, rows.visible_keys(r)));
    return by_group(groups, rows.visible(r), seen) / all;
  }

  std::shared_ptr<const TokenGroups> groups_;
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
