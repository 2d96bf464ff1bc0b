#include <attnscope/layers/head_numbers.hpp>

#include "layers/made_layers.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("the numbers of a layer are those of the measures, from one sweep") {
  const Mask mask = self_padding({300, 80}, {0, 100}, {.causal = true});
  const auto a = test::random_attention<float>(Layout({2, 3, 300, 300}, mask));
  const AttentionView<float> view(a, mask);
  const HeadNumbers numbers = head_numbers(view, {.window = 5});
  CHECK(test::difference(numbers.entropies, entropy(view).entropies) < 1e-7);
  CHECK(test::difference(numbers.normalized_entropies, entropy(view).normalized_entropies) < 1e-7);
  CHECK(numbers.confidence == confidence(view).confidence);
  CHECK(numbers.locality == locality(view, {.window = 5}).locality);
  CHECK(numbers.uniform_locality == locality(view, {.window = 5}).uniform_locality);
  CHECK(numbers.mean_distance == locality(view).mean_distance);
  CHECK(numbers.sink_mass == sink(view).sink_mass);
  CHECK(numbers.diversity.mean() == Approx(*head_similarity(view).diversity_score));
  const Eigen::MatrixXd cosine = test::plain_loops(a, view.layout()).cosine;
  CHECK(numbers.diversity(1) == Approx(1 - (cosine(1, 0) + cosine(1, 2)) / 2));
}

TEST_CASE("the list names every number once") {
  const HeadNumbers numbers = head_numbers(test::pattern(Layout({1, 2, 4, 4})));
  std::vector<std::string> names;
  for (const auto& [name, values] : head_number_list) {
    names.emplace_back(name);
    CHECK((numbers.*values).size() == 2);
  }
  CHECK(names == std::vector<std::string>{"entropies", "normalized_entropies", "confidence", "locality",
                                          "mean_distance", "sink_mass", "diversity"});
}

TEST_CASE("a corpus pools as one batch does") {
  const auto tensors = test::made_tensors();
  const AttentionView<double> both(tensors[0], test::made_mask);
  HeadNumbersMeasure measure;
  sweep(both.example(0), measure);
  sweep(both.example(1), measure);
  const HeadNumbers pooled = measure.result(), batch = head_numbers(both);
  for (const auto& [name, values] : head_number_list)
    CHECK(test::difference(pooled.*values, batch.*values) < 1e-14);
}

TEST_CASE("layers of a file's precision, layers chosen, layers that are not there") {
  const auto tensors = test::made_tensors();
  std::vector<LoadedAttention> loaded;
  for (const auto& view : test::views(tensors)) loaded.emplace_back(AnyAttention(view));
  const auto all = numbers_of_layers(loaded);
  const auto some = numbers_of_layers(test::views(tensors), {.layers = {3, 1}, .numbers = {.window = 1}});
  REQUIRE(all.size() == 4);
  REQUIRE(some.size() == 2);
  CHECK(some[0].entropies == all[3].entropies);
  CHECK(some[1].entropies == all[1].entropies);
  CHECK(some[1].locality == locality(test::views(tensors)[1], {.window = 1}).locality);
  CHECK(message_of<ShapeError>([&] { numbers_of_layers(tensors, {.layers = {4}}); }) == "layer 4 of 4");
  CHECK(message_of<ShapeError>([&] { numbers_of_layers(tensors, {.layers = {-1}}); }) == "layer -1 of 4");
}

TEST_CASE("what is wrong with a layer is said with its number") {
  std::vector<AttentionTensor<double>> layers;
  for (const double weight : {.5, 1.0}) layers.emplace_back(1, 1, 1, 2).setConstant(weight);
  CHECK(message_of<ValueError>([&] {
          numbers_of_layers(layers);
        }).starts_with("layer 1: batch element 0, head 0, query 0: the weights sum to 2"));
}

TEST_CASE("one head, one token, no token") {
  const HeadNumbers one = head_numbers(Eigen::MatrixXd::Ones(1, 1).eval());
  CHECK(one.entropies(0) == 0);
  CHECK(std::isnan(one.normalized_entropies(0)));
  CHECK(std::isnan(one.diversity(0)));
  CHECK(one.sink_mass(0) == 1);
  const AttentionTensor<float> empty(1, 2, 0, 0), padding(1, 2, 3, 3);
  CHECK(std::isnan(head_numbers(empty).confidence(1)));
  CHECK(std::isnan(head_numbers(AttentionView<float>(padding, self_padding({0}))).confidence(1)));
  CHECK(std::isnan(head_numbers(empty).diversity(0)));
}
