#pragma once
// Numbers for statistics to work on.
#include <attnscope/core/ranks.hpp>

#include <initializer_list>

namespace attnscope::test {

inline Eigen::VectorXd numbers(std::initializer_list<double> list) {
  return Eigen::Map<const Eigen::VectorXd>(list.begin(), static_cast<Index>(list.size()));
}

struct Pairs {
  Eigen::VectorXd x, y;
};

/// The numbers that make_correlations.py makes.
inline Pairs made(Index n, std::uint64_t levels, double slope, std::uint64_t seed) {
  const auto draw = [&] {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>((seed >> 33) % levels);
  };
  Pairs pairs{Eigen::VectorXd(n), Eigen::VectorXd(n)};
  for (double& number : pairs.x) number = draw();
  for (Index i = 0; i < n; ++i) pairs.y(i) = draw() + slope * pairs.x(i);
  return pairs;
}
inline Pairs made(Index n, std::uint64_t levels, std::uint64_t seed) { return made(n, levels, 0, seed); }

}  // namespace attnscope::test
