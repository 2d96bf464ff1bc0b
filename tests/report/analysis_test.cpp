#include <attnscope/report/analysis.hpp>
#include <attnscope/report/csv.hpp>
#include <attnscope/report/json.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("a report is written of any analysis, wherever its numbers come from") {
  Analysis analysis{"by hand", {}, 1, 3, false, {}, {}};
  CHECK(nlohmann::json::parse(report_json(analysis))["stacks"].empty());
  StackAnalysis& stack = analysis.stacks.emplace_back();
  stack.name = "self";
  stack.self_attention = false;
  LayerAnalysis& layer = stack.layers.emplace_back();
  layer.layer = 7;
  layer.heads = {3};
  layer.pooled.entropy.entropies = Eigen::VectorXd::Constant(1, .5);
  layer.patterns.resize(1);
  const nlohmann::json json = nlohmann::json::parse(report_json(analysis))["stacks"]["self"]["layers"][0];
  CHECK(json["layer"] == 7);
  CHECK(json["heads"] == std::vector{3});
  CHECK(json["entropies"] == std::vector{.5});
}
