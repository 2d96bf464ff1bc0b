#include <attnscope/figure/model_view.hpp>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

using Layers = std::vector<std::vector<Eigen::MatrixXd>>;

// Every cell of head h of layer l is (heads l + h + 1) / (layers heads).
Layers made(std::size_t layers, std::size_t heads, Eigen::Index size = 3) {
  Layers all(layers);
  for (std::size_t l = 0; l < layers; ++l)
    for (std::size_t h = 0; h < heads; ++h)
      all[l].push_back(Eigen::MatrixXd::Constant(
          size, size, static_cast<double>(heads * l + h + 1) / static_cast<double>(layers * heads)));
  return all;
}

// The nearest of 52 shades.
std::string shade(double value) {
  return hex(colour_at(Palette::white_to_blue, std::round(value * 51) / 51));
}

}  // namespace

TEST_CASE("model_view: a row of maps a layer, a column a head, one colour scale and one bar") {
  const auto groups = read_svg::cells(model_view(made(2, 3)));
  REQUIRE(groups.size() == 7);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(groups[i].colours[0][0] == shade(static_cast<double>(i + 1) / 6));
    CHECK(groups[i].box.top == groups[3 * (i / 3)].box.top);
    CHECK(groups[i].box.left == groups[i % 3].box.left);
  }
  CHECK(groups[3].box.top > groups[0].box.bottom());
}

TEST_CASE("model_view: a head that is not there is an empty place; layers may have fewer heads") {
  Layers maps = made(3, 4);
  maps[0][1].resize(0, 0);
  maps[2].resize(2);
  const auto groups = read_svg::cells(model_view(maps));
  REQUIRE(groups.size() == 3 + 4 + 2 + 1);
  CHECK(groups[1].colours[0][0] == shade(3. / 10));
  CHECK(groups[1].box.left == groups[5].box.left);
  CHECK(groups[7].box.left == groups[3].box.left);
}

TEST_CASE("model_view: layers and heads are chosen, and keep their numbers or names") {
  const std::string svg =
      model_view(made(3, 4), {.title = "chosen", .heads = {.only = {3, 1}}, .layers = {.without = {1}}});
  CHECK(read_svg::cells(svg).size() == 5);
  std::vector<std::string> words;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) words.push_back(text.words);
  CHECK(std::vector<std::string>(words.begin(), words.begin() + 6) ==
        std::vector<std::string>{"chosen", "layer", "0", "2", "3", "1"});
  CHECK(read_svg::cells(svg)[0].colours[0][0] == shade(4. / 12));
  const std::string named = model_view(made(1, 2), {.head_names = {"7", "9"}, .layer_names = {"last"}});
  for (const char* word : {">7<", ">9<", ">last<"}) CHECK_THAT(named, ContainsSubstring(word));
}

TEST_CASE("model_view: tokens are chosen in every map") {
  Layers maps = made(2, 2, 5);
  for (auto& heads : maps)
    for (Eigen::MatrixXd& map : heads) map.col(0).setConstant(100);
  const auto groups = read_svg::cells(model_view(maps, {.rows = {.only = {0, 1}}, .columns = all_but_first}));
  CHECK(groups[0].colours.size() == 2);
  CHECK(groups[0].colours[0].size() == 4);
  CHECK(groups[3].colours[1][3] == shade(1));
}

TEST_CASE("model_view: headings stand at the middle of their maps, nothing overlaps, whatever the size") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const auto& [layers, heads, size] :
         {std::tuple{1, 1, 1}, {1, 12, 3}, {6, 12, 34}, {24, 16, 8}, {3, 1, 128}, {12, 12, 200}}) {
      INFO(layers << " x " << heads << " of " << size);
      const std::string svg =
          model_view(made(static_cast<std::size_t>(layers), static_cast<std::size_t>(heads), size),
                     {.title = "A model", .theme = theme});
      CHECK(read_svg::misplaced(svg) == "");
      CHECK(read_svg::malformed(svg) == "");
      const auto groups = read_svg::cells(svg);
      const auto texts = read_svg::texts(svg, text_width);
      CHECK(texts[2].box.centre().y == Approx(groups[0].box.centre().y).margin(0.01));
      CHECK(texts[2 + static_cast<std::size_t>(layers)].box.centre().x ==
            Approx(groups[0].box.centre().x).margin(0.01));
    }
}

TEST_CASE("model_view: 24 x 16 heads of 512 tokens take less than 3 MB, and the note says what a cell is") {
  // Noise of all levels, which no model comes near. One matrix for all: the test is about the picture.
  Eigen::MatrixXd noise = Eigen::MatrixXd::Random(512, 512).cwiseAbs();
  for (Eigen::Index i = 0; i < 512; ++i)
    for (Eigen::Index j = 0; j < 512; ++j) noise(i, j) *= noise(i - i % 20, j - j % 20);
  std::vector<detail::GivenMap> maps(24 * 16, {&noise, "x"});
  const std::string svg =
      detail::map_grid(maps, {.side = 90, .most_a_side = 90}, {.columns = 16, .gap = 6, .level_step = 5}, {});
  CHECK(svg.size() < 3'000'000);
  CHECK(svg.size() > 500'000);
  CHECK_THAT(svg, ContainsSubstring("a cell: the largest of 20 x 20"));
}

TEST_CASE("model_view: what cannot be drawn is refused by name") {
  CHECK(message_of<ShapeError>([] { model_view({}); }) == "a model view of 0 layers and 0 heads");
  CHECK(message_of<ShapeError>([] { model_view({{}, {}}); }) == "a model view of 2 layers and 0 heads");
  CHECK(message_of<ShapeError>([] { model_view({{Eigen::MatrixXd()}}); }) == "a figure of no maps");
  Layers maps = made(2, 2);
  CHECK(message_of<ShapeError>([&] { model_view(maps, {.layer_names = {"a"}}); }) == "1 layer names for 2");
  CHECK(message_of<ShapeError>([&] { model_view(maps, {.heads = {.only = {2}}}); }) == "filter: head 2 of 2");
  CHECK(message_of<ValueError>([&] {
          model_view(maps, {.map_titles = {"a", "b", "c", "d"}});
        }) == "a model view has no map titles: layer_names and head_names name its maps");
  maps[1][0](2, 1) = 1 / 0.;
  CHECK(message_of<ValueError>([&] { model_view(maps); }) == "layer 1, head 0: row 2, column 1 is inf");
  maps[1][1].resize(2, 3);
  CHECK(message_of<ShapeError>([&] { model_view(maps); }) ==
        "layer 1, head 1 is 2 x 3, layer 0, head 0 is 3 x 3");
}
