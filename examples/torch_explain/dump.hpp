#pragma once
// A live model's tensors as a dump, which `analyze` and every other reader takes.
#include "live.hpp"
#include "zoo.hpp"

#include <nlohmann/json.hpp>

namespace reviews {

inline std::string tokens_json(const std::vector<Review>& all) {
  std::vector<Words> tokens;
  for (const Review& review : all) tokens.push_back(review.tokens);
  return nlohmann::json(tokens).dump();
}

/// Attention, values, gradients of the loss and of the chosen class, embeddings, logits and labels of these
/// reviews.
/// @throws attnscope::FileError naming the path
inline void write_dump(const Model& model, const std::string& name, const std::vector<Review>& all,
                       const std::string& path) {
  const Batch batch = batch_of(all);
  const LiveRun run(model, batch, Output::loss), chosen(model, batch, Output::chosen);
  attnscope::RawTensors tensors;
  for (std::size_t l = 0; l < run.trace().layers.size(); ++l) {
    const LayerTrace& layer = run.trace().layers[l];
    const std::string in_dump = fmt::format("self.{}.", l), in_model = fmt::format("layer{}.", l);
    tensors[in_dump + "attention"] = raw_tensor_of(layer.attention);
    tensors[in_dump + "attention_gradient"] = raw_tensor_of(layer.attention.grad());
    tensors[in_dump + "attention_gradient.chosen"] = raw_tensor_of(chosen.trace().layers[l].attention.grad());
    tensors[in_dump + "value"] = raw_tensor_of(layer.value);
    tensors[in_dump + "residual"] = raw_tensor_of(layer.residual);
    tensors[in_dump + "output_projection"] = raw_tensor_of(model[in_model + "output.weight"]);
    tensors[in_dump + "output_bias"] = raw_tensor_of(model[in_model + "output.bias"]);
    tensors[in_dump + "norm_weight"] = raw_tensor_of(model[in_model + "attention_norm.weight"]);
    tensors[in_dump + "norm_bias"] = raw_tensor_of(model[in_model + "attention_norm.bias"]);
  }
  tensors["input.embedding"] = raw_tensor_of(run.trace().embedding);
  tensors["input.embedding_gradient"] = raw_tensor_of(run.trace().embedding.grad());
  tensors["input.embedding_gradient.chosen"] = raw_tensor_of(chosen.trace().embedding.grad());
  tensors["output.logits"] = raw_tensor_of(run.trace().logits);  // no field of a dump: readers pass it over
  std::vector<int> labels;
  for (const Review& review : all) labels.push_back(review.label);
  attnscope::write_safetensors(path, tensors,
                               {{"model", "film reviews, " + name},
                                {"tokens", tokens_json(all)},
                                {"lengths", fmt::format("[{}]", fmt::join(batch.lengths, ", "))},
                                {"special_tokens", R"(["[CLS]", "[SEP]"])"},
                                {"norm_epsilon", fmt::format("{}", norm_epsilon)},
                                {"labels", fmt::format("[{}]", fmt::join(labels, ", "))},
                                {"loss", "cross entropy, summed over reviews"}});
}

}  // namespace reviews
