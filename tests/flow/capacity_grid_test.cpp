#include <attnscope/flow/capacity_grid.hpp>

#include "support/catch.hpp"

using namespace attnscope;
using detail::CapacityGrid;
using Eigen::Index;
using Stack = std::vector<Eigen::MatrixXd>;

TEST_CASE("capacities become whole numbers of a power of two") {
  const Stack stack{Eigen::Matrix2d{{.1, .9}, {0, .7}}, Eigen::Matrix2d{{1. / 3, 2e-20}, {.25, .5}}};
  const CapacityGrid grid(stack);
  CHECK(grid.tokens() == 2);
  CHECK(grid.layers() == 2);
  CHECK(grid.unit() == 0x1p-51);  // the largest sum is 1.6
  for (Index l = 0; l < 2; ++l)
    for (Index i = 0; i < 2; ++i)
      for (Index j = 0; j < 2; ++j) {
        const double units = grid.down(l).capacity(i, j);
        CHECK(units == std::floor(units));
        const double given = stack[static_cast<std::size_t>(l)](i, j);
        CHECK(std::abs(units * grid.unit() - given) <= grid.unit() / (given > 1e-10 ? 2 : 1));
        CHECK(grid.up(l).capacity(j, i) == units);
        CHECK(grid.down(l).out.test(i, j) == (units > 0));
        CHECK(grid.down(l).in.test(j, i) == (units > 0));
        CHECK(grid.up(l).out.test(j, i) == (units > 0));
        CHECK(grid.up(l).in.test(i, j) == (units > 0));
      }
  CHECK(grid.down(1).capacity(0, 1) == 1);  // 2e-20 is less than a unit, but not 0
  CHECK(grid.down(0).capacity(1, 0) == 0);
  CHECK(CapacityGrid(Stack{Eigen::MatrixXd::Zero(3, 3)}).down(0).capacity.isZero());
}

TEST_CASE("a wide layer does not take the precision of a narrow one") {
  const Eigen::Matrix2d narrow{{.25, .5}, {0, .25}}, wide{{1e200, 0}, {.125, 3}};
  const CapacityGrid grid(Stack{wide, narrow});
  CHECK(grid.unit() == 0x1p-50);  // a column of 2 + 2, twice the total of the narrow layer each
  CHECK(grid.down(0).capacity * grid.unit() == Eigen::Matrix2d{{2, 0}, {.125, 2}});
  CHECK(grid.down(1).capacity * grid.unit() == narrow);
  CHECK_FALSE(grid.alike());
  CHECK(CapacityGrid(Stack{narrow, 2 * narrow}).alike());
  CHECK_FALSE(CapacityGrid(Stack{narrow, 0 * narrow}).alike());
}

TEST_CASE("what is no capacity is named") {
  const Eigen::MatrixXd fine = Eigen::MatrixXd::Constant(2, 2, .5);
  const auto message = [](const Stack& stack) {
    return message_of<Error>([&] { CapacityGrid grid(stack); });
  };
  const auto with = [&](double value) {
    Eigen::MatrixXd wrong = fine;
    wrong(1, 0) = value;
    return Stack{fine, wrong};
  };
  CHECK(message({}) == "there are no layers for attention to flow through");
  CHECK(message({fine, Eigen::MatrixXd::Zero(2, 3)}) == "layer 1: the capacities are 2 x 3, not square");
  CHECK(message({fine, Eigen::MatrixXd::Zero(3, 3)}) == "layer 1: 3 tokens, layer 0 has 2");
  CHECK(message(with(-.25)) == "layer 1, row 1, column 0: a capacity cannot be -0.25");
  CHECK(message(with(std::nan(""))) == "layer 1, row 1, column 0: a capacity cannot be nan");
  CHECK(message(with(HUGE_VAL)) == "layer 1, row 1, column 0: a capacity cannot be inf");
  CHECK(message({Eigen::MatrixXd::Constant(2, 2, 1e308)}) == "layer 0: the capacities sum to infinity");
  CHECK_THROWS_AS(CapacityGrid(with(-1)), ValueError);
  CHECK_THROWS_AS(CapacityGrid(Stack{}), ShapeError);
  CHECK(message_of<ShapeError>([&] { detail::require_token(CapacityGrid(Stack{fine}), "input", 2); }) ==
        "input 2: there are 2 tokens");
}
