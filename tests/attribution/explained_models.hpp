#pragma once
// The models of make_explanations.py, with their gradients, and the numbers that the script makes of them.
#include <attnscope/attribution/attention_rows.hpp>

#include <fstream>
#include <map>

#include "support/catch.hpp"

namespace attnscope::test {

inline double explained(const std::string& name) {
  static const std::map<std::string, double> numbers = [] {
    std::map<std::string, double> all;
    std::ifstream file(ATTNSCOPE_TEST_DIR "/attribution/data/explanations.txt");
    for (std::string key, value; file >> key >> value;) all[key] = std::stod(value);
    return all;
  }();
  INFO(name);
  REQUIRE(numbers.count(name) == 1);
  return numbers.at(name);
}

inline Eigen::MatrixXd wave(Index rows, Index columns, double phase) {
  return Eigen::MatrixXd::NullaryExpr(rows, columns, [phase](Index i, Index j) {
    return std::sin(phase + 3 * static_cast<double>(i) + 7 * static_cast<double>(j));
  });
}
inline Eigen::VectorXd softmax(const Eigen::VectorXd& logits) {
  const Eigen::VectorXd e = logits.array().exp();
  return e / e.sum();
}

/// [row x token], all tokens visible.
inline AttentionRows attention_of(Index rows, Index tokens) {
  const Eigen::MatrixXd logits = 3 * wave(rows, tokens, 8);
  Eigen::MatrixXd attention(rows, tokens);
  for (Index row = 0; row < rows; ++row) attention.row(row) = softmax(logits.row(row)).transpose();
  return {attention, {}};
}

/// Three classes from the mean over rows of attention.
inline Eigen::VectorXd classes(const Eigen::MatrixXd& attention) {
  const Eigen::VectorXd mean = attention.colwise().mean();
  return softmax(2 * wave(attention.cols(), 3, 4).transpose() * mean);
}
inline Eigen::MatrixXd classes_pullback(const Eigen::MatrixXd& attention, const Eigen::VectorXd& slope) {
  const Eigen::VectorXd p = classes(attention);
  const Eigen::VectorXd of_logits = p.array() * (slope.array() - p.dot(slope));
  const Eigen::VectorXd of_mean = 2 * wave(attention.cols(), 3, 4) * of_logits;
  return of_mean.transpose().replicate(attention.rows(), 1) / static_cast<double>(attention.rows());
}

/// Three classes from the tokens that are kept; tokens 0 and 1 work together.
inline Eigen::VectorXd classes_of_text(const std::vector<bool>& kept) {
  Eigen::VectorXd logits = Eigen::VectorXd::Zero(3);
  const Eigen::MatrixXd weights = wave(static_cast<Index>(kept.size()), 3, 6);
  for (std::size_t token = 0; token < kept.size(); ++token)
    if (kept[token]) logits += weights.row(static_cast<Index>(token)).transpose();
  if (kept[0] && kept[1]) logits(0) += 2;
  return softmax(logits);
}

}  // namespace attnscope::test
