#pragma once
#include <attnscope/core/pairs.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>

namespace attnscope {

/// Options of head_map().
struct HeadMapOptions {
  double tolerance = 1e-9;  ///< the map has settled when a step lowers the stress by less than this share
  Index max_iterations = 10'000;  ///< 0: the classical solution
};

/// Result of head_map().
struct HeadMapResult {
  Eigen::MatrixX2d coordinates;  ///< [head x 2] in the unit of the distances
  double stress = 0;  ///< stress-1 (Kruskal 1964), sqrt(sum (d - distance)^2 / sum d^2) over pairs, where d
                      ///< is the distance on the map; 0: nothing is lost; 0 where all heads are in one place
  Index iterations = 0;   ///< steps taken from the classical solution
  bool converged = true;  ///< within max_iterations
};

namespace detail {

// Templates, here and below, so that only who makes a map compiles them.

/// [head x head] of [head x 2].
template <typename Scalar>
Eigen::MatrixX<Scalar> map_distances(const Eigen::MatrixX2<Scalar>& map) {
  Eigen::MatrixX<Scalar> apart(map.rows(), map.rows());
  for (Index h = 0; h < map.rows(); ++h)
    apart.col(h) =
        ((map.col(0).array() - map(h, 0)).square() + (map.col(1).array() - map(h, 1)).square()).sqrt();
  return apart;
}
/// Classical scaling (Torgerson 1952): the two largest eigenvectors of the double-centred squares.
template <typename Scalar>
Eigen::MatrixX2d classical_map(const Eigen::MatrixX<Scalar>& distances) {
  const Index heads = distances.rows();
  Eigen::MatrixXd gram = -distances.cwiseAbs2() / 2;
  const Eigen::VectorXd means = gram.rowwise().mean();
  gram.colwise() -= means;
  gram.rowwise() -= means.transpose();
  gram.array() += means.mean();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixX<Scalar>> solver(gram);
  Eigen::MatrixX2d map = Eigen::MatrixX2d::Zero(heads, 2);
  for (Index axis = 0; axis < std::min<Index>(heads, 2); ++axis) {
    const Index from = heads - 1 - axis;  // eigenvalues ascend; one below 0 has no place on a map
    map.col(axis) = solver.eigenvectors().col(from) * std::sqrt(std::max(0.0, solver.eigenvalues()(from)));
  }
  return map;
}
/// One step of SMACOF (de Leeuw 1977): the stress of its result is never larger. apart: map_distances(map).
template <typename Scalar>
Eigen::MatrixX2<Scalar> guttman_transform(const Eigen::MatrixX<Scalar>& distances,
                                          const Eigen::MatrixX<Scalar>& apart,
                                          const Eigen::MatrixX2<Scalar>& map) {
  const auto ratio = [](Scalar wanted, Scalar is) { return is > 0 ? wanted / is : 0; };
  const Eigen::MatrixX<Scalar> ratios = distances.binaryExpr(apart, ratio);
  const Eigen::VectorX<Scalar> weights = ratios.rowwise().sum();
  return (weights.asDiagonal() * map - ratios * map) / static_cast<Scalar>(map.rows());
}
/// Moves, turns and mirrors a map into its one place: see head_map().
template <typename Scalar>
void settle_map(Eigen::MatrixX2<Scalar>& map) {
  const Eigen::RowVector2<Scalar> centre = map.colwise().mean();
  map.rowwise() -= centre;
  const Eigen::Matrix2<Scalar> scatter = map.transpose() * map;
  const auto axes = Eigen::SelfAdjointEigenSolver<Eigen::Matrix2<Scalar>>().computeDirect(scatter);
  map *= axes.eigenvectors().rowwise().reverse().eval();
  for (Index axis = 0; axis < 2; ++axis) {
    auto coordinates = map.col(axis);
    // Of coordinates that are equal within rounding the first decides.
    const double far = coordinates.cwiseAbs().maxCoeff() * (1 - 1e-6);
    const auto farthest =
        std::find_if(coordinates.begin(), coordinates.end(), [&](double x) { return std::abs(x) >= far; });
    if (*farthest < 0) coordinates *= -1;
  }
}

}  // namespace detail

/// The heads as points of a plane whose distances are as near as can be to the given ones: metric
/// multidimensional scaling, SMACOF from the classical solution (as Clark et al. 2019, figure 6). Heads that
/// lie near one another on the map do alike. distance_matrix: [head x head], any
/// expression, such as head_distance().mean_distances, its square root, or 1 - a similarity. Deterministic:
/// the centre is 0, the first axis has the larger spread, the second is orthogonal to it, and on each axis
/// the head that is farthest from 0 (the first of equals) is positive. Another order of the heads gives the
/// same map, unless several are equally good. Cost: heads^3 operations, then heads^2 a step.
/// @throws ShapeError a matrix that is not square
/// @throws ValueError a distance that is undefined, infinite, negative or not symmetric, naming the heads;
/// a negative tolerance or number of steps
template <typename Matrix>
HeadMapResult head_map(const Eigen::MatrixBase<Matrix>& distance_matrix, HeadMapOptions options = {}) {
  const Eigen::MatrixXd distances = distance_matrix;
  detail::check_distances(distances);
  require<ValueError>(options.tolerance >= 0, "tolerance = {}", options.tolerance);
  require<ValueError>(options.max_iterations >= 0, "max_iterations = {}", options.max_iterations);
  HeadMapResult result{Eigen::MatrixX2d::Zero(distances.rows(), 2)};
  if (distances.rows() < 2 || distances.isZero(0)) return result;

  result.coordinates = detail::classical_map(distances);
  Eigen::MatrixXd apart = detail::map_distances(result.coordinates);
  double misfit = (apart - distances).squaredNorm();
  const double rounding = 1e-28 * distances.squaredNorm();
  result.converged = misfit <= rounding;
  while (!result.converged && result.iterations < options.max_iterations) {
    result.coordinates = detail::guttman_transform(distances, apart, result.coordinates);
    apart = detail::map_distances(result.coordinates);
    const double before = std::exchange(misfit, (apart - distances).squaredNorm());
    result.converged = misfit <= rounding || before - misfit <= options.tolerance * before;
    ++result.iterations;
  }
  result.stress = std::sqrt(misfit / apart.squaredNorm());
  detail::settle_map(result.coordinates);
  return result;
}

}  // namespace attnscope
