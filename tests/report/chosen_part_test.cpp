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
  const Dump dump = make_dump("x",
                              {{"self.0.attention", maps},
                               {"self.0.attention_gradient", maps},
                               {"self.0.attention_gradient.insult", maps}},
                              {});
  const DumpLayer layer = chosen_part(dump, {.heads = {1}}).stacks[0].layers[0];
  CHECK(detail::dump::layout_of(layer.gradient.value()).shape().heads == 1);
  CHECK(detail::dump::layout_of(layer.gradients.at("insult")).shape().heads == 1);
}

TEST_CASE("the gradients of a target take the place of those without a name") {
  const auto with = [](double value) { return test::filled({1, 3, 4, 4}, value); };
  const Dump dump = make_dump("x",
                              {{"self.0.attention", uniform(1, 3, 4)},
                               {"self.0.attention_gradient", with(1)},
                               {"self.0.attention_gradient.insult", with(2)},
                               {"self.1.attention", uniform(1, 3, 4)},
                               {"self.1.attention_gradient", with(1)},
                               {"input.embedding_gradient", test::filled({1, 4, 2}, 1)},
                               {"input.embedding_gradient.threat.veiled", test::filled({1, 4, 2}, 3)}},
                              {});
  const auto weight = [](const LoadedAttention& gradient) {
    return std::visit(
        [](const auto& g) {
          auto reader = g.reader();
          return static_cast<double>(reader.read(0, {0, 1}).head(0).row(0)[0]);
        },
        gradient);
  };
  const auto first_number = [](const RawTensor& tensor) {
    return detail::dump::as_weights<double>("x", tensor).get()[0];
  };
  CHECK(weight(chosen_part(dump, {}).stacks[0].layers[0].gradient.value()) == 1);

  const Dump insult = chosen_part(dump, {.heads = {1}, .target = "insult"});
  CHECK(weight(insult.stacks[0].layers[0].gradient.value()) == 2);
  CHECK(detail::dump::layout_of(*insult.stacks[0].layers[0].gradient).shape().heads == 1);
  CHECK_FALSE(insult.stacks[0].layers[1].gradient);  // which is of another output
  CHECK_FALSE(insult.inputs.contains("embedding_gradient"));

  const Dump threat = chosen_part(dump, {.target = "threat.veiled"});
  CHECK_FALSE(threat.stacks[0].layers[0].gradient);
  CHECK(first_number(threat.inputs.at("embedding_gradient")) == 3);

  CHECK(message_of<ValueError>([&] { chosen_part(dump, {.target = "threat"}); }) ==
        "x: there are no gradients of the target \"threat\", but of: insult, threat.veiled");
  CHECK(message_of<ValueError>([] { chosen_part(two_layers(), {.target = "a"}); }) ==
        "x: there are no gradients of the target \"a\", nor of any other");
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
