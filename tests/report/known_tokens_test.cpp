#include <attnscope/report/known_tokens.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

TEST_CASE("facts of the tokens come from the metadata, and what does not fit is named") {
  const auto label = [](const Metadata& metadata) {
    // Every query looks at the token before it, which is also its dependency head.
    std::vector<float> weights(8 * 8, 0.f);
    for (std::size_t i = 0; i < 8; ++i) weights[i * 8 + (i == 0 ? 0 : i - 1)] = 1;
    const Dump dump = make_dump("x", {{"self.0.attention", raw_tensor(weights, {1, 1, 8, 8})}}, metadata);
    return test::analyze(dump).stacks[0].layers[0];
  };
  const Metadata named{{"tokens", R"(["[CLS]","a",",","b","c","d",".","[SEP]"])"},
                       {"special_tokens", R"(["[CLS]","[SEP]"])"}};
  const LayerAnalysis layer = label(named);
  CHECK(layer.patterns[0].label == "previous token");
  CHECK(layer.groups.value().names == std::vector<std::string>{"content", "special"});
  const auto scored = [](const LayerAnalysis& of, const std::string& what) {
    return std::ranges::count(of.patterns[0].scores, what, &PatternScore::label) == 1;
  };
  CHECK(scored(layer, "delimiter"));
  CHECK_FALSE(scored(layer, "syntactic"));
  Metadata syntax = named;
  syntax["dependency_heads"] = "[-1, 2, 3, 4, 5, 6, -1, -1]";
  syntax["sentence_boundary"] = "4";
  CHECK(label(syntax).groups.value().names ==
        std::vector<std::string>{"first text", "second text", "special"});
  syntax["dependency_heads"] = "[1, -1]";
  CHECK(message_of<ShapeError>([&] { label(syntax); }) ==
        "x: self.0: batch element 0: 2 dependency heads for 8 tokens");
  syntax["dependency_heads"] = "[1, 2]";
  CHECK(message_of<ShapeError>([&] { label(syntax); }) ==
        "x: self.0: batch element 0: token 1: the dependency head 2 of 2 tokens");
  syntax["dependency_heads"] = R"(["a"])";
  CHECK(message_of<FileError>([&] { label(syntax); }) ==
        "x: self: metadata dependency_heads: should hold integers, but is: \"a\"");
}
