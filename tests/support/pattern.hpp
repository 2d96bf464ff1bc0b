#pragma once
// Attention that C++ and Python make alike: pattern.py is the same in numpy.
#include "support/attention.hpp"

namespace attnscope::test {

/// Rows proportional to 1 + (7b + 5h + 3i + 2j + ij + salt (h + 2j + 1)) mod 11 over what the mask shows, i
/// and j counting true tokens; NaN wherever it shows nothing.
template <typename Scalar = double>
AttentionTensor<Scalar> pattern(const Layout& layout, Index salt = 0) {
  const Shape& s = layout.shape();
  AttentionTensor<Scalar> a(s.batch, s.heads, s.queries, s.keys);
  a.setConstant(std::numeric_limits<Scalar>::quiet_NaN());
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.heads; ++h)
      for (Index i = 0; i < layout.queries(b); ++i) {
        const Range seen = layout.visible(b, i);
        const auto weight = [&](Index j) {
          return 1.0 +
                 static_cast<double>((7 * b + 5 * h + 3 * i + 2 * j + i * j + salt * (h + 2 * j + 1)) % 11);
        };
        double sum = 0;
        for (Index j = seen.first; j < seen.last; ++j) sum += weight(j);
        for (Index j = seen.first; j < seen.last; ++j)
          a(b, h, layout.query_start(b) + i, layout.key_start(b) + j) = static_cast<Scalar>(weight(j) / sum);
      }
  return a;
}

}  // namespace attnscope::test
