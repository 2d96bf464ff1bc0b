#pragma once
// One loop that trains everything here: the models, the adversary, the classifiers with frozen attention.
#include "model.hpp"

#include <functional>

namespace reviews {

struct TrainingOptions {
  int steps = 2500;
  std::size_t batch = 32;
  double rate = 5e-3;  ///< at the beginning; it falls linearly to 0
  std::uint64_t seed = 1;
};

/// Adam (Kingma & Ba 2015).
class Adam {
 public:
  explicit Adam(Parameters& parameters) : parameters_(&parameters) {
    for (auto& [name, parameter] : parameters) {
      parameter.requires_grad_();
      mean_.push_back(at::zeros_like(parameter));
      square_.push_back(at::zeros_like(parameter));
    }
  }
  /// Goes one step down the gradients, and clears them.
  void step(double rate) {
    const at::NoGradGuard no_gradients;
    ++steps_;
    const double of_mean = 1 - std::pow(.9, steps_), of_square = 1 - std::pow(.999, steps_);
    std::size_t i = 0;
    for (auto& [name, parameter] : *parameters_) {
      at::Tensor &mean = mean_[i], &square = square_[i++];
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) continue;
      mean.mul_(.9).add_(gradient, .1);
      square.mul_(.999).addcmul_(gradient, gradient, .001);
      parameter.addcdiv_(mean, (square / of_square).sqrt_().add_(1e-8), -rate / of_mean);
      gradient.reset();
    }
  }

 private:
  Parameters* parameters_;
  std::vector<at::Tensor> mean_, square_;
  int steps_ = 0;
};

/// loss(batch): what is to become small, of reviews that no earlier step has seen.
inline void train(Parameters& parameters, const TrainingOptions& options,
                  const std::function<at::Tensor(const Batch&)>& loss) {
  Writer writer(options.seed);
  Adam adam(parameters);
  for (int step = 0; step < options.steps; ++step) {
    loss(batch_of(writer.reviews(options.batch))).backward();
    adam.step(options.rate * (1 - static_cast<double>(step) / options.steps));
  }
  for (auto& [name, parameter] : parameters) parameter.requires_grad_(false);
}

inline at::Tensor classification_loss(const at::Tensor& logits, const Batch& batch) {
  return at::nll_loss(at::log_softmax(logits, -1), batch.labels);
}

inline Model trained_model(Pooling pooling, const TrainingOptions& options) {
  Model model = Model::random(options.seed, pooling);
  train(model.parameters(), options,
        [&](const Batch& batch) { return classification_loss(model.run(batch).logits, batch); });
  return model;
}

/// [batch] total variation distance and Jensen-Shannon divergence (nats) of distributions [batch, n].
inline at::Tensor total_variation(const at::Tensor& p, const at::Tensor& q) {
  return (p - q).abs().sum(-1) / 2;
}
inline at::Tensor jensen_shannon(const at::Tensor& p, const at::Tensor& q) {
  const at::Tensor mean = ((p + q) / 2).clamp_min(1e-30);
  const auto divergence = [&](const at::Tensor& x) {
    return (x * (x.clamp_min(1e-30) / mean).log()).sum(-1);
  };
  return (divergence(p) + divergence(q)) / 2;
}

/// A model that decides as `base` does and attends elsewhere (Wiegreffe & Pinter 2019, section 4): the loss
/// is total_variation(outputs) - strength * jensen_shannon(attention that the output reads). It begins as
/// `start`, a model that decides well: one that begins at random finds divergence first, and no reason to
/// decide at all.
inline Model consistent_adversary(const Model& base, const Model& start, double strength,
                                  const TrainingOptions& options) {
  Model model = start;
  for (auto& [name, parameter] : model.parameters()) parameter = parameter.clone();
  train(model.parameters(), options, [&](const Batch& batch) {
    const Trace mine = model.run(batch);
    at::NoGradGuard no_gradients;
    const Trace wanted = base.run(batch);
    const at::AutoGradMode gradients(true);
    const at::Tensor apart = jensen_shannon(read_attention(mine), read_attention(wanted));
    return (total_variation(at::softmax(mine.logits, -1), at::softmax(wanted.logits, -1)) - strength * apart)
        .mean();
  });
  return model;
}

/// A classifier that cannot look around: every word by itself through a layer, then the mean of the words
/// under weights that somebody else gives, then a layer and the decision. How well it does is what the
/// weights know (Wiegreffe & Pinter 2019, section 3.3). Without given weights it learns one number a word.
class FrozenAttention {
 public:
  explicit FrozenAttention(Parameters parameters) : parameters_(std::move(parameters)) {}
  static FrozenAttention random(std::uint64_t seed) {
    at::manual_seed(seed);
    const auto matrix = [](std::int64_t from, std::int64_t to) {
      return at::randn({from, to}) / std::sqrt(static_cast<double>(from));
    };
    return FrozenAttention({{"words", at::randn({static_cast<std::int64_t>(vocabulary.size()), width})},
                            {"first", matrix(width, width)},
                            {"first_bias", at::zeros({width})},
                            {"query", matrix(width, 1)},
                            {"second", matrix(width, width)},
                            {"second_bias", at::zeros({width})},
                            {"classifier", matrix(width, classes)}});
  }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  /// weights: [batch, token]; undefined: its own.
  at::Tensor logits(const Batch& batch, at::Tensor weights) const {
    const at::Tensor words =
        at::tanh(at::matmul(at::embedding(of("words"), batch.tokens), of("first")) + of("first_bias"));
    if (!weights.defined())
      weights = at::softmax(
          at::matmul(words, of("query")).squeeze(2).masked_fill(batch.is_token.logical_not(), -1e9), -1);
    const at::Tensor mixed = at::matmul(weights.unsqueeze(1), words).squeeze(1);
    return at::matmul(at::relu(at::matmul(mixed, of("second")) + of("second_bias")), of("classifier"));
  }

 private:
  const at::Tensor& of(const char* name) const { return parameters_.at(name); }
  Parameters parameters_;
};

/// [batch, token] the weights that a frozen classifier is given for a batch; undefined: its own.
using GivenWeights = std::function<at::Tensor(const Batch&)>;

inline GivenWeights attention_of(const Model& model) {
  return [&model](const Batch& batch) {
    const at::NoGradGuard no_gradients;
    return read_attention(model.run(batch));
  };
}
inline at::Tensor uniform_attention(const Batch& batch) {
  const at::Tensor counted = batch.is_token.to(at::kFloat);
  return counted / counted.sum(1, true);
}
inline FrozenAttention frozen_attention(const GivenWeights& weights, const TrainingOptions& options) {
  FrozenAttention classifier = FrozenAttention::random(options.seed);
  train(classifier.parameters(), options, [&](const Batch& batch) {
    return classification_loss(classifier.logits(batch, weights(batch)), batch);
  });
  return classifier;
}

}  // namespace reviews
