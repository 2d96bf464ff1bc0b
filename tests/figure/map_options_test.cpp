#include <attnscope/figure/map_options.hpp>

#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

void check_cell(Eigen::Index rows, Eigen::Index columns, double width, double height) {
  INFO(rows << " x " << columns);
  const detail::CellSize cell = detail::cell_size({}, rows, columns, 640);
  CHECK(cell.width == width);
  CHECK(cell.height == height);
}

}  // namespace

TEST_CASE("map_options: cells are whole px, squares unless the map is very long") {
  check_cell(1, 1, 28, 28);
  check_cell(13, 13, 28, 28);
  check_cell(64, 64, 10, 10);
  check_cell(100, 90, 6, 6);
  check_cell(512, 512, 1, 1);
  check_cell(5000, 5000, 1, 1);
  check_cell(12, 400, 1, 13);
  check_cell(400, 12, 13, 1);
  check_cell(10, 20, 28, 28);
}

TEST_CASE("map_options: a cell size that is given is kept, and one that is none refused") {
  const detail::CellSize cell = detail::cell_size({.cell_size = 2.5}, 3, 4000, 640);
  CHECK(cell.width == 2.5);
  CHECK(cell.height == 2.5);
  for (const double size : {0.0, 0.09, -1.0, 1001.0, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_THROWS_AS(detail::cell_size({.cell_size = size}, 3, 4, 640), ValueError);
  }
  CHECK(message_of<ValueError>([] { detail::cell_size({.cell_size = -1.0}, 3, 4, 640); }) ==
        "a cell size of -1 px is not between 0.1 and 1000");
}

TEST_CASE("map_options: the palette is that of the theme unless one is asked for") {
  CHECK(detail::scale_options({}).palette == Palette::white_to_blue);
  CHECK(detail::scale_options({.theme = Theme::dark}).palette == Palette::viridis);
  CHECK(detail::scale_options({.palette = Palette::cividis, .theme = Theme::dark}).palette ==
        Palette::cividis);
}
