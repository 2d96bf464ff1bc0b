#include <attnscope/io/dump_values.hpp>

#include "support/dumps.hpp"

using namespace attnscope;
using test::filled;
using test::uniform;

namespace {
RawTensors whole_layer() {
  return {{"self.2.attention", uniform(2, 4, 3)},    {"self.2.value", filled({2, 2, 3, 5}, 1)},
          {"self.2.value_bias", filled({2, 5}, .5)}, {"self.2.output_projection", filled({20, 7}, .1)},
          {"self.2.output_bias", filled({7}, .2)},   {"self.2.residual", filled({2, 3, 7}, 3)},
          {"self.2.norm_weight", filled({7}, 2)},    {"self.2.norm_bias", filled({7}, -1)}};
}
std::optional<LoadedValues> only_values(const RawTensors& tensors, const Metadata& metadata = {}) {
  const Dump dump = make_dump("x", tensors, metadata);
  return layer_values(dump, dump.stacks.at(0), dump.stacks[0].layers.at(0));
}
}  // namespace

TEST_CASE("every field of a layer's values finds its place, and outlives the dump") {
  const auto loaded = only_values(whole_layer(), {{"norm_epsilon", "0.25"}, {"lengths", "[3, 2]"}});
  const auto& values = std::get<LayerValues<float>>(loaded.value());
  CHECK(values.kv_heads() == 2);
  CHECK(values.dim() == 5);
  CHECK(values.model() == 7);
  CHECK(values.self_attention());
  CHECK(values.has_norm());
  CHECK(values.norm_epsilon() == .25);
  CHECK(values.layout().keys(1) == 2);
  CHECK(values.values(1, 3, {0, 2}) == Eigen::MatrixXd::Constant(2, 5, 1.5));
  CHECK(values.transformed(0, 0, {2, 3})(0, 6) == Approx(5 * 1.5 * .1));
  CHECK(values.residual(0, {1, 2}) == Eigen::RowVectorXd::Constant(7, 3));
  CHECK(values.output_bias()(6) == Approx(.2));
  CHECK(values.norm_weight()(0) == 2);
  CHECK(values.norm_bias()(0) == -1);
}

TEST_CASE("fields that are missing are not there, without values there is nothing") {
  const auto bare = only_values(
      {{"cross.0.attention", filled({4, 2, 3}, 1 / 3.)}, {"cross.0.value", filled({4, 3, 2}, 1)}});
  const auto& values = std::get<LayerValues<float>>(bare.value());
  CHECK(values.model() == 8);
  CHECK_FALSE(values.has_residual());
  CHECK_FALSE(values.self_attention());
  CHECK_FALSE(only_values({{"self.0.attention", uniform(1, 2, 3)}}));
}

TEST_CASE("any precision of any field") {
  RawTensors tensors = whole_layer();
  tensors["self.2.residual"] = filled<double>({2, 3, 7}, 3);
  tensors["self.2.value"] = filled<Eigen::half>({2, 2, 3, 5}, 1);
  tensors["self.2.output_projection"] = filled<Eigen::bfloat16>({20, 7}, .5);
  const auto single = only_values(tensors);
  CHECK(std::get<LayerValues<float>>(*single).transformed(0, 0, {0, 1})(0, 0) == 5 * 1.5 * .5);
  CHECK(std::get<LayerValues<float>>(*single).residual(1, {0, 1})(0, 0) == 3);
  tensors["self.2.value"] = filled<double>({2, 2, 3, 5}, .1);
  const auto twice = only_values(tensors);
  CHECK(std::get<LayerValues<double>>(*twice).values(0, 0, {0, 1})(0, 0) == .1 + .5);
}

TEST_CASE("fields of other shapes are named with stack and layer") {
  const auto refused = [&](const char* field, const RawTensor& tensor) {
    RawTensors tensors = whole_layer();
    tensors[std::string("self.2.") + field] = tensor;
    return message_of<Error>([&] { only_values(tensors); });
  };
  CHECK(refused("value", filled({2, 2, 4, 5}, 1)) == "self.2: value is [2, 2, 4, 5], not [2, 2, 3, 5]");
  CHECK(refused("value", filled({3, 5}, 1)) == "self.2: value has 2 axes, not 4 or 3");
  CHECK(refused("value", filled({2, 3, 3, 5}, 1)) == "self.2: 4 heads cannot share 3 value heads");
  CHECK(refused("value_bias", filled({5}, 1)) == "self.2: value_bias has 5 numbers, not [kv_head 2, dim 5]");
  CHECK(refused("output_projection", filled({12, 7}, 1)) ==
        "self.2: output_projection is [12, 7], not [20, 7]");
  CHECK(refused("output_projection", filled({20}, 1)) == "self.2: output_projection has 1 axes, not 2");
  CHECK(refused("output_bias", filled({20}, 1)) == "self.2: output_bias is [20], not [7]");
  CHECK(refused("residual", filled({2, 3, 8}, 1)) == "self.2: residual is [2, 3, 8], not [2, 3, 7]");
  CHECK(refused("norm_weight", filled({1, 7}, 1)) == "self.2: norm_weight is [1, 7], not [7]");
  CHECK(refused("norm_bias", filled({6}, 1)) == "self.2: norm_bias is [6], not [7]");
  CHECK(refused("norm_bias", filled<std::int8_t>({7}, 1)) ==
        "self.2: norm_bias is I8, but attention is read from F16, BF16, F32 and F64");
  CHECK(refused("value", filled({2, 2, 3, 5}, std::numeric_limits<double>::infinity())) ==
        "self.2: value: batch element 0, kv_head 0, key 0, column 0 is inf");
}
