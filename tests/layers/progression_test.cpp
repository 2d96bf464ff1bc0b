#include <attnscope/layers/progression.hpp>

#include "layers/made_layers.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
std::vector<Eigen::VectorXd> one_head(const std::vector<double>& values) {
  std::vector<Eigen::VectorXd> layers;
  for (const double value : values) layers.push_back(Eigen::VectorXd::Constant(1, value));
  return layers;
}
}  // namespace

TEST_CASE("thirds of depth are symmetric") {
  const auto thirds = [](Index n) {
    std::vector<Index> all;
    for (Index layer = 0; layer < n; ++layer) all.push_back(third_of_depth(layer, n));
    return all;
  };
  using Indices = std::vector<Index>;
  CHECK(thirds(1) == Indices{1});
  CHECK(thirds(2) == Indices{0, 2});
  CHECK(thirds(3) == Indices{0, 1, 2});
  CHECK(thirds(4) == Indices{0, 1, 1, 2});
  CHECK(thirds(5) == Indices{0, 0, 1, 2, 2});
  CHECK(thirds(12) == Indices{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2});
}

TEST_CASE("progression with depth, against numpy") {
  const auto tensors = test::made_tensors();
  const auto layers = numbers_of_layers(test::views(tensors), {.numbers = {.window = 1}});
  const auto check = [&](Eigen::VectorXd HeadNumbers::*values, const std::vector<double>& expected) {
    const Progression p = progression(detail::values_by_layer(layers, values));
    for (Index t = 0; t < 3; ++t)
      CHECK(p.thirds(t) == Approx(expected[static_cast<std::size_t>(t)]).epsilon(1e-11));
    CHECK(p.change == Approx(expected[3]).epsilon(1e-9));
    CHECK(p.trend == Approx(expected[4]).margin(1e-12));
  };
  check(&HeadNumbers::entropies,
        {0.981446040309, 1.01158694421, 1.01275055176, 0.0192074930422, 0.333333333333});
  check(&HeadNumbers::normalized_entropies,
        {0.880579242504, 0.925326768413, 0.901413881619, 0.0148769504425, 0});
  check(&HeadNumbers::confidence, {0.546106117783, 0.500293141105, 0.521478747558, -0.0166776537745, 0});
  check(&HeadNumbers::locality, {0.662589168741, 0.637922591815, 0.6540063179, -0.00518215016778, 0});
  check(&HeadNumbers::mean_distance,
        {1.24108823455, 1.27026334384, 1.2086944423, -0.0302157280646, -0.333333333333});
  check(&HeadNumbers::sink_mass,
        {0.410917475511, 0.418569857518, 0.39573409763, -0.0140980665349, -0.333333333333});
  check(&HeadNumbers::diversity, {0.153495106813, 0.0962140950784, 0.1387626005, -0.0103487910186, 0});
  const LocalityProgression local = locality_progression(layers);
  CHECK(local.locality.spread.mean ==
        progression(detail::values_by_layer(layers, &HeadNumbers::locality)).spread.mean);
  CHECK(local.uniform_locality(1) == layers[1].uniform_locality);
  CHECK(local.excess(1) == Approx(layers[1].locality.mean() - layers[1].uniform_locality));
}

TEST_CASE("a straight line changes by its whole height and always rises") {
  const Progression line = progression(one_head({1, 1.5, 2, 2.5, 3}));
  CHECK(line.change == Approx(2));
  CHECK(line.trend == 1);
  CHECK(progression(one_head({3, 2, 1})).trend == -1);
  const Progression level = progression(one_head({2, 2, 2}));
  CHECK(level.change == 0);
  CHECK(level.trend == 0);
  CHECK(progression(one_head({0, 0, 1})).trend == Approx(2. / 3));
}

TEST_CASE("layers without a mean are passed over, one layer has no trend") {
  const Progression gap = progression(one_head({1, undefined, 3}));
  CHECK(gap.change == Approx(2));
  CHECK(gap.trend == 1);
  CHECK(gap.thirds(0) == 1);
  CHECK(std::isnan(gap.thirds(1)));
  CHECK(gap.thirds(2) == 3);
  const Progression one = progression(one_head({4}));
  CHECK(std::isnan(one.change));
  CHECK(std::isnan(one.trend));
  CHECK(std::isnan(one.thirds(0)));
  CHECK(one.thirds(1) == 4);
  CHECK(std::isnan(progression({}).thirds(2)));
  CHECK(locality_progression({}).excess.size() == 0);
}

TEST_CASE("thirds weigh every head alike") {
  const Progression p =
      progression({Eigen::Vector3d(1, 1, 1), Eigen::VectorXd::Constant(1, 5), Eigen::Vector2d(2, 2),
                   Eigen::Vector2d(3, undefined), Eigen::VectorXd(), Eigen::Vector2d(7, 9)});
  CHECK(p.thirds(0) == Approx(2));
  CHECK(p.thirds(1) == Approx(7. / 3));
  CHECK(p.thirds(2) == Approx(8));
}
