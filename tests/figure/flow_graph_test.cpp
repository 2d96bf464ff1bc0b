#include <attnscope/figure/flow_graph.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

std::string edge(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) return path;
  return "no edge " + title;
}
struct Ends {
  Point from, to;
};
Ends ends(const std::string& path) {
  Ends e;
  REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lfL%lf %lf", &e.from.x,
                      &e.from.y, &e.to.x, &e.to.y) == 4);
  return e;
}

const std::vector<Eigen::MatrixXd>& two_layers() {
  static const std::vector<Eigen::MatrixXd> layers = [] {
    Eigen::MatrixXd lower(2, 2), upper(2, 2);
    lower << 1, 0, .25, .75;
    upper << .5, .5, .01, .99;
    return std::vector<Eigen::MatrixXd>{lower, upper};
  }();
  return layers;
}

}  // namespace

TEST_CASE("flow graph: the top layer is to the left, and an edge leads from upper to lower token") {
  const std::string svg = flow_graph(two_layers(), {.tokens = {"a", "b"}, .layers = {3, 7}});
  const Ends upper = ends(edge(svg, "layer 7: a \u2013 b: 0.5")),
             lower = ends(edge(svg, "layer 3: b \u2013 a: 0.25"));
  CHECK(upper.from.x < upper.to.x);
  CHECK(upper.to.x == lower.from.x);
  CHECK(upper.to.y == lower.from.y);  // token b of the level between
  CHECK(lower.to.y == upper.from.y);  // token a
  CHECK(upper.to.y > upper.from.y);
  CHECK(count(svg, ">widest: 1; 1 edges below 0.02 are left out</text>") == 1);
  CHECK(count(flow_graph(two_layers(), {.high = .5}), "widest: 0.5 and more") == 1);
  CHECK(edge(svg, "layer 7: b \u2013 a: 0.01") == "no edge layer 7: b \u2013 a: 0.01");
  CHECK(count(svg, "2 layers, 2 tokens, 6 edges, 0 of them marked") == 1);
  CHECK(read_svg::attribute(edge(svg, "layer 3: a \u2013 a: 1"), "stroke-width") == 3.6);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("flow graph: marked edges have a colour of their own, however small they are") {
  struct Cut {
    std::ptrdiff_t layer, from, to;
    double capacity;
  };
  const std::vector<Cut> cut{{1, 1, 0, .01}, {0, 1, 0, .25}};
  const std::string svg = flow_graph(two_layers(), {.query = 1, .input = 0, .marked = layer_edges(cut)});
  const std::string strong = hex(category_colour(1));
  CHECK(count(edge(svg, "layer 1: 1 \u2013 0: 0.01"), strong) == 1);
  CHECK(count(edge(svg, "layer 0: 1 \u2013 0: 0.25"), strong) == 1);
  CHECK(count(edge(svg, "layer 1: 0 \u2013 1: 0.5"), strong) == 0);
  CHECK(count(svg, ">minimum cut</text>") == 1);
  CHECK(count(svg, "left out") == 0);
  CHECK(count(svg, "a3.8 3.8 0 1 0") == 4);  // rings around query and input, two arcs each
}

TEST_CASE("flow graph: the area of a dot is its share") {
  Eigen::MatrixXd shares(3, 2);
  shares << 1, .25, 0, 1, 0, 0;
  const std::string svg = flow_graph(two_layers(), {.shares = shares});
  CHECK(count(svg, "a9 9 0 1 0 18 0") == 2);
  CHECK(count(svg, "a4.5 4.5 0 1 0 9 0") == 1);
  CHECK(count(svg, "a0.72 0.72 0 1 0 1.44 0") == 3);
  CHECK(count(svg, "the area of a dot is the share of its token") == 1);
  CHECK(count(flow_graph(two_layers()), "the area of a dot") == 0);
  for (const double bad : {-5., 50., std::nan(""), 1. / 0.}) {
    shares(2, 1) = bad;
    CHECK_THROWS_WITH(flow_graph(two_layers(), {.shares = shares}),
                      fmt::format("level 2, token 1: a share of {} is not 0 to 1", bad));
  }
}

TEST_CASE("flow graph: whatever the tokens, their number and the theme") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const Eigen::Index size : {1, 15, 300})
      for (const std::size_t depth : {1u, 24u}) {
        const std::vector<Eigen::MatrixXd> layers(depth, Eigen::MatrixXd::Identity(size, size));
        const FlowGraphOptions options{.title = std::string(10000, 'W'),
                                       .tokens = read_svg::hostile_tokens(static_cast<std::size_t>(size)),
                                       .query = size - 1,
                                       .input = 0,
                                       .marked = {{0, 0, 0}},
                                       .marked_name = "<cut>",
                                       .theme = theme};
        const std::string svg = flow_graph(layers, options);
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg == flow_graph(layers, options));
      }
  CHECK(read_svg::malformed(flow_graph({Eigen::MatrixXd::Zero(2, 2)})) == "");
}

TEST_CASE("flow graph: what cannot be drawn is named") {
  std::vector<Eigen::MatrixXd> layers = two_layers();
  CHECK_THROWS_WITH(flow_graph({}), "a graph of no layers or no tokens");
  CHECK_THROWS_WITH(flow_graph({Eigen::MatrixXd(0, 0)}), "a graph of no layers or no tokens");
  CHECK_THROWS_WITH(flow_graph(layers, {.tokens = {"a"}}), "1 tokens for 2");
  CHECK_THROWS_WITH(flow_graph(layers, {.layers = {1}}), "1 layer numbers for 2");
  CHECK_THROWS_WITH(flow_graph(layers, {.query = 2}), "query 2 of 2 tokens");
  CHECK_THROWS_WITH(flow_graph(layers, {.input = -1}), "input -1 of 2 tokens");
  CHECK_THROWS_WITH(flow_graph(layers, {.marked = {{2, 0, 0}}}),
                    "marked edge 0: layer 2, from 0 to 0, of 2 layers and 2 tokens");
  CHECK_THROWS_WITH(flow_graph(layers, {.shares = Eigen::MatrixXd::Zero(2, 2)}),
                    "shares are 2 x 2, not 3 levels x 2 tokens");
  CHECK_THROWS_WITH(flow_graph(layers, {.least_weight = -1}), "least_weight = -1 is below 0");
  CHECK_THROWS_WITH(flow_graph(layers, {.high = 0}), "high = 0 is not above 0");
  layers[1](0, 1) = std::nan("");
  CHECK_THROWS_WITH(flow_graph(layers), "layer 1, row 0, column 1: the weight is nan");
  layers[1] = Eigen::MatrixXd::Zero(3, 3);
  CHECK_THROWS_WITH(flow_graph(layers), "layer 1 is 3 x 3, not 2 x 2");
}
