#include <attnscope/heads/entropy.hpp>
#include <attnscope/io/dump.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::filled;
using test::uniform;

namespace {
const DumpLayer& only_layer(const Dump& dump) { return dump.stacks.at(0).layers.at(0); }
template <typename Kind>
std::string message(const RawTensors& tensors, const Metadata& metadata = {}) {
  return message_of<Kind>([&] { make_dump("x", tensors, metadata); });
}
}  // namespace

TEST_CASE("the reference dumps open with their stacks, layers and tokens") {
  const Dump cat = read_dump(ATTNSCOPE_EXAMPLE_DATA "/use_lite_cat.safetensors");
  CHECK(cat.name == "use_lite_cat.safetensors");
  CHECK(cat.model() == "Universal Sentence Encoder Lite v1");
  REQUIRE(cat.stacks.size() == 1);
  CHECK(cat.stacks[0].layers.size() == 2);
  CHECK(cat.stacks[0].layers[1].fields.contains("attention_gradient"));
  CHECK(cat.stacks[0].keys.tokens[0].size() == 13);

  const Dump cipher = read_dump(ATTNSCOPE_TEST_DIR "/data/cipher_batch.safetensors");
  CHECK(cipher.batch == 16);
  REQUIRE(cipher.stacks.size() == 3);
  CHECK(cipher.stacks[0].name == "encoder");
  CHECK(cipher.stacks[1].name == "decoder");
  const DumpStack& cross = cipher.stacks[2];
  CHECK_FALSE(cross.self_attention);
  CHECK(cross.queries.tokens[0].front() == "t7");
  CHECK(cross.keys.tokens[0].front() == "s31");
  CHECK(test::layout_of(cross.layers[0]).queries(0) == 9);
  CHECK(test::layout_of(cross.layers[0]).keys(0) == 10);
  CHECK(test::layout_of(cipher.stacks[1].layers[0]).mask().causal);
  CHECK_FALSE(test::layout_of(cipher.stacks[0].layers[0]).mask().causal);
}

TEST_CASE("a source taken from a dump outlives it") {
  const auto source = std::get<AnyAttention<float>>(
      only_layer(read_dump(ATTNSCOPE_EXAMPLE_DATA "/use_lite_cat.safetensors")).attention);
  CHECK(entropy(source).queries == 13);
}

TEST_CASE("precision decides the type of the source") {
  CHECK(std::holds_alternative<AnyAttention<double>>(
      only_layer(make_dump("x", {{"self.0.attention", uniform<double>(1, 2, 3)}}, {})).attention));
  for (const RawTensor& tensor :
       {uniform<float>(1, 2, 3), uniform<Eigen::half>(1, 2, 3), uniform<Eigen::bfloat16>(1, 2, 3)})
    CHECK(std::holds_alternative<AnyAttention<float>>(
        only_layer(make_dump("x", {{"self.0.attention", tensor}}, {})).attention));
}

TEST_CASE("the batch axis may be left out, layers may have gaps, other names are passed over") {
  const Dump dump = make_dump("x",
                              {{"self.3.attention", filled({2, 4, 4}, .25)},
                               {"self.10.attention", uniform(1, 5, 4)},
                               {"self.4.value", filled({2, 4, 8}, 1)},
                               {"input.embedding", filled({4, 8}, 1)},
                               {"layers.0.weight", filled({4, 8}, 1)},
                               {"self.x.attention", filled({1}, 1)}},
                              {});
  REQUIRE(dump.stacks.size() == 1);
  REQUIRE(dump.stacks[0].layers.size() == 2);
  CHECK(dump.stacks[0].layers[0].index == 3);
  CHECK(dump.stacks[0].layers[1].index == 10);
  CHECK(test::layout_of(dump.stacks[0].layers[0]).shape() == Shape{1, 2, 4, 4});
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

TEST_CASE("the queries of a padded cache are those whose position is a true token") {
  const Dump dump = make_dump("x", {{"self.0.attention", filled({1, 1, 3, 6}, 1 / 6.)}},
                              {{"causal", "true"},
                               {"query_offset", "3"},
                               {"lengths", "[4]"},
                               {"starts", "[1]"},
                               {"tokens", R"(["a","b","c","d"])"}});
  const Layout layout = test::layout_of(only_layer(dump));
  CHECK(layout.queries(0) == 2);  // positions 3 and 4 of 1 .. 4
  CHECK(dump.stacks[0].queries.tokens == metadata::TokenLists{{"c", "d"}});
}

TEST_CASE("token lists as long as the element, or as the axis with its padding") {
  const auto tokens = [](const char* list) {
    return make_dump("x", {{"self.0.attention", uniform(1, 1, 4)}},
                     {{"lengths", "[2]"}, {"starts", "[1]"}, {"tokens", list}})
        .stacks[0]
        .keys.tokens;
  };
  CHECK(tokens(R"(["b", "c"])") == metadata::TokenLists{{"b", "c"}});
  CHECK(tokens(R"([["a", "b", "c", "d"]])") == metadata::TokenLists{{"b", "c"}});
}

TEST_CASE("a stack of another name is what the metadata says") {
  const RawTensors tensors{{"vision.0.attention", filled({1, 1, 2, 3}, 1 / 3.)}};
  const Dump dump = make_dump(
      "x", tensors,
      {{"stack.vision", R"({"query_tokens": ["q", "r"], "key_tokens": "patch_tokens", "causal": true})"},
       {"patch_tokens", R"(["a", "b"])"},
       {"patch_lengths", "[2]"}});
  const DumpStack& stack = dump.stacks.at(0);
  CHECK_FALSE(stack.self_attention);
  CHECK(stack.queries.tokens == metadata::TokenLists{{"q", "r"}});
  CHECK(stack.keys.tokens == metadata::TokenLists{{"a", "b"}});
  CHECK(test::layout_of(stack.layers[0]).keys(0) == 2);
  CHECK(test::layout_of(stack.layers[0]).mask().causal);
  CHECK(make_dump("x", tensors, {{"stack.vision", "{}"}}).stacks.at(0).self_attention);
  CHECK(message<FileError>(tensors) ==
        "x: stack vision: metadata stack.vision should describe it by query_tokens, key_tokens and causal");
  CHECK(message<FileError>(tensors, {{"stack.vision", R"({"causal": 1})"}}) ==
        "x: metadata stack.vision: causal should be true or false");
  CHECK(message<FileError>(tensors, {{"stack.vision", R"({"key_tokens": "patches"})"}}) ==
        "x: metadata stack.vision: there is no metadata \"patches\"");
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

TEST_CASE("dumps that cannot be say why, with file, stack and layer") {
  const RawTensor good = uniform(2, 1, 4);
  CHECK(message<FileError>({{"a", good}}) ==
        "x: no attention: among 1 tensors none is named <stack>.<layer>.attention, such as self.0.attention");
  CHECK(message<ShapeError>({{"self.0.attention", filled({4, 4}, 1)}}) ==
        "x: self.0: attention has 2 axes, not 4 or 3");
  CHECK(message<ShapeError>({{"self.0.attention", filled({2, 0, 3, 3}, 0)}}) ==
        "x: self.0: attention of 2 batch elements and 0 heads");
  CHECK(message<FileError>({{"self.0.attention", filled<std::int32_t>({1, 1, 2, 2}, 1)}}) ==
        "x: self.0: attention is I32, but attention is read from F16, BF16, F32 and F64");
  CHECK(message<ShapeError>({{"self.0.attention", good}, {"self.1.attention", uniform(1, 1, 4)}}) ==
        "x: self.1 has 1 batch elements, but self.0 has 2");
  CHECK(message<ShapeError>({{"self.0.attention", good}}, {{"lengths", "[4]"}}) ==
        "x: self.0: query_lengths has 1 entries for a batch of 2");
  CHECK(message<ShapeError>({{"self.0.attention", good}}, {{"lengths", "[4, 5]"}}) ==
        "x: self.0: batch element 1: 5 tokens from 0 do not fit into 4 query positions");
  CHECK(message<ShapeError>({{"self.0.attention", good}}, {{"tokens", R"([["a","b","c","d"]])"}}) ==
        "x: self: 1 lists of key tokens for a batch of 2");
  CHECK(message<ShapeError>({{"self.0.attention", good}}, {{"tokens", R"([["a","b","c","d"],["a"]])"}}) ==
        "x: self: batch element 1: 1 key tokens are named for 4");
  CHECK(message<ShapeError>({{"self.0.attention", good}}, {{"sliding_window.self.0", "2"}}) ==
        "x: self.0: sliding_window = 2 needs causal attention");
  CHECK(message<FileError>({{"self.0.attention", good}}, {{"causal", "yes"}}) ==
        "x: metadata causal: should be true or false, but is: yes");
  CHECK(message<FileError>({{"self.0.attention", good}}, {{"tokens", "{"}}) ==
        "x: metadata tokens: should be JSON, but is: {");
}
