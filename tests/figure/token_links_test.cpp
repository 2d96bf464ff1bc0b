#include <attnscope/figure/token_links.hpp>

#include <limits>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

const std::vector<std::string> three{"the", "cat", "sat"}, two{"die", "Katze"};

/// Where the path of link n begins and ends.
struct Ends {
  Point from, to;
};
Ends ends(const std::string& svg, std::size_t n) {
  const std::string data = read_svg::between(read_svg::elements(svg, "path").at(n), " d=\"", "\"");
  Ends e;
  REQUIRE(std::sscanf(data.c_str(), "M%lf %lfL%lf %lf", &e.from.x, &e.from.y, &e.to.x, &e.to.y) == 4);
  return e;
}

}  // namespace

TEST_CASE("token links: a line ends beside its two tokens") {
  const std::string svg = token_links(three, two, {{2, 1, .5}, {0, 0, 3}});
  const std::vector<read_svg::Text> texts = read_svg::texts(svg, text_width);
  const auto box = [&](const std::string& word) {
    for (const read_svg::Text& text : texts)
      if (text.words == word) return text.box;
    FAIL("no text " + word);
    return Box{};
  };
  const Ends line = ends(svg, 0);
  CHECK(line.from.y == box("sat").centre().y);
  CHECK(line.to.y == box("Katze").centre().y);
  CHECK(line.from.x > box("sat").right());
  CHECK(line.to.x < box("Katze").left);
  CHECK(line.from.x < line.to.x);
  const std::vector<std::string> lines = read_svg::elements(svg, "path");
  CHECK(read_svg::attribute(lines[0], "stroke-opacity") == .5);
  CHECK(count(lines[1], "stroke-opacity") == 0);
  CHECK(count(svg, "<title>sat \u2013 Katze: 0.5</title>") == 1);
  CHECK(count(svg, "3 tokens to the left, 2 to the right, 2 links.") == 1);
}

TEST_CASE("token links: nothing overlaps or leaves the page, whatever the tokens") {
  const std::vector<std::string> wide(30, "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW"),
      hostile{"<script>", "\xff", "\u202e", "", std::string(10000, 'x')};
  for (const auto& left : {three, wide, hostile, std::vector<std::string>{}})
    for (const auto& right : {two, wide, hostile, std::vector<std::string>{}})
      for (const std::string title :
           {"", "a title that is a good deal longer than both columns and the room between"}) {
        const std::string svg = token_links(
            left, right, {}, {.title = title, .kinds = {{"right"}, {"wrong", {213, 94, 0}, true}}});
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(count(svg, "<script>") == 0);
        CHECK(svg.size() < 30000);
      }
}

TEST_CASE("token links: kinds have their colour, their dashes and a legend") {
  const TokenLinksOptions options{.high = 2, .kinds = {{"right"}, {"wrong", {213, 94, 0}, true}}};
  const std::string svg = token_links(three, two, {{0, 0, 1, 0}, {1, 1, 1, 1}}, options);
  const std::vector<std::string> lines = read_svg::elements(svg, "path");
  REQUIRE(lines.size() == 4);
  CHECK(count(lines[0], "#0072b2") == 1);
  CHECK(count(lines[0], "stroke-opacity=\"0.5\"") == 1);
  CHECK(count(lines[1], "#d55e00") == 1);
  CHECK(count(lines[1], "stroke-dasharray") == 1);
  CHECK(count(svg, ">wrong</text>") == 1);
  CHECK(count(svg, ">opaque: 2</text>") == 1);
  CHECK(count(token_links(three, two, {{0, 0, 3}}, options), ">opaque: 2 and more</text>") == 1);
  CHECK(count(token_links(three, two, {{0, 0}}), "opaque:") == 0);
  CHECK(count(token_links(three, two, {{0, 0}}), ">right</text>") == 0);
}

TEST_CASE("alignment links: found, wrong and missed ones are told apart where there is gold") {
  struct Linked {
    std::ptrdiff_t target = 0, source = 0;
    double confidence = 1;
  };
  struct Gold {
    std::vector<Linked> sure, possible;
  };
  const std::vector<Linked> found{{0, 0, .5}, {1, 1, .25}, {0, 2, 1}};
  const Gold gold{{{0, 0}, {1, 2}}, {{1, 1}}};
  const std::string svg = alignment_links(three, two, found, gold, AlignmentLinksOptions{.title = "x"});
  const auto line = [&](const std::string& title) {
    for (const std::string& path : read_svg::elements(svg, "path"))
      if (count(path, "<title>" + title) == 1) return path;
    FAIL("no line " + title);
    return std::string();
  };
  const std::string right = hex(category_colour(0)), wrong = hex(category_colour(1));
  CHECK(count(line("the \u2013 die: 0.5"), right) == 1);
  CHECK(count(line("cat \u2013 Katze: 0.25"), right) == 1);  // possible
  CHECK(count(line("sat \u2013 die: 1"), wrong) == 1);
  CHECK(count(line("sat \u2013 Katze: 1"), hex(theme_colours(Theme::light).line)) == 1);  // missed
  CHECK(count(svg, "<title>") == 5);
  CHECK(count(svg, ">gold, not found</text>") == 1);
  const std::string plain = alignment_links(three, two, found);
  CHECK(count(plain, wrong) == 0);
  CHECK(count(plain, "<title>") == 4);
  CHECK(count(plain, "gold") == 0);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("token links: what cannot be drawn is named") {
  CHECK_THROWS_WITH(token_links(three, two, {{0, 0}, {3, 0}}), "link 1: left token 3 of 3");
  CHECK_THROWS_WITH(token_links(three, two, {{0, -1}}), "link 0: right token -1 of 2");
  CHECK_THROWS_WITH(token_links(three, two, {{0, 0, 1, 1}}), "link 0: kind 1 of 1");
  CHECK_THROWS_WITH(token_links(three, two, {{0, 0, -1}}), "link 0: the weight is -1");
  CHECK_THROWS_WITH(token_links(three, two, {{0, 0, std::numeric_limits<double>::quiet_NaN()}}),
                    "link 0: the weight is nan");
  CHECK_THROWS_WITH(token_links(three, two, {}, {.high = 0}), "high = 0 is not above 0");
}
