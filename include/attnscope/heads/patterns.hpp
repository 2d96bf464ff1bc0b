#pragma once
#include <attnscope/core/pattern_tallies.hpp>
#include <attnscope/sweep.hpp>

#include <memory>

namespace attnscope {

/// What earns a label: a score above one of these, by a margin over the baseline.
struct PatternOptions {
  double position = .5;     ///< mass at one offset (Clark et al. 2019)
  double first_token = .3;  ///< mass on the first token (Gu et al. 2024)
  double delimiter = .6;    ///< mass on delimiters (Clark et al. 2019)
  double copy = .5;         ///< mass on earlier copies, or on what followed them
  double rare_token = .5;   ///< argmax rate of the rarest token (Voita et al. 2019 saw .66)
  double broad = .8;      ///< normalised entropy; also its baseline (Clark's 3.8 nats are .78 of 128 tokens)
  double semantic = .3;   ///< margin of semantic: how far similarity goes beyond position
  double margin = .1;     ///< margin of every other label but broad (Voita et al. 2019, of syntax)
  double argmax = .9;     ///< argmax rate that is reported as passed (Voita et al. 2019, of positions)
  Index max_offset = 8;   ///< offsets -max_offset .. max_offset are asked for, and compete with syntax
  Index min_queries = 4;  ///< copies and similarity are not judged by fewer
  Index min_relation_queries = 10;  ///< nor a relation: the best of many is lucky
  Index min_rare_queries = 30;      ///< nor rare token: the rarest word of a short text is anybody's
  /// false: queries are no keys; first token, delimiter, rare token and broad remain.
  bool self_attention = true;
  bool operator==(const PatternOptions&) const = default;
};

/// What is said of one head and one label. Means are over the queries that see two keys or more and a target.
struct PatternScore {
  std::string label;               ///< "previous token", …: docs/patterns.md
  double score = undefined;        ///< docs/patterns.md defines it for each label
  double baseline = undefined;     ///< what chance or position alone would score
  double margin = undefined;       ///< score - baseline
  double argmax_rate = undefined;  ///< 0..1, share of queries whose largest weight is on a target; undefined
                                   ///< for semantic and broad
  bool passes = false;             ///< by score and margin
  bool argmax_passes = false;      ///< argmax_rate reaches options.argmax: Voita's criterion beside Clark's
  Index queries = 0;               ///< how many the score is over
  std::string relation{};          ///< syntactic: which one, "nsubj to its head"
};

/// What one head does.
struct HeadPattern {
  Index head = 0;                    ///< its number
  std::string label = "none";        ///< of those that pass, the largest margin; the first of equals
  double score = undefined;          ///< of that label; undefined for none
  double baseline = undefined;       ///< of that label
  double margin = undefined;         ///< of that label
  std::vector<PatternScore> scores;  ///< every label that could be judged, of offsets the best
};

/// How well the heads follow one dependency relation in one direction.
struct RelationAccuracy {
  std::string relation;         ///< "": any
  bool to_head = true;          ///< from the dependent to its head; else from the head to any such dependent
  Index queries = 0;            ///< how many see a target
  Eigen::VectorXd accuracy;     ///< [head] 0..1, share of queries whose largest weight is on a target
  Index best_offset = 0;        ///< the fixed offset that is right most often
  double baseline = undefined;  ///< 0..1, its accuracy
};

/// Result of patterns().
struct PatternResult {
  std::vector<HeadPattern> heads;           ///< [head]
  std::vector<RelationAccuracy> relations;  ///< by name, where dependencies are known
};

/// See patterns().
class PatternMeasure {
 public:
  /// facts: of each batch element of the source that is swept; empty: nothing is known. Another source has
  /// facts of its own: sweep another measure, and merge it.
  /// @throws ShapeError, ValueError naming batch element and token: facts that contradict each other;
  /// ValueError max_offset below 1
  explicit PatternMeasure(std::vector<TokenFacts> facts = {}, PatternOptions options = {})
      : options_(options), tallies_(checked(options).max_offset, options.self_attention) {
    std::vector<detail::KnownTokens> known;
    for (TokenFacts& element : facts)
      in_context(fmt::format("batch element {}", known.size()),
                 [&] { known.emplace_back(std::move(element)); });
    facts_ = std::make_shared<const std::vector<detail::KnownTokens>>(std::move(known));
  }
  PatternMeasure empty() const {
    PatternMeasure same({}, options_);
    same.facts_ = facts_;
    return same;
  }

  /// @throws ShapeError facts of another batch, or of other tokens
  template <typename Weight>
  void look(const Block<Weight>& block) {
    tallies_.look(block, facts_of(block.layout(), block.example()));
  }
  void merge(PatternMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool patterns of other options");
    tallies_.merge(std::move(later.tallies_));
  }
  PatternResult result() const {
    PatternResult result;
    for (Index h = 0; h < tallies_.heads(); ++h) result.heads.push_back(judged(h));
    for (const auto& [relation, contest] : tallies_.relations()) {
      Eigen::VectorXd accuracy(tallies_.heads());
      for (Index h = 0; h < accuracy.size(); ++h) accuracy(h) = contest.accuracy(h);
      result.relations.push_back({relation.name, relation.to_head, contest.queries(), std::move(accuracy),
                                  contest.best_offset(), contest.baseline()});
    }
    return result;
  }

 private:
  /// What score must exceed and margin must reach.
  struct Bar {
    double score, margin;
  };

  static const PatternOptions& checked(const PatternOptions& options) {
    require<ValueError>(options.max_offset >= 1, "max_offset = {} leaves no previous token",
                        options.max_offset);
    return options;
  }
  const detail::KnownTokens& facts_of(const Layout& layout, Index example) const {
    static const detail::KnownTokens nothing{TokenFacts{}};
    if (facts_->empty()) return nothing;
    require<ShapeError>(static_cast<Index>(facts_->size()) == layout.shape().batch,
                        "facts of {} batch elements for a batch of {}", facts_->size(), layout.shape().batch);
    const detail::KnownTokens& known = (*facts_)[static_cast<std::size_t>(example)];
    in_context(fmt::format("batch element {}", example), [&] { known.check_fit(layout.keys(example)); });
    return known;
  }
  PatternScore score_of(std::string label, double score, double baseline, Bar bar, Index queries,
                        double argmax_rate = undefined) const {
    const double margin = score - baseline;
    return {std::move(label),
            score,
            baseline,
            margin,
            argmax_rate,
            score > bar.score && margin >= bar.margin,
            argmax_rate >= options_.argmax,
            queries};
  }
  PatternScore by_mass(std::string label, const detail::TargetTally& tally, Index h, double least) const {
    return score_of(std::move(label), tally.mass(h), tally.chance(), {least, options_.margin},
                    tally.queries(), tally.hit_rate(h));
  }

  /// Whether half of the queries see a key there: at the ends of a text, an offset is a token like any other.
  bool common(Index offset) const {
    const Index queries = tallies_.offset(offset).queries();
    return queries > 0 && 2 * queries >= tallies_.queries();
  }
  /// The offset beyond the neighbours with the largest margin.
  std::optional<PatternScore> best_offset(Index h) const {
    std::optional<PatternScore> best;
    for (Index k = -options_.max_offset; k <= options_.max_offset; ++k) {
      if (std::abs(k) < 2 || !common(k)) continue;
      PatternScore score = by_mass(fmt::format("offset {:+}", k), tallies_.offset(k), h, options_.position);
      if (!best || score.margin > best->margin) best = std::move(score);
    }
    return best;
  }
  /// The relation and direction with the largest margin.
  std::optional<PatternScore> best_relation(Index h) const {
    std::optional<PatternScore> best;
    for (const auto& [relation, contest] : tallies_.relations()) {
      if (contest.queries() < options_.min_relation_queries) continue;
      const double accuracy = contest.accuracy(h);
      PatternScore score = score_of("syntactic", accuracy, contest.baseline(), {0, options_.margin},
                                    contest.queries(), accuracy);
      if (best && score.margin <= best->margin) continue;
      score.relation = fmt::format("{} to {}", relation.name.empty() ? "any relation" : relation.name,
                                   relation.to_head ? "its head" : "a dependent");
      best = std::move(score);
    }
    return best;
  }
  /// Every label that there is something to judge by, in the order in which equals win.
  std::vector<PatternScore> scores_of(Index h) const {
    std::vector<PatternScore> scores;
    const auto add = [&](bool judged, const auto& score) {
      if (judged) scores.push_back(score());
    };
    const auto add_mass = [&](const char* label, const detail::TargetTally& tally, double least,
                              Index from = 1) {
      add(tally.queries() >= std::max<Index>(1, from), [&] { return by_mass(label, tally, h, least); });
    };
    const auto add_neighbour = [&](const char* label, Index offset) {
      add(common(offset), [&] { return by_mass(label, tallies_.offset(offset), h, options_.position); });
    };
    const auto add_best = [&](std::optional<PatternScore> best) {
      if (best) scores.push_back(std::move(*best));
    };
    const detail::TargetTally& rarest = tallies_.rarest();
    const detail::SimilarityTally& similarity = tallies_.similarity();

    add_neighbour("previous token", -1);
    add_neighbour("next token", 1);
    add_neighbour("same token", 0);
    add_best(best_offset(h));
    add_mass("first token", tallies_.first(), options_.first_token);
    add_mass("delimiter", tallies_.delimiters(), options_.delimiter);
    add(rarest.queries() >= std::max<Index>(1, options_.min_rare_queries), [&] {
      return score_of("rare token", rarest.hit_rate(h), rarest.chance(),
                      {options_.rare_token, options_.margin}, rarest.queries(), rarest.hit_rate(h));
    });
    add_best(best_relation(h));
    add(similarity.queries() >= std::max<Index>(1, options_.min_queries), [&] {
      return score_of("semantic", similarity.score(h), similarity.baseline(h), {-1, options_.semantic},
                      similarity.queries());
    });
    add(tallies_.queries() > 0, [&] {
      return score_of("broad", tallies_.normalized_entropy(h), options_.broad, {options_.broad, 0},
                      tallies_.queries());
    });
    add_mass("duplicate token", tallies_.copies(), options_.copy, options_.min_queries);
    add_mass("induction", tallies_.after_copies(), options_.copy, options_.min_queries);
    return scores;
  }
  HeadPattern judged(Index h) const {
    HeadPattern head;
    head.head = h;
    head.scores = scores_of(h);
    for (const PatternScore& score : head.scores) {
      if (!score.passes || score.margin <= head.margin) continue;
      head.label = score.label;
      head.score = score.score;
      head.baseline = score.baseline;
      head.margin = score.margin;
    }
    return head;
  }

  PatternOptions options_;
  std::shared_ptr<const std::vector<detail::KnownTokens>> facts_;  // [batch], or empty
  detail::PatternTallies tallies_;
};

/// What each head does: every label of docs/patterns.md that the facts allow, each with score, baseline and
/// margin, and for each head the label with the largest margin among those that pass. attention: [batch,
/// head, query, key]; facts: [batch] what is known of the tokens, or empty. Queries that see fewer than two
/// keys are left out everywhere: their pattern is forced. Cost: one pass, a logarithm and a few operations a
/// weight; with embeddings tokens^2 x dim more an example, and states of heads x tokens numbers. @throws what
/// sweep and PatternMeasure throw
template <typename A>
PatternResult patterns(const A& attention, std::vector<TokenFacts> facts = {}, PatternOptions options = {},
                       const SweepOptions& how = {}) {
  return measured(PatternMeasure(std::move(facts), options), attention, how);
}

}  // namespace attnscope
