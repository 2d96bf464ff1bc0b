#include <attnscope/source/key_panels.hpp>

#include <random>

#include "support/catch.hpp"
#include "support/instruction_sets.hpp"

using namespace attnscope;

namespace {
std::vector<float> normals(Index count, float width) {
  std::mt19937 generator(static_cast<unsigned>(count));
  std::normal_distribution<float> normal(0, width);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = normal(generator);
  return numbers;
}
}  // namespace

TEST_CASE("panels times tiles are the products of all queries with all keys, on each instruction set") {
  with_each_set([] {
    for (const Index dim : {1, 5, 64}) {
      const detail::ScoreShape shape = detail::score_shape(float());
      const Index count = 3, keys = 75;
      const std::vector<float> q = normals(count * dim, 1), k = normals(keys * dim, 2);
      detail::KeyPanels<float> panels(shape, 1);
      const float* packed = panels.head(0, keys, dim, [&](Index key, float* to, Index step) {
        for (Index d = 0; d < dim; ++d) to[d * step] = k[static_cast<std::size_t>(key * dim + d)];
      });
      std::vector<float> tile(static_cast<std::size_t>(shape.tile * dim), 0.f);
      for (Index i = 0; i < count; ++i)
        for (Index d = 0; d < dim; ++d)
          tile[static_cast<std::size_t>(d * shape.tile + i)] = q[static_cast<std::size_t>(i * dim + d)];
      const Index wide = (keys + shape.panel - 1) / shape.panel;
      std::vector<float> scores(static_cast<std::size_t>(shape.tile * wide * shape.panel), -1.f);
      detail::multiply(tile.data(), 1, packed, wide, dim, scores.data(), wide * shape.panel);
      for (Index i = 0; i < count; ++i)
        for (Index j = 0; j < wide * shape.panel; ++j) {
          double product = 0;
          for (Index d = 0; d < dim && j < keys; ++d)
            product += static_cast<double>(q[static_cast<std::size_t>(i * dim + d)]) *
                       static_cast<double>(k[static_cast<std::size_t>(j * dim + d)]);
          CHECK(scores[static_cast<std::size_t>(i * wide * shape.panel + j)] ==
                Approx(product).epsilon(1e-5).margin(1e-4));
        }
    }
  });
}

TEST_CASE("softmax and its sums equal loops in double, on each instruction set and in double") {
  const auto check = [](auto zero, double tolerance) {
    using Weight = decltype(zero);
    const Index size = 1120, from = -700;
    const std::vector<float> numbers = normals(size, 40);
    std::vector<Weight> row(numbers.begin(), numbers.end());
    row[3] = -std::numeric_limits<Weight>::infinity();
    for (const double sink : {-std::numeric_limits<double>::infinity(), 300.}) {
      std::vector<Weight> weights = row;
      const simd::SoftmaxSums sums = detail::softmax(weights.data(), size, .125, sink, from);
      const auto own = static_cast<double>(*std::max_element(row.begin(), row.end()));
      double sum = 0, logs = 0, distance = 0, worst = 0;
      for (Index j = 0; j < size; ++j) {
        const auto at = static_cast<std::size_t>(j);
        const double x = (static_cast<double>(row[at]) - std::max(own, sink)) * .125, weight = std::exp(x);
        sum += weight;
        logs += weight > 0 ? weight * x / std::numbers::ln2 : 0;
        distance += weight * static_cast<double>(std::abs(j + from));
        worst = std::max(worst, std::abs(static_cast<double>(weights[at]) - weight));
      }
      CHECK(worst < tolerance);
      CHECK(weights[3] == 0);
      CHECK(sums.most == own);
      CHECK(sums.sum == Approx(sum).epsilon(tolerance));
      CHECK(sums.log_sum == Approx(logs).epsilon(tolerance));
      CHECK(sums.distance == Approx(distance).epsilon(tolerance));
    }
  };
  with_each_set([&] { check(float(), 2e-6); });
  check(double(), 1e-13);
}

TEST_CASE("what is too small for a float is exactly 0") {
  with_each_set([] {
    std::vector<float> row(64, -2000.f);
    row[5] = 0;
    const simd::SoftmaxSums sums =
        detail::softmax(row.data(), 64, 1, -std::numeric_limits<double>::infinity(), 0);
    CHECK(sums.sum == 1);
    CHECK(sums.log_sum == 0);
    CHECK(row[6] == 0);
    CHECK(row[5] == 1);
  });
}
