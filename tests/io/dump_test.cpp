#include <attnscope/heads/entropy.hpp>
#include <attnscope/io/dump.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"
#include "support/temporary_folder.hpp"

using namespace attnscope;
using test::filled;
using test::message;
using test::only_layer;
using test::uniform;

TEST_CASE("the reference dumps open with their stacks, layers and tokens") {
  const Dump cat = read_dump(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors");
  CHECK(cat.name == "use_lite_cat.safetensors");
  CHECK(cat.model() == "Universal Sentence Encoder Lite v1");
  REQUIRE(cat.stacks.size() == 1);
  CHECK(cat.stacks[0].layers.size() == 2);
  CHECK(cat.stacks[0].layers[1].fields.contains("attention_gradient"));
  CHECK(cat.stacks[0].keys.tokens[0].size() == 13);
  CHECK(cat.inputs.at("embedding_gradient").shape == cat.inputs.at("embedding").shape);

  const Dump cipher = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
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
      only_layer(read_dump(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors")).attention);
  CHECK(entropy(source).queries == 13);
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

TEST_CASE("gradients of several targets, by name, beside the one without a name") {
  const auto first = [](const LoadedAttention& gradient) {
    return std::visit(
        [](const auto& source) {
          return double(source.reader().read(0, {0, 1}).head(1).row(0)[0]);
        },
        gradient);
  };
  const Dump dump = make_dump("x",
                              {{"self.0.attention", uniform(1, 2, 3)},
                               {"self.0.attention_gradient", filled({2, 3, 3}, 1)},
                               {"self.0.attention_gradient.toxicity", filled({1, 2, 3, 3}, -2)},
                               {"self.0.attention_gradient.label.1", filled<double>({2, 3, 3}, 3)},
                               {"self.0.mlp.weight", filled({4, 8}, 1)},
                               {"self.1.attention", uniform(1, 1, 3)}},
                              {{"causal", "true"}});
  const DumpLayer& layer = dump.stacks[0].layers[0];
  REQUIRE(layer.gradients.size() == 2);
  CHECK(first(layer.gradient.value()) == 1);
  CHECK(first(layer.gradients.at("toxicity")) == -2);
  CHECK(first(layer.gradients.at("label.1")) == 3);
  CHECK(layer.gradients.at("label.1").index() == layer.attention.index());
  CHECK(layer.fields.contains("mlp.weight"));
  CHECK_FALSE(dump.stacks[0].layers[1].gradient);
  CHECK(dump.stacks[0].layers[1].gradients.empty());
  CHECK(message<ShapeError>({{"self.0.attention", uniform(1, 2, 3)},
                             {"self.0.attention_gradient.toxicity", uniform(1, 2, 4)}}) ==
        "x: self.0: attention_gradient.toxicity is [1, 2, 4, 4], but the attention is [1, 2, 3, 3]");
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

TEST_CASE("dumps that cannot be say why, with file, stack and layer") {
  const RawTensor good = uniform(2, 1, 4);
  CHECK(message<FileError>({{"a", good}}) ==
        "x: no attention: among 1 tensors none is named <stack>.<layer>.attention, such as self.0.attention");
  CHECK(message<ShapeError>({{"self.0.attention", filled({4, 4}, 1)}}) ==
        "x: self.0: attention has 2 axes, not 4 or 3");
  CHECK(message<ShapeError>({{"self.0.attention", filled({2, 0, 3, 3}, 0)}}) ==
        "x: self.0: attention is [2, 0, 3, 3], which is empty");
  CHECK(message<ShapeError>({{"self.0.attention", filled({1'000'000'000'000, 1, 0, 3}, 0)}}) ==
        "x: self.0: attention is [1000000000000, 1, 0, 3], which is empty");
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

TEST_CASE("a dump split over files, a file a layer") {
  CHECK(message_of<FileError>([] { read_split_dump({}); }) == "no file to read a dump from");
  const test::TemporaryFolder folder;
  for (const char* layer : {"0", "2"})
    write_safetensors(folder / fmt::format("part{}.safetensors", layer),
                      {{fmt::format("self.{}.attention", layer), uniform(1, 2, 3)}},
                      {{"tokens", R"(["a","b","c"])"}});
  for (const Dump& dump : {read_dump(folder.path()),
                           read_split_dump({folder / "part0.safetensors", folder / "part2.safetensors"})}) {
    REQUIRE(dump.stacks.size() == 1);
    REQUIRE(dump.stacks[0].layers.size() == 2);
    CHECK(dump.stacks[0].layers[1].index == 2);
    CHECK(dump.stacks[0].keys.tokens[0][2] == "c");
  }
  CHECK(read_split_dump({folder / "part2.safetensors", folder / "part0.safetensors"}).name ==
        "part2.safetensors and 1 more");
  CHECK(read_dump(folder.path() / "").name == folder.path().filename());
}

TEST_CASE("arrays without names are the stack that is asked for, under the metadata that is given") {
  const test::TemporaryFolder folder;
  test::write_text(
      folder / "a.npy",
      test::npy_file("<f4", "2, 1, 2, 2", test::bytes_of(std::vector<float>{1, 0, .5f, .5f, 1, 0, 1, 0})));
  const Dump dump =
      read_dump(folder / "a.npy", {.stack = "self", .metadata = {{"causal", "true"}, {"lengths", "[2]"}}});
  REQUIRE(dump.stacks.at(0).layers.size() == 2);
  CHECK(test::layout_of(dump.stacks[0].layers[1]).mask().causal);
  CHECK(read_dump(folder / "a.npy", {.stack = "cross"}).stacks.at(0).name == "cross");
  CHECK(message_of<ShapeError>([&] {
          read_dump(folder / "a.npy", {.metadata = {{"lengths", "[3]"}}});
        }) == "a.npy: self.0: batch element 0: 3 tokens from 0 do not fit into 2 query positions");
}

namespace {

/// A file of so many bytes, with `tail` at its end; the rest are zeros that take no room on the disk.
void write_sparse(const std::filesystem::path& path, const std::string& head, std::uintmax_t size,
                  const std::string& tail) {
  test::write_text(path, head);
  std::filesystem::resize_file(path, size - tail.size());
  std::ofstream(path, std::ios::binary | std::ios::app) << tail;
}

/// The last row of the last layer's only head.
template <typename Weight>
std::vector<Weight> last_row(const Dump& dump) {
  const auto& source = std::get<AnyAttention<Weight>>(dump.stacks.at(0).layers.back().attention);
  const Index queries = source.layout().shape().queries;
  auto reader = source.reader();
  const auto row = reader.read(0, {queries - 1, queries}).head(0).row(0);
  return {row.begin(), row.end()};
}

}  // namespace

TEST_CASE("more than 2^31 elements are counted right, in every format") {
  // [2, 1, 1, 40000, 40000] of half: 3.2e9 elements, the last of them 1.
  constexpr std::uintmax_t tokens = 40'000, bytes = 2 * tokens * tokens * 2;
  const std::string shape = "2, 1, 1, 40000, 40000", one = test::bytes_of(Eigen::half(1).x);
  const test::TemporaryFolder folder;
  // Headers of even length: elements that lie unaligned would be copied, all of them.
  std::string npy = test::npy_file("<f2", shape, "");
  if (npy.size() % 2 == 1) npy = test::npy_file("<f2", shape + " ", "");
  write_sparse(folder / "a.npy", npy, npy.size() + bytes, one);

  std::string json =
      fmt::format(R"({{"a":{{"dtype":"F16","shape":[{}],"data_offsets":[0,{}]}}}})", shape, bytes);
  json.resize((json.size() + 1) / 2 * 2, ' ');
  write_sparse(folder / "a.safetensors", test::bytes_of(std::uint64_t{json.size()}) + json,
               8 + json.size() + bytes, one);

  const test::ZipParts npz = test::zip64_around("ab.npy", npy.size() + bytes);
  write_sparse(folder / "a.npz", npz.before + npy, npz.before.size() + npy.size() + bytes + npz.after.size(),
               one + npz.after);

  for (const char* name : {"a.npy", "a.safetensors", "a.npz"}) {
    CAPTURE(name);
    const Dump dump = read_dump(folder / name);
    REQUIRE(dump.stacks.at(0).layers.size() == 2);
    const std::vector<float> row = last_row<float>(dump);
    CHECK(row.size() == tokens);
    CHECK(std::count(row.begin(), row.end(), 0.f) == tokens - 1);
    CHECK(row.back() == 1);
  }
}
