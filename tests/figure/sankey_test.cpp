#include <attnscope/figure/sankey.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

std::string path_of(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) return path;
  FAIL("no band " + title);
  return {};
}
/// Upper left, upper right and lower right corner of a band.
struct Band {
  Point from, to, below;
};
Band band(const std::string& svg, const std::string& title) {
  Band b;
  Point skip;
  const std::string data = read_svg::between(path_of(svg, title), " d=\"", "\"");
  REQUIRE(std::sscanf(data.c_str(), "M%lf %lfC%lf %lf %lf %lf %lf %lfL%lf %lf", &b.from.x, &b.from.y, &skip.x,
                      &skip.y, &skip.x, &skip.y, &b.to.x, &b.to.y, &b.below.x, &b.below.y) == 10);
  return b;
}
struct Bar {
  double left, top, width, height;
};
Bar bar(const std::string& svg, const std::string& title) {
  Bar b;
  REQUIRE(std::sscanf(read_svg::between(path_of(svg, title), " d=\"", "\"").c_str(), "M%lf %lfh%lfv%lf",
                      &b.left, &b.top, &b.width, &b.height) == 4);
  return b;
}

/// Token 1 takes .6 from token 0 and .3 from itself, .1 is dropped.
SankeyGraph small_graph() {
  return {{{0, 1, 1, .1}, {1, 0, .6, 0}, {1, 1, .3, 0}}, {{0, 1, 0, .6, 0}, {0, 1, 1, .3, 0}}};
}

}  // namespace

TEST_CASE("sankey: bars and bands are as high as their shares, and lie beside each other") {
  const std::string svg = sankey(small_graph(), {.tokens = {"a", "b"}, .height = 200});
  const Bar start = bar(svg, "b: 1"), upper = bar(svg, "a: 0.6"), lower = bar(svg, "b: 0.3");
  CHECK(start.height == 200);
  CHECK(upper.height == 120);
  CHECK(lower.height == 60);
  CHECK(lower.top >= upper.top + upper.height);
  const Band first = band(svg, "b \u2013 a: 0.6"), second = band(svg, "b \u2013 b: 0.3");
  CHECK(first.from.x == start.left + start.width);
  CHECK(first.from.y == start.top);
  CHECK(first.to.x == upper.left);
  CHECK(first.to.y == upper.top);
  CHECK(std::abs(first.below.y - first.to.y - 120) < .02);
  CHECK(std::abs(second.from.y - first.from.y - 120) < .02);
  CHECK(second.to.y == lower.top);
  // What is dropped is a tip below the bands.
  Point tip;
  REQUIRE(std::sscanf(
              read_svg::between(path_of(svg, "b: 0.1 to tokens that are not drawn"), " d=\"", "\"").c_str(),
              "M%lf %lf", &tip.x, &tip.y) == 2);
  CHECK(std::abs(tip.y - start.top - 180) < .02);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("sankey: the graph of a flow through layers begins with its query") {
  struct Node {
    std::ptrdiff_t level, token;
    double share, dropped;
  };
  struct Link {
    std::ptrdiff_t layer, from, to;
    double share;
  };
  struct {
    std::vector<Node> nodes{{2, 5, 1, 0}, {1, 4, .75, .25}, {1, 5, .25, 0}, {0, 4, .75, 0}};
    std::vector<Link> links{{1, 5, 4, .75}, {1, 5, 5, .25}, {0, 4, 4, .5}, {0, 5, 4, .25}};
  } const flow;
  const SankeyGraph graph = flow_sankey(flow);
  REQUIRE(graph.nodes.size() == 4);
  CHECK(graph.nodes[0].step == 0);
  CHECK(graph.nodes[3].step == 2);
  CHECK(graph.nodes[1].dropped == .25);
  CHECK(graph.links[0].step == 0);
  CHECK(graph.links[3].step == 1);
  CHECK(graph.links[3].from == 5);
  CHECK(count(sankey(graph), "4 tokens in 3 steps, 4 links") == 1);
}

TEST_CASE("sankey: the heads of one layer share a token alike, each in its colour") {
  struct Target {
    std::ptrdiff_t key;
    double weight;
  };
  struct {
    std::vector<std::vector<Target>> heads{{{3, .5}, {0, .25}}, {{3, .5}}};
    Eigen::Vector2d dropped{.25, .5};
  } const targets;
  const SankeyGraph graph = head_sankey(targets, 7);
  REQUIRE(graph.nodes.size() == 3);
  CHECK(graph.nodes[0].token == 7);
  CHECK(graph.nodes[0].share == 1);
  CHECK(graph.nodes[0].dropped == .375);
  CHECK(graph.nodes[2].token == 3);
  CHECK(graph.nodes[2].share == .5);
  const std::string svg = sankey(graph, {.kinds = {"head 0", "head 1"}});
  CHECK(count(path_of(svg, "head 0: 7 \u2013 3: 0.25"), hex(category_colour(0))) == 1);
  CHECK(count(path_of(svg, "head 1: 7 \u2013 3: 0.25"), hex(category_colour(1))) == 1);
  CHECK(count(svg, ">head 1</text>") == 2);  // in the legend, and on a band of 80 px
  // Two bands arrive at key 3, one below the other.
  CHECK(std::abs(band(svg, "head 1: 7 \u2013 3: 0.25").to.y - band(svg, "head 0: 7 \u2013 3: 0.25").below.y) <
        .02);
}

TEST_CASE("sankey: labels never overlap, whatever the tokens, their number and the theme") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const std::ptrdiff_t tokens : {1, 15, 40, 41, 500})
      for (const std::ptrdiff_t steps : {1, 2, 12}) {
        SankeyGraph graph;
        const double share = 1 / static_cast<double>(tokens);
        for (std::ptrdiff_t s = 0; s <= steps; ++s)
          for (std::ptrdiff_t t = 0; t < tokens; ++t) {
            graph.nodes.push_back({s, t, share, s < steps ? share / 2 : 0});
            if (s < steps)
              graph.links.push_back({s, t, tokens - 1 - t, share / 2, static_cast<std::size_t>(t % 12)});
          }
        const SankeyOptions options{
            .title = "<b>",
            .tokens = read_svg::hostile_tokens(static_cast<std::size_t>(tokens)),
            .step_titles = read_svg::hostile_tokens(static_cast<std::size_t>(steps) + 1),
            .kinds = read_svg::hostile_tokens(12),
            .theme = theme};
        const std::string svg = sankey(graph, options);
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg == sankey(graph, options));
      }
}

TEST_CASE("sankey: words on bands have a ground of their own, painted after all bands") {
  SankeyGraph graph;
  for (std::ptrdiff_t s = 0; s < 3; ++s)
    for (std::ptrdiff_t t = 0; t < 2; ++t) {
      graph.nodes.push_back({s, t, .5, 0});
      if (s < 2) graph.links.push_back({s, t, 1 - t, .5, static_cast<std::size_t>(t)});
    }
  const std::string svg = sankey(graph, {.tokens = {"harpsichord", "b"}, .kinds = {"head 3", "head 7"}});
  const std::size_t last_band = svg.rfind("fill-opacity=\"0.7\"");
  std::size_t plates = 0;
  for (std::size_t at = svg.find("fill=\"#ffffff\" fill-opacity=\"0.8\""); at != std::string::npos;
       at = svg.find("fill=\"#ffffff\" fill-opacity=\"0.8\"", at + 1)) {
    CHECK(at > last_band);
    ++plates;
  }
  CHECK(plates == 8);  // two words in each of two steps, four bands
  // The plate of a word lies under the word.
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (text.words == "harpsichord" && text.box.left > 100)
      CHECK(count(svg,
                  fmt::format("M{} {}h{}v{}h", svg_number(text.box.left - 1), svg_number(text.box.top - .5),
                              svg_number(text.box.width + 2), svg_number(11))) == 1);
  CHECK(count(svg, ">head 7</text>") == 3);  // on two bands, and in the legend
  CHECK(read_svg::misplaced(svg) == "");
  // Kinds differ by the dashes along the middle of their bands, and in the legend, as well.
  CHECK(count(svg, fmt::format("stroke-dasharray=\"{}\"", category_dashes(1))) == 3);
  const Band first = band(svg, "head 3: harpsichord \u2013 b: 0.5");
  const double middle = first.from.y + (first.below.y - first.to.y) / 2;
  CHECK(count(svg, fmt::format("<path d=\"M{} {}C", svg_number(first.from.x), svg_number(middle))) == 1);
  CHECK(count(sankey(small_graph()), "stroke-width=\"1\"") == 0);
  SankeyGraph thin = small_graph();
  thin.links[1].kind = 1;
  const std::string low = sankey(thin, {.kinds = {"head 3", "head 7"}, .height = 20});
  CHECK(count(low, ">head 3</text>") == 2);  // a band of 12 px
  CHECK(count(low, ">head 7</text>") == 1);  // one of 6 px
}

TEST_CASE("sankey: a token that nothing arrives at") {
  CHECK(read_svg::malformed(sankey({{{0, 0, 0, 0}}, {}})) == "");
}

TEST_CASE("sankey: what cannot be drawn is named") {
  SankeyGraph graph = small_graph();
  CHECK_THROWS_WITH(sankey({}), "a Sankey figure of no tokens");
  CHECK_THROWS_WITH(sankey(graph, {.height = 1}), "a height of 1 px is not 10 to 10000");
  CHECK_THROWS_WITH(sankey(graph, {.step_titles = {"a"}}), "1 titles for 2 steps");
  CHECK_THROWS_WITH(sankey(graph, {.tokens = {"a"}}), "node 0: token 1 of 1 labels");
  CHECK_THROWS_WITH(sankey(graph, {.tokens = {"a", "b"}, .query_tokens = {"c"}}),
                    "node 0: token 1 of 1 labels");
  graph.links[1].kind = 2;
  CHECK_THROWS_WITH(sankey(graph, {.kinds = {"a", "b"}}), "link 1: kind 2 of 2");
  graph.links[1].kind = 0;
  graph.links.push_back({0, 1, 7, .05, 0});
  CHECK_THROWS_WITH(sankey(graph), "link 2: token 1 of step 0 or token 7 of step 1 is not there");
  graph.links.back() = {0, 1, 0, .05, 0};
  CHECK_THROWS_WITH(sankey(graph), "node 0: 1 arrives, but 1.05 leaves");
  graph.links.back().share = std::nan("");
  CHECK_THROWS_WITH(sankey(graph), "link 2: its share is nan");
  graph = small_graph();
  graph.nodes.push_back({1, 0, .1, 0});
  CHECK_THROWS_WITH(sankey(graph), "node 3: token 0 of step 1 stands twice");
  graph.nodes.back() = {1'000'000'000, 0, .1, 0};
  CHECK_THROWS_WITH(sankey(graph), "step 1000000000 of 4 tokens");
  graph.nodes.back() = {-1, 0, .1, 0};
  CHECK_THROWS_WITH(sankey(graph), "node 3: step -1, token 0");
  graph.nodes.back() = {1, 5, -1, 0};
  CHECK_THROWS_WITH(sankey(graph), "node 3: its share is -1, 0 of it dropped");
}
