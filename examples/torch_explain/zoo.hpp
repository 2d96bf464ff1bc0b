#pragma once
// The trained models that the program looks at, in one file.
#include "training.hpp"

namespace reviews {

/// All that `--train` trains and a run reads.
struct Zoo {
  Model first;                     ///< reads its first token; what most of the report is about
  Model mean;                      ///< reads the mean of its tokens
  std::vector<Model> seeds;        ///< as `first`, but for the seed
  std::vector<Model> adversaries;  ///< [strength] decide as `first` does and attend elsewhere
  FrozenAttention uniform, learnt, of_first, of_adversary;  ///< under these weights
};

/// How much divergence counts for each adversary, and the one that frozen attention is taken from.
inline const std::vector<double> strengths{.1, .3, 1};
inline constexpr std::size_t frozen_adversary = 1;

/// told(name): what is trained next.
inline Zoo train_zoo(const TrainingOptions& options, const std::function<void(const std::string&)>& told) {
  const auto with_seed = [&](std::uint64_t seed) {
    TrainingOptions others = options;
    others.seed += seed;
    return others;
  };
  told("the model that reads its first token");
  Model first = trained_model(Pooling::first, options);
  told("the model that reads the mean of its tokens");
  Model mean = trained_model(Pooling::mean, options);
  told("the first model with two other seeds");
  std::vector<Model> seeds{trained_model(Pooling::first, with_seed(1)),
                           trained_model(Pooling::first, with_seed(2))};
  std::vector<Model> adversaries;
  TrainingOptions of_adversaries = with_seed(3);
  of_adversaries.steps = (4 * options.steps + 4) / 5;  // they begin trained
  for (const double strength : strengths) {
    told(fmt::format("an adversary of strength {}", strength));
    adversaries.push_back(consistent_adversary(first, seeds[0], strength, of_adversaries));
  }
  told("classifiers under frozen attention");
  FrozenAttention uniform = frozen_attention(uniform_attention, options),
                  learnt = frozen_attention([](const Batch&) { return at::Tensor(); }, options),
                  of_first = frozen_attention(attention_of(first), options),
                  of_adversary = frozen_attention(attention_of(adversaries[frozen_adversary]), options);
  return {std::move(first),   std::move(mean),   std::move(seeds),    std::move(adversaries),
          std::move(uniform), std::move(learnt), std::move(of_first), std::move(of_adversary)};
}

/// visit(name, parameters) for everything in a zoo: where its parameters stand in a file.
template <typename SomeZoo, typename Visit>
void each_of(SomeZoo& zoo, const Visit& visit) {
  visit("first", zoo.first);
  visit("mean", zoo.mean);
  for (std::size_t i = 0; i < zoo.seeds.size(); ++i) visit(fmt::format("seed{}", i + 1), zoo.seeds[i]);
  for (std::size_t i = 0; i < zoo.adversaries.size(); ++i)
    visit(fmt::format("adversary{}", i + 1), zoo.adversaries[i]);
  visit("frozen_uniform", zoo.uniform);
  visit("frozen_learnt", zoo.learnt);
  visit("frozen_first", zoo.of_first);
  visit("frozen_adversary", zoo.of_adversary);
}

/// A tensor of floats for a file; it shares the memory.
inline attnscope::RawTensor raw_tensor_of(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().contiguous();
  const auto owner = std::make_shared<at::Tensor>(dense);
  const auto* data = dense.data_ptr<float>();
  const auto sizes = dense.sizes();
  return {attnscope::Dtype::F32,
          {sizes.begin(), sizes.end()},
          std::as_bytes(std::span(data, static_cast<std::size_t>(dense.numel()))),
          owner};
}

inline void save(const Zoo& zoo, const std::string& path) {
  attnscope::RawTensors tensors;
  each_of(zoo, [&](const std::string& model, const auto& held) {
    for (const auto& [name, tensor] : held.parameters()) tensors[model + "." + name] = raw_tensor_of(tensor);
  });
  attnscope::write_safetensors(path, tensors, {{"model", "small classifiers of generated film reviews"}});
}

/// @throws attnscope::Error naming file and tensor: one that is missing, of another shape or not of floats
inline Zoo load(const std::string& path) {
  const attnscope::TensorFile file = attnscope::read_safetensors(path);
  const Model blank = Model::random(0, Pooling::first);
  const FrozenAttention frozen = FrozenAttention::random(0);
  Zoo zoo{blank,          Model(blank.parameters(), Pooling::mean),
          {blank, blank}, std::vector<Model>(strengths.size(), blank),
          frozen,         frozen,
          frozen,         frozen};
  attnscope::in_context(path, [&] {
    each_of(zoo, [&](const std::string& model, auto& held) {
      for (auto& [name, tensor] : held.parameters())
        attnscope::in_context(fmt::format("tensor \"{}.{}\"", model, name), [&, &parameter = tensor] {
          const auto found = file.tensors.find(model + "." + name);
          attnscope::require<attnscope::FileError>(found != file.tensors.end(), "it is missing");
          const std::vector<Eigen::Index>& shape = found->second.shape;
          attnscope::require<attnscope::ShapeError>(std::ranges::equal(shape, parameter.sizes()),
                                                    "it is [{}], not [{}]", fmt::join(shape, ", "),
                                                    fmt::join(parameter.sizes(), ", "));
          const auto values = attnscope::elements<float>(found->second);
          // The model keeps a copy, so that training it would not write into the file.
          parameter = at::empty(parameter.sizes());
          std::copy_n(values.get(), parameter.numel(), parameter.template data_ptr<float>());
        });
    });
  });
  return zoo;
}

}  // namespace reviews
