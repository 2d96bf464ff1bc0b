// Queries and keys give the same answers as the stored softmax, which plain loops in double make.
#include <attnscope/alignment/alignment_metrics.hpp>
#include <attnscope/flow/rollout.hpp>
#include <attnscope/heads/confidence.hpp>
#include <attnscope/heads/distance_profile.hpp>
#include <attnscope/heads/entropy.hpp>
#include <attnscope/heads/head_distance.hpp>
#include <attnscope/heads/head_similarity.hpp>
#include <attnscope/heads/locality.hpp>
#include <attnscope/heads/patterns.hpp>
#include <attnscope/heads/pooled_maps.hpp>
#include <attnscope/heads/received.hpp>
#include <attnscope/heads/sink.hpp>
#include <attnscope/heads/token_groups.hpp>
#include <attnscope/heads/top_keys.hpp>
#include <attnscope/source/any.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/words.hpp>

#include <cstring>

#include "support/attention.hpp"
#include "support/catch.hpp"
#include "support/query_keys.hpp"

using namespace attnscope;
using test::MadeQueryKeys;
using test::QueryKeyCase;

namespace {

struct Answer {
  std::string name;
  Eigen::MatrixXd numbers;
};
using Answers = std::vector<Answer>;

void add(Answers& answers, const char* name, const Eigen::MatrixXd& numbers) {
  answers.push_back({name, numbers});
}
void add(Answers& answers, const char* name, const std::vector<Eigen::MatrixXd>& examples) {
  for (const Eigen::MatrixXd& numbers : examples) add(answers, name, numbers);
}
void add(Answers& answers, const char* name, double number) {
  add(answers, name, Eigen::MatrixXd(Eigen::MatrixXd::Constant(1, 1, number)));
}

void add(Answers& answers, const EntropyResult& entropy) {
  add(answers, "entropy", entropy.entropies);
  add(answers, "normalised entropy", entropy.normalized_entropies);
  add(answers, "entropy of each row", entropy.per_query);
}
void add(Answers& answers, const LocalityResult& locality) {
  add(answers, "locality", locality.locality);
  add(answers, "mean distance", locality.mean_distance);
  add(answers, "locality of the mean", locality.locality_score);
}
void add(Answers& answers, const PatternResult& patterns) {
  for (const HeadPattern& head : patterns.heads)
    for (const PatternScore& score : head.scores) {
      add(answers, score.label.c_str(), score.score);
      add(answers, (score.label + ", argmax").c_str(), score.argmax_rate);
    }
}
void add(Answers& answers, const AlignmentMetricsResult& metrics) {
  add(answers, "alignment entropy", metrics.alignment_entropy);
  add(answers, "source coverage", metrics.source_coverage);
  add(answers, "soft coverage", metrics.soft_coverage);
  add(answers, "coverage deviation", metrics.coverage_deviation);
  add(answers, "absent-mindedness", metrics.absent_mindedness_in);
  add(answers, "monotonicity", metrics.monotonicity);
  add(answers, "rank correlation", metrics.rank_correlation);
  add(answers, "agreement", metrics.agreement);
  add(answers, "fertility", metrics.fertility);
}

void add(Answers& answers, const TopKeysResult& top) {
  for (const ExampleTopKeys& example : top.examples)
    for (const auto& head : example.heads) {
      std::vector<double> weights;
      for (const std::vector<TopKey>& keys : head)
        for (const TopKey& key : keys)
          if (key.weight > 1e-6) weights.push_back(key.weight);  // of smaller ones a float may have none
      add(answers, "weights of the top keys",
          Eigen::MatrixXd(
              Eigen::Map<const Eigen::VectorXd>(weights.data(), static_cast<Index>(weights.size()))));
    }
}
void add(Answers& answers, const char* name, const PooledMapsResult& maps) {
  for (const ExamplePooledMaps& example : maps.examples) add(answers, name, example.heads);
}

/// Three groups of tokens, one after the other in turn.
TokenGroups made_groups(const Layout& layout) {
  const auto groups = [](Index tokens) {
    std::vector<Index> list;
    for (Index t = 0; t < tokens; ++t) list.push_back(t % 4 - 1);
    return list;
  };
  TokenGroups all{{"a", "b", "c"}};
  for (Index b = 0; b < layout.shape().batch; ++b) {
    all.queries.push_back(groups(layout.queries(b)));
    all.keys.push_back(groups(layout.keys(b)));
  }
  return all;
}

/// What one sweep tells, whatever the source.
Answers answers_of(const AnyAttention<float>& attention, int threads = 2) {
  EntropyMeasure entropy({.per_query = true}), smoothed({.smoothing = .01});
  ConfidenceMeasure confidence;
  LocalityMeasure locality;
  SinkMeasure sink;
  ReceivedMeasure received;
  PatternMeasure patterns;
  HeadSimilarityMeasure similarity;
  HeadDistanceMeasure distance;
  GroupMassMeasure groups(made_groups(attention.layout()));
  AlignmentMetricsMeasure alignment;
  sweep(attention, SweepOptions{.threads = threads}, entropy, smoothed, confidence, locality, sink, received,
        patterns, similarity, distance, groups, alignment);
  Answers answers;
  add(answers, entropy.result());
  add(answers, smoothed.result());
  add(answers, "confidence", confidence.result().confidence);
  add(answers, locality.result());
  add(answers, "sink", sink.result().sink_mass);
  add(answers, "received", received.result().received);
  add(answers, "mean received", received.result().mean_received);
  add(answers, patterns.result());
  add(answers, "similarity", similarity.result().similarity_matrix);
  add(answers, "distance", distance.result().mean_distances);
  add(answers, "groups", groups.result().mass);
  add(answers, alignment.result());
  return answers;
}

/// All but those in which weights of 1e-40 count, as shares of each other.
Answers clear_answers(const AnyAttention<float>& attention) {
  Answers answers = answers_of(attention);
  std::erase_if(answers,
                [](const Answer& a) { return a.name == "absent-mindedness" || a.name == "agreement"; });
  return answers;
}

/// Words of two tokens.
WordIndices pairs_of_tokens(const Layout& layout) {
  WordIndices words(static_cast<std::size_t>(layout.shape().batch));
  for (Index b = 0; b < layout.shape().batch; ++b)
    for (Index t = 0; t < layout.keys(b); ++t) words[static_cast<std::size_t>(b)].push_back(t / 2);
  return words;
}

bool every_query_is_a_key(const Layout& layout) {
  const Mask& mask = layout.mask();
  return layout.shape().queries == layout.shape().keys && mask.query_offset == 0 &&
         mask.query_lengths == mask.key_lengths;
}

/// The same of what adaptors make of the source, and the rollout of two such layers.
Answers adapted_answers(const AnyAttention<float>& attention) {
  const auto batch = static_cast<std::size_t>(attention.layout().shape().batch);
  const std::vector<std::vector<Index>> none(batch), some = [&] {
    std::vector<std::vector<Index>> lists(batch);
    lists.front() = {2, 3, 8};
    return lists;
  }();
  std::vector<AnyAttention<float>> adapted{
      AnyAttention(exclude_tokens(attention, {.queries = some, .keys = some})),
      AnyAttention(exclude_tokens(attention, {.keys = some, .renormalise = false})),
      AnyAttention(mean_heads(attention))};
  const Layout& layout = attention.layout();
  if (every_query_is_a_key(layout) && layout.mask().sliding_window == 0)
    adapted.emplace_back(merge_words(attention, pairs_of_tokens(layout)));
  Answers all;
  for (const AnyAttention<float>& one : adapted) {
    const Answers answers = answers_of(one);
    all.insert(all.end(), answers.begin(), answers.end());
  }
  const bool whole = layout.mask().excluded_queries.empty();
  if (every_query_is_a_key(layout) && whole)
    add(all, "rollout", rollout(std::vector{attention, attention}).top);
  return all;
}

void check_same(const Answers& a, const Answers& b, double tolerance = 1e-5) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    INFO(a[i].name << " (" << i << ")");
    CHECK(test::difference(a[i].numbers, b[i].numbers) <= tolerance);
  }
}

bool same_bits(const Answers& a, const Answers& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const Answer& x, const Answer& y) {
           return x.numbers.size() == y.numbers.size() &&
                  (x.numbers.size() == 0 ||
                   std::memcmp(x.numbers.data(), y.numbers.data(),
                               static_cast<std::size_t>(x.numbers.size()) * sizeof(double)) == 0);
         });
}

/// Measures that need no single weight, each alone and together, of the source as it is: what a source
/// computes for them without showing weights must be the same.
template <typename A>
Answers row_answers(const A& attention, int threads = 2) {
  const SweepOptions how{.threads = threads};
  EntropyMeasure entropy({.per_query = true});
  ConfidenceMeasure confidence;
  LocalityMeasure locality;
  sweep(attention, how, entropy, confidence, locality);
  Answers answers;
  add(answers, entropy.result());
  add(answers, "confidence", confidence.result().confidence);
  add(answers, locality.result());
  add(answers, measured(EntropyMeasure({.per_query = true}), attention, how));
  add(answers, measured(EntropyMeasure({.smoothing = .01}), attention, how));
  add(answers, "received", received_attention(attention, how).received);
  add(answers, "distances", distance_profile(attention, {}, how).mass);
  add(answers, "mean maps", pooled_maps(attention, {.most_rows = 7, .most_columns = 5}, how));
  add(answers, "largest maps",
      pooled_maps(attention, {.most_rows = 7, .most_columns = 5, .pool = Pool::largest}, how));
  add(answers, top_keys(attention, {.count = 2}, how));
  const AlignmentMetricsResult alignment = alignment_metrics(attention, {}, how);
  add(answers, "alignment entropy", alignment.alignment_entropy);
  add(answers, "soft coverage", alignment.soft_coverage);
  return answers;
}

/// The softmax of what `Scalar` could hold of queries and keys, so that its rounding is no difference.
template <typename Scalar>
void check_row_answers(const QueryKeyCase& one) {
  INFO(one.name);
  const MadeQueryKeys<Scalar> made(one);
  const AttentionTensor<float> stored = made.stored();
  check_same(row_answers(made.source()),
             row_answers(AnyAttention(AttentionView<float>(stored, made.layout.mask()))));
}

}  // namespace

TEST_CASE("every measure and adaptor says of queries and keys what it says of the stored softmax") {
  for (const QueryKeyCase& one : test::query_key_cases()) {
    INFO(one.name);
    const MadeQueryKeys<float> made(one);
    const AttentionTensor<float> softmax = made.stored();
    const AnyAttention<float> stored(AttentionView<float>(softmax, made.layout.mask()));
    const AnyAttention<float> computed(made.source());
    if (one.whole_numbers) {  // one key may weigh all, and what is a share of the rest has no float
      check_same(clear_answers(computed), clear_answers(stored));
      continue;
    }
    check_same(answers_of(computed), answers_of(stored));
    if (one.shape.keys <= 67) check_same(adapted_answers(computed), adapted_answers(stored));
  }
}

TEST_CASE("row answers of the source itself, in every precision") {
  for (const QueryKeyCase& one : test::query_key_cases()) {
    if (one.shape.keys > 131) continue;
    check_row_answers<float>(one);
    if (one.shape.keys > 67) continue;
    check_row_answers<Eigen::half>(one);
    check_row_answers<Eigen::bfloat16>(one);
    check_row_answers<double>(one);
  }
}

TEST_CASE("any number of threads computes the same bits from queries and keys") {
  const MadeQueryKeys<float> made({"", {1, 2, 601, 601}, 1, 5, self_padding({595}, {6}, {.causal = true})});
  const QueryKeyAttention<float> source = made.source();
  const Answers rows = row_answers(source, 1), all = answers_of(AnyAttention(source), 1);
  for (const int threads : {2, 3}) {
    CHECK(same_bits(rows, row_answers(source, threads)));
    CHECK(same_bits(all, answers_of(AnyAttention(source), threads)));
  }
}
