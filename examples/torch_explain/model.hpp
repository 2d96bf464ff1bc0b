#pragma once
// A small transformer that classifies reviews, in libtorch's tensors, with autograd.
#include "task.hpp"

#include <attnscope/core/head_mask.hpp>
#include <attnscope/io/safetensors.hpp>
#include <attnscope/io/write_safetensors.hpp>

#include <cmath>
#include <map>

namespace reviews {

/// What the classifier reads at the top: the first token, or the mean over all true tokens.
enum class Pooling { first, mean };

inline constexpr std::int64_t layers = 2, heads = 4, width = 16, head_width = width / heads, hidden = 32,
                              most_tokens = 20, classes = 2;
inline constexpr double norm_epsilon = 1e-5;

using Parameters = std::map<std::string, at::Tensor>;

/// What one layer computed; attention keeps its gradient after backward().
struct LayerTrace {
  at::Tensor attention;  ///< [batch, head, query, key]
  at::Tensor value;      ///< [batch, head, key, head_width]
  at::Tensor residual;   ///< [batch, token, width] what the attention's output is added to
};
struct Trace {
  at::Tensor embedding;  ///< [batch, token, width] of words, without positions
  std::vector<LayerTrace> layers;
  at::Tensor logits;  ///< [batch, class]
};

/// What is done to the model while it runs; nothing by default.
struct Changes {
  at::Tensor embedding{};               ///< instead of that of the tokens
  std::vector<at::Tensor> attention{};  ///< [layer] instead of its own, where defined
  attnscope::HeadMask kept{};           ///< [layer][head]; empty: all
};

class Model {
 public:
  Model(Parameters parameters, Pooling pooling) : parameters_(std::move(parameters)), pooling_(pooling) {}

  /// With random weights. The same for the same seed.
  static Model random(std::uint64_t seed, Pooling pooling) {
    at::manual_seed(seed);
    Parameters all;
    const auto matrix = [&](const std::string& name, std::int64_t from, std::int64_t to) {
      all[name + ".weight"] = at::randn({from, to}) / std::sqrt(static_cast<double>(from));
      all[name + ".bias"] = at::zeros({to});
    };
    const auto norm = [&](const std::string& name) {
      all[name + ".weight"] = at::ones({width});
      all[name + ".bias"] = at::zeros({width});
    };
    all["words"] = at::randn({static_cast<std::int64_t>(vocabulary.size()), width}) / 2;
    all["positions"] = at::randn({most_tokens, width}) / 4;
    for (std::int64_t l = 0; l < layers; ++l) {
      const std::string layer = fmt::format("layer{}.", l);
      for (const char* name : {"query", "key", "value", "output"}) matrix(layer + name, width, width);
      norm(layer + "attention_norm");
      matrix(layer + "up", width, hidden);
      matrix(layer + "down", hidden, width);
      norm(layer + "norm");
    }
    matrix("classifier", width, classes);
    return Model(std::move(all), pooling);
  }

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const at::Tensor& operator[](const std::string& name) const { return parameters_.at(name); }
  Pooling pooling() const { return pooling_; }

  Trace run(const Batch& batch, const Changes& changes = {}) const {
    Trace trace;
    trace.embedding =
        changes.embedding.defined() ? changes.embedding : at::embedding((*this)["words"], batch.tokens);
    at::Tensor x = trace.embedding + (*this)["positions"].slice(0, 0, batch.tokens.size(1));
    for (std::int64_t l = 0; l < layers; ++l) x = layer(l, x, batch, changes, trace.layers.emplace_back());
    trace.logits = linear("classifier", pooled(x, batch));
    return trace;
  }

 private:
  at::Tensor linear(const std::string& name, const at::Tensor& x) const {
    return at::matmul(x, (*this)[name + ".weight"]) + (*this)[name + ".bias"];
  }
  at::Tensor normalised(const std::string& name, const at::Tensor& x) const {
    return at::layer_norm(x, {width}, (*this)[name + ".weight"], (*this)[name + ".bias"], norm_epsilon);
  }
  /// [batch, token, width] to [batch, head, token, head_width].
  static at::Tensor by_head(const at::Tensor& x) {
    return x.view({x.size(0), x.size(1), heads, head_width}).transpose(1, 2);
  }
  at::Tensor own_attention(const std::string& name, const at::Tensor& x, const Batch& batch) const {
    const at::Tensor query = by_head(linear(name + "query", x)), key = by_head(linear(name + "key", x));
    const at::Tensor scores =
        at::matmul(query, key.transpose(2, 3)) / std::sqrt(static_cast<double>(head_width));
    const at::Tensor padding = batch.is_token.logical_not().unsqueeze(1).unsqueeze(1);
    return at::softmax(scores.masked_fill(padding, -1e9), -1);
  }
  at::Tensor layer(std::int64_t l, const at::Tensor& x, const Batch& batch, const Changes& changes,
                   LayerTrace& trace) const {
    const auto at_layer = static_cast<std::size_t>(l);
    const std::string name = fmt::format("layer{}.", l);
    const bool given = at_layer < changes.attention.size() && changes.attention[at_layer].defined();
    trace.attention = given ? changes.attention[at_layer] : own_attention(name, x, batch);
    trace.value = by_head(linear(name + "value", x));
    trace.residual = x;
    at::Tensor mixed = at::matmul(trace.attention, trace.value);
    if (!changes.kept.empty()) mixed = mixed * gates(changes.kept[at_layer]);
    mixed = mixed.transpose(1, 2).reshape({x.size(0), x.size(1), width});
    const at::Tensor y = normalised(name + "attention_norm", x + linear(name + "output", mixed));
    return normalised(name + "norm", y + linear(name + "down", at::relu(linear(name + "up", y))));
  }
  /// [1, head, 1, 1]
  static at::Tensor gates(const std::vector<bool>& kept) {
    at::Tensor gates = at::zeros({1, heads, 1, 1});
    for (std::size_t h = 0; h < kept.size(); ++h) gates.data_ptr<float>()[h] = kept[h] ? 1 : 0;
    return gates;
  }
  at::Tensor pooled(const at::Tensor& x, const Batch& batch) const {
    if (pooling_ == Pooling::first) return x.select(1, 0);
    const at::Tensor counted = batch.is_token.to(x.scalar_type()).unsqueeze(2);
    return (x * counted).sum(1) / counted.sum(1);
  }

  Parameters parameters_;
  Pooling pooling_;
};

/// [batch, token] what a classifier that reads the first token looks at in the top layer, mean over heads:
/// what people show as "the attention" of such a model.
inline at::Tensor read_attention(const Trace& trace) {
  return trace.layers.back().attention.mean(1).select(1, 0);
}

/// Share of the reviews that are classified rightly.
inline double accuracy(const at::Tensor& logits, const Batch& batch) {
  return logits.argmax(-1).eq(batch.labels).to(at::kDouble).mean().item<double>();
}
inline double accuracy(const Model& model, const Batch& batch, const Changes& changes = {}) {
  const at::NoGradGuard no_gradients;
  return accuracy(model.run(batch, changes).logits, batch);
}

}  // namespace reviews
