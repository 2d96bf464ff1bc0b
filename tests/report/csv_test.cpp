#include <attnscope/report/csv.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

namespace {
/// Two stacks, one of them cross, two batch elements of which the second is a single token.
Analysis example() {
  return test::analyze(make_dump("x",
                                 {{"self.0.attention", test::uniform(2, 2, 2)},
                                  {"a,\"b\".3.attention", test::filled({2, 1, 2, 4}, .25)}},
                                 {{"lengths", "[2, 1]"},
                                  {"stack.a,\"b\"", R"({"query_tokens": "q", "key_tokens": "k"})"},
                                  {"q", R"([["a","b"],["c","d"]])"},
                                  {"k", R"([["a","b","c","d"],["a","b","c","d"]])"}}));
}
Index lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
}  // namespace

TEST_CASE("heads.csv has one row a stack, layer and head") {
  const std::string csv = heads_csv(example());
  CHECK(
      csv.starts_with("stack,layer,head,entropies,normalized_entropies,confidence,locality,mean_distance,"
                      "sink_mass,alignment_sharpness,alignment_coverage,"));
  CHECK_THAT(csv, ContainsSubstring(",alignment_agreement,pattern,pattern_score\r\nself,0,0,"));
  CHECK(lines(csv) == 1 + 2 + 1);
  CHECK_THAT(csv, ContainsSubstring("\r\n\"a,\"\"b\"\"\",3,0,1.3862943"));
  CHECK_THAT(csv, ContainsSubstring(",0.25,,,0.25,"));            // cross has no locality,
  CHECK_THAT(csv, ContainsSubstring(",0.5,,,,,,,,,,,,broad,1"));  // and self no alignment
}

TEST_CASE("metrics.csv is tidy: each batch element apart, an undefined value empty") {
  const std::string csv = metrics_csv(example());
  CHECK(csv.starts_with("example,stack,layer,head,metric,value\r\n0,self,0,0,entropies,0.6931471"));
  CHECK_THAT(csv, ContainsSubstring("\r\n1,self,0,0,normalized_entropies,\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\n1,self,0,,diversity_score,0\r\n"));
  CHECK(lines(csv) == 1 + 2 * (6 * 2 + 4) + 2 * ((4 + 11) * 1 + 2));
}

TEST_CASE("numbers in CSV read back exactly") {
  Analysis analysis = example();
  analysis.stacks[0].layers[0].pooled.sink.sink_mass(0) = 0.1 + 0.2;
  CHECK_THAT(heads_csv(analysis), ContainsSubstring(",0.30000000000000004,"));
}

TEST_CASE("importance has its columns and rows where there are gradients") {
  const Analysis analysis =
      test::analyze(make_dump("x",
                              {{"self.0.attention", test::uniform(1, 1, 2)},
                               {"self.0.attention_gradient", test::filled({1, 1, 2, 2}, -3)}},
                              {}));
  CHECK_THAT(
      heads_csv(analysis),
      ContainsSubstring("sink_mass,importance_elementwise,importance_per_position,importance_per_example,"
                        "importance_per_batch,pattern"));
  CHECK_THAT(metrics_csv(analysis), ContainsSubstring("\r\n0,self,0,0,importance_per_example,6\r\n"));
}
