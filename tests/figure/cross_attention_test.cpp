#include <attnscope/figure/cross_attention.hpp>

#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::vector<Eigen::MatrixXd> heads() {
  std::vector<Eigen::MatrixXd> maps(3, Eigen::MatrixXd::Zero(2, 3));
  maps[0](0, 0) = 0.9;
  maps[1](0, 0) = 0.3;
  maps[2](1, 2) = 0.6;
  return maps;
}

}  // namespace

TEST_CASE("cross_attention: is the mean over the heads, with axes titled Target and Source") {
  const std::string svg = cross_attention(heads());
  const auto cells = read_svg::cells(svg)[0].colours;
  CHECK(cells[0][0] == hex(colour_at(Palette::white_to_blue, 1)));
  CHECK(cells[1][2] == hex(colour_at(Palette::white_to_blue, 0.5)));
  for (const char* word : {">Target<", ">Source<", ">mean over 3 heads<", ">0.4<"})
    CHECK_THAT(svg, ContainsSubstring(word));
}

TEST_CASE("cross_attention: of one head or some") {
  const std::string one = cross_attention(heads(), {.heads = {.only = {2}}});
  CHECK_THAT(one, ContainsSubstring(">head 2<"));
  CHECK(read_svg::cells(one)[0].colours[1][2] == hex(colour_at(Palette::white_to_blue, 1)));
  CHECK(read_svg::cells(one)[0].colours[0][0] == "#ffffff");
  const std::string two = cross_attention(heads(), {.heads = {.without = {2}}});
  CHECK_THAT(two, ContainsSubstring(">mean over 2 of 3 heads<"));
  CHECK_THAT(two, ContainsSubstring(">0.6<"));
  const std::string named = cross_attention(heads(), {.head_names = {"4", "5", "9"}, .heads = {.only = {2}}});
  CHECK_THAT(named, ContainsSubstring(">head 9<"));
  CHECK_THAT(cross_attention(heads(), {.map_titles = {"mine"}, .row_title = "to"}),
             ContainsSubstring(">mine<"));
}

TEST_CASE("cross_attention: what cannot be drawn is refused by name") {
  CHECK(message_of<ShapeError>([] { cross_attention({}); }) == "cross-attention of no heads");
  CHECK(message_of<ShapeError>([] { cross_attention(heads(), {.heads = {.only = {3}}}); }) ==
        "filter: head 3 of 3");
  CHECK(message_of<ValueError>([] {
          cross_attention(heads(), {.heads = {.only = {0, 0}}});
        }) == "filter: head 0 twice");
  std::vector<Eigen::MatrixXd> maps = heads();
  maps[1].resize(3, 2);
  CHECK(message_of<ShapeError>([&] { cross_attention(maps); }) == "head 1 is 3 x 2, head 0 is 2 x 3");
}
