#include <attnscope/figure/interval_curves.hpp>

#include <limits>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {
const double unknown = std::numeric_limits<double>::quiet_NaN();

/// The numbers of the paths of this colour, without fill, each path by itself.
std::vector<std::vector<double>> lines(const std::string& svg, const std::string& colour) {
  std::vector<std::vector<double>> found;
  for (const std::string& path : read_svg::elements(svg, "path")) {
    if (count(path, "stroke=\"" + colour) == 0) continue;
    const std::string data = read_svg::between(path, " d=\"", "\"");
    std::vector<double>& numbers = found.emplace_back();
    for (const char* at = data.c_str(); *at != '\0';) {
      char* end = nullptr;
      numbers.push_back(std::strtod(*at == 'M' || *at == 'L' ? at + 1 : at, &end));
      at = end;
    }
  }
  return found;
}
}  // namespace

TEST_CASE("interval curves: an upright bar from end to end at each point, and a line through the points") {
  const std::string svg =
      interval_curves({{"a", {{0, .5, .25, .75}, {1, .25, 0, .5}, {2, 1, .75, 1}}}},
                      {.title = "t", .x_title = "layer", .y_title = "share", .low = 0, .high = 1});
  const auto drawn = lines(svg, hex(category_style(0, Theme::light).colour));
  REQUIRE(drawn.size() == 4);
  const std::vector<double>& line = drawn[3];
  REQUIRE(line.size() == 6);
  for (std::size_t p = 0; p < 3; ++p) {
    CHECK(drawn[p][0] == drawn[p][2]);
    CHECK(drawn[p][0] == line[2 * p]);
  }
  CHECK(std::abs(drawn[0][1] + drawn[0][3] - 2 * line[1]) < .03);                    // .25 and .75 around .5
  CHECK(std::abs((drawn[0][1] - drawn[0][3]) - (drawn[1][1] - drawn[1][3])) < .03);  // each .5 long
  CHECK(std::abs(drawn[2][3] - line[5]) < .03);  // ends at 1, where its point is
  CHECK(count(svg, "<title>a, 0: 0.5 (0.25 to 0.75)</title>") == 1);
  CHECK(count(svg, ">share</text>") == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("interval curves: series stand side by side, and what is undefined is not drawn") {
  const std::string svg =
      interval_curves({{"a", {{0, 1, .5, 2}, {1, unknown, unknown, unknown}, {2, 1, unknown, unknown}}},
                       {"b", {{0, 1, .5, 2}}}},
                      {.y_title = "y", .note = "a note"});
  const auto first = lines(svg, hex(category_style(0, Theme::light).colour)),
             second = lines(svg, hex(category_style(1, Theme::light).colour));
  REQUIRE(first.size() == 2);  // one bar, one broken line
  CHECK(std::abs(second[0][0] - first[0][0] - 4) < .1);
  CHECK(count(svg, "<title>a, ") == 2);
  CHECK(count(svg, ">a note</text>") == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("interval curves: infinite numbers are refused, few points are drawn") {
  CHECK(message_of<ValueError>([] {
          interval_curves({{"a", {{0, 1, 0, INFINITY}}}});
        }) == "a: a number is inf");
  CHECK(read_svg::misplaced(interval_curves({{"a", {{3, 1, 1, 1}}}})) == "");
  CHECK(message_of<ShapeError>([] { interval_curves({{"a", {}}}); }) == "curves of no points");
}
