#include <attnscope/report/stack_flow.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;
using test::uniform;

TEST_CASE("rollout stands in every report of self-attention, flow where it is asked for") {
  const Dump dump =
      make_dump("x", {{"self.0.attention", uniform(2, 2, 4)}, {"self.3.attention", uniform(2, 1, 4)}},
                {{"lengths", "[4, 2]"}});
  const StackAnalysis plain = test::analyze(dump).stacks.at(0),
                      full = test::analyze(dump, {.flow = true}).stacks.at(0);
  REQUIRE(plain.flow);
  REQUIRE(plain.flow->rollout.size() == 2);
  CHECK(plain.flow->rollout[1].rows() == 2);
  CHECK(plain.flow->flow.empty());
  REQUIRE(full.flow->flow.size() == 2);
  CHECK(full.flow->flow[0].flow.rows() == 4);
  CHECK(full.flow->flow[0].trivial_share.has_value());
}

TEST_CASE("what cannot be followed through the layers is left out, and said") {
  const auto left_out = [](const RawTensors& tensors, const Metadata& metadata,
                           const AnalyzeOptions& options) {
    const Analysis analysis = test::analyze(make_dump("x", tensors, metadata), options);
    CHECK_FALSE(analysis.stacks.at(0).flow);
    const auto about_rollout = [](const std::string& line) {
      return line.find(": rollout") != std::string::npos;
    };
    return *std::ranges::find_if(analysis.left_out, about_rollout);
  };
  CHECK(left_out({{"self.0.attention", test::filled({1, 1, 2, 4}, .25)}}, {{"query_offset", "2"}}, {}) ==
        "self: rollout: layer 0: batch element 0: 2 queries beside 4 keys: a map needs self-attention");
  CHECK(left_out({{"self.0.attention", uniform(1, 1, 3)}}, {}, {.flow = true, .most_map_tokens = 2}) ==
        "self: rollout and flow: 3 tokens are more than 2");
  const Dump cross = make_dump("x", {{"cross.0.attention", uniform(1, 1, 3)}}, {});
  CHECK_FALSE(test::analyze(cross).stacks.at(0).flow);
}
