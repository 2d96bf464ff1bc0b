#include <attnscope/heads/head_map.hpp>

#include <random>

#include "heads/reference_distances.hpp"
#include "support/attention.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {
Eigen::MatrixXd random_points(Index heads, Index dimensions, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  return Eigen::MatrixXd::NullaryExpr(heads, dimensions, [&](Index) { return normal(generator); });
}
Eigen::MatrixXd between(const Eigen::MatrixXd& points) {
  const auto distance = [&](Index i, Index j) { return (points.row(i) - points.row(j)).norm(); };
  return Eigen::MatrixXd::NullaryExpr(points.rows(), points.rows(), distance);
}
/// Kruskal's stress-1 of a map, pair by pair.
double stress_of(const Eigen::MatrixX2d& map, const Eigen::MatrixXd& distances) {
  double misfit = 0, scale = 0;
  for (Index i = 0; i < map.rows(); ++i)
    for (Index j = 0; j < i; ++j) {
      const double d = (map.row(i) - map.row(j)).norm();
      misfit += (d - distances(i, j)) * (d - distances(i, j));
      scale += d * d;
    }
  return std::sqrt(misfit / scale);
}
}  // namespace

TEST_CASE("points of a plane are recovered, in the stated place") {
  Eigen::MatrixXd points(5, 2);
  points << 4, 0, -3, 1, -3, -1, 1, .5, 1, -.5;  // centred, wide first, no two farthest from 0 on an axis...
  points(1, 1) = 1.5;                            // ...but the second axis is turned a little
  points.rowwise() -= points.colwise().mean().eval();
  const double angle = 1.1;
  const Eigen::Matrix2d turn{{std::cos(angle), -std::sin(angle)}, {std::sin(angle), std::cos(angle)}};
  const Eigen::MatrixXd moved = (points * turn).rowwise() + Eigen::RowVector2d(7, -2);
  const HeadMapResult result = head_map(between(moved)), straight = head_map(between(points));
  CHECK(test::difference(between(result.coordinates), between(points)) < 1e-12);
  CHECK(result.stress < 1e-12);
  CHECK(result.converged);
  CHECK(result.iterations <= 1);
  CHECK(test::difference(result.coordinates, straight.coordinates) < 1e-12);
  const Eigen::Matrix2d scatter = result.coordinates.transpose() * result.coordinates;
  CHECK(result.coordinates.colwise().sum().norm() < 1e-12);
  CHECK(std::abs(scatter(0, 1)) < 1e-12);
  CHECK(scatter(0, 0) > scatter(1, 1));
  CHECK(result.coordinates.col(0).maxCoeff() == result.coordinates.col(0).cwiseAbs().maxCoeff());
  CHECK(result.coordinates.col(1).maxCoeff() == result.coordinates.col(1).cwiseAbs().maxCoeff());
  CHECK(test::difference(result.coordinates.col(0).cwiseAbs(), points.col(0).cwiseAbs()) < .1);
}

TEST_CASE("the map that a general optimiser finds from the classical solution") {
  const HeadMapResult result = head_map(test::reference_distances(), {.tolerance = 1e-14});
  Eigen::MatrixXd expected(6, 2);  // make_distances.py: scipy's least_squares
  expected << 0.103334357756, -0.140696957897, 0.0525372313711, 0.176960779448, -0.10252901353,
      -0.0884477753709, 0.199197416137, 0.0245878864964, -0.156167739379, 0.101429244659, -0.0963722523551,
      -0.0738331773354;
  CHECK(test::difference(result.coordinates, expected) < 1e-6);
  CHECK(result.stress == Approx(0.114089686487).epsilon(1e-8));
  CHECK(head_map(test::reference_distances()).stress == Approx(0.114089686487).epsilon(1e-5));
}

TEST_CASE("no step raises the stress, and the last one says what the map says") {
  const Eigen::MatrixXd distances = between(random_points(40, 6, 3)).array().sqrt();
  const auto raw = [&](const HeadMapResult& map) {
    return (between(map.coordinates) - distances).squaredNorm();
  };
  double before = std::numeric_limits<double>::infinity();
  for (Index steps = 0; steps < 60; ++steps) {
    const HeadMapResult map = head_map(distances, {.tolerance = 0, .max_iterations = steps});
    CHECK(map.iterations == steps);
    CHECK(raw(map) <= before * (1 + 1e-12));
    CHECK(map.stress == Approx(stress_of(map.coordinates, distances)).epsilon(1e-10));
    before = raw(map);
  }
  const HeadMapResult settled = head_map(distances);
  CHECK(settled.converged);
  CHECK(raw(settled) < before);
  CHECK_FALSE(head_map(distances, {.max_iterations = 3}).converged);
}

TEST_CASE("a map that has settled cannot be improved by moving any head a little") {
  const Eigen::MatrixXd distances = between(random_points(15, 5, 4));
  const HeadMapResult map = head_map(distances, {.tolerance = 1e-15});
  const auto raw = [&](const Eigen::MatrixX2d& at) { return (between(at) - distances).squaredNorm(); };
  const double least = raw(map.coordinates);
  for (Index h = 0; h < 15; ++h)
    for (Index axis = 0; axis < 2; ++axis)
      for (const double step : {-1e-3, 1e-3}) {
        Eigen::MatrixX2d moved = map.coordinates;
        moved(h, axis) += step;
        CHECK(raw(moved) > least);
      }
}

TEST_CASE("another order of the heads is the same map") {
  const Eigen::MatrixXd distances = between(random_points(9, 4, 5));
  const std::vector<Index> order{3, 8, 0, 5, 1, 7, 2, 6, 4};
  const HeadMapResult plain = head_map(distances, {.tolerance = 1e-14}),
                      turned = head_map(distances(order, order), {.tolerance = 1e-14});
  CHECK(test::difference(turned.coordinates, plain.coordinates(order, Eigen::all)) < 1e-5);
}

TEST_CASE("no head, one, two, three, equal heads, heads on a line") {
  CHECK(head_map(Eigen::MatrixXd(0, 0)).coordinates.rows() == 0);
  CHECK(head_map(Eigen::MatrixXd::Zero(1, 1)).coordinates == Eigen::MatrixX2d::Zero(1, 2));
  const HeadMapResult two = head_map(Eigen::Matrix2d{{0, 3}, {3, 0}});
  CHECK(test::difference(two.coordinates, Eigen::Matrix2d{{1.5, 0}, {-1.5, 0}}) < 1e-12);
  CHECK(two.stress < 1e-12);
  const HeadMapResult equal = head_map(Eigen::MatrixXd::Zero(4, 4));
  CHECK(equal.coordinates == Eigen::MatrixX2d::Zero(4, 2));
  CHECK(equal.stress == 0);
  CHECK(equal.converged);
  const HeadMapResult twins = head_map(Eigen::Matrix3d{{0, 0, 2}, {0, 0, 2}, {2, 2, 0}});
  CHECK((twins.coordinates.row(0) - twins.coordinates.row(1)).norm() < 1e-7);
  CHECK(twins.coordinates(2, 0) == Approx(4. / 3));
  const HeadMapResult line = head_map(Eigen::Matrix3d{{0, 1, 3}, {1, 0, 2}, {3, 2, 0}});
  CHECK(line.stress < 1e-7);
  CHECK(line.coordinates.col(1).cwiseAbs().maxCoeff() < 1e-7);
  const HeadMapResult no_triangle = head_map(Eigen::Matrix3d{{0, 1, 5}, {1, 0, 1}, {5, 1, 0}});
  CHECK(no_triangle.converged);
  CHECK(no_triangle.stress > .1);
}

TEST_CASE("heads that are all equally far: any turn is as good, but it is always the same") {
  Eigen::MatrixXd simplex = Eigen::MatrixXd::Ones(8, 8);
  simplex.diagonal().setZero();
  const HeadMapResult once = head_map(simplex), again = head_map(simplex);
  CHECK(once.coordinates == again.coordinates);
  CHECK(once.converged);
  CHECK_FALSE(once.coordinates.hasNaN());
}

TEST_CASE("what has no map") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of<ValueError>([&] {
          head_map(Eigen::Matrix2d{{0, nan}, {nan, 0}});
        }) == "the distance of heads 0 and 1 is nan");
  CHECK(message_of<ValueError>([&] { head_map(Eigen::Matrix2d::Zero(), {.tolerance = -1}); }) ==
        "tolerance = -1");
  CHECK(message_of<ValueError>([&] { head_map(Eigen::Matrix2d::Zero(), {.max_iterations = -2}); }) ==
        "max_iterations = -2");
}
