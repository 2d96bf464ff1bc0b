#include <attnscope/figure/heatmap.hpp>

#include <cmath>
#include <limits>
#include <locale>
#include <string>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

Eigen::MatrixXd example() {
  Eigen::MatrixXd weights(2, 3);
  weights << 0, 0.25, 0.5,  //
      0.5, std::nan(""), 0.1;
  return weights;
}

struct CommaLocale : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

}  // namespace

TEST_CASE("heatmap: every cell has the colour of its weight, row 0 at the top") {
  const auto groups = read_svg::cells(heatmap(example()));
  REQUIRE(groups.size() == 2);  // the map and the bar
  const auto& colours = groups[0].colours;
  REQUIRE(colours.size() == 2);
  const auto colour = [](double position) { return hex(colour_at(Palette::white_to_blue, position)); };
  CHECK(colours[0] == std::vector<std::string>{colour(0), colour(0.5), colour(1)});
  CHECK(colours[1] == std::vector<std::string>{colour(1), "#aaaaaa", colour(0.2)});
}

TEST_CASE("heatmap: low, high and the palette make the scale") {
  const auto groups =
      read_svg::cells(heatmap(example(), {.low = 0.25, .high = 0.3, .palette = Palette::viridis}));
  const auto colour = [](double position) { return hex(colour_at(Palette::viridis, position)); };
  CHECK(groups[0].colours[0] == std::vector<std::string>{colour(0), colour(0), colour(1)});
}

TEST_CASE("heatmap: a note tells of undefined cells, and only of them") {
  CHECK_THAT(heatmap(example()), ContainsSubstring(">grey: undefined</text>"));
  CHECK(heatmap(Eigen::MatrixXd::Ones(2, 2)).find("undefined") == std::string::npos);
}

TEST_CASE("heatmap: titles and labels are drawn, each once") {
  const std::string svg = heatmap(example(), {.title = "Layer 0",
                                              .map_titles = {"head 5"},
                                              .row_labels = {"▁un", "deux"},
                                              .column_labels = {"one", "two", "three"},
                                              .row_title = "to",
                                              .column_title = "from"});
  for (const std::string word : {"Layer 0", "head 5", "·un", "deux", "one", "two", "three", "to", "from"}) {
    INFO(word);
    CHECK(read_svg::count(svg, ">" + word + "</text>") == 1);
  }
  CHECK_THAT(svg, ContainsSubstring("<title>Layer 0</title>"));
  CHECK_THAT(svg, ContainsSubstring("<desc>A map of 2 rows and 3 columns, coloured from 0 to 0.5.</desc>"));
}

TEST_CASE("heatmap: hostile labels are harmless and bounded") {
  const std::string svg = heatmap(Eigen::MatrixXd::Ones(1, 4),
                                  {.title = "</title><script>",
                                   .column_labels = {"<script>x</script>", "\"'&", std::string(10000, 'x'),
                                                     std::string("\0\x1b\xff", 3)}});
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find('\0') == std::string::npos);
  CHECK(svg.size() < 20'000);
  CHECK_THAT(svg, ContainsSubstring("&quot;&#39;&amp;"));
  CHECK_THAT(svg, ContainsSubstring(">\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd<"));
}

TEST_CASE("heatmap: takes expressions and other scalars") {
  const Eigen::MatrixXf single = Eigen::MatrixXf::Constant(2, 2, 0.5F);
  const Eigen::MatrixXd twice = Eigen::MatrixXd::Constant(2, 2, 0.5);
  CHECK(heatmap(single) == heatmap(twice));
  CHECK(heatmap(single.transpose() * 1) == heatmap(twice));
  CHECK(heatmap(Eigen::MatrixXi::Ones(2, 2)) == heatmap(Eigen::MatrixXd::Ones(2, 2)));
  CHECK_FALSE(heatmap(Eigen::RowVector3d(1, 2, 3)).empty());
}

TEST_CASE("heatmap: constant weights have a scale") {
  CHECK(read_svg::cells(heatmap(Eigen::MatrixXd::Zero(2, 2)))[0].colours[1][1] == "#ffffff");
  CHECK(read_svg::cells(heatmap(Eigen::MatrixXd::Constant(2, 2, 0.25)))[0].colours[1][1] == "#0a1e64");
  CHECK(read_svg::cells(heatmap(Eigen::MatrixXd::Constant(2, 2, std::nan(""))))[0].colours[1][1] ==
        "#aaaaaa");
}

TEST_CASE("heatmap: is the same in every locale") {
  const Eigen::MatrixXd weights = Eigen::MatrixXd::Constant(1500, 2, 1.0 / 3);
  const std::string svg = heatmap(weights, {.cell_size = 3.3});
  const std::locale before = std::locale::global(std::locale(std::locale(), new CommaLocale));
  const std::string again = heatmap(weights, {.cell_size = 3.3});
  std::locale::global(before);
  CHECK(svg == again);
}

TEST_CASE("heatmap: what cannot be drawn is refused by name") {
  const double infinity = std::numeric_limits<double>::infinity();
  Eigen::MatrixXd weights = example();
  CHECK(message_of<ShapeError>([] { heatmap(Eigen::MatrixXd(0, 3)); }) ==
        "weights: a map of 0 x 3 has no cells");
  CHECK(message_of<ShapeError>([&] { heatmap(weights, {.row_labels = {"a"}}); }) == "1 row labels for 2");
  CHECK(message_of<ValueError>([&] { heatmap(weights, {.low = 2, .high = 1}); }) ==
        "a colour scale cannot go from low = 2 to high = 1");
  CHECK_THROWS_AS(heatmap(weights, {.cell_size = 0}), ValueError);
  weights(1, 2) = infinity;
  CHECK(message_of<ValueError>([&] { heatmap(weights); }) == "weights: row 1, column 2 is inf");
}
