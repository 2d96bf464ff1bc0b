#include <attnscope/figure/head_scatter.hpp>

#include <random>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

/// Where a mark with this title begins: circles and squares differ by a constant from their middle.
Point mark(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) {
      Point at;
      REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lf", &at.x, &at.y) == 2);
      return at;
    }
  FAIL("no mark " + title);
  return {};
}
std::string fill(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) return read_svg::between(path, "fill=\"", "\"");
  return "none";
}

}  // namespace

TEST_CASE("head scatter: distances are to scale in both directions") {
  Eigen::MatrixXd points(3, 2);
  points << 0, 0, 3, 0, 0, -1;
  const std::string svg = head_scatter(points, {.names = {"a", "b", "c"}});
  const Point a = mark(svg, "a"), b = mark(svg, "b"), c = mark(svg, "c");
  CHECK(b.x > a.x);
  CHECK(c.y > a.y);  // downwards
  CHECK(std::abs((b.x - a.x) / (c.y - a.y) - 3) < .01);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("head scatter: a role has its colour, its place in the legend and its count") {
  const Eigen::MatrixXd points = Eigen::MatrixXd::Random(5, 2);
  HeadScatterOptions options{.names = {"0.0", "0.1", "1.0", "1.1", "1.2"},
                             .roles = {"none", "broad", "next token", "broad", "broad"}};
  const std::string svg = head_scatter(points, options);
  CHECK(count(svg, ">broad (3)</text>") == 1);
  CHECK(count(svg, ">next token (1)</text>") == 1);
  CHECK(count(svg, ">none (1)</text>") == 1);
  CHECK(fill(svg, "0.1: broad") == hex(category_colour(0)));
  CHECK(fill(svg, "1.2: broad") == hex(category_colour(0)));
  CHECK(fill(svg, "1.0: next token") == hex(category_colour(1)));
  CHECK(fill(svg, "0.0: none") == hex(theme_colours(Theme::light).line));
  // The same colours in another figure, where a role does not occur or comes first.
  options.role_order = {"induction", "next token"};
  const std::string ordered = head_scatter(points, options);
  CHECK(fill(ordered, "1.0: next token") == hex(category_colour(1)));
  CHECK(fill(ordered, "0.1: broad") == hex(category_colour(2)));
  CHECK(count(ordered, "induction") == 0);
}

TEST_CASE("head scatter: names that have no room are counted") {
  Eigen::MatrixXd points = Eigen::MatrixXd::Zero(30, 2);
  const std::vector<std::string> names(30, "12.12");
  const std::string svg = head_scatter(points, {.names = names});
  const std::size_t drawn = count(svg, ">12.12</text>");
  CHECK(drawn >= 4);
  CHECK(drawn <= 8);
  CHECK(count(svg, fmt::format("{} of 30 heads have no room for their names", 30 - drawn)) == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("head scatter: whatever the names, the roles, the number of heads and the theme") {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const Eigen::Index heads : {1, 2, 40, 384}) {
      const Eigen::MatrixXd points = Eigen::MatrixXd::NullaryExpr(heads, 2, [&] { return normal(random); });
      const std::vector<std::string> words = read_svg::hostile_tokens(static_cast<std::size_t>(heads));
      const HeadScatterOptions options{.title = words[0], .names = words, .roles = words, .theme = theme};
      const std::string svg = head_scatter(points, options);
      CHECK(read_svg::misplaced(svg) == "");
      CHECK(read_svg::malformed(svg) == "");
      CHECK(svg == head_scatter(points, options));
    }
}

TEST_CASE("head scatter: what cannot be drawn is named") {
  Eigen::MatrixXd points = Eigen::MatrixXd::Zero(2, 2);
  CHECK_THROWS_WITH(head_scatter(Eigen::MatrixXd(0, 2)), "a map of heads is [head x 2], not 0 x 2");
  CHECK_THROWS_WITH(head_scatter(Eigen::MatrixXd(2, 3)), "a map of heads is [head x 2], not 2 x 3");
  CHECK_THROWS_WITH(head_scatter(points, {.names = {"a"}}), "1 head names for 2");
  CHECK_THROWS_WITH(head_scatter(points, {.roles = {"a", "b", "c"}}), "3 roles for 2");
  for (const double side : {0., -100., 39., 1e300, std::nan("")})
    CHECK_THROWS_WITH(head_scatter(points, {.side = side}),
                      fmt::format("a side of {} px is not 40 to 10000", side));
  points(1, 0) = 1e308;
  CHECK_THROWS_AS(head_scatter(points), ValueError);
  points(0, 0) = -1e308;
  CHECK_THROWS_AS(head_scatter(points), ValueError);
  points.setZero();
  points(0, 1) = 1e299;
  CHECK(read_svg::malformed(head_scatter(points, {.side = 40})) == "");
  points(1, 0) = std::nan("");
  CHECK_THROWS_WITH(head_scatter(points), "head 1 lies at nan, 0");
}
