#include <attnscope/figure/hover.hpp>

#include <string>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("hover: each cell has its names and its number, where it lies") {
  Eigen::MatrixXd map(2, 3);
  map << 0, 0.25, 1. / 3, -1, std::nan(""), 2;
  Svg svg;
  draw_hover(svg, map, {10, 20, 60, 80}, {"▁a", "<b>"}, {"x", "y", "z"});
  const std::string document = svg.document({});
  CHECK_THAT(document,
             ContainsSubstring("pointer-events=\"all\" transform=\"translate(10 20) scale(20 40)\""));
  CHECK_THAT(document, ContainsSubstring("<path d=\"M2 0h1v1h-1z\"><title>·a – z: 0.333</title></path>"));
  CHECK_THAT(document, ContainsSubstring("<path d=\"M0 1h1v1h-1z\"><title>&lt;b&gt; – x: -1</title></path>"));
  CHECK_THAT(document, ContainsSubstring("&lt;b&gt; – y: nan"));
  CHECK(read_svg::elements(document, "path").size() == 6);
  CHECK(read_svg::malformed(document) == "");
}
