#pragma once
#include <attnscope/statistics/divergence.hpp>

/// @file
/// What a caller's model answers: the probabilities of its classes, or one number.
namespace attnscope {
namespace detail {

/// `output` as it is. when: "for permutation 3". size: of the outputs before, 0 if this is the first.
/// @throws ShapeError no number, or not as many as before; ValueError a number that is not finite
inline Eigen::VectorXd checked_output(Eigen::VectorXd output, Index size, const std::string& when) {
  require<ShapeError>(output.size() > 0, "the model's output is empty {}", when);
  require<ShapeError>(size == 0 || output.size() == size, "the model's output has {} numbers {}, not {}",
                      output.size(), when, size);
  for (Index i = 0; i < output.size(); ++i)
    require<ValueError>(std::isfinite(output(i)), "the model's output[{}] is {} {}", i, output(i), when);
  return output;
}

/// name: "gradient". @throws ValueError a number that is not finite, naming its place
inline void require_finite_matrix(const char* name, const Eigen::MatrixXd& matrix) {
  for (Index row = 0; row < matrix.rows(); ++row)
    for (Index column = 0; column < matrix.cols(); ++column)
      require<ValueError>(std::isfinite(matrix(row, column)), "the {}[{}, {}] is {}", name, row, column,
                          matrix(row, column));
}
/// The same, of the shape of `like`, whose name is `other`. @throws also ShapeError another shape
inline void require_finite_matrix(const char* name, const Eigen::MatrixXd& matrix, const char* other,
                                  const Eigen::MatrixXd& like) {
  require<ShapeError>(matrix.rows() == like.rows() && matrix.cols() == like.cols(),
                      "the {} is [{} x {}], but the {} is [{} x {}]", name, matrix.rows(), matrix.cols(),
                      other, like.rows(), like.cols());
  require_finite_matrix(name, matrix);
}

}  // namespace detail

/// How far two outputs [class] are apart. Probabilities of two classes or more: the total variation distance,
/// 1/2 sum_c |p_c - q_c|, 0 .. 1. One number, such as the probability p of the positive class: |p - q|, which
/// is the total variation distance of (p, 1 - p) and (q, 1 - q).
/// @throws ShapeError unlike sizes; ValueError several numbers that are no distribution: logits, or labels
/// that do not exclude each other (give one of those at a time)
inline double output_distance(const VectorView& p, const VectorView& q) {
  if (p.size() == 1 && q.size() == 1) return std::abs(p(0) - q(0));
  return in_context("outputs that are no class probabilities", [&] { return total_variation(p, q); });
}

/// The class of the largest output [class], the first among equals; 0 where the output is one number.
/// @throws ShapeError no output
inline Index predicted_class(const VectorView& output) {
  require<ShapeError>(output.size() > 0, "the predicted class of no output");
  Index predicted = 0;
  output.maxCoeff(&predicted);
  return predicted;
}

}  // namespace attnscope
