#include <attnscope/core/largest_weights.hpp>

#include "support/catch.hpp"

#include <random>

using namespace attnscope;

TEST_CASE("the largest weights of many rows with ties are those of a stable sort") {
  std::mt19937 generator(1);
  bool same = true;
  for (int round = 0; round < 2000; ++round) {
    std::vector<float> row(generator() % 400);
    const unsigned levels = round % 2 == 0 ? 8 : 1000;
    const double least = round % 3 == 0 ? 0 : .25;
    for (float& weight : row) weight = static_cast<float>(generator() % levels) / static_cast<float>(levels);
    std::vector<TopKey> sorted;
    for (std::size_t j = 0; j < row.size(); ++j)
      if (row[j] > 0 && static_cast<double>(row[j]) >= least)
        sorted.push_back({static_cast<Index>(j), static_cast<double>(row[j])});
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const TopKey& a, const TopKey& b) { return a.weight > b.weight; });
    const Index count = 1 + static_cast<Index>(generator() % 10);
    sorted.resize(std::min(static_cast<std::size_t>(count), sorted.size()));
    same &= detail::largest_weights(std::span<const float>(row), count, least) == sorted;
  }
  CHECK(same);
}
