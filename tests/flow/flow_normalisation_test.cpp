#include <attnscope/flow/flow_normalisation.hpp>

#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("rows sum to one, or stay zero") {
  const Eigen::Matrix3d flow{{1, 2, 1}, {0, 0, 0}, {0, .5, 0}};
  CHECK(rows_normalised(flow) == Eigen::Matrix3d{{.25, .5, .25}, {0, 0, 0}, {0, 1, 0}});
  const Eigen::Matrix<float, 2, 2, Eigen::RowMajor> rows{{1, 3}, {0, 0}};
  CHECK(rows_normalised(rows) == Eigen::Matrix2f{{.25f, .75f}, {0, 0}});
  CHECK(rows_normalised(Eigen::MatrixXd(0, 0)).size() == 0);
}

TEST_CASE("even rows keep the diagonal, the sum and who is seen") {
  const Eigen::Matrix4d map{{.7, .3, 0, 0}, {0, .5, .1, .3}, {0, 0, 1, 0}, {0, 0, 0, 0}};
  const Eigen::Matrix4d even{{.7, .3, 0, 0}, {0, .5, .2, .2}, {0, 0, 1, 0}, {0, 0, 0, 0}};
  CHECK(evenly_spread(map).isApprox(even, 1e-15));
  CHECK(evenly_spread(even).isApprox(even, 1e-15));
}

TEST_CASE("relative flow is undefined where no way leads") {
  const Eigen::Matrix2d flow{{.5, 0}, {.3, .2}}, even{{.25, 0}, {.3, .4}};
  const Eigen::MatrixXd relative = receptive_field_normalised(flow, even);
  CHECK(relative(0, 0) == 2);
  CHECK(std::isnan(relative(0, 1)));
  CHECK(relative(1, 0) == 1);
  CHECK(relative(1, 1) == .5);
}
