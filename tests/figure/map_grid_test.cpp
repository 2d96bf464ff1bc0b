#include <attnscope/figure/map_grid.hpp>

#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("map_grid: the number of columns makes a landscape without many empty places") {
  const auto columns = [](std::size_t maps, double aspect = 1) {
    return detail::landscape_columns(maps, aspect);
  };
  CHECK(columns(1) == 1);
  CHECK(columns(2) == 2);
  CHECK(columns(3) == 3);
  CHECK(columns(4) == 2);
  CHECK(columns(6) == 3);
  CHECK(columns(8) == 4);
  CHECK(columns(12) == 4);
  CHECK(columns(16) == 4);
  CHECK(columns(32) == 8);
  CHECK(columns(4, 4) == 1);
  CHECK(columns(4, 0.25) == 4);
}

TEST_CASE("map_grid: an empty place stays empty, and its neighbours where they are") {
  const Eigen::MatrixXd map = Eigen::MatrixXd::Constant(2, 2, 0.5);
  const detail::GivenMap there{&map, "x"}, empty{nullptr, "y"};
  const detail::PanelStyle style{.columns = 2};
  const auto all = read_svg::cells(detail::map_grid({there, there, there, there}, {.side = 50}, style, {}));
  const auto some = read_svg::cells(detail::map_grid({empty, there, there, empty}, {.side = 50}, style, {}));
  REQUIRE(all.size() == 5);
  REQUIRE(some.size() == 3);
  CHECK(some[0].box.left == all[1].box.left);
  CHECK(some[0].box.top == all[1].box.top);
  CHECK(some[1].box.top == all[2].box.top);
}

TEST_CASE("map_grid: cells are pooled beyond their bound, and a note says so") {
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(10, 10);
  map(9, 3) = 1;
  const std::string svg = detail::map_grid({{&map, "x"}}, {.side = 50, .most_a_side = 5}, {},
                                           {.row_labels = std::vector<std::string>(10, "a")});
  const auto cells = read_svg::cells(svg)[0].colours;
  REQUIRE(cells.size() == 5);
  CHECK(cells[4][1] == hex(level_colour(Palette::white_to_blue, 255)));
  CHECK(cells[4][2] == "#ffffff");
  CHECK_THAT(svg, ContainsSubstring(">a cell: the largest of 2 x 2</text>"));
  CHECK_THAT(svg, ContainsSubstring("A map of 10 rows and 10 columns"));
  CHECK(svg.find("pointer-events") == std::string::npos);
}

TEST_CASE("map_grid: small figures have the numbers of cells for the pointer, large ones do not") {
  const auto hovers = [](Eigen::Index size, std::size_t count) {
    const Eigen::MatrixXd map = Eigen::MatrixXd::Ones(size, size);
    return read_svg::count(detail::map_grid(std::vector<detail::GivenMap>(count, {&map, "x"}), {.side = 50},
                                            {.columns = count}, {}),
                           "</title></path>");
  };
  CHECK(hovers(32, 1) == 1024);
  CHECK(hovers(33, 1) == 0);
  CHECK(hovers(16, 4) == 1024);
  CHECK(hovers(16, 5) == 0);
}
