#pragma once
// Links as text, so that tests show what differs.
#include <attnscope/alignment/link.hpp>

#include <cmath>
#include <random>

namespace attnscope::test {

/// "0-0 1-2", target-source
inline std::string text_of(const std::vector<Link>& links) {
  std::string text;
  for (const Link& link : links)
    text += fmt::format("{}{}-{}", text.empty() ? "" : " ", link.target, link.source);
  return text;
}

/// Rows of positive weights that sum to 1.
inline Eigen::MatrixXd random_map(Index targets, Index sources, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal(0, 1.5);
  Eigen::MatrixXd map(targets, sources);
  for (Index t = 0; t < targets; ++t) {
    for (Index s = 0; s < sources; ++s) map(t, s) = std::exp(normal(generator));
    map.row(t) /= map.row(t).sum();
  }
  return map;
}

}  // namespace attnscope::test
