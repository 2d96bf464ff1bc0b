#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/figures.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

TEST_CASE("each layer has its mean and its heads, titled by stack, layer and element") {
  const Figures all = figures(read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors"), {.element = 2});
  REQUIRE(all.drawn.size() == 12);
  CHECK(all.left_out.empty());
  CHECK(all.drawn[0].name == "encoder.0.mean");
  CHECK(all.drawn[11].name == "cross.1.heads");
  CHECK_THAT(all.drawn[11].svg, ContainsSubstring("cross layer 1: 4 heads, element 2 of 16"));
  CHECK_THAT(all.drawn[11].svg, ContainsSubstring("source (key)"));
  CHECK_THAT(all.drawn[0].svg, !ContainsSubstring("source (key)"));
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
