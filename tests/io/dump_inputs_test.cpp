#include <attnscope/io/dump_inputs.hpp>

#include "support/dumps.hpp"

using namespace attnscope;
using Eigen::MatrixXd;

namespace {

/// [batch, token, dim] numbers that say where they stand: 100 b + 10 t + d.
template <typename Scalar>
RawTensor places(Index batch, Index tokens, Index dim, bool has_batch = true) {
  std::vector<Scalar> numbers;
  for (Index b = 0; b < batch; ++b)
    for (Index t = 0; t < tokens; ++t)
      for (Index d = 0; d < dim; ++d)
        numbers.push_back(static_cast<Scalar>(static_cast<float>(100 * b + 10 * t + d)));
  std::vector<Index> shape{batch, tokens, dim};
  if (!has_batch) shape.erase(shape.begin());
  return raw_tensor(std::move(numbers), std::move(shape));
}

}  // namespace

TEST_CASE("inputs of the true tokens alone, whichever side the padding is on, of any precision") {
  const RawTensors tensors{{"self.0.attention", test::uniform(2, 1, 4)},
                           {"input.embedding", places<Eigen::half>(2, 4, 2)},
                           {"input.embedding_gradient", places<double>(2, 4, 3)}};
  const Dump dump = make_dump("x", tensors, {{"lengths", "[2, 3]"}, {"starts", "[2, 0]"}});
  const auto embedding = input_embedding(dump);
  REQUIRE(embedding.has_value());
  CHECK((*embedding)[0] == MatrixXd{{20, 21}, {30, 31}});
  CHECK((*embedding)[1] == MatrixXd{{100, 101}, {110, 111}, {120, 121}});
  const auto gradient = input_gradient(dump);
  CHECK((*gradient)[0] == MatrixXd{{20, 21, 22}, {30, 31, 32}});

  const Dump one = make_dump(
      "x", {{"self.0.attention", test::uniform(1, 1, 2)}, {"input.embedding", places<float>(1, 2, 2, false)}},
      {});
  CHECK((*input_embedding(one))[0] == MatrixXd{{0, 1}, {10, 11}});
  CHECK(!input_gradient(one));
  CHECK(!input_embedding(test::two_layers()));
}

TEST_CASE("inputs of a model with encoder and decoder are the source's") {
  const RawTensors tensors{{"encoder.0.attention", test::uniform(1, 1, 4)},
                           {"decoder.0.attention", test::uniform(1, 1, 2)},
                           {"input.embedding", places<float>(1, 4, 1)}};
  const Dump dump = make_dump("x", tensors, {{"source_lengths", "[3]"}});
  CHECK((*input_embedding(dump))[0] == MatrixXd{{0.}, {10.}, {20.}});
}

TEST_CASE("gradients by target, and what there is where one is not") {
  RawTensors tensors{{"self.0.attention", test::uniform(1, 1, 2)},
                     {"input.embedding_gradient.toxicity", places<float>(1, 2, 1)},
                     {"input.embedding_gradient.a.b", places<float>(1, 2, 2)},
                     {"input.embedding_gradient_norm", places<float>(1, 2, 2)}};
  const Dump dump = make_dump("x", tensors, {});
  CHECK(input_gradient_targets(dump) == std::vector<std::string>{"a.b", "toxicity"});
  CHECK((*input_gradient(dump, "a.b"))[0] == MatrixXd{{0, 1}, {10, 11}});
  CHECK(!input_gradient(dump));
  CHECK(message_of<FileError>([&] { input_gradient(dump, "insult"); }) ==
        "input.embedding_gradient.insult: there is none; the targets are a.b, toxicity");
  CHECK(message_of<FileError>([] { input_gradient(test::two_layers(), "insult"); }) ==
        "input.embedding_gradient.insult: there is none; the dump names no target");
}

TEST_CASE("inputs that do not fit the attention are named") {
  const auto message = [](const RawTensor& tensor, const Metadata& metadata = {}) {
    const Dump dump =
        make_dump("x", {{"self.0.attention", test::uniform(2, 1, 3)}, {"input.embedding", tensor}}, metadata);
    return message_of<Error>([&] { input_embedding(dump); });
  };
  CHECK(message(places<float>(1, 3, 2)) ==
        "input.embedding is [1, 3, 2], but the attention is of 2 batch elements");
  CHECK(message(places<float>(2, 2, 2), {{"lengths", "[1, 2]"}, {"starts", "[0, 1]"}}) ==
        "input.embedding is [2, 2, 2], but batch element 1 has 2 tokens from 1");
  CHECK(message(test::filled({2, 3}, 1)) ==
        "input.embedding is [1, 2, 3], but the attention is of 2 batch elements");
  Dump no_attention;
  no_attention.inputs.emplace("embedding", places<float>(1, 3, 2));
  CHECK(message_of<ShapeError>([&] { input_embedding(no_attention); }) ==
        "input.embedding: no attention says which tokens are true");
  CHECK(message(test::filled({2}, 1)) == "input.embedding has 1 axes, not 3 or 2");
  CHECK(message(test::filled({2, 3, 0}, 1)) == "input.embedding is [2, 3, 0], which is empty");
  CHECK(message(raw_tensor(std::vector<std::int32_t>(12), {2, 3, 2})) ==
        "input.embedding is I32, but attention is read from F16, BF16, F32 and F64");
}
