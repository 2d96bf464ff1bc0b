#include <attnscope/report/value_numbers.hpp>

#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;

namespace {

/// One head, two tokens; values of width 1: token 0 has nothing, token 1 has 2.
Dump two_tokens(Metadata metadata = {}) {
  return make_dump("x",
                   {{"self.0.attention", raw_tensor(std::vector<float>{.5f, .5f, 1, 0}, {1, 1, 2, 2})},
                    {"self.0.value", raw_tensor(std::vector<float>{0, 2}, {1, 1, 2, 1})},
                    {"self.0.residual", raw_tensor(std::vector<float>{3, 1}, {1, 2, 1})},
                    {"self.1.attention", test::uniform(1, 1, 2)}},
                   std::move(metadata));
}
std::optional<ValueNumbers> numbers(const Dump& dump, std::size_t layer, bool with_maps = true) {
  return value_numbers(dump, dump.stacks[0], dump.stacks[0].layers[layer], with_maps);
}

}  // namespace

TEST_CASE("value numbers go as far as the fields do, and are absent without values") {
  const ValueNumbers found = numbers(two_tokens(), 0).value();
  CHECK(found.through == Through::residual);
  // Token 0 keeps 3 and gets 1; token 1 keeps 1 and gets 0.
  CHECK(found.norm_maps.at(0) == Eigen::Matrix2d{{3, 1}, {0, 1}});
  CHECK(found.mixing.mixing_ratio == Approx((.25 + 0) / 2));
  CHECK(numbers(two_tokens(), 0, false)->norm_maps.empty());
  CHECK_FALSE(numbers(two_tokens(), 1));
}

TEST_CASE("values that do not fit are named with stack, layer and field") {
  const Dump dump = make_dump(
      "x", {{"self.3.attention", test::uniform(1, 1, 2)}, {"self.3.value", test::filled({1, 1, 3, 1}, 1)}},
      {});
  CHECK(message_of<ShapeError>([&] { numbers(dump, 0); }) ==
        "self.3: value is [1, 1, 3, 1], not [1, 1, 2, 1]");
  CHECK(message_of<FileError>([] {
          numbers(two_tokens({{"norm_epsilon", "x"}}), 0);
        }) == "metadata norm_epsilon: should be a number, but is: x");
}
