#include <attnscope/figure/caption.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

TEST_CASE("caption: an empty one takes no height and draws nothing") {
  Svg svg;
  detail::Caption{"", {.size = 20}}.draw(svg, {1, 2});
  CHECK(detail::Caption{"", {.size = 20}}.height() == 0);
  CHECK(read_svg::elements(svg.document({}), "text").empty());
}

TEST_CASE("caption: a bold one is given more room") {
  const detail::Caption plain{"words", {.size = 10}}, bold{"words", {.size = 10, .bold = true}};
  CHECK(plain.height() == 17);
  CHECK(plain.width() >= text_width("words", 10));
  CHECK(bold.width() > plain.width());
}
