#pragma once
#include <attnscope/alignment/link.hpp>
#include <attnscope/sweep.hpp>

#include <memory>

namespace attnscope {

/// How many links there are, and how many of them gold links know: what scores of a corpus are made of.
struct LinkCounts {
  Index links = 0;          ///< |A|
  Index sure = 0;           ///< |S|, gold links that must be there
  Index sure_hits = 0;      ///< |A and S|
  Index possible_hits = 0;  ///< |A and P|
  /// Counts of other links beside these.
  LinkCounts& operator+=(const LinkCounts& other) {
    links += other.links;
    sure += other.sure;
    sure_hits += other.sure_hits;
    possible_hits += other.possible_hits;
    return *this;
  }
  bool operator==(const LinkCounts&) const = default;
};

/// What link_scores() makes of counts.
struct LinkScores {
  double precision = undefined;   ///< 0..1, |A and P| / |A|; undefined (NaN) without a link
  double recall = undefined;      ///< 0..1, |A and S| / |S|; undefined without a sure gold link
  double f1 = undefined;          ///< 0..1, the harmonic mean of the two; undefined where one of them is
  double error_rate = undefined;  ///< 0..1, 1 - (|A and P| + |A and S|) / (|A| + |S|); undefined without a
                                  ///< link and without a sure gold link
};

/// Precision, recall, F1 and alignment error rate (Och & Ney 2003), A being the links, S the sure gold links
/// and P the possible ones, sure ones among them. With gold links all sure the error rate is 1 - F1, wherever
/// that is defined.
inline LinkScores link_scores(const LinkCounts& counts) {
  const auto ratio = [](Index a, Index b) {
    return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : undefined;
  };
  LinkScores scores;
  scores.precision = ratio(counts.possible_hits, counts.links);
  scores.recall = ratio(counts.sure_hits, counts.sure);
  const double sum = scores.precision + scores.recall;
  scores.f1 = sum == 0 ? 0 : 2 * scores.precision * scores.recall / sum;
  scores.error_rate = 1 - ratio(counts.possible_hits + counts.sure_hits, counts.links + counts.sure);
  return scores;
}

namespace detail {

/// The gold links of one sentence pair, ready to be asked.
class GoldSet {
 public:
  explicit GoldSet(const GoldLinks& gold) : sure_(distinct_links(gold.sure)), possible_(sure_) {
    possible_.insert(possible_.end(), gold.possible.begin(), gold.possible.end());
    possible_ = distinct_links(std::move(possible_));
  }
  Index sure() const { return static_cast<Index>(sure_.size()); }
  /// Counts one link that was found.
  void count(const Link& link, LinkCounts& counts) const {
    ++counts.links;
    counts.sure_hits += std::binary_search(sure_.begin(), sure_.end(), link, comes_before);
    counts.possible_hits += std::binary_search(possible_.begin(), possible_.end(), link, comes_before);
  }
  /// @throws ShapeError a gold link outside
  void check_inside(Index targets, Index sources) const {
    require_inside("gold link", possible_, targets, sources);
  }

 private:
  std::vector<Link> sure_, possible_;
};

}  // namespace detail

/// Links of one sentence pair against its gold links; a link that is named twice counts once.
/// @throws ShapeError links or gold links outside targets x sources, naming the link
inline LinkCounts count_links(const std::vector<Link>& links, const GoldLinks& gold, Index targets,
                              Index sources) {
  const detail::GoldSet set(gold);
  detail::require_inside("link", links, targets, sources);
  set.check_inside(targets, sources);
  LinkCounts counts;
  counts.sure = set.sure();
  for (const Link& link : distinct_links(links)) set.count(link, counts);
  return counts;
}

/// A corpus of sentence pairs, one after the other; scores are of the pooled counts, so that long sentences
/// weigh more.
class LinkTally {
 public:
  /// The links of the next sentence pair. @throws ShapeError what count_links throws, naming the sentence,
  /// counted from 0
  void add(const std::vector<Link>& links, const GoldLinks& gold, Index targets, Index sources) {
    counts_ += in_context(fmt::format("sentence {}", sentences_),
                          [&] { return count_links(links, gold, targets, sources); });
    ++sentences_;
  }
  /// The sentences of another tally after these.
  void merge(const LinkTally& later) {
    counts_ += later.counts_;
    sentences_ += later.sentences_;
  }
  /// How many were added.
  Index sentences() const { return sentences_; }
  /// Pooled over them.
  const LinkCounts& counts() const { return counts_; }
  /// Of the pooled counts, see link_scores().
  LinkScores scores() const { return link_scores(counts_); }

 private:
  LinkCounts counts_;
  Index sentences_ = 0;
};

/// What error_rate() found.
struct ErrorRateResult {
  Eigen::VectorXd error_rate;      ///< [head] 0..1, see LinkScores
  Eigen::VectorXd precision;       ///< [head] 0..1
  Eigen::VectorXd recall;          ///< [head] 0..1
  Eigen::VectorXd f1;              ///< [head] 0..1
  std::vector<LinkCounts> counts;  ///< [head] pooled over examples
};

/// See error_rate().
class ErrorRateMeasure {
 public:
  /// gold: [batch]
  explicit ErrorRateMeasure(const std::vector<GoldLinks>& gold)
      : gold_(std::make_shared<const std::vector<detail::GoldSet>>(gold.begin(), gold.end())) {}
  ErrorRateMeasure empty() const { return ErrorRateMeasure(gold_); }

  template <typename Weight>
  void look(const HeadRows<Weight>& rows) {
    const detail::GoldSet& gold = gold_of(rows);
    LinkCounts& counts = counts_[static_cast<std::size_t>(rows.head())];
    if (rows.query(0) == rows.layout().shown_queries(rows.example()).front().first)
      counts.sure += gold.sure();
    for (Index r = 0; r < rows.size(); ++r)
      if (const Index source = vector_math::first_largest(rows.row(r)); source >= 0)
        gold.count({rows.query(r), source}, counts);
  }
  /// @throws ShapeError other heads
  void merge(ErrorRateMeasure&& later) {
    if (later.counts_.empty()) return;
    if (counts_.empty()) counts_.resize(later.counts_.size());
    require<ShapeError>(counts_.size() == later.counts_.size(), "cannot pool the links of {} heads with {}",
                        counts_.size(), later.counts_.size());
    for (std::size_t h = 0; h < counts_.size(); ++h) counts_[h] += later.counts_[h];
  }
  ErrorRateResult result() const {
    ErrorRateResult result;
    result.counts = counts_;
    for (auto* numbers : {&result.error_rate, &result.precision, &result.recall, &result.f1})
      numbers->resize(static_cast<Index>(counts_.size()));
    for (std::size_t h = 0; h < counts_.size(); ++h) {
      const LinkScores scores = link_scores(counts_[h]);
      const Index head = static_cast<Index>(h);
      result.error_rate(head) = scores.error_rate;
      result.precision(head) = scores.precision;
      result.recall(head) = scores.recall;
      result.f1(head) = scores.f1;
    }
    return result;
  }

 private:
  using Gold = std::shared_ptr<const std::vector<detail::GoldSet>>;
  explicit ErrorRateMeasure(Gold gold) : gold_(std::move(gold)) {}

  /// The gold links of the example that these rows are of; makes room for its heads.
  template <typename Weight>
  const detail::GoldSet& gold_of(const HeadRows<Weight>& rows) {
    const Layout& layout = rows.layout();
    require<ShapeError>(static_cast<Index>(gold_->size()) == layout.shape().batch,
                        "gold links of {} sentences for a batch of {}", gold_->size(), layout.shape().batch);
    const detail::GoldSet& gold = (*gold_)[static_cast<std::size_t>(rows.example())];
    if (counts_.empty()) {
      counts_.resize(static_cast<std::size_t>(layout.shape().heads));
      in_context(fmt::format("batch element {}", rows.example()),
                 [&] { gold.check_inside(layout.queries(rows.example()), layout.keys(rows.example())); });
    }
    return gold;
  }

  Gold gold_;
  std::vector<LinkCounts> counts_;  // [head]
};

/// The alignment error rate of each head of cross-attention, its links being the argmax of every target (the
/// first of equals; none of a target without weight), counts pooled over examples. gold: one list a batch
/// element, tokens counted from the first true one. Special tokens are to be excluded before:
/// error_rate(exclude_tokens(attention, special), gold); for links of other methods see sentence_links() and
/// LinkTally. Cost: one pass. @throws what sweep throws; ShapeError gold links of another number of
/// sentences; a gold link outside, naming batch element and link
template <typename A>
ErrorRateResult error_rate(const A& attention, const std::vector<GoldLinks>& gold,
                           const SweepOptions& how = {}) {
  return measured(ErrorRateMeasure(gold), attention, how);
}

}  // namespace attnscope
