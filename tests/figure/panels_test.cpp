#include <attnscope/figure/cross_attention.hpp>
#include <attnscope/figure/head_grid.hpp>
#include <attnscope/figure/heatmap.hpp>
#include <attnscope/figure/metric_map.hpp>
#include <attnscope/figure/model_view.hpp>
#include <attnscope/figure/panels.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::vector<std::string> tokens(Eigen::Index count, const std::string& word) {
  return std::vector<std::string>(static_cast<std::size_t>(count), word);
}

}  // namespace

TEST_CASE("panels: nothing is clipped and nothing overlaps, in maps of any shape") {
  struct Shape {
    Eigen::Index rows, columns;
  };
  for (const Shape& s : {Shape{1, 1}, {2, 3}, {13, 13}, {17, 15}, {64, 64}, {3, 200}, {200, 3}, {128, 128}}) {
    Eigen::MatrixXd map = Eigen::MatrixXd::Constant(s.rows, s.columns, 0.123);
    map(0, 0) = std::nan("");
    for (const std::string title : {"", "a title that is a good deal longer than a small map is wide"}) {
      INFO(s.rows << " x " << s.columns << ", " << title);
      CHECK(read_svg::misplaced(heatmap(map, {.title = title, .map_titles = {title}, .cell_size = 3.3})) ==
            "");
      for (const std::string word : {"a", "▁because", "WWWWWWWWWWWWWWWWWWWWWWWW"}) {
        const MapOptions options{.title = title,
                                 .row_labels = tokens(s.rows, word),
                                 .column_labels = tokens(s.columns, word),
                                 .row_title = "query " + title,
                                 .column_title = "key " + title};
        CHECK(read_svg::misplaced(heatmap(map, options)) == "");
      }
    }
  }
}

TEST_CASE("panels: nothing is clipped and nothing overlaps, in grids of any size") {
  struct Shape {
    Eigen::Index rows, columns;
  };
  for (const Shape& s : {Shape{1, 1}, {13, 13}, {64, 64}, {10, 80}, {80, 10}}) {
    const MapOptions options{.title = "Layer 3",
                             .row_labels = tokens(s.rows, "▁because"),
                             .column_labels = tokens(s.columns, "▁because")};
    for (const std::size_t heads : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 12U, 16U, 32U}) {
      INFO(heads << " of " << s.rows << " x " << s.columns);
      const std::vector<Eigen::MatrixXd> maps(heads, Eigen::MatrixXd::Constant(s.rows, s.columns, 0.5));
      CHECK(read_svg::misplaced(head_grid(maps, options)) == "");
    }
  }
}

TEST_CASE("panels: every kind of map is well-formed, bounded and without overlap, whatever its tokens are") {
  const std::vector<std::string> evil = read_svg::hostile_tokens();
  const auto count = static_cast<Eigen::Index>(evil.size());
  const Eigen::MatrixXd map = Eigen::MatrixXd::Identity(count, count);
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const std::string& title : evil) {
      const MapOptions options{.title = title,
                               .row_labels = evil,
                               .column_labels = evil,
                               .row_title = title,
                               .column_title = title,
                               .theme = theme};
      MetricMapOptions metric{
          .map = {.title = title, .head_names = evil, .layer_names = evil, .theme = theme},
          .roles = std::vector(evil.size(), evil)};
      for (const std::string& svg :
           {heatmap(map, options), head_grid({map, map}, options), cross_attention({map}, options),
            layer_grid({map}, options), metric_map(map, metric),
            model_view({{map}, {map}}, {.title = title, .layer_names = {title, "b"}, .theme = theme})}) {
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg.size() < 120'000);
      }
      CHECK(read_svg::misplaced(heatmap(map, options)) == "");
      CHECK(read_svg::misplaced(head_grid({map, map}, options)) == "");
    }
}

TEST_CASE("panels: pooled maps have their labels where their tokens are") {
  const MapOptions options{
      .row_labels = tokens(300, "▁because"), .column_labels = tokens(300, "x"), .pool = 4};
  const std::string svg = heatmap(Eigen::MatrixXd::Ones(300, 300), options);
  CHECK(read_svg::misplaced(svg) == "");
  const read_svg::Cells cells = read_svg::cells(svg)[0];
  REQUIRE(cells.colours.size() == 75);
  double lowest = 0;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (text.words == "·because") lowest = std::max(lowest, text.box.centre().y);
  CHECK(lowest < cells.box.bottom());
  CHECK(lowest > cells.box.bottom() - 20);
}
