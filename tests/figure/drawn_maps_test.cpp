#include <attnscope/figure/drawn_maps.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace attnscope;
using detail::drawn_maps;
using detail::DrawnMaps;

namespace {

constexpr Eigen::Index any = 1000000;

// 0, 1, 2, … row by row.
Eigen::MatrixXd counted(Eigen::Index rows, Eigen::Index columns) {
  return Eigen::MatrixXd::NullaryExpr(
      rows, columns, [&](Eigen::Index i, Eigen::Index j) { return static_cast<double>(i * columns + j); });
}

}  // namespace

TEST_CASE("drawn_maps: rows and columns that are kept, with their labels and their range") {
  const Eigen::MatrixXd map = counted(3, 4);
  const DrawnMaps drawn =
      drawn_maps({{&map, "weights"}},
                 {.row_labels = {"a", "b", "c"}, .rows = {.only = {2, 0}}, .columns = all_but_first}, any);
  CHECK(drawn.cells[0] == (Eigen::MatrixXd(2, 3) << 9, 10, 11, 1, 2, 3).finished());
  CHECK(drawn.row_labels == std::vector<std::string>{"c", "a"});
  CHECK(drawn.column_labels.empty());
  CHECK(drawn.range.smallest == 1);
  CHECK(drawn.range.largest == 11);
  CHECK(drawn.pool == 1);
}

TEST_CASE(
    "drawn_maps: of each square the largest number, of signed ones the farthest from 0, NaN only alone") {
  Eigen::MatrixXd map(3, 5);
  map << 1, 2, std::nan(""), std::nan(""), 5,  //
      4, -9, std::nan(""), std::nan(""), 6,    //
      0, 0, 3, std::nan(""), -7;
  const auto cells = [&](MapOptions options) {
    options.pool = 2;
    return drawn_maps({{&map, "weights"}}, options, any).cells[0];
  };
  Eigen::MatrixXd largest = cells({}), farthest = cells({.palette = Palette::blue_white_orange});
  CHECK(std::isnan(largest(0, 1)));
  CHECK(std::isnan(farthest(0, 1)));
  largest(0, 1) = farthest(0, 1) = 0;
  CHECK(largest == (Eigen::MatrixXd(2, 3) << 4, 0, 6, 0, 3, -7).finished());
  CHECK(farthest == (Eigen::MatrixXd(2, 3) << -9, 0, 6, 0, 3, -7).finished());
  const DrawnMaps drawn = drawn_maps({{&map, "weights"}}, {.pool = 2}, any);
  CHECK(drawn.range.smallest == -9);
  CHECK(drawn.range.undefined);
  CHECK(note_on(drawn, {}) == "a cell: the largest of 2 x 2; grey: undefined");
  CHECK(note_on(drawn, {.palette = Palette::blue_white_orange, .scale = Scale::square_root}) ==
        "a cell: the farthest from 0 of 2 x 2; square-root colour scale; grey: undefined");
}

TEST_CASE("drawn_maps: maps without cells are refused, pooled or not") {
  const Eigen::MatrixXd map(0, 0);
  for (const std::optional<Eigen::Index> pool : {std::optional<Eigen::Index>{}, {1}, {5}})
    CHECK(message_of<ShapeError>([&] {
            drawn_maps({{&map, "weights"}}, {.pool = pool}, any);
          }) == "weights: a map of 0 x 0 has no cells");
}

TEST_CASE("drawn_maps: are pooled no more than their bounds ask for") {
  CHECK(detail::pool_width(512, 512, 1, 270000, any) == 1);
  CHECK(detail::pool_width(520, 520, 1, 270000, any) == 2);
  CHECK(detail::pool_width(128, 128, 144, 270000, 90) == 3);
  CHECK(detail::pool_width(512, 512, 384, 270000, 90) == 20);
  CHECK(detail::pool_width(91, 10, 1, 270000, 90) == 2);
  CHECK(detail::pool_width(90, 90, 1, 270000, 90) == 1);
  CHECK(detail::pool_width(7, 7, 500000, 270000, 90) == 7);  // one cell a map is the least
  CHECK(note_on(DrawnMaps(), {}).empty());
}

TEST_CASE("drawn_maps: squares wider than a map are as wide as it") {
  const Eigen::MatrixXd map = counted(3, 5);
  for (const Eigen::Index pool :
       {Eigen::Index{5}, Eigen::Index{6}, std::numeric_limits<Eigen::Index>::max()}) {
    const DrawnMaps drawn = drawn_maps({{&map, "weights"}}, {.pool = pool}, any);
    CHECK(drawn.cells[0] == Eigen::MatrixXd::Constant(1, 1, 14));
    CHECK(note_on(drawn, {}) == "a cell: the largest of 5 x 5");
  }
}

TEST_CASE("drawn_maps: what cannot be drawn is refused by name") {
  const Eigen::MatrixXd map = counted(2, 2), other = counted(2, 3);
  CHECK(message_of<ShapeError>([&] { drawn_maps({{nullptr, ""}}, {}, any); }) == "a figure of no maps");
  CHECK(message_of<ShapeError>([&] {
          drawn_maps({{nullptr, "head 0"}, {&map, "head 1"}, {&other, "head 2"}}, {}, any);
        }) == "head 2 is 2 x 3, head 1 is 2 x 2");
  CHECK(message_of<ValueError>([&] {
          drawn_maps({{&map, "x"}}, {.pool = 0}, any);
        }) == "squares of 0 cells cannot be pooled");
  for (const Eigen::Index most : {Eigen::Index{0}, Eigen::Index{-5}})
    CHECK(message_of<ValueError>([&] {
            drawn_maps({{&map, "x"}}, {.most_cells = most}, any);
          }) == fmt::format("a figure of at most {} cells", most));
  CHECK(message_of<ShapeError>([&] {
          drawn_maps({{&map, "x"}}, {.columns = {.only = {2}}}, any);
        }) == "filter: column 2 of 2");
  const Eigen::MatrixXd infinite = map / 0.0;
  CHECK(message_of<ValueError>([&] {
          drawn_maps({{&infinite, "head 4"}}, {.rows = {.only = {1}}}, any);
        }) == "head 4: row 1, column 0 is inf");
}
