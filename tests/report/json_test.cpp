#include <attnscope/report/json.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;

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

TEST_CASE("what the dump does not have, the report does not have") {
  const auto json = nlohmann::json::parse(report_json(example()));
  CHECK_FALSE(json.contains("model"));
  CHECK_FALSE(json["stacks"]["self"].contains("tokens"));
}

TEST_CASE("tokens that are no UTF-8 do not stop the report") {
  Analysis analysis = example();
  analysis.stacks[0].query_tokens = analysis.stacks[0].key_tokens = {{"\xff", "</script>\n"}, {"a"}};
  const auto json = nlohmann::json::parse(report_json(analysis));
  CHECK(json["stacks"]["self"]["tokens"][0][0] == "\ufffd");
  CHECK(json["stacks"]["self"]["tokens"][0][1] == "</script>\n");
}
