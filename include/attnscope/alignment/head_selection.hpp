#pragma once
#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/alignment/error_rate.hpp>
#include <attnscope/alignment/sentence_maps.hpp>
#include <attnscope/core/head_mask.hpp>

#include <limits>
#include <numeric>
#include <ranges>
#include <span>

namespace attnscope {

/// A head and what it is ranked by.
struct RankedHead {
  HeadId id;                 ///< layer and head
  double score = undefined;  ///< undefined (NaN) where the head has none
};

/// Which score is the best one.
enum class BestScore { highest, lowest };

/// All heads, the best first; equal scores by layer and head, undefined ones last. scores: [layer] of [head]
inline std::vector<RankedHead> ranked_heads(const HeadScores& scores, BestScore best) {
  std::vector<RankedHead> ranked;
  for (std::size_t layer = 0; layer < scores.size(); ++layer)
    for (Index head = 0; head < scores[layer].size(); ++head)
      ranked.push_back({{static_cast<Index>(layer), head}, scores[layer](head)});
  std::stable_sort(ranked.begin(), ranked.end(), [best](const RankedHead& a, const RankedHead& b) {
    if (std::isnan(a.score) || std::isnan(b.score)) return !std::isnan(a.score) && std::isnan(b.score);
    return best == BestScore::highest ? a.score > b.score : a.score < b.score;
  });
  return ranked;
}

/// [head] 0..1, how much a head looks like an alignment, without gold links: the geometric mean of sharpness,
/// soft coverage and the agreement of both directions, so that a head has to have all three. One that always
/// attends to the end of the sentence is sharp, and nothing else. Undefined (NaN) where one of them is.
inline Eigen::VectorXd alignment_score(const AlignmentMetricsResult& metrics) {
  Eigen::VectorXd score(metrics.sharpness.size());
  for (Index h = 0; h < score.size(); ++h)
    score(h) =
        std::cbrt(std::max(0., metrics.sharpness(h)) * metrics.soft_coverage(h) * metrics.agreement(h));
  return score;
}

namespace detail {

/// All heads by score(layer), [head] numbers.
template <std::ranges::range Layers, typename Score>
std::vector<RankedHead> ranked_by(const Layers& layers, BestScore best, const Score& score) {
  HeadScores scores;
  for (const auto& layer : layers)
    scores.push_back(in_context(fmt::format("layer {}", scores.size()), [&] { return score(layer); }));
  return ranked_heads(scores, best);
}

}  // namespace detail

/// All heads by alignment_score(), the most alike an alignment first. layers: a range of attention
/// [batch, head, target, source]; special tokens are to be excluded before. Cost: a pass over each layer.
/// @throws what sweep throws, naming the layer, counted from 0 in the range
template <std::ranges::range Layers>
std::vector<RankedHead> likely_alignment_heads(const Layers& layers, const SweepOptions& how = {}) {
  return detail::ranked_by(layers, BestScore::highest, [&](const auto& layer) {
    return alignment_score(alignment_metrics(layer, {}, how));
  });
}

/// All heads by error_rate(), the lowest first. layers, errors and cost as above.
template <std::ranges::range Layers>
std::vector<RankedHead> alignment_heads_by_error(const Layers& layers, const std::vector<GoldLinks>& gold,
                                                 const SweepOptions& how = {}) {
  return detail::ranked_by(layers, BestScore::lowest,
                           [&](const auto& layer) { return error_rate(layer, gold, how).error_rate; });
}

/// The maps of all heads of all layers, fed layer by layer: what head sets are made of. Memory: heads x
/// targets x sources doubles a sentence.
class AlignmentMaps {
 public:
  /// The next layer. @throws ShapeError other sentences than the layers before, or other tokens left out,
  /// naming layer and sentence; what each_sentence throws. The maps have not changed then
  template <Attention A>
  void add_layer(const A& attention) {
    std::vector<SentenceMaps> added;
    in_context(fmt::format("layer {}", layers_), [&] {
      each_sentence(attention, [&](Index, SentenceMaps&& maps) { added.push_back(std::move(maps)); });
      check_fit(added);
    });
    if (heads_.empty()) sentences_ = std::vector<SentenceMaps>(added.size());
    const std::size_t count = added.empty() ? 0 : added.front().heads.size();
    for (std::size_t h = 0; h < count; ++h) heads_.push_back({layers_, static_cast<Index>(h)});
    for (std::size_t b = 0; b < added.size(); ++b) {
      std::move(added[b].heads.begin(), added[b].heads.end(), std::back_inserter(sentences_[b].heads));
      sentences_[b].left_out = std::move(added[b].left_out);
    }
    ++layers_;
  }
  /// By layer and head.
  const std::vector<HeadId>& heads() const { return heads_; }
  /// How many there are.
  std::size_t sentences() const { return sentences_.size(); }
  /// [target x source] of heads()[head]
  const Eigen::MatrixXd& map(std::size_t sentence, std::size_t head) const {
    return sentences_[sentence].heads[head];
  }
  /// The tokens of a sentence that have no part in links.
  const TokensLeftOut& left_out(std::size_t sentence) const { return sentences_[sentence].left_out; }
  /// The mean map of these heads (numbers in heads()) times their number; of no heads 0.
  Eigen::MatrixXd sum(std::size_t sentence, std::span<const std::size_t> heads) const {
    if (heads_.empty()) return {};
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(map(sentence, 0).rows(), map(sentence, 0).cols());
    for (const std::size_t h : heads) sum += map(sentence, h);
    return sum;
  }

 private:
  void check_fit(const std::vector<SentenceMaps>& added) const {
    if (heads_.empty()) return;
    require<ShapeError>(added.size() == sentences(), "{} sentences, but {} in the layers before",
                        added.size(), sentences());
    for (std::size_t b = 0; b < added.size(); ++b) {
      if (added[b].heads.empty()) continue;
      const Eigen::MatrixXd &one = added[b].heads.front(), &known = map(b, 0);
      require<ShapeError>(one.rows() == known.rows() && one.cols() == known.cols(),
                          "sentence {} is {} targets x {} sources, but {} x {} in the layers before", b,
                          one.rows(), one.cols(), known.rows(), known.cols());
      require<ShapeError>(added[b].left_out == left_out(b),
                          "sentence {} leaves out other tokens than in the layers before", b);
    }
  }

  std::vector<HeadId> heads_;
  std::vector<SentenceMaps> sentences_;  // of the heads of all layers
  Index layers_ = 0;                     // those without heads, too
};

namespace detail {

/// A set of heads, numbers in AlignmentMaps::heads(), in the order in which they were taken, and what the set
/// so far costs.
struct GrownSet {
  std::vector<std::size_t> heads;
  std::vector<double> costs;
};

/// Greedily, while cost(sums, heads) falls: sums are those of the maps of so many heads, one for each of
/// `sentences`. Ties to the lower layer and head; an undefined cost is never taken.
template <typename Cost>
GrownSet grow_head_set(const AlignmentMaps& maps, std::span<const std::size_t> sentences, Index most_heads,
                       const Cost& cost) {
  require<ValueError>(most_heads >= 1, "most_heads = {} is not at least 1", most_heads);
  GrownSet set;
  std::vector<Eigen::MatrixXd> taken, tried(sentences.size());
  for (const std::size_t b : sentences) taken.push_back(maps.sum(b, {}));
  const std::size_t count = maps.heads().size();
  double least = std::numeric_limits<double>::infinity();
  while (static_cast<Index>(set.heads.size()) < most_heads) {
    std::size_t best = count;
    for (std::size_t h = 0; h < count; ++h) {
      if (std::find(set.heads.begin(), set.heads.end(), h) != set.heads.end()) continue;
      for (std::size_t i = 0; i < sentences.size(); ++i) tried[i] = taken[i] + maps.map(sentences[i], h);
      if (const double now = cost(tried, set.heads.size() + 1); now < least) {
        least = now;
        best = h;
      }
    }
    if (best == count) break;
    for (std::size_t i = 0; i < sentences.size(); ++i) taken[i] += maps.map(sentences[i], best);
    set.heads.push_back(best);
    set.costs.push_back(least);
  }
  return set;
}

}  // namespace detail

/// The heads whose mean map looks most like an alignment, without gold links: greedily, first the head of the
/// highest alignment_score(), then the one that raises that of the mean map most, until none does; ties to
/// the lower layer and head. In the order in which they were taken; score: that of the mean map of the heads
/// so far. Cost: most_heads x heads alignment_metrics() of one head, at most. @throws ValueError most_heads
/// below 1
template <std::same_as<AlignmentMaps> Maps>
std::vector<RankedHead> select_likely_heads(const Maps& maps, Index most_heads = 8) {
  std::vector<std::size_t> sentences(maps.sentences());
  std::iota(sentences.begin(), sentences.end(), std::size_t{0});
  const auto cost = [&](const std::vector<Eigen::MatrixXd>& sums, std::size_t heads) {
    AlignmentMetricsMeasure metrics;
    for (std::size_t b = 0; b < sums.size(); ++b) {
      const Eigen::MatrixXd mean = sums[b] / static_cast<double>(heads);
      const TokensLeftOut& left_out = maps.left_out(b);
      const AttentionView view(mean,
                               {.excluded_queries = {left_out.targets}, .excluded_keys = {left_out.sources}});
      sweep(view, {.check = RowCheck::none}, metrics);  // the maps were checked
    }
    return -alignment_score(metrics.result())(0);
  };
  const detail::GrownSet set = detail::grow_head_set(maps, sentences, most_heads, cost);
  std::vector<RankedHead> chosen;
  for (std::size_t i = 0; i < set.heads.size(); ++i)
    chosen.push_back({maps.heads()[set.heads[i]], -set.costs[i]});
  return chosen;
}

/// The same of a range of layers, attention [batch, head, target, source]; special tokens are to be excluded
/// before. @throws also what AlignmentMaps::add_layer throws
template <std::ranges::range Layers>
std::vector<RankedHead> select_likely_heads(const Layers& layers, Index most_heads = 8) {
  AlignmentMaps maps;
  for (const auto& layer : layers) maps.add_layer(layer);
  return select_likely_heads(maps, most_heads);
}

/// How select_alignment_heads() chooses.
struct HeadSelectionOptions {
  Index most_heads = 8;  ///< of a set, at least 1
  Index folds = 2;       ///< sentence b is held out by fold b % folds; 0: nothing is held out
  LinkOptions links{};   ///< what makes links of the mean map of a set
};

/// Heads chosen on some sentences.
struct HeadSet {
  std::vector<HeadId> heads;        ///< in the order in which they were taken
  std::vector<double> error_rates;  ///< [head] 0..1, on these sentences, with the heads taken so far
};

/// What select_alignment_heads() found.
struct HeadSelectionResult {
  HeadSet chosen;              ///< on all sentences: its error rates flatter it
  std::vector<HeadSet> folds;  ///< [fold] chosen on the sentences that the fold does not hold out
  LinkScores held_out;         ///< of the sets of the folds on the sentences held out, counts pooled: what to
                               ///< expect of a set that is chosen so
  LinkScores held_out_single;  ///< the same of the first head of each set alone
};

namespace detail {

/// Chooses head sets of maps, on some of the sentences.
class HeadSearch {
 public:
  HeadSearch(const AlignmentMaps& maps, const std::vector<GoldLinks>& gold,
             const HeadSelectionOptions& options)
      : maps_(maps), gold_(gold.begin(), gold.end()), options_(options) {
    require<ShapeError>(gold.size() == maps.sentences(), "gold links of {} sentences for {}", gold.size(),
                        maps.sentences());
    for (std::size_t b = 0; b < gold.size() && !maps.heads().empty(); ++b)
      in_context(fmt::format("sentence {}", b),
                 [&] { gold_[b].check_inside(maps.map(b, 0).rows(), maps.map(b, 0).cols()); });
  }

  /// By the error rate on these sentences.
  GrownSet choose(std::span<const std::size_t> sentences) const {
    return grow_head_set(maps_, sentences, options_.most_heads,
                         [&](const std::vector<Eigen::MatrixXd>& sums, std::size_t) {
                           LinkCounts counts;
                           for (std::size_t i = 0; i < sums.size(); ++i) count(sentences[i], sums[i], counts);
                           return link_scores(counts).error_rate;
                         });
  }
  HeadSet named(const GrownSet& set) const {
    HeadSet named{{}, set.costs};
    for (const std::size_t h : set.heads) named.heads.push_back(maps_.heads()[h]);
    return named;
  }
  /// No heads have no links: all sure gold links are missed.
  LinkCounts count(std::span<const std::size_t> heads, std::span<const std::size_t> sentences) const {
    LinkCounts counts;
    for (const std::size_t b : sentences) count(b, maps_.sum(b, heads), counts);
    return counts;
  }

 private:
  /// Of the links of the sum of some heads' maps, which are those of their mean.
  void count(std::size_t sentence, const Eigen::MatrixXd& sum, LinkCounts& counts) const {
    const LinkGrid grid = links_by(sum, options_.links);
    counts.sure += gold_[sentence].sure();
    grid.each_pair([&](Index t, Index s) {
      if (grid.has(t, s)) gold_[sentence].count({t, s}, counts);
    });
  }

  const AlignmentMaps& maps_;
  std::vector<GoldSet> gold_;
  const HeadSelectionOptions& options_;
};

}  // namespace detail

/// The heads whose mean map aligns best: greedily, first the head of the lowest error rate, then the one that
/// lowers it most, until none does; ties to the lower layer and head. The same is done without the sentences
/// of each fold and tried on them, because a set always fits the sentences that it was chosen on; a fold
/// without a set misses all its gold links. gold: [sentence]. No randomness. Cost: most_heads x heads x folds
/// passes over all maps, at most.
/// @throws ShapeError gold links of other sentences, naming the sentence; ValueError options out of range,
/// more folds than sentences
inline HeadSelectionResult select_alignment_heads(const AlignmentMaps& maps,
                                                  const std::vector<GoldLinks>& gold,
                                                  const HeadSelectionOptions& options = {}) {
  const Index sentences = static_cast<Index>(maps.sentences());
  require<ValueError>(options.folds == 0 || (options.folds >= 2 && options.folds <= sentences),
                      "{} folds of {} sentences: 0, or 2 to the number of sentences", options.folds,
                      sentences);
  detail::check_link_options(options.links);
  const detail::HeadSearch search(maps, gold, options);
  // The sentences that are held out by this fold, or those that are not.
  const auto part = [&](Index fold, bool held_out) {
    std::vector<std::size_t> numbers;
    for (Index b = 0; b < sentences; ++b)
      if ((options.folds > 0 && b % options.folds == fold) == held_out)
        numbers.push_back(static_cast<std::size_t>(b));
    return numbers;
  };
  HeadSelectionResult result{search.named(search.choose(part(-1, false))), {}, {}, {}};
  LinkCounts held_out, single;
  for (Index fold = 0; fold < options.folds; ++fold) {
    const detail::GrownSet set = search.choose(part(fold, false));
    result.folds.push_back(search.named(set));
    const std::span heads(set.heads);
    held_out += search.count(heads, part(fold, true));
    single += search.count(heads.first(std::min<std::size_t>(heads.size(), 1)), part(fold, true));
  }
  result.held_out = link_scores(held_out);
  result.held_out_single = link_scores(single);
  return result;
}

/// The same of a range of layers, attention [batch, head, target, source]. @throws also what
/// AlignmentMaps::add_layer throws
template <std::ranges::range Layers>
HeadSelectionResult select_alignment_heads(const Layers& layers, const std::vector<GoldLinks>& gold,
                                           const HeadSelectionOptions& options = {}) {
  AlignmentMaps maps;
  for (const auto& layer : layers) maps.add_layer(layer);
  return select_alignment_heads(maps, gold, options);
}

}  // namespace attnscope
