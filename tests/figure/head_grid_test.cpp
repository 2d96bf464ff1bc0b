#include <attnscope/figure/head_grid.hpp>

#include <limits>
#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::vector<Eigen::MatrixXd> heads(std::size_t count, Eigen::Index rows = 3, Eigen::Index columns = 3) {
  std::vector<Eigen::MatrixXd> maps;
  for (std::size_t i = 0; i < count; ++i) {
    maps.push_back(
        Eigen::MatrixXd::Constant(rows, columns, static_cast<double>(i + 1) / static_cast<double>(count)));
  }
  return maps;
}

}  // namespace

TEST_CASE("head_grid: all heads have one colour scale and one bar") {
  const auto groups = read_svg::cells(head_grid(heads(4)));
  REQUIRE(groups.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(groups[i].colours[2][2] == hex(colour_at(Palette::white_to_blue, static_cast<double>(i + 1) / 4)));
  }
}

TEST_CASE("head_grid: heads go from left to right, then down") {
  const auto groups = read_svg::cells(head_grid(heads(6)));
  CHECK(groups[0].box.top == groups[2].box.top);
  CHECK(groups[0].box.right() < groups[1].box.left);
  CHECK(groups[3].box.left == groups[0].box.left);
  CHECK(groups[0].box.bottom() < groups[3].box.top);
  CHECK(groups[3].box.top - groups[0].box.bottom() < 50);
  CHECK(groups[0].box.top < 50);
  CHECK(groups[6].box.top == groups[0].box.top);  // the bar is as high as the grid
  CHECK(groups[6].box.bottom() == groups[5].box.bottom());
}

TEST_CASE("head_grid: heads are numbered unless they are named") {
  const std::string numbered = head_grid(heads(3)),
                    named = head_grid(heads(2), {.map_titles = {"head 7", "mean"}});
  for (const std::string title : {"head 0", "head 1", "head 2"}) {
    CHECK(read_svg::count(numbered, ">" + title + "</text>") == 1);
  }
  CHECK(read_svg::count(named, ">head 7</text>") == 1);
  CHECK(read_svg::count(named, ">mean</text>") == 1);
  CHECK(named.find("head 0") == std::string::npos);
}

TEST_CASE("head_grid: heads are chosen, keep their numbers, and may have names") {
  const std::string svg = head_grid(heads(4), {.heads = {.only = {3, 1}}});
  CHECK(read_svg::cells(svg).size() == 3);
  CHECK(svg.find(">head 3<") < svg.find(">head 1<"));
  CHECK(svg.find(">head 0<") == std::string::npos);
  CHECK(read_svg::count(head_grid(heads(2), {.head_names = {"7", "8"}}), ">head 8</text>") == 1);
}

TEST_CASE("head_grid: layers side by side are the same, titled by layer") {
  const std::string svg = layer_grid(heads(3), {.layers = {.without = {0}}});
  CHECK(read_svg::count(svg, ">layer 1</text>") == 1);
  CHECK(read_svg::count(svg, ">layer 2</text>") == 1);
  CHECK(read_svg::cells(svg).size() == 3);
  CHECK(message_of<ShapeError>([] { layer_grid({}); }) == "a grid of no layers");
}

TEST_CASE("head_grid: row labels stand on the left, column labels below the lowest map of each column") {
  const std::string svg =
      head_grid(heads(7), {.row_labels = {"r", "s", "t"}, .column_labels = {"x", "y", "z"}});
  CHECK(read_svg::count(svg, ">r</text>") == 2);
  CHECK(read_svg::count(svg, ">x</text>") == 4);
}

TEST_CASE("head_grid: what cannot be drawn is refused by name") {
  CHECK(message_of<ShapeError>([] { head_grid({}); }) == "a grid of no heads");
  std::vector<Eigen::MatrixXd> maps = heads(3);
  CHECK(message_of<ShapeError>([&] { head_grid(maps, {.map_titles = {"a"}}); }) == "1 map titles for 3");
  CHECK(message_of<ShapeError>([&] { head_grid(maps, {.column_labels = {"a"}}); }) ==
        "1 column labels for 3");
  maps[2](1, 0) = -std::numeric_limits<double>::infinity();
  CHECK(message_of<ValueError>([&] { head_grid(maps); }) == "head 2: row 1, column 0 is -inf");
  maps[1] = Eigen::MatrixXd::Zero(3, 4);
  CHECK(message_of<ShapeError>([&] { head_grid(maps); }) == "head 1 is 3 x 4, head 0 is 3 x 3");
  CHECK(message_of<ShapeError>([] { head_grid({Eigen::MatrixXd(0, 2)}); }) ==
        "head 0: a map of 0 x 2 has no cells");
}
