#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/figures.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

TEST_CASE(
    "each layer has its mean and its heads, each stack its model view, titled by stack, layer and element") {
  const Figures all = figures(read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors"), {.element = 2});
  REQUIRE(all.drawn.size() == 15);
  CHECK(all.left_out.empty());
  CHECK(all.drawn[0].name == "encoder.0.mean");
  CHECK(all.drawn[13].name == "cross.1.heads");
  CHECK_THAT(all.drawn[13].svg, ContainsSubstring("cross layer 1: 4 heads, element 2 of 16"));
  CHECK(all.drawn[12].name == "cross.1.mean");
  for (const char* words :
       {">cross layer 1, element 2 of 16<", ">mean over 4 heads<", ">Target<", ">Source<"})
    CHECK_THAT(all.drawn[12].svg, ContainsSubstring(words));
  for (const char* words : {">Target<", ">Source<"}) CHECK_THAT(all.drawn[13].svg, ContainsSubstring(words));
  CHECK(all.drawn[14].name == "cross.model");
  CHECK_THAT(all.drawn[14].svg, ContainsSubstring("cross: 2 layers, element 2 of 16"));
  CHECK_THAT(all.drawn[14].svg, ContainsSubstring("8 maps of 17 rows and 15 columns"));
  CHECK_THAT(all.drawn[0].svg, ContainsSubstring(">query<"));
  CHECK_THAT(all.drawn[0].svg, !ContainsSubstring("Source"));
}

TEST_CASE("too many cells are left out with a word, an element that is not there is refused") {
  const Dump dump = make_dump("x", {{"self.0.attention", test::uniform(1, 3, 10)}}, {});
  const Figures all = figures(dump, {.most_cells = 100});
  REQUIRE(all.drawn.size() == 1);
  CHECK(all.drawn[0].name == "self.0.mean");
  CHECK(all.left_out == std::vector<std::string>{"self.0.heads: 300 cells are more than 100"});
  CHECK(message_of<ShapeError>([&] { figures(dump, {.element = 1}); }) == "x: batch element 1 of 1");
}

TEST_CASE("chosen heads keep their numbers") {
  const Dump dump = make_dump("x", {{"self.0.attention", test::uniform(1, 3, 4)}}, {});
  const std::string svg = figures(chosen_part(dump, {.heads = {2, 0}})).drawn.at(1).svg;
  CHECK_THAT(svg, ContainsSubstring("head 2"));
  CHECK_THAT(svg, ContainsSubstring("head 0"));
  CHECK_THAT(svg, !ContainsSubstring("head 1"));
  CHECK_THAT(svg, ContainsSubstring("self layer 0: 2 heads"));
}

TEST_CASE("nothing but padding draws nothing") {
  CHECK(figures(make_dump("x", {{"self.0.attention", test::uniform(1, 2, 3)}}, {{"lengths", "[0]"}}))
            .drawn.empty());
}

TEST_CASE("the model view has a column for each head that is there, a word where layers differ in shape") {
  const Dump dump = make_dump(
      "x", {{"self.0.attention", test::uniform(1, 3, 4)}, {"self.1.attention", test::uniform(1, 3, 4)}}, {});
  const Figures some = figures(chosen_part(dump, {.layers = {1, 0}, .heads = {2, 0}}));
  REQUIRE(some.drawn.size() == 5);
  CHECK(some.drawn[4].name == "self.model");
  CHECK_THAT(some.drawn[4].svg, ContainsSubstring("4 maps of 4 rows and 4 columns"));
  CHECK_THAT(some.drawn[4].svg, ContainsSubstring(">2</text>"));
  CHECK_THAT(some.drawn[4].svg, !ContainsSubstring(">3</text>"));
  CHECK(figures(dump, {.most_cells = 60}).left_out ==
        std::vector<std::string>{"self.model: 96 cells are more than 60"});
  const Dump uneven = make_dump(
      "x", {{"self.0.attention", test::uniform(1, 3, 4)}, {"self.1.attention", test::uniform(1, 3, 5)}}, {});
  CHECK(figures(uneven).left_out ==
        std::vector<std::string>{"self.model: the maps of its layers have different shapes"});
}

TEST_CASE("only the wanted figures are drawn, or left out with a word") {
  const Dump dump = make_dump(
      "x", {{"self.0.attention", test::uniform(1, 3, 4)}, {"self.1.attention", test::uniform(1, 3, 5)}}, {});
  std::vector<std::string> asked;
  const Figures some = figures(dump, {.most_cells = 20, .wanted = [&](const std::string& name) {
                                        asked.push_back(name);
                                        return name.ends_with(".mean") || name == "self.0.heads";
                                      }});
  CHECK(asked ==
        std::vector<std::string>{"self.0.mean", "self.0.heads", "self.1.mean", "self.1.heads", "self.model"});
  REQUIRE(some.drawn.size() == 1);
  CHECK(some.drawn[0].name == "self.0.mean");
  CHECK(some.left_out == std::vector<std::string>{"self.0.heads: 48 cells are more than 20",
                                                  "self.1.mean: 25 cells are more than 20"});
}
