#include <attnscope/report/chosen_part.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::two_layers;
using test::uniform;

TEST_CASE("chosen layers and heads keep their original numbers") {
  const Dump part = chosen_part(two_layers(), {.layers = {2}, .heads = {2, 0}});
  REQUIRE(part.stacks.at(0).layers.size() == 1);
  CHECK(part.stacks[0].layers[0].index == 2);
  CHECK(part.stacks[0].layers[0].heads == std::vector<Index>{2, 0});
  CHECK(test::layout_of(part.stacks[0].layers[0]).shape().heads == 2);
}

TEST_CASE("gradients are chosen with their heads, those of every target") {
  const RawTensor maps = uniform(1, 3, 4);
  const Dump dump = make_dump("x", {{"self.0.attention", maps},
                                    {"self.0.attention_gradient", maps},
                                    {"self.0.attention_gradient.insult", maps}},
                              {});
  const DumpLayer layer = chosen_part(dump, {.heads = {1}}).stacks[0].layers[0];
  CHECK(detail::dump::layout_of(layer.gradient.value()).shape().heads == 1);
  CHECK(detail::dump::layout_of(layer.gradients.at("insult")).shape().heads == 1);
}

TEST_CASE("special tokens leave queries and keys, all else stays") {
  const Layout some =
      test::layout_of(chosen_part(two_layers(), {.exclude_special = true}).stacks[0].layers[1]);
  CHECK(some.shown_queries(0) == std::vector<Range>{{1, 3}});
  CHECK(some.visible_keys(0, 1) == 2);
  CHECK(test::layout_of(chosen_part(two_layers(), {}).stacks[0].layers[1]).visible_keys(0, 1) == 4);
}

TEST_CASE("what cannot be chosen, is named") {
  CHECK(message_of<ShapeError>([] { chosen_part(two_layers(), {.layers = {1}}); }) ==
        "x: there is no layer 1");
  CHECK(message_of<ShapeError>([] { chosen_part(two_layers(), {.heads = {3}}); }) ==
        "x: self.0: head 3 of 3");
  const Dump bare = make_dump("x", {{"self.0.attention", uniform(1, 1, 2)}}, {});
  CHECK(message_of<ValueError>([&] { chosen_part(bare, {.exclude_special = true}); }) ==
        "x: self: special tokens cannot be excluded: the metadata has no special_tokens");
  const Dump nameless = make_dump("x", {{"self.0.attention", uniform(1, 1, 2)}}, {{"special_tokens", "[]"}});
  CHECK(message_of<ValueError>([&] { chosen_part(nameless, {.exclude_special = true}); }) ==
        "x: self: special tokens cannot be excluded: the metadata names no tokens");
}
