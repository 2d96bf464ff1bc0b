#include <attnscope/core/vector_math.hpp>

#include <numeric>
#include <random>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

template <typename Weight>
std::vector<Weight> random_row(Index size, double sharpness) {
  std::mt19937 generator(static_cast<unsigned>(size));
  std::normal_distribution<double> normal(0, sharpness);
  std::vector<double> row(static_cast<std::size_t>(size));
  for (double& p : row) p = std::exp(normal(generator));
  const double sum = std::accumulate(row.begin(), row.end(), 0.0);
  std::vector<Weight> weights;
  for (const double p : row) weights.push_back(static_cast<Weight>(p / sum));
  return weights;
}

}  // namespace

TEMPLATE_TEST_CASE("row functions equal loops in double, at every length around a run", "", float, double) {
  const double tolerance = std::is_same_v<TestType, float> ? 5e-7 : 1e-14;
  for (const Index size : {1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 513, 5000})
    for (const double sharpness : {0.1, 3.0, 20.0}) {
      const std::vector<TestType> row = random_row<TestType>(size, sharpness);
      const Index from = size / 3;
      double sum = 0, entropy = 0, distance = 0;
      for (Index j = 0; j < size; ++j) {
        const double p = static_cast<double>(row[static_cast<std::size_t>(j)]);
        sum += p;
        entropy -= p > 0 ? p * std::log(p) : 0;
        distance += p * static_cast<double>(std::abs(j - from));
      }
      const std::span<const TestType> span = row;
      CHECK(vector_math::sum(span) == Approx(sum).epsilon(tolerance));
      CHECK(vector_math::entropy(span) == Approx(entropy).epsilon(tolerance).margin(tolerance));
      CHECK(vector_math::distance(span, from) == Approx(distance).epsilon(tolerance));
      CHECK(vector_math::largest(span) == *std::max_element(row.begin(), row.end()));
      CHECK(vector_math::summary(span, 0, {}).smallest == *std::min_element(row.begin(), row.end()));
    }
}

TEMPLATE_TEST_CASE("the entropy of a one-hot row is exactly zero, and not minus zero", "", float, double) {
  std::vector<TestType> row(300, 0);
  row[77] = 1;
  CHECK(vector_math::entropy(std::span<const TestType>(row)) == 0);
  CHECK_FALSE(std::signbit(vector_math::entropy(std::span<const TestType>(row))));
}

TEMPLATE_TEST_CASE("weights too small for a logarithm add nothing", "", float, double) {
  const std::vector<TestType> row{std::numeric_limits<TestType>::denorm_min(), 1, TestType(3e-21)};
  CHECK(vector_math::entropy(std::span<const TestType>(row)) < 2e-19);
}

TEST_CASE("empty rows") {
  const std::span<const float> none;
  CHECK(vector_math::sum(none) == 0);
  CHECK(vector_math::entropy(none) == 0);
  CHECK(vector_math::distance(none, 5) == 0);
  CHECK(vector_math::largest(none) == 0);
}

TEST_CASE("the first of equally large weights, none where all are 0") {
  const std::vector<float> row{.1f, .4f, .4f, .1f}, zeros(3, 0);
  CHECK(vector_math::first_largest(std::span<const float>(row)) == 1);
  CHECK(vector_math::first_largest(std::span<const float>(zeros)) == -1);
  CHECK(vector_math::first_largest(std::span<const float>()) == -1);
}

TEST_CASE("p ln p of every size of number, exactly 0 where it is 0") {
  const auto p_log_p = [](float p) { return -vector_math::entropy(std::span<const float>(&p, 1)); };
  CHECK(p_log_p(0) == 0);
  CHECK(p_log_p(1) == 0);
  // Half of p's last digit changes ln p by up to 6e-8: beside 1, where ln p is small, no float says more.
  const auto check = [&](float p) {
    const double x = static_cast<double>(p), exact = x * std::log(x);
    if (std::abs(p_log_p(p) - exact) > 2e-7 * std::abs(exact) + 4e-8 * x * std::min(1., 32 * std::abs(x - 1)))
      FAIL(p);
  };
  for (float p = 1e-37f; p < 4; p *= 1.00037f) check(p);
  for (float step = 6e-8f; step < .1f; step *= 1.01f) {
    check(1 - step);
    check(1 + step);
  }
}

TEMPLATE_TEST_CASE("the entropy of the mean of two rows", "", float, double) {
  std::vector<TestType> p(537), q(537), mean(537);
  for (std::size_t j = 0; j < p.size(); ++j) {
    p[j] = TestType(j % 7) / TestType(1600);
    q[j] = TestType(j % 5) / TestType(1100);
    mean[j] = (p[j] + q[j]) / 2;
  }
  const std::span<const TestType> a(p), b(q), c(mean);
  CHECK(vector_math::entropy_of_mean(a, b) == Approx(vector_math::entropy(c)).epsilon(1e-7));
  CHECK(vector_math::entropy_of_mean(a, b) == vector_math::entropy_of_mean(b, a));
  CHECK(vector_math::entropy_of_mean(a, a) == Approx(vector_math::entropy(a)).epsilon(1e-7));
  CHECK(vector_math::entropy_of_mean(a.first(0), b.first(0)) == 0);
}
