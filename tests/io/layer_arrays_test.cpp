#include <attnscope/io/layer_arrays.hpp>

#include "support/archives.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using Eigen::Index;

namespace {

/// Counts 0, 1, 2, ...
RawTensor counting(std::vector<Index> shape) {
  Index size = 1;
  for (const Index length : shape) size *= length;
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k);
  return raw_tensor(std::move(values), std::move(shape));
}
std::vector<std::string> names(const RawTensors& tensors) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : tensors) all.push_back(name);
  return all;
}
std::string refusal(const RawTensors& tensors) {
  return message_of<ShapeError>([&] { named_as_dump(tensors, "self"); });
}

}  // namespace

TEST_CASE("the layers of one array are slices of it") {
  const RawTensor array = counting({2, 3, 4, 4});
  const RawTensors layers = named_as_dump({{"weights", array}}, "encoder");
  CHECK(names(layers) == std::vector<std::string>{"encoder.0.attention", "encoder.1.attention"});
  const RawTensor& last = layers.at("encoder.1.attention");
  CHECK(last.shape == std::vector<Index>{3, 4, 4});
  CHECK(last.bytes.data() == array.bytes.data() + 48 * sizeof(float));
  CHECK(test::values_of<float>(last)[47] == 95);
  CHECK(named_as_dump({{"a", counting({2, 5, 3, 4, 4})}}, "self").at("self.1.attention").shape ==
        std::vector<Index>{5, 3, 4, 4});
}

TEST_CASE("one layer, or one head of it, may stand alone") {
  CHECK(named_as_dump({{"a", counting({3, 4, 4})}}, "self").at("self.0.attention").shape ==
        std::vector<Index>{3, 4, 4});
  CHECK(named_as_dump({{"a", counting({4, 5})}}, "self").at("self.0.attention").shape ==
        std::vector<Index>{1, 4, 5});
}

TEST_CASE("several arrays are a layer each, by the last number in their names") {
  const RawTensors layers = named_as_dump({{"arr_0", counting({2, 3, 4, 4})},
                                           {"arr_10", counting({2, 3, 4, 4})},
                                           {"x2.layer-007b", counting({3, 4, 4})}},
                                          "self");
  CHECK(names(layers) ==
        std::vector<std::string>{"self.0.attention", "self.10.attention", "self.7.attention"});
  CHECK(layers.at("self.10.attention").shape == std::vector<Index>{2, 3, 4, 4});
}

TEST_CASE("where a name of a dump stands, and of inputs and vectors, nothing is renamed") {
  const RawTensors dump{{"self.0.attention", counting({1, 2, 2})}, {"other", counting({1, 2, 2})}};
  CHECK(names(named_as_dump(dump, "self")) == names(dump));
  CHECK(names(named_as_dump(
            {{"input.embedding", counting({2, 2})}, {"bias", counting({2})}, {"a", counting({2, 2})}},
            "self")) == std::vector<std::string>{"bias", "input.embedding", "self.0.attention"});
  CHECK(named_as_dump({}, "self").empty());
}

TEST_CASE("arrays that cannot be layers are named") {
  CHECK(refusal({{"a", counting({1, 1, 1, 1, 1, 1})}}) ==
        "array \"a\": it has 6 axes; one array is [layer, head, query, key] or [layer, batch, head, query, "
        "key]");
  CHECK(refusal({{"a", counting({0, 1, 1, 1})}}) == "array \"a\": 0 layers: are the axes in another order?");
  CHECK(refusal({{"a", counting({10'001, 1, 1, 1})}}) ==
        "array \"a\": 10001 layers: are the axes in another order?");
  const RawTensor layer = counting({1, 2, 2});
  CHECK(refusal({{"a", layer}, {"b1", layer}}) ==
        "array \"a\": of 2 arrays each is a layer, but this name has no number");
  CHECK(refusal({{"a1", layer}, {"b1", layer}}) == "array \"b1\": its layer is 1, but so is that of \"a1\"");
  CHECK(refusal({{"a1", layer}, {"b2", counting({2, 2})}}) ==
        "array \"b2\": of 2 arrays each is a layer, [batch, head, query, key] or [head, query, key], but "
        "this has 2 "
        "axes");
  CHECK_THAT(refusal({{"a99999999999", layer}, {"b2", layer}}), ContainsSubstring("this name has no number"));
}
