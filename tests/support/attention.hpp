#pragma once
// Random attention of any shape and mask, and what the plainest possible loops say about it.
#include <attnscope/source/stored.hpp>

#include <unsupported/Eigen/CXX11/Tensor>

#include <limits>
#include <random>

namespace attnscope::test {

/// Softmax of normal logits over what the mask shows; NaN wherever it shows nothing, so that a look there is
/// seen.
template <typename Scalar>
AttentionTensor<Scalar> random_attention(const Layout& layout, unsigned seed = 1, double sharpness = 2) {
  const Shape& s = layout.shape();
  AttentionTensor<Scalar> a(s.batch, s.heads, s.queries, s.keys);
  a.setConstant(static_cast<Scalar>(std::numeric_limits<float>::quiet_NaN()));
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, sharpness);
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.heads; ++h)
      for (Index i = 0; i < layout.queries(b); ++i) {
        const Range seen = layout.visible(b, i);
        Eigen::ArrayXd row(seen.size());
        for (double& x : row) x = std::exp(normal(generator));
        row /= row.sum();
        for (Index j = seen.first; j < seen.last; ++j)
          a(b, h, layout.query_start(b) + i, layout.key_start(b) + j) =
              static_cast<Scalar>(row(j - seen.first));
      }
  return a;
}

/// Every number of the head measures, in double, loop by loop from the definitions.
struct PlainLoops {
  Eigen::VectorXd entropies, normalized, confidence, locality, distance, sink;
  Eigen::MatrixXd cosine;
  std::vector<Eigen::MatrixXd> rows, received;  // [example] of [head x query], [head x key]
  double uniform = 0;
};

template <typename Scalar>
PlainLoops plain_loops(const AttentionTensor<Scalar>& a, const Layout& layout, Index window = 3) {
  const Shape& s = layout.shape();
  PlainLoops x;
  for (auto* v : {&x.entropies, &x.normalized, &x.confidence, &x.locality, &x.distance, &x.sink})
    v->setZero(s.heads);
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(s.heads, s.heads);
  double rows = 0, wide = 0;
  for (Index b = 0; b < s.batch; ++b) {
    x.rows.emplace_back(s.heads, layout.queries(b));
    x.received.emplace_back(Eigen::MatrixXd::Zero(s.heads, layout.keys(b)));
    const auto weight = [&](Index h, Index i, Index j) {
      return static_cast<double>(a(b, h, layout.query_start(b) + i, layout.key_start(b) + j));
    };
    for (Index i = 0; i < layout.queries(b); ++i) {
      const Range seen = layout.visible(b, i);
      const Index own = layout.position(b, i);
      rows += 1;
      wide += seen.size() > 1;
      for (Index j = seen.first; j < seen.last; ++j)
        x.uniform += std::abs(own - j) <= window ? 1.0 / static_cast<double>(seen.size()) : 0.0;
      for (Index h = 0; h < s.heads; ++h) {
        double entropy = 0, largest = 0;
        for (Index j = seen.first; j < seen.last; ++j) {
          const double p = weight(h, i, j);
          if (p > 0) entropy -= p * std::log(p);
          largest = std::max(largest, p);
          x.locality(h) += std::abs(own - j) <= window ? p : 0.0;
          x.distance(h) += p * static_cast<double>(std::abs(own - j));
          x.received.back()(h, j) += p;
          if (j == 0) x.sink(h) += p;
          for (Index g = 0; g < s.heads; ++g) gram(g, h) += weight(g, i, j) * p;
        }
        x.rows.back()(h, i) = entropy;
        x.entropies(h) += entropy;
        if (seen.size() > 1) x.normalized(h) += entropy / std::log(static_cast<double>(seen.size()));
        x.confidence(h) += largest;
      }
    }
  }
  for (auto* v : {&x.entropies, &x.confidence, &x.locality, &x.distance, &x.sink}) *v /= rows;
  x.normalized /= wide;
  x.uniform /= rows;
  const Eigen::VectorXd norms = gram.diagonal().cwiseSqrt();
  x.cosine = gram.cwiseQuotient(norms * norms.transpose());
  return x;
}

/// Largest difference relative to the larger magnitude, absolute below 1; infinite where shapes or NaN
/// differ.
template <typename A, typename B>
double difference(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  double most = 0;
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < a.cols(); ++j) {
      if (std::isnan(a(i, j)) && std::isnan(b(i, j))) continue;
      const double d = std::abs(a(i, j) - b(i, j)) / std::max({1.0, std::abs(a(i, j)), std::abs(b(i, j))});
      most = d <= most ? most : std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
    }
  return most;
}

}  // namespace attnscope::test
