#pragma once
// Stacks of capacities that flows are tested on, and a maximum flow out of the textbook to compare with.
#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace flow_stacks {

using Eigen::Index;
using Stack = std::vector<Eigen::MatrixXd>;

/// The same numbers on every platform, unlike those of std::uniform_real_distribution.
class Numbers {
 public:
  explicit Numbers(unsigned seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_()) / 0x1p32; }  // 0 <= . < 1
  Index below(Index n) { return static_cast<Index>(engine_()) % n; }

 private:
  std::mt19937 engine_;
};

inline Eigen::MatrixXd normalised(Eigen::MatrixXd map) {
  for (Index i = 0; i < map.rows(); ++i)
    if (const double sum = map.row(i).sum(); sum > 0) map.row(i) /= sum;
  return map;
}
inline Eigen::MatrixXd with_residual(const Eigen::MatrixXd& map) {
  return normalised(map + Eigen::MatrixXd::Identity(map.rows(), map.cols()));
}

inline const std::vector<std::string> kinds{"dense",    "peaked",  "causal",  "sharp causal", "window",
                                            "identity", "one-hot", "equal",   "sparse",       "zero rows",
                                            "padding",  "tiny",    "no sums", "residual",     "permutation"};

/// One layer of a kind.
inline Eigen::MatrixXd layer(const std::string& kind, Index tokens, Numbers& numbers) {
  Eigen::MatrixXd map(tokens, tokens);
  const double sharpness = kind == "peaked" || kind == "sharp causal" ? 30 : 4;
  for (Index i = 0; i < tokens; ++i)
    for (Index k = 0; k < tokens; ++k) map(i, k) = std::exp(sharpness * (numbers.uniform() - 1));
  const auto keep = [&](const auto& which) {
    for (Index i = 0; i < tokens; ++i)
      for (Index k = 0; k < tokens; ++k)
        if (!which(i, k)) map(i, k) = 0;
  };
  if (kind == "causal" || kind == "sharp causal") keep([](Index i, Index k) { return k <= i; });
  if (kind == "window") keep([](Index i, Index k) { return k <= i && i - k < 3; });
  if (kind == "identity") return Eigen::MatrixXd::Identity(tokens, tokens);
  if (kind == "equal") return Eigen::MatrixXd::Constant(tokens, tokens, 1 / static_cast<double>(tokens));
  if (kind == "one-hot") {
    map.setZero();
    for (Index i = 0; i < tokens; ++i) map(i, numbers.below(tokens)) = 1;
  }
  if (kind == "permutation") {
    map.setZero();
    const Index turn = numbers.below(tokens);
    for (Index i = 0; i < tokens; ++i) map(i, (i + turn) % tokens) = 1;
    return with_residual(map);
  }
  if (kind == "sparse") keep([&](Index, Index) { return numbers.uniform() < .3; });
  if (kind == "zero rows") keep([&, zero = numbers.below(tokens)](Index i, Index) { return i != zero; });
  if (kind == "padding") keep([&](Index i, Index k) { return std::max(i, k) < tokens - tokens / 3; });
  if (kind == "tiny")
    for (Index i = 0; i < tokens; ++i) map(i, numbers.below(tokens)) = 1e-30;
  if (kind == "no sums") return map * 3;
  return kind == "residual" ? with_residual(normalised(map)) : normalised(map);
}
inline Stack stack(const std::string& kind, Index layers, Index tokens, unsigned seed) {
  Numbers numbers(seed);
  Stack maps;
  for (Index l = 0; l < layers; ++l) maps.push_back(layer(kind, tokens, numbers));
  return maps;
}

/// The stacks of make_flow.py.
inline Stack formula_stack(Index layers, Index tokens, bool causal) {
  Stack stack(static_cast<std::size_t>(layers), Eigen::MatrixXd::Zero(tokens, tokens));
  for (Index l = 0; l < layers; ++l)
    for (Index i = 0; i < tokens; ++i)
      for (Index k = 0; k < (causal ? i + 1 : tokens); ++k) {
        const Index made = (i * i * 37 + k * k * 11 + i * k * 101 + 13 * i + 29 * l) % 41 - 12;
        stack[static_cast<std::size_t>(l)](i, k) = static_cast<double>(std::max<Index>(0, made)) / 64;
      }
  return stack;
}

/// Edmonds and Karp on a matrix of whole residual capacities, in units of 2^-44: one shortest path after the
/// other.
inline double textbook_flow(const Stack& stack, Index query, Index input) {
  using Residual = Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic>;
  const Index tokens = stack[0].rows(), layers = static_cast<Index>(stack.size()),
              nodes = (layers + 1) * tokens;
  Residual residual = Residual::Zero(nodes, nodes);
  for (Index l = 0; l < layers; ++l)
    for (Index i = 0; i < tokens; ++i)
      for (Index k = 0; k < tokens; ++k)
        residual((l + 1) * tokens + i, l * tokens + k) =
            std::llround(stack[static_cast<std::size_t>(l)](i, k) * 0x1p44);
  const Index source = layers * tokens + query;
  for (std::int64_t flow = 0;;) {
    std::vector<Index> before(static_cast<std::size_t>(nodes), -1), queue{source};
    before[static_cast<std::size_t>(source)] = source;
    for (std::size_t next = 0; next < queue.size() && before[static_cast<std::size_t>(input)] < 0; ++next)
      for (Index to = 0; to < nodes; ++to)
        if (residual(queue[next], to) > 0 && before[static_cast<std::size_t>(to)] < 0) {
          before[static_cast<std::size_t>(to)] = queue[next];
          queue.push_back(to);
        }
    if (before[static_cast<std::size_t>(input)] < 0) return static_cast<double>(flow) * 0x1p-44;
    std::int64_t amount = std::numeric_limits<std::int64_t>::max();
    for (Index to = input, from; to != source; to = from) {
      from = before[static_cast<std::size_t>(to)];
      amount = std::min(amount, residual(from, to));
    }
    for (Index to = input, from; to != source; to = from) {
      from = before[static_cast<std::size_t>(to)];
      residual(from, to) -= amount;
      residual(to, from) += amount;
    }
    flow += amount;
  }
}
inline Eigen::MatrixXd textbook_flows(const Stack& stack) {
  Eigen::MatrixXd flows(stack[0].rows(), stack[0].rows());
  for (Index i = 0; i < flows.rows(); ++i)
    for (Index j = 0; j < flows.cols(); ++j) flows(i, j) = textbook_flow(stack, i, j);
  return flows;
}

}  // namespace flow_stacks
