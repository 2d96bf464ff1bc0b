#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/corpus_numbers.hpp>

#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

namespace {
std::vector<ExampleNumbers> numbers_of(const Dump& dump) {
  return example_numbers(dump, test::analyze(dump, corpus_analysis({})), 7, "a.safetensors");
}
const Eigen::ArrayXXd& table(const ExampleNumbers& example, const std::string& name, bool of_layers = false) {
  for (const NumberTable& one : example.numbers)
    if (one.name == TableName{"self", name, of_layers}) return one.values;
  FAIL(name);
  throw 0;
}
}  // namespace

TEST_CASE("an element of a batch is an example with the numbers of its own") {
  const Dump batch = read_dump(ATTNSCOPE_TEST_DIR "/data/induction_batch.safetensors");
  const Analysis analysis = test::analyze(batch);
  const std::vector<ExampleNumbers> examples = numbers_of(batch);
  REQUIRE(examples.size() == 4);
  for (std::size_t b = 0; b < 4; ++b) {
    CHECK(examples[b].place == ExamplePlace{7, static_cast<Index>(b)});
    CHECK(examples[b].name == fmt::format("a.safetensors[{}]", b));
    CHECK(examples[b].tokens == test::layout_of(test::only_layer(batch)).keys(static_cast<Index>(b)));
    for (const LayerAnalysis& layer : analysis.stacks[0].layers) {
      const Index l = layer.layer;
      const LayerMetrics& one = layer.elements[b];
      CHECK(table(examples[b], "entropies").row(l).transpose().matrix() == one.entropy.entropies);
      CHECK(table(examples[b], "importance_per_example").row(l).transpose().matrix() ==
            one.importance->mean.per_example);
      CHECK(table(examples[b], "diversity_score", true)(l, 0) == *one.similarity.diversity_score);
      CHECK(table(examples[b], of_layer_mean("entropies"), true)(l, 0) ==
            Approx(one.entropy.entropies.mean()).epsilon(1e-14));
      for (std::size_t h = 0; h < layer.heads.size(); ++h)
        CHECK(examples[b].categories.at(0).categories[static_cast<std::size_t>(l) * layer.heads.size() + h] ==
              layer.element_patterns[b][h].label);
    }
  }
}

TEST_CASE("layers and heads keep the numbers of the model; what the dump lacks is undefined") {
  const Dump dump = test::two_layers();  // 0 and 2
  const std::vector<ExampleNumbers> examples = numbers_of(dump);
  REQUIRE(examples.size() == 1);
  CHECK(examples[0].name == "a.safetensors");
  CHECK(examples[0].tokens == 4);
  const Eigen::ArrayXXd& entropies = table(examples[0], "entropies");
  REQUIRE(entropies.rows() == 3);
  CHECK(entropies(2, 1) == Approx(std::log(4.)));
  CHECK(std::isnan(entropies(1, 1)));
  CHECK(examples[0].categories.at(0).categories[3].empty());
  CHECK(examples[0].categories.at(0).categories[6] == "broad");
}

TEST_CASE("chosen heads stand where the model has them") {
  const Dump dump = chosen_part(test::two_layers(), {.heads = {2, 0}});
  const ExampleNumbers example = numbers_of(dump).at(0);
  const Eigen::ArrayXXd& entropies = table(example, "entropies");
  REQUIRE(entropies.cols() == 3);
  CHECK(entropies(0, 0) == Approx(std::log(4.)));
  CHECK(std::isnan(entropies(0, 1)));
  CHECK(entropies(0, 2) == Approx(std::log(4.)));
  CHECK(example.categories.at(0).categories[1].empty());
  CHECK(example.categories.at(0).categories[2] == "broad");
}

TEST_CASE("what groups of tokens give to one another is a number, beside what chance would give") {
  const ExampleNumbers example = numbers_of(test::two_layers()).at(0);
  CHECK(table(example, "attention_from_content_to_special")(0, 2) == Approx(.5));
  CHECK(table(example, "uniform_attention_from_special_to_content", true)(2, 0) == Approx(.5));
}

TEST_CASE("roles and groups of tokens are those of each element") {
  std::vector<float> weights(18, 1 / 3.f);  // uniform, then each token on itself
  for (std::size_t i = 9; i < 18; ++i) weights[i] = i % 4 == 1 ? 1.f : 0.f;
  const std::vector<ExampleNumbers> examples = numbers_of(make_dump(
      "x", {{"self.0.attention", raw_tensor(weights, {2, 1, 3, 3})}},
      {{"tokens", R"([["[CLS]", "a", "b"], ["[CLS]", "c", "d"]])"}, {"special_tokens", R"(["[CLS]"])"}}));
  REQUIRE(examples.size() == 2);
  CHECK(examples[0].categories.at(0).categories == std::vector<std::string>{"broad"});
  CHECK(examples[1].categories.at(0).categories == std::vector<std::string>{"same token"});
  CHECK(table(examples[0], "attention_from_content_to_special")(0, 0) == Approx(1 / 3.));
  CHECK(table(examples[1], "attention_from_content_to_special")(0, 0) == 0);
}

TEST_CASE("every number lies within its bins") {
  const Dump minilm = read_dump(ATTNSCOPE_EXAMPLE_DATA "/minilm_pair.safetensors");
  const Dump cross = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  for (const Dump* dump : {&minilm, &cross})
    for (const ExampleNumbers& example : numbers_of(*dump))
      for (const NumberTable& one : example.numbers)
        for (const double value : one.values.reshaped()) {
          if (std::isnan(value)) continue;
          INFO(one.name.text() << " " << value);
          CHECK(value >= (one.bins.by_octaves ? 0 : one.bins.low - 1e-6));
          CHECK(value <= one.bins.high + 1e-6);
        }
}

TEST_CASE("dumps of a corpus share model, layers and heads") {
  const Dump dump = test::two_layers();
  CHECK(corpus_fields(dump) ==
        std::map<std::string, std::string>{{"model", "not named"}, {"stack self", "3 layers of 3 heads"}});
  const Dump far = make_dump("x", {{"self.2000.attention", test::uniform(1, 1, 2)}}, {});
  CHECK(message_of<ShapeError>([&] { corpus_fields(far); }) ==
        "self: 2001 layers of 1 heads are more than 1024 of 4096");
}
