#include <attnscope/source/maps.hpp>
#include <attnscope/source/patch_grid.hpp>

#include "support/catch.hpp"
#include "support/pattern.hpp"

using namespace attnscope;

TEST_CASE("a row as its image, patch by patch") {
  Eigen::RowVectorXd row(9);
  row << .9, .1, .2, .3, .4, .5, .6, .7, .8;
  CHECK(patch_grid(row, {.rows = 2, .columns = 4}) == Eigen::MatrixXd{{.1, .2, .3, .4}, {.5, .6, .7, .8}});
  CHECK(patch_grid(row, {.rows = 3, .columns = 3, .first = 0}) ==
        Eigen::MatrixXd{{.9, .1, .2}, {.3, .4, .5}, {.6, .7, .8}});
  CHECK(patch_grid(row, {.rows = 1, .columns = 3, .first = 4, .after = 2}) == Eigen::MatrixXd{{.4, .5, .6}});
}

TEST_CASE("a query's row of a head") {
  const auto a = test::pattern(Layout({1, 2, 7, 7}));
  const Eigen::MatrixXd image = patch_grid(head_maps(a)[1].row(3), {.rows = 3, .columns = 2});
  for (Index y = 0; y < 3; ++y)
    for (Index x = 0; x < 2; ++x) CHECK(image(y, x) == a(0, 1, 3, 1 + 2 * y + x));
  CHECK(image.sum() == Approx(1 - a(0, 1, 3, 0)));
}

TEST_CASE("a grid that does not fill the keys") {
  const Eigen::RowVectorXd row = Eigen::RowVectorXd::Zero(197);
  CHECK(patch_grid(row, {.rows = 14, .columns = 14}).size() == 196);
  CHECK(message_of<ShapeError>([&] { patch_grid(row, {.rows = 14, .columns = 14, .first = 5}); }) ==
        "197 keys are not 5 + 14 x 14 patches + 0");
  CHECK(message_of<ShapeError>([&] { patch_grid(row, {.rows = -14, .columns = -14}); }) ==
        "197 keys are not 1 + -14 x -14 patches + 0");
  CHECK(message_of<ShapeError>([&] { patch_grid(row, {.rows = 14, .columns = 14, .first = 0}); }) ==
        "197 keys are not 0 + 14 x 14 patches + 0");
  CHECK(patch_grid(Eigen::RowVectorXd(0), {.first = 0}).size() == 0);
}
