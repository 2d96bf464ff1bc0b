#pragma once
#include <attnscope/io/dump.hpp>

namespace attnscope {

namespace detail::dump {

/// Whose keys the tokens of `input.` are: self, or the stack that reads the input first.
inline const Layout& input_layout(const Dump& dump) {
  return layout_of(dump.stacks.front().layers.front().attention);
}

/// [example] of [token x dim] the true tokens of an input. name: "input.embedding".
inline std::vector<Eigen::MatrixXd> true_tokens(const std::string& name, const RawTensor& tensor,
                                                const Layout& layout) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const std::vector<Index> shape = with_batch(name.c_str(), tensor, 3);
  require<ShapeError>(shape[0] == layout.shape().batch,
                      "{} is [{}], but the attention is of {} batch elements", name, fmt::join(shape, ", "),
                      layout.shape().batch);
  const auto numbers = as_weights<double>(name.c_str(), tensor);
  std::vector<Eigen::MatrixXd> inputs;
  for (Index b = 0; b < shape[0]; ++b) {
    const Index first = layout.key_start(b), count = layout.keys(b);
    require<ShapeError>(first + count <= shape[1], "{} is [{}], but batch element {} has {} tokens from {}",
                        name, fmt::join(shape, ", "), b, count, first);
    inputs.emplace_back(
        Eigen::Map<const RowMajor>(numbers.get() + (b * shape[1] + first) * shape[2], count, shape[2]));
  }
  return inputs;
}

inline std::optional<std::vector<Eigen::MatrixXd>> input_of(const Dump& dump, const std::string& field) {
  const auto found = dump.inputs.find(field);
  if (found == dump.inputs.end()) return {};
  require<ShapeError>(!dump.stacks.empty() && !dump.stacks.front().layers.empty(),
                      "{}{}: no attention says which tokens are true", input_prefix, field);
  return true_tokens(std::string(input_prefix) + field, found->second, input_layout(dump));
}

}  // namespace detail::dump

/// [example] of [token x dim] the embeddings of the input tokens, without padding; nothing where the dump has
/// none. Of a model with encoder and decoder the tokens are the source's. @throws FileError a dtype that is
/// no number; ShapeError other batch elements or fewer tokens than the attention
inline std::optional<std::vector<Eigen::MatrixXd>> input_embedding(const Dump& dump) {
  return detail::dump::input_of(dump, "embedding");
}

/// The targets of `input.embedding_gradient.<target>`, by name.
inline std::vector<std::string> input_gradient_targets(const Dump& dump) {
  std::vector<std::string> targets;
  for (const auto& [field, tensor] : dump.inputs)
    if (auto target = detail::gradient_target(field, detail::embedding_gradient_field))
      targets.push_back(std::move(*target));
  return targets;
}

/// [example] of [token x dim] d output / d embedding of the input tokens, without padding. target: of
/// `input.embedding_gradient.<target>`; none is input.embedding_gradient, and then nothing where the dump has
/// none. @throws FileError a target that the dump has not, naming those it has; as input_embedding
inline std::optional<std::vector<Eigen::MatrixXd>> input_gradient(const Dump& dump,
                                                                  const std::string& target = "") {
  std::string field(detail::embedding_gradient_field);
  if (target.empty()) return detail::dump::input_of(dump, field);
  field += "." + target;
  auto gradient = detail::dump::input_of(dump, field);
  if (gradient) return gradient;
  const std::vector<std::string> targets = input_gradient_targets(dump);
  throw FileError(fmt::format("{}{}: there is none; {}", detail::input_prefix, field,
                              targets.empty() ? "the dump names no target"
                                              : fmt::format("the targets are {}", fmt::join(targets, ", "))));
}

}  // namespace attnscope
