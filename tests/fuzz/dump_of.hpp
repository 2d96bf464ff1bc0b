#pragma once
#include <attnscope/io/dump.hpp>

#include <cstring>

#include "fuzz/fuzz.hpp"

namespace fuzz {

inline constexpr const char* dump_fields[] = {"attention",
                                              "query",
                                              "key",
                                              "value",
                                              "attention_gradient",
                                              "attention_bias",
                                              "sink_logits",
                                              "residual",
                                              "output_projection",
                                              "output_bias",
                                              "value_bias",
                                              "norm_weight",
                                              "norm_bias",
                                              "attention_gradient.t"};
inline constexpr const char* dump_keys[] = {"tokens",
                                            "source_tokens",
                                            "target_tokens",
                                            "special_tokens",
                                            "lengths",
                                            "starts",
                                            "source_lengths",
                                            "target_lengths",
                                            "causal",
                                            "query_offset",
                                            "sliding_window.self.0",
                                            "scale.self.0",
                                            "soft_cap.self.0",
                                            "stack.x",
                                            "model",
                                            "gold_alignment",
                                            "sentence_boundary",
                                            "norm_epsilon",
                                            "source_starts",
                                            "token_scores",
                                            "word_ids",
                                            "positions"};
inline constexpr const char* dump_stacks[] = {"self", "cross", "encoder", "decoder", "x"};
inline constexpr attnscope::Dtype dump_dtypes[] = {attnscope::Dtype::F32, attnscope::Dtype::F64,
                                                   attnscope::Dtype::F16, attnscope::Dtype::BF16,
                                                   attnscope::Dtype::I32};

/// Elements of one value, or of any bits.
inline attnscope::RawTensor filled(FuzzedDataProvider& data, attnscope::Dtype dtype,
                                   std::vector<Eigen::Index> shape) {
  attnscope::RawTensor tensor{dtype, std::move(shape), {}, nullptr};
  const std::size_t size = attnscope::stored_bytes(dtype, tensor.shape).value();
  const auto bytes = std::make_shared<std::vector<std::byte>>(size);
  const bool any_bits = data.ConsumeIntegralInRange<int>(0, 7) == 0;
  if (any_bits) {
    const std::vector<std::uint8_t> bits = data.ConsumeBytes<std::uint8_t>(size);
    if (!bits.empty()) std::memcpy(bytes->data(), bits.data(), bits.size());
  } else {
    const double value =
        1 / static_cast<double>(std::max<Eigen::Index>(1, tensor.shape.empty() ? 1 : tensor.shape.back()));
    const auto fill = [&](auto scalar) {
      for (std::size_t at = 0; at + sizeof scalar <= size; at += sizeof scalar)
        std::memcpy(bytes->data() + at, &scalar, sizeof scalar);
    };
    if (dtype == attnscope::Dtype::F32) fill(static_cast<float>(value));
    if (dtype == attnscope::Dtype::F64) fill(value);
    if (dtype == attnscope::Dtype::F16) fill(static_cast<Eigen::half>(value));
    if (dtype == attnscope::Dtype::BF16) fill(static_cast<Eigen::bfloat16>(value));
  }
  tensor.bytes = *bytes;
  tensor.owner = bytes;
  return tensor;
}

/// Two layers or so of one stack, most of whose fields fit together. @throws Error what make_dump refuses
inline attnscope::Dump dump_of(FuzzedDataProvider& data) {
  using Shape = std::vector<Eigen::Index>;
  attnscope::RawTensors tensors;
  attnscope::Metadata metadata;
  const Eigen::Index batch = up_to(data, 2, 1), heads = up_to(data, 3, 1), queries = up_to(data, 5, 1),
                     keys = data.ConsumeBool() ? queries : up_to(data, 5, 1), dim = up_to(data, 3, 1);
  const auto usual_shape = [&](std::string_view field) -> Shape {
    if (field == "query" || field == "residual")
      return field == "query" ? Shape{batch, heads, queries, dim} : Shape{batch, queries, heads * dim};
    if (field == "key" || field == "value") return {batch, heads, keys, dim};
    if (field == "sink_logits") return {heads};
    if (field == "output_projection") return {heads * dim, heads * dim};
    if (field == "output_bias" || field == "value_bias" || field.starts_with("norm")) return {heads * dim};
    return {batch, heads, queries, keys};
  };
  const std::string stack = data.ConsumeBool() ? one_of(data, dump_stacks) : text(data, 12);
  const auto count = up_to(data, 6, 1);
  for (std::ptrdiff_t t = 0; t < count; ++t) {
    const std::string field = t == 0 ? "attention" : one_of(data, dump_fields);
    std::string name = stack + "." + std::to_string(up_to(data, 1)) + "." + field;
    Shape shape = usual_shape(field);
    switch (up_to(data, 15)) {
      case 0:
        name = text(data, 24);
        break;
      case 1:
        shape.erase(shape.begin());
        break;
      case 2:
        one_of(data, shape),
            shape[static_cast<std::size_t>(up_to(data, static_cast<std::ptrdiff_t>(shape.size()) - 1))] =
                up_to(data, 6);
        break;
      case 3:
        name = data.ConsumeBool() ? "input.embedding" : "input.embedding_gradient";
        shape = {batch, keys, dim};
        break;
      default:
        break;
    }
    const attnscope::Dtype dtype = data.ConsumeBool() ? attnscope::Dtype::F32 : one_of(data, dump_dtypes);
    tensors.insert_or_assign(name, filled(data, dtype, shape));
  }
  for (auto strings = up_to(data, 5); strings > 0; --strings)
    metadata.insert_or_assign(up_to(data, 7) > 0 ? one_of(data, dump_keys) : text(data, 24), text(data, 200));
  // Named, most of the time: as many different tokens as there are queries and keys.
  if (up_to(data, 3) > 0) {
    const auto list = [&](Eigen::Index tokens) {
      nlohmann::json lists = nlohmann::json::array();
      for (Eigen::Index b = 0; b < batch; ++b) {
        nlohmann::json& one = lists.emplace_back(nlohmann::json::array());
        for (Eigen::Index t = 0; t < tokens; ++t) one.push_back(text(data, 16));
      }
      return lists.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    metadata.try_emplace("tokens", list(keys));
    metadata.try_emplace("source_tokens", list(keys));
    metadata.try_emplace("target_tokens", list(queries));
    metadata.try_emplace("stack.x", R"({"query_tokens":"target_tokens","key_tokens":"source_tokens"})");
  }
  const std::string name = text(data, 24);
  return attnscope::make_dump(name, attnscope::named_as_dump(tensors, stack), metadata);
}

/// Numbers are read from the end: bytes of any kind do as seeds.
inline std::vector<std::string> dump_seeds() {
  std::vector<std::string> all;
  for (int seed = 1; seed <= 24; ++seed) {
    std::string bytes = seed_text("self") + seed_text(R"(["[CLS]","</script>"])") + seed_text("[2]");
    unsigned state = static_cast<unsigned>(seed);
    for (int i = 0; i < 160; ++i) bytes += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    all.push_back(std::move(bytes));
  }
  return all;
}

}  // namespace fuzz
