#pragma once
// The attention that make_distances.py makes, too: causal, 7 and 4 tokens, 6 heads; head 5 is near head 2.
#include "support/attention.hpp"

namespace attnscope::test {

inline Mask formula_mask() { return self_padding({7, 4}, {0, 2}, {.causal = true}); }

inline AttentionTensor<double> formula_attention() {
  const Layout layout({2, 6, 7, 7}, formula_mask());
  AttentionTensor<double> a(2, 6, 7, 7);
  a.setConstant(std::numeric_limits<double>::quiet_NaN());
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 6; ++h)
      for (Index i = 0; i < layout.queries(b); ++i) {
        const auto weight = [&](Index key) {
          const double head = static_cast<double>(h), wave = h == 5 ? 2 : head;
          const double x = static_cast<double>(i), j = static_cast<double>(key);
          const double phase =
              1 + static_cast<double>(b) + 2.1 * wave + .7 * x + 1.3 * j + .37 * x * j * wave;
          return std::exp(3 * std::sin(phase) + .1 * head * j);
        };
        const Eigen::ArrayXd row = Eigen::ArrayXd::NullaryExpr(i + 1, weight);
        for (Index j = 0; j <= i; ++j)
          a(b, h, layout.query_start(b) + i, layout.key_start(b) + j) = row(j) / row.sum();
      }
  return a;
}

}  // namespace attnscope::test
