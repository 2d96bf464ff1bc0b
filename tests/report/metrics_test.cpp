#include <attnscope/report/metrics.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

namespace {
template <typename Metrics>
std::string names(const Metrics& metrics) {
  std::string all;
  for (const auto& metric : metrics) all += metric.name + " ";
  return all;
}
}  // namespace

TEST_CASE("self-attention has distances, cross-attention has none") {
  const auto pooled = [](const char* name) {
    return test::analyze(make_dump("x", {{std::string(name) + ".0.attention", test::uniform(1, 2, 2)}}, {}))
        .stacks[0]
        .layers[0]
        .pooled;
  };
  CHECK(names(head_metrics(pooled("self"))) ==
        "entropies normalized_entropies confidence locality mean_distance sink_mass ");
  CHECK(names(layer_metrics(pooled("self"))) ==
        "locality_score uniform_locality avg_pairwise_similarity diversity_score ");
  CHECK(names(head_metrics(pooled("cross"))) == "entropies normalized_entropies confidence sink_mass ");
  CHECK(names(layer_metrics(pooled("cross"))) == "avg_pairwise_similarity diversity_score ");
}

TEST_CASE("what one head does not have is undefined") {
  const auto one = test::analyze(make_dump("x", {{"cross.0.attention", test::uniform(1, 1, 2)}}, {}))
                       .stacks[0]
                       .layers[0]
                       .pooled;
  CHECK(std::isnan(layer_metrics(one).back().value));
}
