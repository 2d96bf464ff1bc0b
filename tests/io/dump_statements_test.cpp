#include <attnscope/io/dump.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::filled;
using test::message;
using test::uniform;

namespace {

/// Two layers of queries and keys, and one tensor more.
RawTensors computed_with(const std::string& name = "self.0.value", std::vector<Index> shape = {1, 2, 3, 4}) {
  RawTensors tensors;
  for (const char* layer : {"self.0", "self.1"})
    for (const char* field : {"query", "key"})
      tensors[fmt::format("{}.{}", layer, field)] = filled({1, 2, 3, 4}, .5);
  tensors[name] = filled(std::move(shape), .5);
  return tensors;
}

RawTensors stored() {
  return {{"self.0.attention", uniform(1, 2, 3)}, {"self.1.attention", uniform(1, 2, 3)}};
}

}  // namespace

TEST_CASE("what a dump says of attention from queries and keys, and nobody knows, is an error") {
  const auto refused = [](const char* key) { return message<FileError>(computed_with(), {{key, "2"}}); };
  const std::string known =
      "of attention from queries and keys a dump states scale, soft_cap, sliding_window";
  CHECK(refused("slidng_window.self.0") == "x: self.0: metadata slidng_window.self.0 is not known; " + known);
  CHECK(refused("attention_chunk_size.self.1") ==
        "x: self.1: metadata attention_chunk_size.self.1 is not known; " + known);
  CHECK(refused("attention.chunk.self.1") ==
        "x: self.1: metadata attention.chunk.self.1 is not known; " + known);
  CHECK(refused("causal.self.0") == "x: self.0: metadata causal.self.0 is not known; " + known);
  CHECK(
      message<FileError>(computed_with(), {{"stack.self", R"({"causal": true})"}}) ==
      "x: metadata stack.self: only stacks of other names than self, encoder, decoder, cross are described");

  RawTensors vision;
  for (const auto& [name, tensor] : computed_with()) vision["vision" + name.substr(4)] = tensor;
  CHECK(message<FileError>(vision, {{"stack.vision", R"({"causal": true, "sliding_window": 2})"}}) ==
        "x: metadata stack.vision: sliding_window is not known, only query_tokens, key_tokens, causal");
}

TEST_CASE("a statement about a layer that is not there is an error") {
  const auto refused = [](const RawTensors& tensors, const char* key) {
    return message<FileError>(tensors, {{"causal", "true"}, {key, "2"}});
  };
  const std::string none = " is of no layer that the dump has; it is stated of each, as ";
  for (const std::string word : {"scale", "soft_cap", "sliding_window"})
    for (const char* layer : {"", ".self", ".self.2", ".self.00", ".slef.0", ".all.self.0"}) {
      const std::string key = word + layer;
      CHECK(refused(computed_with(), key.c_str()) == "x: metadata " + key + none + word + ".self.0");
    }
  CHECK(refused(stored(), "sliding_window.self.2") ==
        "x: metadata sliding_window.self.2" + none + "sliding_window.self.0");
}

TEST_CASE("a tensor beside queries and keys that might change them is an error") {
  const auto refused = [](const char* field) {
    return message<FileError>(computed_with(std::string("self.1.") + field));
  };
  const std::string known =
      " is not known; beside query and key may stand attention_bias, sink_logits, value, residual, "
      "output_projection, output_bias, norm_weight, norm_bias, attention_gradient";
  for (const std::string field : {"attention_mask", "alibi", "attention_bias.left", "mask"})
    CHECK(refused(field.c_str()) == "x: self.1: " + field + known);
}

TEST_CASE("numbers that make no attention name their layer") {
  const auto with = [](const char* key, const char* value) {
    return std::pair{computed_with(), Metadata{{"causal", "true"}, {key, value}}};
  };
  const auto in_file = [&](const char* key, const char* value) {
    const auto [tensors, metadata] = with(key, value);
    return message<FileError>(tensors, metadata);
  };
  CHECK(in_file("scale.self.1", "0") == "x: self.1: metadata scale.self.1: should not be 0");
  CHECK(in_file("scale.self.1", "1/8") ==
        "x: self.1: metadata scale.self.1: should be a number, but is: 1/8");
  CHECK(in_file("soft_cap.self.0", "inf") ==
        "x: self.0: metadata soft_cap.self.0: should be a number, but is: inf");
  CHECK(in_file("sliding_window.self.0", "2.5") ==
        "x: self.0: metadata sliding_window.self.0: should be an integer, but is: 2.5");
  CHECK(message<ValueError>(computed_with(), {{"soft_cap.self.1", "-50"}}) == "x: self.1: soft_cap = -50");
  CHECK(message<ShapeError>(computed_with(), {{"causal", "true"}, {"sliding_window.self.1", "-4"}}) ==
        "x: self.1: sliding_window = -4 is negative");
  CHECK(message<ShapeError>(computed_with(), {{"sliding_window.self.1", "4"}}) ==
        "x: self.1: sliding_window = 4 needs causal attention");
}

TEST_CASE("causal queries that are not as many as their keys need an offset") {
  const RawTensors cache{{"self.0.query", filled({1, 2, 3, 4}, 1)}, {"self.0.key", filled({1, 2, 9, 4}, 1)}};
  CHECK(message<FileError>(cache, {{"causal", "true"}}) ==
        "x: self.0: metadata query_offset should say where 3 causal queries stand among 9 keys");
  CHECK_NOTHROW(make_dump("x", cache, {{"causal", "true"}, {"query_offset", "6"}}));
  CHECK_NOTHROW(make_dump("x", cache, {}));
}

TEST_CASE("what says nothing of the attention stays free, and stored weights speak for themselves") {
  CHECK_NOTHROW(make_dump("x", computed_with("self.0.attention_gradient.toxicity", {1, 2, 3, 3}),
                          {{"text", "a"}, {"scale.self.0", "-.5"}, {"chunk", "8"}, {"layers.self.7", "x"}}));
  CHECK_NOTHROW(make_dump("x", computed_with("self.1.mlp.mask"), {}));
  CHECK_NOTHROW(make_dump("x", computed_with("model.mask"), {}));
  RawTensors weights = stored();
  weights["self.0.attention_mask"] = uniform(1, 2, 3);
  CHECK_NOTHROW(make_dump(
      "x", weights,
      {{"scale", "1"}, {"scale.self.7", "1"}, {"slidng_window.self.0", "2"}, {"stack.self", "{}"}}));
}
