#include <attnscope/figure/attribution_scatter.hpp>

#include <random>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

Point dot(const std::string& svg, const std::string& token) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + token + ": ") == 1) {
      double x = 0, y = 0, radius = 0;
      REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lfa%lf", &x, &y, &radius) ==
              3);
      return {x + radius, y};
    }
  FAIL("no dot " + token);
  return {};
}

}  // namespace

TEST_CASE("attribution scatter: ranks count from the largest, equal numbers share theirs") {
  const Eigen::Vector4d numbers(.5, 2, .5, -1);
  const std::string svg = attribution_scatter(numbers, -numbers, {.tokens = {"a", "b", "c", "d"}});
  CHECK(count(svg, "<title>a: 0.5, rank 2.5; -0.5, rank 2.5</title>") == 1);
  CHECK(count(svg, "<title>b: 2, rank 1; -2, rank 4</title>") == 1);
  CHECK(count(svg, "<title>d: -1, rank 4; 1, rank 1</title>") == 1);
}

TEST_CASE("attribution scatter: attention to the right, attribution upwards, titles with both ranks") {
  const Eigen::Vector3d attention(.1, .6, .3), attribution(5, 1, 3);
  const std::string svg = attribution_scatter(attention, attribution, {.tokens = {"a", "b", "c"}});
  CHECK(count(svg, "<title>b: 0.6, rank 1; 1, rank 3</title>") == 1);
  const Point a = dot(svg, "a"), b = dot(svg, "b"), c = dot(svg, "c");
  CHECK(std::abs((c.x - a.x) / (b.x - a.x) - .4) < .001);
  CHECK(std::abs((c.y - b.y) / (a.y - b.y) - .5) < .001);
  CHECK(a.y < b.y);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("attribution scatter: by rank, equal ranks lie on the dashed line") {
  const Eigen::Vector4d attention(.9, .05, .03, .02), attribution(40, 30, 2, 1);
  const std::string svg =
      attribution_scatter(attention, attribution, {.tokens = {"a", "b", "c", "d"}, .ranks = true});
  std::string diagonal;
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "equal ranks") == 1) diagonal = read_svg::between(path, " d=\"", "\"");
  Point from, to;
  REQUIRE(std::sscanf(diagonal.c_str(), "M%lf %lfL%lf %lf", &from.x, &from.y, &to.x, &to.y) == 4);
  for (const std::string token : {"a", "b", "c", "d"}) {
    const Point at = dot(svg, token);
    const double along = (at.x - from.x) / (to.x - from.x);
    CHECK(std::abs(from.y + along * (to.y - from.y) - at.y) < .05);
  }
  CHECK(dot(svg, "a").x > dot(svg, "b").x);  // rank 1 at the far end
  CHECK(std::abs((dot(svg, "a").x - dot(svg, "b").x) - (dot(svg, "c").x - dot(svg, "d").x)) < .02);
  CHECK(count(svg, "attention, rank") == 1);
}

TEST_CASE("attribution scatter: the numbers of an axis are ranks that exist") {
  for (const Eigen::Index tokens : {1, 2, 34, 39, 100}) {
    const Eigen::VectorXd numbers = Eigen::VectorXd::LinSpaced(tokens, 0, 1);
    std::size_t ranks = 0;
    for (const read_svg::Text& text :
         read_svg::texts(attribution_scatter(numbers, numbers, {.ranks = true}), text_width)) {
      const double rank = read_svg::number(text.words);
      if (text.words.find("rank") != std::string::npos) continue;
      ++ranks;
      CHECK(rank >= 1);
      CHECK(rank <= static_cast<double>(tokens));
    }
    CHECK(ranks >= 2);
  }
}

TEST_CASE("attribution scatter: numbers that differ by rounding stay on the page") {
  const Eigen::Vector2d close(1e6, 1e6 + 1e-9), near(1e6, 1e6 + 1e-5);
  CHECK(read_svg::misplaced(attribution_scatter(close, near)) == "");
  CHECK(read_svg::misplaced(attribution_scatter(near, close)) == "");
}

TEST_CASE("attribution scatter: the best ranked are labelled first, the rest are counted") {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform;
  const Eigen::VectorXd attention = Eigen::VectorXd::NullaryExpr(500, [&] { return uniform(random); }),
                        attribution = Eigen::VectorXd::NullaryExpr(500, [&] { return uniform(random); });
  std::vector<std::string> tokens;
  for (int i = 0; i < 500; ++i) tokens.push_back(fmt::format("token{}", i));
  const std::string svg = attribution_scatter(attention, attribution, {.tokens = tokens, .note = "tau .01"});
  CHECK(read_svg::misplaced(svg) == "");
  std::size_t drawn = 0;
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    drawn += text.words.starts_with("token");
  CHECK(drawn > 5);
  CHECK(drawn < 400);
  CHECK(count(svg, fmt::format("tau .01; {} of 500 tokens have no room for their labels", 500 - drawn)) == 1);
  // Of ten tokens in one place the best has its label, whatever their order.
  Eigen::VectorXd close = Eigen::VectorXd::Constant(12, .5);
  close(11) = .50001;
  close(0) = 0;
  close(1) = 1;
  tokens.resize(12);
  CHECK(count(attribution_scatter(close, close, {.tokens = tokens}), ">token11</text>") == 1);
}

TEST_CASE("attribution scatter: whatever the tokens") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const bool ranks : {false, true})
      for (const std::size_t count : {1u, 2u, 15u, 500u}) {
        const auto size = static_cast<Eigen::Index>(count);
        const Eigen::VectorXd attention = Eigen::VectorXd::LinSpaced(size, 0, 1),
                              same = Eigen::VectorXd::Zero(size);
        for (const Eigen::VectorXd& attribution : {attention, same}) {
          const AttributionScatterOptions options{.title = std::string(10000, 'W'),
                                                  .tokens = read_svg::hostile_tokens(count),
                                                  .ranks = ranks,
                                                  .theme = theme};
          const std::string svg = attribution_scatter(attention, attribution, options);
          CHECK(read_svg::misplaced(svg) == "");
          CHECK(read_svg::malformed(svg) == "");
          CHECK(svg == attribution_scatter(attention, attribution, options));
        }
      }
}

TEST_CASE("attribution scatter: what cannot be drawn is named") {
  const Eigen::Vector2d two(1, 2);
  CHECK_THROWS_WITH(attribution_scatter(Eigen::VectorXd(), Eigen::VectorXd()),
                    "attention of 0 tokens, attribution of 0");
  CHECK_THROWS_WITH(attribution_scatter(two, Eigen::Vector3d(1, 2, 3)),
                    "attention of 2 tokens, attribution of 3");
  CHECK_THROWS_WITH(attribution_scatter(two, two, {.tokens = {"a"}}), "1 tokens for 2");
  CHECK_THROWS_WITH(attribution_scatter(two, two, {.width = 0}), "a width of 0 px is not 10 to 10000");
  CHECK_THROWS_WITH(attribution_scatter(two, Eigen::Vector2d(1, std::nan(""))),
                    "token 1: the attribution is nan");
  CHECK_THROWS_WITH(attribution_scatter(Eigen::Vector2d(-1. / 0., 1), two), "token 0: the attention is -inf");
}
