#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

// Its numbers: report_test.cpp.
using namespace attnscope;
using test::two_layers;
using test::uniform;

TEST_CASE("bad weights are named with file, stack, layer, batch element, head, query and key") {
  std::vector<float> weights(2 * 2 * 3 * 3, 1 / 3.f);
  weights[33] = std::nanf("");
  const Dump dump = make_dump("x", {{"self.5.attention", raw_tensor(weights, {2, 2, 3, 3})}}, {});
  CHECK(message_of<ValueError>([&] { test::analyze(dump); }) ==
        "x: self.5: batch element 1, head 1, query 2, key 0: the weight is nan");
  CHECK(message_of<ValueError>([&] { test::analyze(dump, {.window = -1}); }) ==
        "x: self.5: window = -1 is negative");
}

TEST_CASE("the heads of the induction model are what they were trained to be") {
  const Dump dump = read_dump(ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors");
  const Analysis analysis = test::analyze(dump);
  const std::vector<LayerAnalysis>& layers = analysis.stacks.at(0).layers;
  for (const HeadPattern& head : layers[1].patterns) CHECK(head.label == "induction");
  CHECK(layers[0].patterns[1].label == "previous token");
  CHECK(layers[0].patterns[2].label == "previous token");
  CHECK(layers[0].pooled.importance.value().examples == 4);
  CHECK(layers[0].elements[3].importance.value().examples == 1);
}

TEST_CASE("roles and groups of an element are those of a dump of this element alone") {
  std::vector<float> values(18, 1 / 3.f);  // uniform, then each token on itself
  for (std::size_t i = 9; i < 18; ++i) values[i] = i % 4 == 1 ? 1.f : 0.f;
  const Metadata metadata{{"tokens", R"([["[CLS]", "a", "b"], ["[CLS]", "c", "d"]])"},
                          {"special_tokens", R"(["[CLS]"])"}};
  const LayerAnalysis layer =
      test::analyze(make_dump("x", {{"self.0.attention", raw_tensor(values, {2, 1, 3, 3})}}, metadata))
          .stacks[0]
          .layers[0];
  REQUIRE(layer.element_patterns.size() == 2);
  CHECK(layer.element_patterns[0][0].label == "broad");
  CHECK(layer.element_patterns[1][0].label == "same token");
  REQUIRE(layer.element_groups.size() == 2);
  CHECK(layer.element_groups[0].mass[0](0, 1) == Approx(1 / 3.));
  CHECK(layer.element_groups[1].mass[0](0, 1) == 0);
  CHECK(layer.groups->mass[0](0, 1) == Approx(1 / 6.));
}

TEST_CASE("importance counts every token, whatever is excluded from the other numbers") {
  const auto of = [](bool exclude) {
    const Dump dump = make_dump(
        "x",
        {{"self.0.attention", uniform(1, 2, 4)}, {"self.0.attention_gradient", test::filled({2, 4, 4}, -2)}},
        {{"tokens", R"(["[CLS]", "a", "b", "[SEP]"])"}, {"special_tokens", R"(["[CLS]", "[SEP]"])"}});
    return test::analyze(dump, {.exclude_special = exclude}).stacks[0].layers[0].pooled.importance.value();
  };
  CHECK(of(false).mean.per_example(1) == Approx(8));
  CHECK(of(true).mean.per_example(1) == Approx(8));
  CHECK(of(true).gate_gradient(0) == Approx(-8));
}

TEST_CASE("a pruning plan takes the least important heads of all layers, redundant ones not all at once") {
  const Dump dump = read_dump(ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors");
  const StackAnalysis stack = test::analyze(dump, {.pruning_fraction = .5}).stacks.at(0);
  const PruningPlan& plan = stack.pruning.value();
  CHECK(plan.asked == 4);
  CHECK(plan.order.size() == 4);
  CHECK(message_of<ValueError>([] { test::analyze(two_layers(), {.pruning_fraction = .5}); }) ==
        "x: a pruning plan needs attention_gradient, and the dump has none");
  CHECK(message_of<ValueError>([&] { test::analyze(dump, {.heads = {0}, .pruning_fraction = .5}); }) ==
        "induction_batch.safetensors: self: a pruning plan is made for all heads of a layer, not for some");
  const Dump some = make_dump("x",
                              {{"self.0.attention", uniform(1, 2, 3)},
                               {"self.0.attention_gradient", uniform(1, 2, 3)},
                               {"self.1.attention", uniform(1, 2, 3)}},
                              {});
  CHECK(message_of<ValueError>([&] { test::analyze(some, {.pruning_fraction = .5}); }) ==
        "x: self: a pruning plan needs the attention_gradient of every layer, and has 1 of 2");
}

TEST_CASE("nothing but padding is undefined, not an error") {
  const Dump padding = make_dump("x", {{"self.0.attention", uniform(1, 2, 3)}}, {{"lengths", "[0]"}});
  CHECK(std::isnan(test::analyze(padding).stacks[0].layers[0].pooled.entropy.entropies(0)));
}

TEST_CASE("each step of an analysis is told before it begins") {
  std::vector<std::string> steps;
  test::analyze(test::two_layers(), {.step = [&](const std::string& what) { steps.push_back(what); }});
  CHECK(steps == std::vector<std::string>{"self, layer 0", "self, layer 2", "self, heads across layers",
                                          "self, rollout", "self, token scores"});
}
