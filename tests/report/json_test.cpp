#include <attnscope/report/json.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;
using Json = nlohmann::json;

namespace {
Analysis example() {
  return test::analyze(
      make_dump("x", {{"self.0.attention", test::uniform(2, 2, 2)}}, {{"lengths", "[2, 1]"}}));
}
}  // namespace

TEST_CASE("numbers read back exactly, an undefined one is null") {
  Analysis analysis = example();
  const double odd = 0.1 + 0.2;
  analysis.stacks[0].layers[0].pooled.sink.sink_mass(0) = odd;
  analysis.stacks[0].layers[0].pooled.sink.sink_mass(1) = undefined;
  const auto json = nlohmann::json::parse(report_json(analysis));
  const auto& layer = json["stacks"]["self"]["layers"][0];
  CHECK(layer["sink_mass"][0].get<double>() == odd);
  CHECK(layer["sink_mass"][1].is_null());
}

TEST_CASE("a correlation that is undefined is null, not 0") {
  Analysis analysis = example();
  LayerAttribution constant;
  constant.kendall_tau = 0;
  analysis.stacks[0].attribution.emplace().elements = {{constant}};
  const Json json = Json::parse(report_json(analysis));
  const Json& layer = json["stacks"]["self"]["attribution"][0]["per_layer"][0];
  CHECK(layer["spearman_correlation"].is_null());
  CHECK(layer["interval"] == Json{nullptr, nullptr});
  CHECK(layer["kendall_tau"] == 0);
}

TEST_CASE("what the dump does not have, the report does not have") {
  const auto json = nlohmann::json::parse(report_json(example()));
  CHECK_FALSE(json.contains("model"));
  CHECK_FALSE(json["stacks"]["self"].contains("tokens"));
}

TEST_CASE("the findings stand right before the stacks") {
  const Analysis analysis = example();
  const auto json = nlohmann::ordered_json::parse(report_json(analysis));
  CHECK_FALSE(findings(analysis).empty());
  CHECK(json["findings"].get<std::vector<std::string>>() == findings(analysis));
  const auto stacks = json.find("stacks");
  CHECK(std::prev(stacks).key() == "findings");
  CHECK(std::next(stacks) == json.end());
}

TEST_CASE("tokens that are no UTF-8 do not stop the report") {
  Analysis analysis = example();
  analysis.stacks[0].query_tokens = analysis.stacks[0].key_tokens = {{"\xff", "</script>\n"}, {"a"}};
  const auto json = nlohmann::json::parse(report_json(analysis));
  CHECK(json["stacks"]["self"]["tokens"][0][0] == "\ufffd");
  CHECK(json["stacks"]["self"]["tokens"][0][1] == "</script>\n");
}

TEST_CASE("patterns, importance, groups, heads across layers and the plan are told by the model's numbers") {
  const Dump dump = make_dump("x",
                              {{"self.2.attention", test::uniform(1, 2, 3)},
                               {"self.5.attention", test::uniform(1, 2, 3)},
                               {"self.2.attention_gradient", test::filled({2, 3, 3}, 1)},
                               {"self.5.attention_gradient", test::filled({2, 3, 3}, 2)}},
                              {{"tokens", R"(["[CLS]", "a", "a"])"}, {"special_tokens", R"(["[CLS]"])"}});
  const Analysis analysis = test::analyze(dump, {.layers = {5}, .pruning_fraction = .5});
  const auto json = nlohmann::json::parse(report_json(analysis));
  const auto& self = json["stacks"]["self"];
  const auto& layer = self["layers"][0];
  CHECK(layer["patterns"][1]["head"] == 1);
  CHECK(layer["patterns"][0]["label"] == "broad");
  CHECK(layer["patterns"][0]["scores"]["broad"].get<double>() == Approx(1));
  CHECK(layer["importance"]["per_example"][0].get<double>() == Approx(6));
  CHECK(layer["importance"]["standard_error"]["per_example"][0].is_null());
  CHECK(layer["token_groups"]["mass"][0][0][1].get<double>() == Approx(1 / 3.));
  CHECK(self["head_comparison"]["heads"] == nlohmann::json::parse("[[5, 0], [5, 1]]"));
  CHECK(self["head_comparison"]["stand_ins"][0]["stand_in"] == nlohmann::json::parse("[5, 1]"));
  CHECK(self["pruning_plan"]["heads_to_prune"] == nlohmann::json::parse(R"({"5": [0]})"));
}

TEST_CASE("alignment names heads by the model's numbers, whatever was chosen") {
  const Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  const Json json =
      Json::parse(report_json(test::analyze(dump, {.layers = {1}, .heads = {1, 3}})))["stacks"]["cross"];
  const Json& alignment = json["alignment"];
  REQUIRE(alignment["best_heads"].size() == 2);
  CHECK(alignment["best_heads"][0]["head"] == Json{1, 1});
  CHECK(alignment["best_heads"][0]["error_rate"] == json["layers"][0]["alignment"]["error_rate"][0]);
  CHECK(alignment["best_heads"][1]["head"] == Json{1, 3});
  CHECK(alignment["head_set"]["chosen"]["heads"][0] == Json{1, 1});
  CHECK(alignment["head_set"]["chosen"]["error_rates"][0] == alignment["best_heads"][0]["error_rate"]);
  CHECK(alignment["head_set"]["held_out_error_rate"].is_number());
  CHECK(alignment["head_set"]["held_out_single_error_rate"].is_number());
  REQUIRE(alignment["elements"].size() == 16);
  const Json& element = alignment["elements"][3];
  CHECK(element["links"][0]["target"] == 0);
  CHECK(element["links"][0]["source"] == 0);
  CHECK(element["links"][0]["confidence"] > .9);
  CHECK(element["unaligned_sources"] == std::vector{8});
  CHECK(element["unaligned_targets"].empty());
}
