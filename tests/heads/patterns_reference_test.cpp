// Every score and baseline: against numpy, and against plain loops on random attention of any mask.
#include <attnscope/heads/patterns.hpp>
#include <attnscope/source/exclude_tokens.hpp>

#include "support/catch.hpp"
#include "support/pattern.hpp"
#include "support/planted.hpp"

using namespace attnscope;

namespace {

/// Everything is judged, however little there is to judge by.
PatternOptions judge_all(Index max_offset = 8) {
  return {.max_offset = max_offset, .min_queries = 1, .min_relation_queries = 1, .min_rare_queries = 1};
}

const PatternScore* find(const HeadPattern& head, const std::string& label) {
  for (const PatternScore& score : head.scores)
    if (score.label.starts_with(label)) return &score;
  return nullptr;
}
PatternScore score_of(const HeadPattern& head, const std::string& label) {
  const PatternScore* found = find(head, label);
  INFO(label);
  REQUIRE(found);
  return *found;
}
/// The facts of patterns_reference.py.
TokenFacts reference_facts(Index b, Index n) {
  TokenFacts facts{.delimiters = {{0, n - 1}}, .special = {0, n - 1}};
  facts.embeddings.resize(n, 3);
  for (Index t = 0; t < n; ++t) {
    facts.identities.push_back((t * t + b) % 5);
    if (t % 4 == 3) facts.delimiters->push_back(t);
    const Index head = t % 5 == 0 ? -1 : (3 * t + 1 + b) % n;
    facts.dependency_heads.push_back(head == t ? -1 : head);
    facts.relations.push_back(t % 2 == 0 ? "even" : "odd");
    facts.frequencies.push_back(static_cast<double>(1 + (3 * t + b) % 4));
    for (Index d = 0; d < 3; ++d)
      facts.embeddings(t, d) = std::sin(static_cast<double>(1 + t * (2 * d + 1) + b * d));
  }
  return facts;
}

/// Numbers of patterns_reference.py: mass of two heads, argmax rate of two heads, chance.
struct MassReference {
  std::string label;
  std::array<double, 5> numbers;
};
/// Accuracy of two heads, baseline, best offset, queries.
struct RelationReference {
  std::string relation;
  bool to_head;
  std::array<double, 5> numbers;
};
struct Reference {
  std::vector<MassReference> masses;
  std::array<MassReference, 2> offset;  // the best of each head
  std::vector<RelationReference> relations;
  std::array<double, 4> semantic;  // score of two heads, baseline of two heads
  std::array<double, 2> broad;
};

const Reference both_ways{
    {{"previous token", {{0.11320612185, 0.0941393280797, 0.210526315789, 0.105263157895, 0.0950292397661}}},
     {"same token", {{0.0864460543914, 0.0921934468022, 0.0952380952381, 0.047619047619, 0.0952380952381}}},
     {"next token", {{0.098612005524, 0.103825801281, 0, 0.157894736842, 0.0950292397661}}},
     {"first token", {{0.0951770810734, 0.0892386742887, 0.190476190476, 0.0952380952381, 0.0952380952381}}},
     {"delimiter", {{0.393747183285, 0.398747884254, 0.47619047619, 0.619047619048, 0.380952380952}}},
     {"rare token", {{0.203929417448, 0.181472770173, 0.190476190476, 0.142857142857, 0.190476190476}}},
     {"duplicate token", {{0.146463872401, 0.148724567584, 0, 0, 0.159090909091}}},
     {"induction", {{0.151941956783, 0.173400024314, 0.181818181818, 0.0909090909091, 0.159090909091}}}},
    {{{"offset -3", {{0.0995260730975, 0.0973389702965, 0.133333333333, 0.133333333333, 0.0944444444444}}},
      {"offset +2", {{0.0861005492766, 0.102661191086, 0.117647058824, 0.117647058824, 0.0947712418301}}}}},
    {{"", false, {{0.333333333333, 0, 0.333333333333, 2, 6}}},
     {"", true, {{0.0909090909091, 0.272727272727, 0.181818181818, -2, 11}}},
     {"even", false, {{0.25, 0, 0.25, -2, 4}}},
     {"even", true, {{0.166666666667, 0.166666666667, 0.166666666667, -2, 6}}},
     {"odd", false, {{0.333333333333, 0, 0.333333333333, -3, 3}}},
     {"odd", true, {{0, 0.4, 0.2, -3, 5}}}},
    {{0.0444227146754, -0.0317688977853, 0.000945858289453, -0.0081600620955}},
    {{0.939761019145, 0.935196555226}}};
const Reference causal_rows{
    {{"previous token", {{0.240386558047, 0.208940878923, 0.263157894737, 0.210526315789, 0.206956785904}}},
     {"same token", {{0.187911245596, 0.208070571376, 0.157894736842, 0.210526315789, 0.206956785904}}},
     {"first token", {{0.202864701502, 0.222014925376, 0.263157894737, 0.263157894737, 0.206956785904}}},
     {"delimiter", {{0.378879826794, 0.398237351066, 0.526315789474, 0.473684210526, 0.375715804663}}},
     {"rare token", {{0.254879195171, 0.255446155837, 0.210526315789, 0.210526315789, 0.26454203691}}},
     {"duplicate token", {{0.220927497632, 0.230456516185, 0, 0.181818181818, 0.245060999606}}},
     {"induction", {{0.234602247102, 0.258405872718, 0.272727272727, 0.181818181818, 0.245060999606}}}},
    {{{"offset -3", {{0.160724176232, 0.16127813261, 0.2, 0.2, 0.151034151034}}},
      {"offset -3", {{0.160724176232, 0.16127813261, 0.2, 0.2, 0.151034151034}}}}},
    {{"", false, {{0, 0, 0.25, -3, 4}}},
     {"even", false, {{0, 0, 0.5, -2, 2}}},
     {"odd", false, {{0, 0, 0.5, -3, 2}}},
     {"", true, {{0.166666666667, 0.333333333333, 0.333333333333, -2, 6}}},
     {"even", true, {{0.333333333333, 0.333333333333, 0.333333333333, -2, 3}}},
     {"odd", true, {{0, 0.333333333333, 0.333333333333, -3, 3}}}},
    {{0.0875690962606, -0.0647870504613, -0.0107016112531, -0.0230781030867}},
    {{0.921863671401, 0.889154668505}}};

void check_reference(const PatternResult& result, const Reference& expected) {
  REQUIRE(result.heads.size() == 2);
  for (std::size_t h = 0; h < 2; ++h) {
    const HeadPattern& head = result.heads[h];
    std::vector<MassReference> masses = expected.masses;
    masses.push_back(expected.offset[h]);
    for (const auto& [label, numbers] : masses) {
      const PatternScore score = score_of(head, label);
      const double by = label == "rare token" ? numbers[2 + h] : numbers[h];
      CHECK(score.score == Approx(by).epsilon(1e-10).margin(1e-14));
      CHECK(score.argmax_rate == Approx(numbers[2 + h]).epsilon(1e-10).margin(1e-14));
      CHECK(score.baseline == Approx(numbers[4]).epsilon(1e-10));
      CHECK(score.margin == score.score - score.baseline);
    }
    CHECK(score_of(head, "semantic").score == Approx(expected.semantic[h]).epsilon(1e-10));
    CHECK(score_of(head, "semantic").baseline == Approx(expected.semantic[2 + h]).epsilon(1e-10));
    CHECK(score_of(head, "broad").score == Approx(expected.broad[h]).epsilon(1e-10));
  }
  REQUIRE(result.relations.size() == expected.relations.size());
  for (const auto& [relation, to_head, numbers] : expected.relations) {
    const auto found = std::ranges::find_if(result.relations, [&, r = relation, t = to_head](const auto& x) {
      return x.relation == r && x.to_head == t;
    });
    REQUIRE(found != result.relations.end());
    CHECK(found->accuracy(0) == Approx(numbers[0]).margin(1e-14));
    CHECK(found->accuracy(1) == Approx(numbers[1]).margin(1e-14));
    CHECK(found->baseline == Approx(numbers[2]).margin(1e-14));
    CHECK(found->best_offset == static_cast<Index>(numbers[3]));
    CHECK(found->queries == static_cast<Index>(numbers[4]));
  }
}

PatternResult reference_result(bool causal, std::vector<Index> starts) {
  const Layout layout({2, 2, 14, 14}, self_padding({9, 12}, std::move(starts), {.causal = causal}));
  const auto weights = test::pattern(layout);
  return patterns(AttentionView<double>(weights.data(), layout),
                  {reference_facts(0, 9), reference_facts(1, 12)}, judge_all(3));
}

// ---- plain loops

struct Plain {
  double mass = 0, hits = 0, chance = 0, queries = 0;
};

/// Weights of one head under a mask, key by key.
struct PlainHead {
  const AttentionTensor<double>& a;
  const Layout& layout;
  Index h;

  double weight(Index b, Index i, Index j) const {
    return a(b, h, layout.query_start(b) + i, layout.key_start(b) + j);
  }
  std::vector<Index> seen(Index b, Index i) const {
    std::vector<Index> keys;
    const auto& excluded = layout.mask().excluded_keys;
    for (Index j = 0; j < layout.keys(b); ++j)
      if (j >= layout.visible(b, i).first && j < layout.visible(b, i).last &&
          (excluded.empty() || std::ranges::count(excluded[static_cast<std::size_t>(b)], j) == 0))
        keys.push_back(j);
    return keys;
  }
  /// act(b, i, seen keys) for every query that counts.
  template <typename Act>
  void each_query(const Act& act) const {
    const auto& excluded = layout.mask().excluded_queries;
    for (Index b = 0; b < layout.shape().batch; ++b)
      for (Index i = 0; i < layout.queries(b); ++i) {
        if (!excluded.empty() && std::ranges::count(excluded[static_cast<std::size_t>(b)], i) > 0) continue;
        if (const auto keys = seen(b, i); keys.size() > 1) act(b, i, keys);
      }
  }
  /// skip(b, i, j): not to be the largest.
  template <typename Target, typename Skip>
  Plain looks(const Target& target, const Skip& skip) const {
    Plain plain;
    each_query([&](Index b, Index i, const std::vector<Index>& keys) {
      double mass = 0, targets = 0, most = 0;
      Index best = -1;
      for (const Index j : keys) {
        if (target(b, i, j)) mass += weight(b, i, j), targets += 1;
        if (!skip(b, i, j) && weight(b, i, j) > most) most = weight(b, i, j), best = j;
      }
      if (targets == 0) return;
      plain.mass += mass;
      plain.hits += best >= 0 && target(b, i, best) ? 1 : 0;
      plain.chance += targets / static_cast<double>(keys.size());
      plain.queries += 1;
    });
    for (double* x : {&plain.mass, &plain.hits, &plain.chance}) *x /= plain.queries;
    return plain;
  }
};

bool holds(const std::vector<Index>& list, Index value) { return std::ranges::count(list, value) > 0; }

void check_mass(const HeadPattern& head, const std::string& label, const Plain& plain) {
  if (plain.queries == 0) {
    CHECK(!find(head, label));
    return;
  }
  const PatternScore score = score_of(head, label);
  CHECK(score.score == Approx(label == "rare token" ? plain.hits : plain.mass).margin(1e-14));
  CHECK(score.argmax_rate == Approx(plain.hits).margin(1e-14));
  CHECK(score.baseline == Approx(plain.chance));
  CHECK(score.queries == static_cast<Index>(plain.queries));
}

/// Every label of head h, from its definition.
void check_plain(const PatternResult& result, const PlainHead& plain, const std::vector<TokenFacts>& facts) {
  const HeadPattern& head = result.heads[static_cast<std::size_t>(plain.h)];
  const auto of = [&](Index b) -> const TokenFacts& { return facts[static_cast<std::size_t>(b)]; };
  const auto at = [](const auto& list, Index t) -> const auto& { return list[static_cast<std::size_t>(t)]; };
  const auto any = [](Index, Index, Index) { return false; };
  const auto word = [&](Index b, Index j) { return !holds(of(b).special, j); };
  const auto copy = [&](Index b, Index i, Index j) {
    return j >= 0 && j < i && word(b, i) && word(b, j) && at(of(b).identities, j) == at(of(b).identities, i);
  };
  for (const Index k : {-1, 0, 1})
    if (const char* label = k < 0 ? "previous token" : k > 0 ? "next token" : "same token"; find(head, label))
      check_mass(head, label, plain.looks([&](Index, Index i, Index j) { return j == i + k; }, any));
  const std::string offset = score_of(head, "offset").label;
  const Index best = std::stol(offset.substr(7));
  check_mass(head, offset, plain.looks([&](Index, Index i, Index j) { return j == i + best; }, any));
  check_mass(head, "first token", plain.looks([](Index, Index, Index j) { return j == 0; }, any));
  check_mass(head, "delimiter",
             plain.looks([&](Index b, Index, Index j) { return holds(*of(b).delimiters, j); }, any));
  check_mass(head, "duplicate token", plain.looks(copy, any));
  check_mass(head, "induction",
             plain.looks([&](Index b, Index i, Index j) { return copy(b, i, j - 1); }, any));
  const auto rarest = [&](Index b, Index i, Index j) {
    const auto keys = plain.seen(b, i);
    return word(b, j) && std::ranges::none_of(keys, [&](Index other) {
             return word(b, other) && at(of(b).frequencies, other) < at(of(b).frequencies, j);
           });
  };
  check_mass(head, "rare token", plain.looks(rarest, any));

  for (const RelationAccuracy& relation : result.relations) {
    const auto arc = [&](Index b, Index i, Index j) {
      const auto depends = [&](Index from, Index to) {
        return at(of(b).dependency_heads, from) == to && word(b, from) && word(b, to) &&
               (relation.relation.empty() || at(of(b).relations, from) == relation.relation);
      };
      return relation.to_head ? depends(i, j) : depends(j, i);
    };
    const Plain followed = plain.looks(arc, [&](Index b, Index i, Index j) { return i == j || !word(b, j); });
    CHECK(relation.accuracy(plain.h) == Approx(followed.hits).margin(1e-14));
    CHECK(relation.queries == static_cast<Index>(followed.queries));
    double most = 0;
    for (Index k = -8; k <= 8; ++k) {
      double hits = 0;
      plain.each_query([&](Index b, Index i, const std::vector<Index>& keys) {
        hits += k != 0 && holds(keys, i + k) && arc(b, i, i + k) ? 1 : 0;
      });
      most = std::max(most, hits / followed.queries);
    }
    CHECK(relation.baseline == Approx(most).margin(1e-14));
  }

  double attended = 0, queries = 0;
  std::map<Index, std::array<double, 3>> by_offset;  // weight, ranks, pairs
  plain.each_query([&](Index b, Index i, std::vector<Index> others) {
    std::erase_if(others, [&](Index j) { return j == i || !word(b, j); });
    if (!word(b, i) || others.size() < 2) return;
    const auto cosine = [&](Index j) {
      return of(b).embeddings.row(i).normalized().dot(of(b).embeddings.row(j).normalized());
    };
    queries += 1;
    for (const Index j : others) {
      const double less = static_cast<double>(
          std::ranges::count_if(others, [&](Index other) { return cosine(other) < cosine(j); }));
      const double rank = 2 * less / static_cast<double>(others.size() - 1) - 1;
      attended += plain.weight(b, i, j) * rank;
      auto& [weight, ranks, pairs] = by_offset[j - i];
      weight += plain.weight(b, i, j), ranks += rank, pairs += 1;
    }
  });
  double baseline = 0;
  for (const auto& [k, sums] : by_offset) baseline += sums[0] * sums[1] / sums[2];
  CHECK(score_of(head, "semantic").score == Approx(attended / queries));
  CHECK(score_of(head, "semantic").baseline == Approx(baseline / queries));
}

}  // namespace

TEST_CASE("the scores and baselines that numpy finds, whichever side the padding is on") {
  check_reference(reference_result(false, {}), both_ways);
  check_reference(reference_result(false, {5, 2}), both_ways);
  check_reference(reference_result(true, {}), causal_rows);
  check_reference(reference_result(true, {0, 1}), causal_rows);
}

TEST_CASE("plain loops agree on random attention of any mask") {
  const std::vector<Index> lengths{31, 40};
  test::Dice dice(5);
  std::vector<TokenFacts> facts;
  for (const Index n : lengths) facts.push_back(test::made_up_facts(n, dice));
  const Mask masks[]{
      {},
      {.causal = true},
      {.causal = true, .sliding_window = 9},
      {.excluded_queries = {{0, 7, 8}, {}}, .excluded_keys = {{30, 3}, {0, 39, 20}}},
      {.causal = true, .excluded_keys = {{0}, {0, 5}}},
  };
  unsigned seed = 0;
  for (const Mask& mask : masks)
    for (const std::vector<Index>& starts : {std::vector<Index>{}, std::vector<Index>{9, 2}}) {
      const Layout layout({2, 3, 42, 42}, self_padding(lengths, starts, mask));
      const auto a = test::random_attention<double>(layout, ++seed);
      const AttentionView<double> view(a.data(), layout);
      const PatternResult result = patterns(view, facts, judge_all());
      for (Index h = 0; h < 3; ++h) check_plain(result, {a, layout, h}, facts);
    }
}
