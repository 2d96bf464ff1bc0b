#pragma once
// Attention, gradients and counterfactuals, taken from the running model and handed to attnscope.
#include "model.hpp"

#include <attnscope/adapter/torch.hpp>
#include <attnscope/attribution/adversarial_attention.hpp>
#include <attnscope/attribution/integrated_gradients.hpp>
#include <attnscope/attribution/masked_tokens.hpp>
#include <attnscope/source/aligned.hpp>
#include <attnscope/source/exclude_tokens.hpp>

namespace reviews {

using attnscope::Index;

/// What gradients are of: the sum over the reviews of a batch of ...
enum class Output {
  loss,   ///< ... the cross entropy
  chosen  ///< ... the logit of the class that the model chooses
};

inline at::Tensor output_of(const Trace& trace, const Batch& batch, Output output) {
  if (output == Output::loss)
    return at::nll_loss(at::log_softmax(trace.logits, -1), batch.labels, {}, at::Reduction::Sum);
  return std::get<0>(trace.logits.max(-1)).sum();
}

/// Numbers [row x column] of a tensor and back, for the functions that attnscope calls.
inline Eigen::MatrixXd matrix_of(const at::Tensor& tensor) {
  const at::Tensor rows = tensor.detach().to(at::kDouble).contiguous();
  return Eigen::Map<const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      rows.data_ptr<double>(), rows.size(0), rows.size(1));
}
inline at::Tensor tensor_of(const Eigen::MatrixXd& matrix) {
  at::Tensor tensor = at::empty({matrix.rows(), matrix.cols()});
  Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
      tensor.data_ptr<float>(), matrix.rows(), matrix.cols()) = matrix.cast<float>();
  return tensor;
}
/// [class] of one review.
inline Eigen::VectorXd probabilities(const at::Tensor& logits) {
  return matrix_of(at::softmax(logits.detach().to(at::kDouble), -1)).row(0);
}

/// One forward and one backward pass over a batch, and what attnscope sees of it: the tensors themselves.
/// Keep this as long as a view of it.
class LiveRun {
 public:
  LiveRun(const Model& model, const Batch& batch, Output output, const attnscope::HeadMask& kept = {})
      : lengths_(batch.lengths.begin(), batch.lengths.end()), mask_(attnscope::self_padding(lengths_)) {
    // A leaf of its own, so that the gradient stops here and no parameter is touched.
    const at::Tensor embedding = at::embedding(model["words"], batch.tokens).detach().requires_grad_();
    trace_ = model.run(batch, {.embedding = embedding, .kept = kept});
    for (const LayerTrace& layer : trace_.layers)
      layer.attention.retain_grad();  // no leaf: else it is dropped
    output_of(trace_, batch, output).backward();
  }

  const Trace& trace() const { return trace_; }
  const attnscope::Mask& mask() const { return mask_; }

  /// [layer] views on the attention, and on it and its gradient: nothing is copied.
  std::vector<attnscope::AttentionView<float>> attention() const {
    std::vector<attnscope::AttentionView<float>> all;
    for (const LayerTrace& layer : trace_.layers)
      all.push_back(attnscope::torch_view<float>(layer.attention, mask_));
    return all;
  }
  auto with_gradients() const {
    const auto view = [&](const at::Tensor& tensor) { return attnscope::torch_view<float>(tensor, mask_); };
    std::vector<decltype(attnscope::aligned(view({}), view({})))> all;
    for (const LayerTrace& layer : trace_.layers)
      all.push_back(attnscope::aligned(view(layer.attention), view(layer.attention.grad())));
    return all;
  }
  /// [review] of [token x width], true tokens only.
  std::vector<Eigen::MatrixXd> embedding() const { return true_rows(trace_.embedding); }
  std::vector<Eigen::MatrixXd> embedding_gradient() const { return true_rows(trace_.embedding.grad()); }

 private:
  std::vector<Eigen::MatrixXd> true_rows(const at::Tensor& tensor) const {
    std::vector<Eigen::MatrixXd> all;
    for (std::size_t b = 0; b < lengths_.size(); ++b)
      all.push_back(matrix_of(tensor[static_cast<Index>(b)].slice(0, 0, lengths_[b])));
    return all;
  }

  std::vector<Index> lengths_;
  attnscope::Mask mask_;
  Trace trace_;
};

/// One review in one model, as the functions that attnscope's tests of explanation ask for.
class Counterfactual {
 public:
  Counterfactual(const Model& model, const Review& review) : model_(&model), batch_(batch_of({review})) {
    const at::NoGradGuard no_gradients;
    trace_ = model.run(batch_);
    chosen_ = trace_.logits.argmax(-1).item<std::int64_t>();
  }

  Index tokens() const { return batch_.lengths.front(); }
  Index chosen() const { return chosen_; }
  const Trace& trace() const { return trace_; }
  Eigen::VectorXd output() const { return probabilities(trace_.logits); }
  /// [CLS] and [SEP], which are never erased.
  std::vector<Index> special() const { return {0, tokens() - 1}; }

  /// The rows of a layer that the decision depends on: in the top layer of a model that reads its first
  /// token, those of that token alone.
  attnscope::AttentionRows rows(Index layer) const {
    const at::Tensor& attention = trace_.layers[static_cast<std::size_t>(layer)].attention;
    const auto view = attnscope::torch_view<float>(attention);
    if (layer + 1 < layers || model_->pooling() != Pooling::first) return attnscope::attention_rows(view);
    std::vector<Index> others(static_cast<std::size_t>(tokens() - 1));
    std::iota(others.begin(), others.end(), Index{1});
    return attnscope::attention_rows(attnscope::exclude_tokens(view, {.queries = {others}}));
  }
  /// The model with other attention [head * query x key] in one layer.
  attnscope::AttentionModel attention_model(Index layer) const {
    return [this, layer](const Eigen::MatrixXd& attention) {
      const at::NoGradGuard no_gradients;
      return probabilities(model_->run(batch_, with_attention(layer, tensor_of(attention))).logits);
    };
  }
  attnscope::AttentionPullback pullback(Index layer) const {
    return [this, layer](const Eigen::MatrixXd& attention, const Eigen::VectorXd& output_gradient) {
      const at::Tensor leaf = tensor_of(attention).requires_grad_();
      const at::Tensor output = at::softmax(model_->run(batch_, with_attention(layer, leaf)).logits, -1);
      output.backward(tensor_of(output_gradient.transpose()));
      return matrix_of(leaf.grad());
    };
  }
  /// The logit of the chosen class by word embeddings [token x width], and its gradient.
  attnscope::ScalarModel score() const {
    return [this](const Eigen::MatrixXd& embedding) {
      const at::NoGradGuard no_gradients;
      return logit(tensor_of(embedding)).item<double>();
    };
  }
  attnscope::GradientModel gradient() const {
    return [this](const Eigen::MatrixXd& embedding) {
      const at::Tensor leaf = tensor_of(embedding).requires_grad_();
      logit(leaf).backward();
      return matrix_of(leaf.grad());
    };
  }
  Eigen::MatrixXd embedding() const { return matrix_of(trace_.embedding[0]); }
  /// What a text without words is: padding wherever one was, between [CLS] and [SEP].
  Eigen::MatrixXd baseline() const {
    Eigen::MatrixXd blank = embedding();
    const Eigen::MatrixXd padding = matrix_of((*model_)["words"].slice(0, 0, 1));
    for (Index token = 1; token + 1 < tokens(); ++token) blank.row(token) = padding.row(0);
    return blank;
  }
  /// The model on some of the tokens: nobody sees the others.
  attnscope::TokenMaskModel masked() const {
    return [this](const attnscope::TokenMask& kept) {
      const at::NoGradGuard no_gradients;
      Batch batch = batch_;
      batch.is_token = at::empty({1, tokens()}, at::kBool);
      std::copy(kept.begin(), kept.end(), batch.is_token.data_ptr<bool>());
      return probabilities(model_->run(batch).logits);
    };
  }

 private:
  Changes with_attention(Index layer, const at::Tensor& rows) const {
    Changes changes;
    changes.attention.resize(static_cast<std::size_t>(layers));
    changes.attention[static_cast<std::size_t>(layer)] = rows.view({1, heads, tokens(), tokens()});
    return changes;
  }
  at::Tensor logit(const at::Tensor& embedding) const {
    return model_->run(batch_, {.embedding = embedding.unsqueeze(0)}).logits[0][chosen_];
  }

  const Model* model_;
  Batch batch_;
  Trace trace_;
  Index chosen_ = 0;
};

}  // namespace reviews
