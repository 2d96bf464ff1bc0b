#include <attnscope/io/dump.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using test::filled;
using test::message;

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

TEST_CASE("cross-attention goes from the target to the source") {
  const Dump dump = make_dump(
      "x", {{"cross.0.attention", filled({1, 1, 2, 3}, 1 / 3.)}},
      {{"target_tokens", R"(["q", "r"])"}, {"source_tokens", R"(["a", "b"])"}, {"source_lengths", "[2]"}});
  const DumpStack& stack = dump.stacks.at(0);
  CHECK_FALSE(stack.self_attention);
  CHECK(stack.queries.tokens == metadata::TokenLists{{"q", "r"}});
  CHECK(stack.keys.tokens == metadata::TokenLists{{"a", "b"}});
  CHECK(test::layout_of(stack.layers[0]).queries(0) == 2);
  CHECK(test::layout_of(stack.layers[0]).keys(0) == 2);
  CHECK_FALSE(test::layout_of(stack.layers[0]).mask().causal);
}
