#include <attnscope/figure/cells.hpp>

#include <cmath>
#include <random>
#include <string>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::string drawn(const Levels& levels, const Box& box = {10, 20, 512, 512}) {
  Svg svg;
  draw_cells(svg, levels, {}, box);
  return svg.document({});
}

Levels random_levels(int rows, int columns, int lowest, int highest, unsigned seed) {
  std::mt19937 random(seed);
  const auto count = static_cast<unsigned>(highest - lowest + 1);
  return Levels::NullaryExpr(rows, columns, [&] { return lowest + static_cast<int>(random() % count); });
}

// The attention of a random causal head whose logits have the standard deviation `spread`.
Eigen::MatrixXd causal_softmax(Eigen::Index size, double spread) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, spread);
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(size, size);
  for (Eigen::Index i = 0; i < size; ++i) {
    for (Eigen::Index j = 0; j <= i; ++j) weights(i, j) = std::exp(normal(random));
    weights.row(i) /= weights.row(i).sum();
  }
  return weights;
}

std::size_t bytes(const Eigen::MatrixXd& weights, std::optional<double> high = {}) {
  const ColourScale scale = colour_scale(cell_range(weights), {.high = high});
  return drawn(levels_of(weights, scale)).size();
}

}  // namespace

TEST_CASE("cells: painting the strokes gives every cell its colour") {
  struct Case {
    int rows, columns, lowest, highest;
  };
  for (const Case& c : {Case{1, 1, 0, 0},
                        {1, 1, 7, 7},
                        {1, 40, 0, 3},
                        {40, 1, 0, 3},
                        {30, 50, 0, 2},
                        {30, 50, 0, 256},
                        {30, 50, 1, 4},
                        {64, 64, 250, 256}}) {
    INFO(c.rows << " x " << c.columns << ", " << c.lowest << " to " << c.highest);
    const Levels levels = random_levels(c.rows, c.columns, c.lowest, c.highest, 3);
    const auto groups = read_svg::cells(drawn(levels));
    REQUIRE(groups.size() == 1);
    REQUIRE(groups[0].colours.size() == static_cast<std::size_t>(c.rows));
    int wrong = 0;
    for (int row = 0; row < c.rows; ++row) {
      for (int column = 0; column < c.columns; ++column) {
        const std::string& colour =
            groups[0].colours[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
        wrong += colour != hex(ColourScale().colour(levels(row, column)));
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("cells: one path a level that occurs, none for the lowest") {
  Levels levels(2, 4);
  levels << 0, 5, 5, 0,  //
      9, 5, 5, 256;
  const std::string svg = drawn(levels);
  CHECK(read_svg::elements(svg, "path").size() == 3);
  CHECK(drawn(Levels::Zero(9, 9)).find("<path") == std::string::npos);
}

TEST_CASE("cells: a run merges, passes under higher levels and ends before a lower one") {
  Levels levels(1, 8);
  levels << 5, 5, 9, 5, 2, 5, 256, 5;
  const auto paths = read_svg::elements(drawn(levels), "path");
  REQUIRE(paths.size() == 4);
  CHECK(read_svg::between(paths[0], " d=\"", "\"") == "M4 0.5h1");
  CHECK(read_svg::between(paths[1], " d=\"", "\"") == "M0 0.5h4m1 0h3");
  CHECK(read_svg::between(paths[2], " d=\"", "\"") == "M2 0.5h1");
  CHECK(read_svg::between(paths[3], " d=\"", "\"") == "M6 0.5h1");
}

TEST_CASE("cells: fill their box, whatever its shape") {
  const std::string svg = drawn(Levels::Constant(3, 4, 1), {10, 20, 100, 30});
  CHECK_THAT(svg, ContainsSubstring("x=\"10\" y=\"20\" width=\"100\" height=\"30\" fill=\"#ffffff\""));
  CHECK_THAT(svg, ContainsSubstring("translate(10 20) scale(25 10)"));
  CHECK_THAT(svg, ContainsSubstring("shape-rendering=\"crispEdges\" stroke-width=\"1.002\""));
}

TEST_CASE("cells: levels are those of the scale") {
  Eigen::MatrixXd map(1, 3);
  map << 0, 1, std::nan("");
  CHECK(levels_of(map, {}) == (Levels(1, 3) << 0, 255, 256).finished());
}

TEST_CASE("cells: 512 x 512 causal weights take less than 900 kB") {
  const Eigen::MatrixXd broad = causal_softmax(512, 1), peaked = causal_softmax(512, 3);
  CHECK(bytes(broad) < 350'000);
  CHECK(bytes(peaked) < 160'000);
  CHECK(bytes(broad, 1.0 / 64) < 900'000);
  CHECK(bytes(broad, 0.01) < 900'000);
  CHECK(bytes(peaked, 0.01) < 900'000);
}

TEST_CASE("cells: even noise of all levels takes little more") {
  Levels noise = random_levels(512, 512, 0, 255, 5);
  for (int row = 0; row < 512; ++row) noise.row(row).tail(511 - row).setZero();
  CHECK(drawn(noise).size() < 945'000);
}
