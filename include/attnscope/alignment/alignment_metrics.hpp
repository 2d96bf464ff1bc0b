#pragma once
#include <attnscope/statistics/rank_correlation.hpp>
#include <attnscope/sweep.hpp>

namespace attnscope {

/// The thresholds of alignment_metrics().
struct AlignmentMetricsOptions {
  double coverage_threshold = .1;  ///< a source token is covered when one weight exceeds this; the longer the
                                   ///< source, the more that asks
  double least_coverage = 1e-10;   ///< > 0: what a source token that receives less counts as in
                                   ///< coverage_penalty; nothing at all would be -infinity
  bool operator==(const AlignmentMetricsOptions&) const = default;
};

/// What alignment_metrics() found. Everything is pooled over the true targets, source tokens or steps of all
/// examples, unless it says otherwise; a number over nothing is undefined (NaN).
struct AlignmentMetricsResult {
  Eigen::VectorXd alignment_entropy;   ///< [head] nats, mean over targets: how spread out a target attends
  Eigen::VectorXd normalized_entropy;  ///< [head] 0..1, the same of entropy / log(source tokens)
  Eigen::VectorXd sharpness;           ///< [head] 0..1: 1 - normalized_entropy

  Eigen::VectorXd source_coverage;  ///< [head] 0..1, source tokens whose largest weight exceeds the threshold
  Eigen::VectorXd soft_coverage;    ///< [head] 0..1, mean over source tokens of min(1, received weight)
  Eigen::VectorXd coverage_penalty;      ///< [head] <= 0, mean over examples of sum over source tokens of
                                         ///< log min(1, received weight) (GNMT)
  Eigen::VectorXd coverage_deviation;    ///< [head] <= 0, mean over source tokens of
                                         ///< -log(1 + (1 - received weight)^2)
  Eigen::VectorXd absent_mindedness_in;  ///< [head] nats, mean entropy of how the weight that a source token
                                         ///< receives spreads over targets; tokens that receive some

  Eigen::VectorXd monotonicity;         ///< [head] 0..1, share of steps whose argmax does not go back
  Eigen::VectorXd strict_monotonicity;  ///< [head] 0..1, whose argmax goes on
  Eigen::VectorXd untied_monotonicity;  ///< [head] 0..1, of the steps whose argmax moves, those that go on
  Eigen::VectorXd rank_correlation;  ///< [head] -1..1, Kendall's tau-b between target and argmax, mean over
                                     ///< the examples whose argmax is not always the same
  Eigen::VectorXd agreement;         ///< [head] 0..1, F1 of the links that targets choose and those that
                                     ///< source tokens choose

  std::vector<Eigen::MatrixXd> fertility;       ///< [example] of [head x source]: targets whose argmax it is
  std::vector<Eigen::MatrixXd> soft_fertility;  ///< [example] of [head x source]: the weight that it receives
  Index targets = 0;                            ///< how many there are, excluded ones left out
  Index sources = 0;                            ///< likewise
};

namespace detail {

/// Kendall's tau-b between 0, 1, 2, … and `values`. Undefined where all are equal.
inline double rank_correlation_with_order(const std::vector<Index>& values) {
  Points points;
  for (const Index value : values)
    points.emplace_back(static_cast<double>(points.size()), static_cast<double>(value));
  const PairWeights<std::int64_t> pairs = count_pairs(points);
  return pairs.all > pairs.tied_y ? tau_b(pairs) : undefined;
}

/// What one head does in one example.
struct HeadAlignment {
  std::vector<Index> argmax{};       // [shown target] a source token, or -1
  Eigen::ArrayXd received{}, log{};  // [source] sums of weights, and of w ln w
  Eigen::ArrayXd largest{};          // [source] the largest weight
  Eigen::ArrayXi chosen{};           // [source] the shown target that gives it, the first of equals, or -1

  explicit HeadAlignment(Index sources)
      : received(Eigen::ArrayXd::Zero(sources)),
        log(Eigen::ArrayXd::Zero(sources)),
        largest(Eigen::ArrayXd::Zero(sources)),
        chosen(Eigen::ArrayXi::Constant(sources, -1)) {}

  template <typename Weight>
  void add(const RowSummaries<Weight>& rows) {
    const auto before = static_cast<int>(argmax.size());
    const Range keys = rows.keys();
    for (Index r = 0; r < rows.size(); ++r) {
      const Index key = vector_math::first_largest(rows.raw(r));
      argmax.push_back(key < 0 ? -1 : keys.first + key);
    }
    if (rows.size() > 0)
      rows.add_column_facts({received.data() + keys.first, log.data() + keys.first,
                             largest.data() + keys.first, chosen.data() + keys.first, before});
  }
  void merge(const HeadAlignment& later) {
    const auto before = static_cast<int>(argmax.size());
    argmax.insert(argmax.end(), later.argmax.begin(), later.argmax.end());
    received += later.received;
    log += later.log;
    for (Index s = 0; s < largest.size(); ++s)
      if (later.largest(s) > largest(s)) {
        largest(s) = later.largest(s);
        chosen(s) = before + later.chosen(s);
      }
  }
  /// [source] how many targets choose it
  Eigen::VectorXd fertility() const {
    Eigen::VectorXd count = Eigen::VectorXd::Zero(received.size());
    for (const Index source : argmax)
      if (source >= 0) count(source) += 1;
    return count;
  }
};

/// One head's sums over examples, of which the metrics are ratios.
struct AlignmentSums {
  double examples = 0, sources = 0, covered = 0, soft = 0, penalty = 0, deviation = 0;
  double reached = 0, spread = 0;              // source tokens that receive weight, and their entropies
  double steps = 0, ups = 0, downs = 0;        // of the argmax
  double ranked = 0, correlation = 0;          // examples with a rank correlation, and its sum
  double chosen_both_ways = 0, all_links = 0;  // links of either direction

  void add_steps(const std::vector<Index>& argmax) {
    std::vector<Index> path;
    std::copy_if(argmax.begin(), argmax.end(), std::back_inserter(path), [](Index s) { return s >= 0; });
    for (std::size_t t = 1; t < path.size(); ++t) {
      ++steps;
      ups += path[t] > path[t - 1];
      downs += path[t] < path[t - 1];
    }
    const double tau = rank_correlation_with_order(path);
    if (std::isnan(tau)) return;
    ++ranked;
    correlation += tau;
  }
  void add_source(double received, double log, double largest, const AlignmentMetricsOptions& options) {
    ++sources;
    covered += largest > options.coverage_threshold;
    soft += std::min(1., received);
    penalty += std::log(std::clamp(received, options.least_coverage, 1.));
    deviation -= std::log1p((1 - received) * (1 - received));
    if (received == 0) return;
    ++reached;
    spread += std::max(0., std::log(received) - log / received);  // never below 0 by rounding
  }
  void add_links(const HeadAlignment& head) {
    for (std::size_t t = 0; t < head.argmax.size(); ++t)
      if (const Index source = head.argmax[t]; source >= 0) {
        ++all_links;
        chosen_both_ways += head.chosen(source) == static_cast<int>(t);
      }
    for (const int target : head.chosen) all_links += target >= 0;
  }
};

}  // namespace detail

/// See alignment_metrics().
class AlignmentMetricsMeasure {
 public:
  /// @throws ValueError a threshold outside 0..1, a least coverage that is not in (0, 1]
  explicit AlignmentMetricsMeasure(AlignmentMetricsOptions options = {}) : options_(options) {
    require<ValueError>(options.coverage_threshold >= 0 && options.coverage_threshold <= 1,
                        "coverage_threshold = {} is not in 0..1", options.coverage_threshold);
    require<ValueError>(options.least_coverage > 0 && options.least_coverage <= 1,
                        "least_coverage = {} is not above 0 and at most 1", options.least_coverage);
  }
  AlignmentMetricsMeasure empty() const { return AlignmentMetricsMeasure(options_); }

  static constexpr SummaryParts summary_parts{.distance = false};
  template <typename Weight>
  void look(const RowSummaries<Weight>& rows) {
    examples_.at(rows).heads[static_cast<std::size_t>(rows.head())].add(rows);
    RowMean::Head entropy = entropy_.of(rows), normalized = normalized_.of(rows);
    for (Index r = 0; r < rows.size(); ++r) {
      entropy.add(rows[r].entropy);
      if (const Index seen = rows.visible_keys(r); seen > 1)
        normalized.add(rows[r].entropy / std::log(static_cast<double>(seen)));
    }
  }
  void merge(AlignmentMetricsMeasure&& later) {
    require<ValueError>(options_ == later.options_, "cannot pool alignment metrics of other options");
    entropy_.merge(later.entropy_);
    normalized_.merge(later.normalized_);
    examples_.merge(std::move(later.examples_));
  }
  AlignmentMetricsResult result() const {
    AlignmentMetricsResult result;
    result.alignment_entropy = entropy_.mean();
    result.normalized_entropy = normalized_.mean();
    result.sharpness = 1 - result.normalized_entropy.array();
    for (double& sharpness : result.sharpness)
      if (sharpness < 0) sharpness = 0;  // the weights of a row may sum to a hair above 1
    result.targets = entropy_.rows();
    std::vector<detail::AlignmentSums> sums(static_cast<std::size_t>(result.alignment_entropy.size()));
    for (const Example& example : examples_.parts()) {
      for (std::size_t h = 0; h < sums.size(); ++h) example.add_to(sums[h], h, options_);
      result.fertility.push_back(example.rows([](const auto& head) { return head.fertility(); }));
      result.soft_fertility.push_back(example.rows([](const auto& head) { return head.received; }));
    }
    result.sources = sums.empty() ? 0 : static_cast<Index>(sums.front().sources);

    using Sums = const detail::AlignmentSums&;
    const auto of_heads = [&](const auto& ratio) {
      Eigen::VectorXd all(static_cast<Index>(sums.size()));
      for (std::size_t h = 0; h < sums.size(); ++h) all(static_cast<Index>(h)) = ratio(sums[h]);
      return all;
    };
    result.source_coverage = of_heads([](Sums s) { return s.covered / s.sources; });
    result.soft_coverage = of_heads([](Sums s) { return s.soft / s.sources; });
    result.coverage_penalty = of_heads([](Sums s) { return s.penalty / s.examples; });
    result.coverage_deviation = of_heads([](Sums s) { return s.deviation / s.sources; });
    result.absent_mindedness_in = of_heads([](Sums s) { return s.spread / s.reached; });
    result.monotonicity = of_heads([](Sums s) { return (s.steps - s.downs) / s.steps; });
    result.strict_monotonicity = of_heads([](Sums s) { return s.ups / s.steps; });
    result.untied_monotonicity = of_heads([](Sums s) { return s.ups / (s.ups + s.downs); });
    result.rank_correlation = of_heads([](Sums s) { return s.correlation / s.ranked; });
    result.agreement = of_heads([](Sums s) { return 2 * s.chosen_both_ways / s.all_links; });
    return result;
  }

 private:
  struct Example {
    std::vector<detail::HeadAlignment> heads;
    std::vector<bool> counts;  // [source] false where it is excluded

    Example(const Layout& layout, Index example)
        : heads(static_cast<std::size_t>(layout.shape().heads), detail::HeadAlignment(layout.keys(example))) {
      for (Index s = 0; s < layout.keys(example); ++s)
        counts.push_back(layout.count_keys(example, {s, s + 1}) == 1);
    }
    void merge(Example&& later) {
      for (std::size_t h = 0; h < heads.size(); ++h) heads[h].merge(later.heads[h]);
    }
    void add_to(detail::AlignmentSums& sums, std::size_t h, const AlignmentMetricsOptions& options) const {
      const detail::HeadAlignment& head = heads[h];
      ++sums.examples;
      for (std::size_t j = 0; j < counts.size(); ++j) {
        const Index s = static_cast<Index>(j);
        if (counts[j]) sums.add_source(head.received(s), head.log(s), head.largest(s), options);
      }
      sums.add_steps(head.argmax);
      sums.add_links(head);
    }
    /// [head x source] numbers of each head
    template <typename Numbers>
    Eigen::MatrixXd rows(const Numbers& numbers) const {
      Eigen::MatrixXd all(static_cast<Index>(heads.size()), static_cast<Index>(counts.size()));
      if (all.size() == 0) return all;
      for (std::size_t h = 0; h < heads.size(); ++h)
        all.row(static_cast<Index>(h)) = numbers(heads[h]).matrix().transpose();
      return all;
    }
  };

  AlignmentMetricsOptions options_;
  RowMean entropy_, normalized_;
  PerExample<Example> examples_;
};

/// How much each head of cross-attention looks like an alignment. attention: [batch, head, target, source];
/// the argmax of a target is its source token of largest weight, the first of equals; a step goes from a
/// target to the next one of its example. Targets without weight have no argmax. Excluded tokens count
/// nowhere; a target that is left out joins its neighbours to one step. The numbers of the head mean are
/// those of alignment_metrics(mean_heads(attention)): entropy, argmax and coverage are not linear. Papers:
/// coverage_penalty Wu et al. 2016 (GNMT, section 7, without its factor); coverage_deviation and
/// absent_mindedness_in Rikters & Fishel 2017, whose CDP is the first, APin the negative of the second, APout
/// the negative of alignment_entropy, and whose confidence is the sum of the three. Cost: one pass, one
/// logarithm a weight; states of targets + 4 x sources a head and example, targets log targets for the rank
/// correlation. @throws what sweep throws; ValueError options out of range
template <typename A>
AlignmentMetricsResult alignment_metrics(const A& attention, AlignmentMetricsOptions options = {},
                                         const SweepOptions& how = {}) {
  return measured(AlignmentMetricsMeasure(options), attention, how);
}

}  // namespace attnscope
