#include <attnscope/heads/patterns.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/source/exclude_tokens.hpp>
#include <attnscope/source/rewritten.hpp>

#include "support/catch.hpp"
#include "support/pattern.hpp"
#include "support/planted.hpp"

using namespace attnscope;

namespace {

/// Everything is judged, however little there is to judge by.
PatternOptions judge_all(Index max_offset = 8) {
  return {.max_offset = max_offset, .min_queries = 1, .min_rare_queries = 1};
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
std::vector<std::string> labels(const PatternResult& result) {
  std::vector<std::string> all;
  for (const HeadPattern& head : result.heads) all.push_back(head.label);
  return all;
}

// ---- against numpy

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
    {{"", false, {{0.333333333333, 0, 0.333333333333, 2, 6}}},
     {"", true, {{0.0909090909091, 0.272727272727, 0.181818181818, -2, 11}}},
     {"even", false, {{0.25, 0, 0.25, -2, 4}}},
     {"even", true, {{0.166666666667, 0.166666666667, 0.166666666667, -2, 6}}},
     {"odd", false, {{0.333333333333, 0, 0.333333333333, -3, 3}}},
     {"odd", true, {{0, 0.4, 0.2, -3, 5}}}},
    {{0.0444227146754, -0.0317688977853, 0.000945858289453, -0.0081600620955}},
    {{0.939761019145, 0.935196555226}}};
const Reference causal{
    {{"previous token", {{0.240386558047, 0.208940878923, 0.263157894737, 0.210526315789, 0.206956785904}}},
     {"same token", {{0.187911245596, 0.208070571376, 0.157894736842, 0.210526315789, 0.206956785904}}},
     {"first token", {{0.202864701502, 0.222014925376, 0.263157894737, 0.263157894737, 0.206956785904}}},
     {"delimiter", {{0.378879826794, 0.398237351066, 0.526315789474, 0.473684210526, 0.375715804663}}},
     {"rare token", {{0.254879195171, 0.255446155837, 0.210526315789, 0.210526315789, 0.26454203691}}},
     {"duplicate token", {{0.220927497632, 0.230456516185, 0, 0.181818181818, 0.245060999606}}},
     {"induction", {{0.234602247102, 0.258405872718, 0.272727272727, 0.181818181818, 0.245060999606}}}},
    {{"", true, {{0.166666666667, 0.333333333333, 0.333333333333, -2, 6}}},
     {"even", true, {{0.333333333333, 0.333333333333, 0.333333333333, -2, 3}}},
     {"odd", true, {{0, 0.333333333333, 0.333333333333, -3, 3}}}},
    {{0.0875690962606, -0.0647870504613, -0.0107016112531, -0.0230781030867}},
    {{0.921863671401, 0.889154668505}}};


void check_reference(const PatternResult& result, const Reference& expected) {
  REQUIRE(result.heads.size() == 2);
  for (std::size_t h = 0; h < 2; ++h) {
    const HeadPattern& head = result.heads[h];
    for (const auto& [label, numbers] : expected.masses) {
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

PatternResult reference_result(bool causal, bool left) {
  const std::vector<Index> lengths{9, 12};
  const Layout layout({2, 2, 14, 14}, self_padding(lengths, left ? std::vector<Index>{5, 2} : std::vector<Index>{},
                                                   {.causal = causal}));
  return patterns(AttentionView<double>(test::pattern(layout).data(), layout),
                  {reference_facts(0, 9), reference_facts(1, 12)}, judge_all(3));
}

}  // namespace
