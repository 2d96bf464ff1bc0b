#include <attnscope/report/stack_alignment.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;

namespace {

Dump cross(std::string gold, std::vector<float> weights = {.1f, .9f, .8f, .2f}) {
  return make_dump("x", {{"cross.0.attention", raw_tensor(std::move(weights), {1, 1, 2, 2})}},
                   {{"gold_alignment", std::move(gold)}});
}

}  // namespace

TEST_CASE("the head that aligns the cipher is the one of the least error rate") {
  const Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  const Analysis analysis = test::analyze(dump);
  const auto found = std::ranges::find(analysis.stacks, "cross", &StackAnalysis::name);
  REQUIRE(found != analysis.stacks.end());
  const StackAlignment& alignment = found->alignment.value();
  CHECK(alignment.by_error_rate);
  REQUIRE(alignment.heads.size() == 8);
  CHECK(alignment.heads[0].id == HeadId{1, 1});
  CHECK(alignment.heads[0].score == found->layers[1].pooled.alignment->errors->error_rate(1));
  CHECK(alignment.selection->chosen.heads.front() == HeadId{1, 1});
  REQUIRE(alignment.links.size() == 16);
  LinkTally tally;
  const std::vector<GoldLinks> gold =
      gold_links(dump, *std::ranges::find(dump.stacks, "cross", &DumpStack::name));
  for (std::size_t b = 0; b < gold.size(); ++b) tally.add(alignment.links[b].links, gold[b], 17, 17);
  CHECK(tally.scores().error_rate == Approx(alignment.heads[0].score));
  CHECK_FALSE(analysis.stacks.front().alignment);
}

TEST_CASE("without gold links heads are ranked by what an alignment looks like, and no error rate stands") {
  Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  dump.metadata.erase("gold_alignment");
  const Analysis analysis = test::analyze(dump);
  const StackAnalysis& stack = *std::ranges::find(analysis.stacks, "cross", &StackAnalysis::name);
  CHECK_FALSE(stack.alignment->by_error_rate);
  CHECK_FALSE(stack.alignment->selection);
  CHECK_FALSE(stack.layers[0].pooled.alignment->errors);
  CHECK(stack.alignment->heads[0].score > stack.alignment->heads[7].score);
}

TEST_CASE("special tokens leave the links before the argmax, and nothing else") {
  const Dump dump =
      make_dump("x",
                {{"cross.0.attention",
                  raw_tensor(std::vector<float>{.6f, .3f, .1f, .6f, .1f, .3f, 1, 0, 0}, {1, 1, 3, 3})}},
                {{"source_tokens", R"([["<s>", "a", "b"]])"},
                 {"target_tokens", R"([["A", "B", "<s>"]])"},
                 {"special_tokens", R"(["<s>"])"},
                 {"gold_alignment", "[[[0, 1], [1, 2]]]"}});
  const StackAnalysis stack = test::analyze(dump).stacks.at(0);
  CHECK(stack.layers[0].pooled.alignment->errors->error_rate(0) == 0);
  CHECK(stack.layers[0].pooled.alignment->metrics.targets == 3);
  CHECK(stack.alignment->links.at(0).links.size() == 2);
  CHECK(stack.alignment->links[0].unaligned_sources.empty());
}

TEST_CASE("gold links that are none, are named") {
  const auto message = [](const std::string& gold) {
    return message_of<Error>([&] { test::analyze(cross(gold)); });
  };
  CHECK(message("[[[0, 0]], []]") == "x: cross: gold_alignment has 2 lists for a batch of 1");
  CHECK(message("[[[0]]]") ==
        "x: cross: metadata gold_alignment: should hold pairs of integers from 0 on, but is: [0]");
  CHECK(message("[[[0, 2]]]") ==
        "x: cross.0: batch element 0: the gold link of target 0 and source 2 lies outside 2 targets x 2 "
        "sources");
  CHECK(test::analyze(cross("[[[0, 1], [1, 0]]]"))
            .stacks[0]
            .layers[0]
            .pooled.alignment->errors->error_rate(0) == 0);
}

TEST_CASE("a head set that cannot be chosen is left out, and said") {
  const auto left_out = [](const RawTensors& tensors, const std::string& gold) {
    const Analysis analysis = test::analyze(make_dump("x", tensors, {{"gold_alignment", gold}}));
    CHECK_FALSE(analysis.stacks.at(0).alignment->selection);
    CHECK(analysis.stacks[0].alignment->by_error_rate);
    return analysis.left_out.back();
  };
  const RawTensor narrow = test::uniform(2, 1, 2), wide = test::filled({2, 1, 2, 3}, 1. / 3);
  CHECK(left_out({{"cross.0.attention", narrow}, {"cross.1.attention", wide}}, "[[[0, 0]], [[1, 1]]]") ==
        "cross: head set: batch element 0 is 2 x 2 tokens in one layer and 2 x 3 in another");
  CHECK(left_out({{"cross.0.attention", test::uniform(1, 1, 2)}}, "[[[0, 0]]]") ==
        "cross: head set: one sentence pair can hold none out");
}
