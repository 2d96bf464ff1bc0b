#include <attnscope/io/dump.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::filled;
using test::message;
using test::only_layer;
using test::uniform;

TEST_CASE("precision decides the type of the source") {
  CHECK(std::holds_alternative<AnyAttention<double>>(
      only_layer(make_dump("x", {{"self.0.attention", uniform<double>(1, 2, 3)}}, {})).attention));
  for (const RawTensor& tensor :
       {uniform<float>(1, 2, 3), uniform<Eigen::half>(1, 2, 3), uniform<Eigen::bfloat16>(1, 2, 3)})
    CHECK(std::holds_alternative<AnyAttention<float>>(
        only_layer(make_dump("x", {{"self.0.attention", tensor}}, {})).attention));
}

TEST_CASE("lengths, starts, causal, offset and window become the mask") {
  const Dump dump = make_dump(
      "x", {{"self.0.attention", uniform(2, 1, 6)}},
      {{"lengths", "[4, 6]"}, {"starts", "[2, 0]"}, {"causal", "true"}, {"sliding_window.self.0", "3"}});
  const Layout layout = test::layout_of(only_layer(dump));
  CHECK(layout.keys(0) == 4);
  CHECK(layout.key_start(0) == 2);
  CHECK(layout.visible(0, 3) == Range{1, 4});

  const Dump cache =
      make_dump("x", {{"self.0.attention", filled({1, 1, 2, 6}, 1 / 6.)}},
                {{"causal", "true"}, {"query_offset", "4"}, {"tokens", R"(["a","b","c","d","e","f"])"}});
  CHECK(test::layout_of(only_layer(cache)).visible(0, 0) == Range{0, 5});
  CHECK(cache.stacks[0].queries.tokens == metadata::TokenLists{{"e", "f"}});
}

TEST_CASE("queries and keys serve where no weights are stored, with every factor that the dump states") {
  const RawTensors tensors{{"self.0.query", filled({1, 4, 3, 2}, 1)},
                           {"self.0.key", filled({1, 2, 3, 2}, 1)},
                           {"self.0.attention_bias", filled<double>({1, 4, 3, 3}, .5)},
                           {"self.0.sink_logits", filled<Eigen::half>({4}, 2.5)}};
  const Dump dump = make_dump("x", tensors, {{"scale.self.0", "1"}});
  const auto source = std::get<AnyAttention<float>>(only_layer(dump).attention);
  CHECK(source.layout().shape() == Shape{1, 4, 3, 3});
  auto reader = source.reader();
  CHECK(reader.read(0, {0, 1}).head(3).row(0)[1] == Approx(.25));  // scores 2 + .5, the sink's logit 2.5
  const auto refused = [&](const char* name, const RawTensor& tensor) {
    RawTensors changed = tensors;
    changed[name] = tensor;
    return message<ShapeError>(changed);
  };
  CHECK(refused("self.0.key", filled({1, 2, 3, 5}, 1)) ==
        "x: self.0: query is [1, 4, 3, 2], but key is [1, 2, 3, 5]");
  CHECK(refused("self.0.key", filled<double>({1, 2, 3, 2}, 1)) == "x: self.0: query is F32, but key is F64");
  CHECK(refused("self.0.key", filled({1, 3, 3, 2}, 1)) ==
        "x: self.0: 4 query heads cannot share 3 key heads");
  CHECK(refused("self.0.attention_bias", filled({4, 3, 2}, 1)) ==
        "x: self.0: attention_bias is [1, 4, 3, 2], but the attention is [1, 4, 3, 3]");
  CHECK(refused("self.0.sink_logits", filled({3}, 1)) == "x: self.0: sink_logits is [3] for 4 heads");
}

TEST_CASE("a gradient comes under the mask and in the precision of its attention") {
  const auto gradient_with = [](const RawTensor& attention, const RawTensor& gradient) {
    return only_layer(make_dump("x",
                                {{"self.0.attention", attention}, {"self.0.attention_gradient", gradient}},
                                {{"causal", "true"}}))
        .gradient;
  };
  CHECK_FALSE(only_layer(make_dump("x", {{"self.0.attention", uniform(1, 2, 3)}}, {})).gradient);
  const auto same = gradient_with(uniform(1, 2, 3), filled({2, 3, 3}, -2));
  auto reader = std::get<AnyAttention<float>>(same.value()).reader();
  const auto row = reader.read(0, {1, 2}).head(0).row(0);
  CHECK(std::vector<float>(row.begin(), row.end()) == std::vector<float>{-2, -2});
  CHECK(std::holds_alternative<AnyAttention<double>>(
      gradient_with(uniform<double>(1, 2, 3), filled<Eigen::half>({1, 2, 3, 3}, 1)).value()));
  CHECK(std::holds_alternative<AnyAttention<float>>(
      gradient_with(uniform<Eigen::half>(1, 2, 3), filled<double>({1, 2, 3, 3}, 1)).value()));
  CHECK(message<ShapeError>(
            {{"self.0.attention", uniform(1, 2, 3)}, {"self.0.attention_gradient", uniform(1, 2, 4)}}) ==
        "x: self.0: attention_gradient is [1, 2, 4, 4], but the attention is [1, 2, 3, 3]");
  CHECK(message<FileError>({{"self.0.attention", uniform(1, 2, 3)},
                            {"self.0.attention_gradient", filled<std::int8_t>({1, 2, 3, 3}, 0)}}) ==
        "x: self.0: attention_gradient is I8, but attention is read from F16, BF16, F32 and F64");
}
