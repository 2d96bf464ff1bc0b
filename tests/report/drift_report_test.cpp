#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/drift_report.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

namespace {

/// [1, heads, 2, 2] of rows (p, 1 - p), a p for each head.
RawTensor heads_of(const std::vector<double>& shares) {
  std::vector<float> weights;
  for (const double p : shares)
    for (int row = 0; row < 2; ++row) {
      weights.push_back(static_cast<float>(p));
      weights.push_back(static_cast<float>(1 - p));
    }
  return raw_tensor(std::move(weights), {1, static_cast<Index>(shares.size()), 2, 2});
}
Dump dump_of(const std::string& name, const std::vector<double>& shares, const Metadata& metadata = {}) {
  return make_dump(name, {{"self.3.attention", heads_of(shares)}}, metadata);
}

}  // namespace

TEST_CASE("the drift of each layer, its heads beside those of their number and beside their partners") {
  const DriftReport report = drift_report(dump_of("a", {1, .5, .25}), dump_of("b", {.5, 1, .5}));
  CHECK(report.source == "a");
  CHECK(report.other == "b");
  REQUIRE(report.stacks.size() == 1);
  CHECK(report.stacks[0].name == "self");
  REQUIRE(report.stacks[0].layers.size() == 1);
  const LayerDrift& layer = report.stacks[0].layers[0];
  CHECK(layer.layer == 3);
  CHECK(layer.drift.in_place.total_variation(0) == Approx(.5));
  CHECK(layer.drift.in_place.total_variation(2) == Approx(.25));
  CHECK(layer.drift.in_place.change.entropies(0) == Approx(std::log(2)));
  CHECK(layer.drift.matched.partner == std::vector<Index>{1, 0, 2});
}

TEST_CASE("a dump has no drift from itself, in whatever order its layers are listed") {
  const Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  Dump turned = dump;
  for (DumpStack& stack : turned.stacks) std::ranges::reverse(stack.layers);
  const DriftReport report = drift_report(dump, turned);
  CHECK(report.stacks.size() == 3);
  for (const StackDrift& stack : report.stacks)
    for (const LayerDrift& layer : stack.layers) {
      CHECK(layer.drift.in_place.max_total_variation.maxCoeff() == 0);
      CHECK(layer.drift.moved == 0);
    }
}

TEST_CASE("drift.csv has a row a head and metric, heads by the model's numbers") {
  const AnalyzeOptions chosen{.heads = {2, 0}};
  const DriftReport report = drift_report(chosen_part(dump_of("a", {1, .5, .25}), chosen),
                                          chosen_part(dump_of("b", {.25, .5, 1}), chosen));
  const std::string csv = drift_csv(report);
  CHECK(csv.starts_with("stack,layer,head,metric,value\r\nself,3,2,total_variation,0.75\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\nself,3,2,matched_head,0\r\nself,3,2,matched_total_variation,0\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\nself,3,0,matched_head,2\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\nself,3,0,change_locality,0\r\n"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * (4 + 7 + 1 + 4));
}

TEST_CASE("a stack's name that needs quotes has them in drift.csv, a head without a partner empty fields") {
  const auto named = [](const std::vector<double>& shares) {
    return make_dump("x", {{"a,b.0.attention", heads_of(shares)}}, {{"stack.a,b", "{}"}});
  };
  const std::string csv = drift_csv(drift_report(named({1, .5}), named({1})));
  CHECK_THAT(csv, ContainsSubstring("\r\n\"a,b\",0,1,matched_head,\r\n"));
  CHECK_THAT(csv, ContainsSubstring("\r\n\"a,b\",0,1,total_variation,\r\n"));
}

TEST_CASE("dumps that are not alike are refused, naming stack and layer") {
  const Dump a = dump_of("a", {1, .5});
  const auto refused = [&](const Dump& other) {
    return message_of<ShapeError>([&] { drift_report(a, other); });
  };
  CHECK(refused(make_dump("b", {{"encoder.3.attention", heads_of({1})}}, {})) ==
        "the stack self of a is not in b");
  CHECK(refused(make_dump("b", {{"self.2.attention", heads_of({1})}}, {})) == "self.3 of a is not in b");
  CHECK(refused(make_dump("b", {{"self.2.attention", heads_of({1})}, {"self.3.attention", heads_of({1})}},
                          {})) == "self.2 of b is not in a");
  CHECK_THAT(refused(make_dump("b", {{"self.3.attention", test::uniform(1, 2, 3)}}, {})),
             ContainsSubstring("a beside b: self.3: batch element 0: aligned sources have 2 x 2 and 3 x 3"));
  CHECK_THAT(refused(make_dump("b", {{"self.3.attention", test::uniform(2, 2, 2)}}, {})),
             ContainsSubstring("a beside b: self.3: aligned sources have 1 and 2 batch elements"));
  const auto spoken = [](const char* name, const char* tokens) {
    return dump_of(name, {1, .5}, {{"tokens", tokens}});
  };
  CHECK(message_of<ValueError>([&] {
          drift_report(spoken("a", R"(["x","y"])"), spoken("b", R"(["x","z"])"));
        }) == "a beside b: self: batch element 0: query token 1 is \"y\" in one dump and \"z\" in the other");
  drift_report(spoken("a", R"(["x","y"])"), dump_of("b", {1, .5}));  // b names none
}

TEST_CASE("each step of a drift report is told, and its progress stops it") {
  std::vector<std::string> steps;
  DriftReportOptions options{.step = [&](const std::string& what) { steps.push_back(what); }};
  drift_report(dump_of("a", {1}), dump_of("b", {1}), options);
  CHECK(steps == std::vector<std::string>{"self, layer 3"});
  options.sweep.progress = [](Index, Index) { return false; };
  CHECK_THROWS_AS(drift_report(dump_of("a", {1}), dump_of("b", {1}), options), Stopped);
}
