#include <attnscope/figure/token_columns.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

TEST_CASE("token columns: a token's name is in the row, beside the first and the last column") {
  TokenColumns columns(
      {.left = {"a", "b", "c"}, .right = {"x", "y"}, .columns = 4, .between = 70, .right_strip = 30});
  CHECK(columns.x(3) - columns.x(0) == 210);
  CHECK(columns.y(1) - columns.y(0) == 20);
  const Point left = columns.at(0, 2), right = columns.at(3, 1);
  const std::string svg = columns.document({}, "", "fallback", "");
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) {
    if (text.words == "c") {
      CHECK(text.box.centre().y == left.y);
      CHECK(text.box.right() < left.x);
    }
    if (text.words == "y") {
      CHECK(text.box.centre().y == right.y);
      CHECK(text.box.left > right.x + 30);
    }
  }
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("token columns: rows become lower, then every k-th is named") {
  for (const std::size_t rows : {1u, 60u, 61u, 500u, 5000u}) {
    TokenColumns columns({.left = std::vector<std::string>(rows, "token"), .right = {"x"}});
    const double height = columns.y(static_cast<std::ptrdiff_t>(rows) - 1) - columns.y(0);
    CHECK(height <= std::max(1200., static_cast<double>(rows)));
    const std::string svg = columns.document({}, "", "", "");
    CHECK(read_svg::misplaced(svg) == "");
    CHECK(count(svg, ">token</text>") == (rows == 1 ? 1u : rows <= 61 ? rows : rows == 500 ? 125u : 500u));
  }
}

TEST_CASE("token columns: titles of gaps that have no room are left out") {
  const auto draw = [](const std::string& gap) {
    return TokenColumns(
               {.left = {"a"}, .right = {"b"}, .gap_titles = {gap, gap, gap}, .columns = 4, .between = 60})
        .document({}, "", "", "");
  };
  CHECK(count(draw("layer 1"), ">layer 1</text>") == 3);
  CHECK(count(draw("much too wide a title"), "much") == 0);
  CHECK(read_svg::misplaced(draw("layer 1")) == "");
}

TEST_CASE("token columns: whatever the words") {
  for (const std::string& words : read_svg::hostile_tokens())
    for (const std::vector<std::string>& tokens :
         {std::vector<std::string>{}, read_svg::hostile_tokens(15), read_svg::hostile_tokens(500)}) {
      TokenColumns columns({.title = words,
                            .left_title = words,
                            .right_title = words,
                            .left = tokens,
                            .right = tokens,
                            .gap_titles = {words, words},
                            .columns = 3,
                            .between = 60,
                            .theme = Theme::dark});
      const std::string svg = columns.document(Legend({{words}}), words, "", words);
      CHECK(read_svg::misplaced(svg) == "");
      CHECK(read_svg::malformed(svg) == "");
    }
}
