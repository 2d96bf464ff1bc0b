#include <attnscope/figure/metric_map.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

Eigen::MatrixXd entropies() {
  return (Eigen::MatrixXd(2, 3) << 0, 1.234, 3.3, std::nan(""), 2, 0.005).finished();
}

std::vector<std::string> words_in(const std::string& svg) {
  std::vector<std::string> words;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) words.push_back(text.words);
  return words;
}

bool holds(const std::string& svg, const std::string& word) {
  const std::vector<std::string> words = words_in(svg);
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("metric_map: every head has its number, in a colour that can be read on its cell") {
  const std::string svg = metric_map(entropies(), {.map = {.title = "Entropy"}});
  for (const char* word : {"0.00", "1.23", "3.30", "–", "2.00", "0.01", "layer", "head", "Entropy"})
    CHECK(holds(svg, word));
  CHECK_THAT(svg, ContainsSubstring("fill=\"#000000\">0.00<"));
  CHECK_THAT(svg, ContainsSubstring("fill=\"#ffffff\">3.30<"));
  CHECK_THAT(svg, ContainsSubstring(">grey: undefined<"));
  CHECK(read_svg::cells(svg)[0].colours[0][2] == hex(level_colour(Palette::white_to_blue, 255)));
}

TEST_CASE("metric_map: shows three digits of the largest number, or as many decimals as are asked for") {
  const auto drawn = [](double value, MetricMapOptions options = {}) {
    return metric_map(Eigen::MatrixXd::Constant(1, 1, value), options);
  };
  CHECK(holds(drawn(0.01234), "0.0123"));
  CHECK(holds(drawn(12.34), "12.3"));
  CHECK(holds(drawn(-1234.5, {.map = {.palette = Palette::blue_white_orange}}), "-1234"));
  CHECK(holds(drawn(0), "0.00"));
  CHECK(holds(drawn(1e-4), "0.000100"));
  CHECK(holds(drawn(999999), "999999"));
  CHECK(holds(drawn(1.234e-8), "1.23e-08"));
  CHECK(holds(drawn(5e-324), "4.94e-324"));
  CHECK(holds(drawn(1e6), "1e+06"));
  CHECK(holds(drawn(1e60), "1e+60"));
  CHECK(holds(drawn(1e60, {.decimals = 12}), "1e+60"));
  CHECK(holds(drawn(12345678, {.decimals = 1}), "12345678.0"));
  CHECK(holds(drawn(std::nan("")), "–"));
  CHECK(holds(drawn(12.34, {.decimals = 0}), "12"));
  CHECK(message_of<ValueError>([&] { drawn(1, {.decimals = 13}); }) == "values: 13 decimals are not 0 to 12");
}

TEST_CASE("metric_map: numbers have room in their cells, whatever the size of a cell is to be") {
  for (const double size : {0.1, 10.0, 40.0, 200.0})
    for (const double factor : {1.0, 1e-9, 1e9}) {
      INFO(size << ", " << factor);
      const std::string svg = metric_map(factor * entropies(), {.map = {.cell_size = size}});
      const read_svg::Cells cells = read_svg::cells(svg)[0];
      CHECK(cells.box.width >= 3 * size);
      CHECK(cells.box.height >= 2 * size);
      for (const read_svg::Text& text : read_svg::texts(svg, text_width))
        if (read_svg::overlap(text.box, cells.box)) {
          CHECK(text.box.width < cells.box.width / 3);
          CHECK(text.box.height < cells.box.height / 2);
        }
    }
  CHECK(message_of<ValueError>([] { metric_map(entropies(), {.map = {.cell_size = 0}}); }) ==
        "a cell size of 0 px is not between 0.1 and 1000");
}

TEST_CASE("metric_map: roles stand below the numbers, within their cells") {
  const MetricMapOptions options{.roles = {{"broad", "a role of many letters", "x"}, {"", "none", "<b>"}}};
  const std::string svg = metric_map(entropies(), options);
  for (const char* word : {"broad", "a role of man…", "none", "&lt;b&gt;"}) CHECK(holds(svg, word));
  const read_svg::Cells cells = read_svg::cells(svg)[0];
  std::vector<read_svg::Text> inside;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (read_svg::overlap(text.box, cells.box)) inside.push_back(text);
  REQUIRE(inside.size() == 12);
  const double width = cells.box.width / 3;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const double left = cells.box.left + width * static_cast<double>(i / 2 % 3);
    CHECK(inside[i].box.left >= left);
    if (inside[i].words != "&lt;b&gt;") CHECK(inside[i].box.right() <= left + width);
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(read_svg::overlap(inside[i].box, inside[j].box));
  }
}

TEST_CASE("metric_map: layers and heads are chosen and named") {
  const std::string svg = metric_map(
      entropies(),
      {.map = {.head_names = {"a", "b", "c"}, .heads = {.only = {2, 1}}, .layers = {.only = {0}}}});
  const auto cells = read_svg::cells(svg)[0].colours;
  REQUIRE(cells.size() == 1);
  REQUIRE(cells[0].size() == 2);
  CHECK(holds(svg, "3.30"));
  CHECK_FALSE(holds(svg, "2.00"));
  CHECK(holds(svg, "c"));
  CHECK_FALSE(holds(svg, "a"));
}

TEST_CASE("metric_map: what cannot be drawn is refused by name") {
  CHECK(message_of<ShapeError>([] { metric_map(Eigen::MatrixXd(0, 3)); }) ==
        "values: a map of 0 x 3 has no cells");
  CHECK(message_of<ShapeError>([] { metric_map(Eigen::MatrixXd(0, 0)); }) ==
        "values: a map of 0 x 0 has no cells");
  CHECK(message_of<ShapeError>([] { metric_map(entropies(), {.roles = {{"a"}}}); }) ==
        "1 layers of roles for 2");
  CHECK(message_of<ShapeError>([] {
          metric_map(entropies(), {.roles = {{"a"}, {"b"}}});
        }) == "1 roles for 3");
  CHECK(message_of<ShapeError>([] {
          metric_map(entropies(), {.roles = {{"a", "b", "c"}, {}}});
        }) == "0 roles for 3");
  CHECK(message_of<ShapeError>([] { metric_map(entropies(), {.map = {.head_names = {"a"}}}); }) ==
        "1 head names for 3");
  Eigen::MatrixXd values = entropies();
  values(1, 1) = -1 / 0.;
  CHECK(message_of<ValueError>([&] { metric_map(values); }) == "values: row 1, column 1 is -inf");
}
