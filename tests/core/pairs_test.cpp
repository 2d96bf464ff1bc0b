#include <attnscope/core/pairs.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("distances are symmetric, finite, not negative, 0 on the diagonal; the heads are named") {
  const Eigen::Matrix3d good{{0, 1, 2}, {1, 0, .5}, {2, .5, 0}};
  CHECK_NOTHROW(detail::check_distances(good));
  CHECK_NOTHROW(detail::check_distances(Eigen::MatrixXd(0, 0)));
  const auto message = [&](Index h, Index g, double distance, double other) {
    Eigen::Matrix3d bad = good;
    bad(h, g) = distance;
    bad(g, h) = other;
    return message_of<ValueError>([&] { detail::check_distances(bad); });
  };
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  CHECK(message(0, 2, nan, nan) == "the distance of heads 0 and 2 is nan");
  CHECK(message(1, 2, infinity, infinity) == "the distance of heads 1 and 2 is inf");
  CHECK(message(0, 1, -1, -1) == "the distance of heads 0 and 1 is -1");
  CHECK(message(0, 1, 1, 1.5) == "the distance of heads 0 and 1 is 1, but that of 1 and 0 is 1.5");
  CHECK(message(0, 1, nan, 1) == "the distance of heads 0 and 1 is nan, but that of 1 and 0 is 1");
  CHECK(message(1, 1, 1, 1) == "head 1 has the distance 1 to itself (a similarity?)");
  CHECK(message_of<ShapeError>([] { detail::check_distances(Eigen::MatrixXd::Zero(2, 3)); }) ==
        "a distance for each pair of heads needs a square matrix, not 2 x 3");
}

TEST_CASE("rounding is not asymmetry") {
  Eigen::Matrix2d nearly{{0, 1}, {1 + 1e-12, 0}};
  CHECK_NOTHROW(detail::check_distances(nearly));
}
