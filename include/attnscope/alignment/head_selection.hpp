#pragma once
#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/alignment/error_rate.hpp>
#include <attnscope/alignment/sentence_maps.hpp>
#include <attnscope/core/head_mask.hpp>

#include <ranges>

namespace attnscope {

struct RankedHead {
  HeadId id;
  double score = undefined;
};

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

/// All heads by alignment_score(), the most alike an alignment first. layers: a range of attention
/// [batch, head, target, source]; special tokens are to be excluded before. Cost: a pass over each layer.
/// @throws what sweep throws, naming the layer, counted from 0 in the range
template <std::ranges::range Layers>
std::vector<RankedHead> likely_alignment_heads(const Layers& layers, const SweepOptions& how = {}) {
  HeadScores scores;
  for (const auto& layer : layers)
    scores.push_back(in_context(fmt::format("layer {}", scores.size()),
                                [&] { return alignment_score(alignment_metrics(layer, {}, how)); }));
  return ranked_heads(scores, BestScore::highest);
}

/// All heads by error_rate(), the lowest first. layers, errors and cost as above.
template <std::ranges::range Layers>
std::vector<RankedHead> alignment_heads_by_error(const Layers& layers, const std::vector<GoldLinks>& gold,
                                                 const SweepOptions& how = {}) {
  HeadScores scores;
  for (const auto& layer : layers)
    scores.push_back(in_context(fmt::format("layer {}", scores.size()),
                                [&] { return error_rate(layer, gold, how).error_rate; }));
  return ranked_heads(scores, BestScore::lowest);
}

/// The maps of all heads of all layers, fed layer by layer: what head sets are made of. Memory: heads x
/// targets x sources doubles a sentence.
class AlignmentMaps {
 public:
  /// The next layer. @throws ShapeError other sentences than the layers before, naming layer and sentence;
  /// what each_sentence throws. The maps have not changed then
  template <Attention A>
  void add_layer(const A& attention) {
    const Index layer = heads_.empty() ? 0 : heads_.back().layer + 1;
    std::vector<SentenceMaps> added;
    in_context(fmt::format("layer {}", layer), [&] {
      each_sentence(attention, [&](Index, SentenceMaps&& maps) { added.push_back(std::move(maps)); });
      check_fit(added);
    });
    if (heads_.empty()) maps_.resize(added.size());
    const std::size_t count = added.empty() ? 0 : added.front().heads.size();
    for (std::size_t h = 0; h < count; ++h) heads_.push_back({layer, static_cast<Index>(h)});
    for (std::size_t b = 0; b < added.size(); ++b)
      std::move(added[b].heads.begin(), added[b].heads.end(), std::back_inserter(maps_[b]));
  }
  /// By layer and head.
  const std::vector<HeadId>& heads() const { return heads_; }
  std::size_t sentences() const { return maps_.size(); }
  /// [target x source] of heads()[head]
  const Eigen::MatrixXd& map(std::size_t sentence, std::size_t head) const { return maps_[sentence][head]; }

 private:
  void check_fit(const std::vector<SentenceMaps>& added) const {
    if (heads_.empty()) return;
    require<ShapeError>(added.size() == maps_.size(), "{} sentences, but {} in the layers before",
                        added.size(), maps_.size());
    for (std::size_t b = 0; b < added.size(); ++b) {
      if (added[b].heads.empty()) continue;
      const Eigen::MatrixXd &one = added[b].heads.front(), &known = maps_[b].front();
      require<ShapeError>(one.rows() == known.rows() && one.cols() == known.cols(),
                          "sentence {} is {} targets x {} sources, but {} x {} in the layers before", b,
                          one.rows(), one.cols(), known.rows(), known.cols());
    }
  }

  std::vector<HeadId> heads_;
  std::vector<std::vector<Eigen::MatrixXd>> maps_;  // [sentence][head]
};

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

  /// Greedily, while the error rate falls.
  HeadSet choose(const std::vector<std::size_t>& sentences) const {
    HeadSet set;
    std::vector<std::size_t> taken;
    double least = 2;
    while (static_cast<Index>(taken.size()) < options_.most_heads) {
      std::size_t best = maps_.heads().size();
      for (std::size_t h = 0; h < maps_.heads().size(); ++h) {
        if (std::find(taken.begin(), taken.end(), h) != taken.end()) continue;
        taken.push_back(h);
        if (const double rate = link_scores(count(taken, sentences)).error_rate; rate < least) {
          least = rate;
          best = h;
        }
        taken.pop_back();
      }
      if (best == maps_.heads().size()) break;
      taken.push_back(best);
      set.heads.push_back(maps_.heads()[best]);
      set.error_rates.push_back(least);
    }
    return set;
  }
  LinkCounts count(std::span<const HeadId> heads, const std::vector<std::size_t>& sentences) const {
    std::vector<std::size_t> indices;
    for (const HeadId& id : heads)
      indices.push_back(static_cast<std::size_t>(std::find(maps_.heads().begin(), maps_.heads().end(), id) -
                                                 maps_.heads().begin()));
    return count(indices, sentences);
  }

 private:
  /// Of the links of the sum of these heads' maps, which are those of their mean.
  LinkCounts count(const std::vector<std::size_t>& heads, const std::vector<std::size_t>& sentences) const {
    LinkCounts counts;
    for (const std::size_t b : sentences) {
      Eigen::MatrixXd sum = maps_.map(b, heads.front());
      for (std::size_t i = 1; i < heads.size(); ++i) sum += maps_.map(b, heads[i]);
      const LinkGrid grid = links_by(sum, options_.links);
      counts.sure += gold_[b].sure();
      grid.each_pair([&](Index t, Index s) {
        if (grid.has(t, s)) gold_[b].count({t, s}, counts);
      });
    }
    return counts;
  }

  const AlignmentMaps& maps_;
  std::vector<GoldSet> gold_;
  const HeadSelectionOptions& options_;
};

}  // namespace detail

/// The heads whose mean map aligns best: greedily, first the head of the lowest error rate, then the one that
/// lowers it most, until none does; ties to the lower layer and head. The same is done without the sentences
/// of each fold and tried on them, because a set always fits the sentences that it was chosen on. gold:
/// [sentence]. No randomness. Cost: most_heads^2 / 2 x heads x folds passes over all maps, at most.
/// @throws ShapeError gold links of other sentences, naming the sentence; ValueError options out of range,
/// more folds than sentences
inline HeadSelectionResult select_alignment_heads(const AlignmentMaps& maps,
                                                  const std::vector<GoldLinks>& gold,
                                                  const HeadSelectionOptions& options = {}) {
  const Index sentences = static_cast<Index>(maps.sentences());
  require<ValueError>(options.most_heads >= 1, "most_heads = {} is not at least 1", options.most_heads);
  require<ValueError>(options.folds == 0 || (options.folds >= 2 && options.folds <= sentences),
                      "{} folds of {} sentences: 0, or 2 to the number of sentences", options.folds,
                      sentences);
  detail::check_link_options(options.links);
  const detail::HeadSearch search(maps, gold, options);
  /// The sentences that are held out by this fold, or those that are not.
  const auto part = [&](Index fold, bool held_out) {
    std::vector<std::size_t> numbers;
    for (Index b = 0; b < sentences; ++b)
      if ((options.folds > 0 && b % options.folds == fold) == held_out)
        numbers.push_back(static_cast<std::size_t>(b));
    return numbers;
  };
  HeadSelectionResult result{search.choose(part(-1, false)), {}, {}, {}};
  LinkCounts held_out, single;
  for (Index fold = 0; fold < options.folds; ++fold) {
    const HeadSet& set = result.folds.emplace_back(search.choose(part(fold, false)));
    if (set.heads.empty()) continue;
    held_out += search.count(set.heads, part(fold, true));
    single += search.count(std::span(set.heads).first(1), part(fold, true));
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
