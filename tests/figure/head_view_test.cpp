#include <attnscope/figure/head_view.hpp>

#include <set>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

/// The titles of the lines that are drawn.
std::set<std::string> lines(const std::string& svg) {
  std::set<std::string> titles;
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>head") == 1) titles.insert(read_svg::between(path, "<title>", "</title>"));
  return titles;
}
std::string path_of(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) return path;
  FAIL("no line " + title);
  return {};
}
using Titles = std::set<std::string>;

Eigen::MatrixXd map_of(Eigen::Index size) {
  return Eigen::MatrixXd::Constant(size, size, 1. / static_cast<double>(size));
}

}  // namespace

TEST_CASE("head view: a line for each weight, as opaque as it is large, a colour for each head") {
  Eigen::MatrixXd first(2, 2), second(2, 2);
  first << .75, .25, 0, 1;
  second << .5, .5, 1, 0;
  const std::string svg = head_view({first, second}, {.query_tokens = {"a", "b"}, .key_tokens = {"x", "y"}});
  CHECK(lines(svg) == Titles{"head 0: a \u2013 x: 0.75", "head 0: a \u2013 y: 0.25", "head 0: b \u2013 y: 1",
                             "head 1: a \u2013 x: 0.5", "head 1: a \u2013 y: 0.5", "head 1: b \u2013 x: 1"});
  const std::string line = path_of(svg, "head 0: a \u2013 y: 0.25"),
                    other = path_of(svg, "head 1: a \u2013 y: 0.5");
  CHECK(read_svg::attribute(line, "stroke-opacity") == .25);
  CHECK(count(line, hex(category_colour(0))) == 1);
  CHECK(count(line, "stroke-dasharray") == 0);
  CHECK(count(other, hex(category_colour(1))) == 1);
  CHECK(count(other, fmt::format("stroke-dasharray=\"{}\"", category_dashes(1))) == 1);
  CHECK(count(svg, ">opaque: 1</text>") == 1);
  CHECK(count(head_view({first}, {.high = .6}), ">opaque: 0.6 and more</text>") == 1);
  // From the row of its query to that of its key, and beside the line of the other head.
  Point from, to, beside;
  REQUIRE(std::sscanf(read_svg::between(line, " d=\"", "\"").c_str(), "M%lf %lfL%lf %lf", &from.x, &from.y,
                      &to.x, &to.y) == 4);
  REQUIRE(std::sscanf(read_svg::between(other, " d=\"", "\"").c_str(), "M%lf %lf", &beside.x, &beside.y) ==
          2);
  CHECK(beside.y - from.y == 2);
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) {
    if (text.words == "a") CHECK(std::abs(text.box.centre().y - from.y) <= 1);
    if (text.words == "y") CHECK(std::abs(text.box.centre().y - to.y) <= 1);
  }
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("head view: chosen heads keep their colours and names") {
  const std::vector<Eigen::MatrixXd> heads(12, map_of(2));
  const std::string svg = head_view(heads, {.heads = {.only = {9, 4}}});
  CHECK(count(svg, ">head 9</text>") == 1);
  CHECK(count(svg, ">head 0</text>") == 0);
  CHECK(lines(svg).size() == 8);
  const std::string line = path_of(svg, "head 9: 0 \u2013 1: 0.5");
  CHECK(count(line, hex(category_colour(9))) == 1);
  CHECK(count(line, "stroke-dasharray") == 1);  // the colours begin again
  CHECK(count(head_view(heads, {.head_names = std::vector<std::string>(12, "7.1")}), ">7.1</text>") == 12);
}

TEST_CASE("head view: one query has lines and a square of each head at each key") {
  Eigen::MatrixXd map = map_of(4);
  const std::string svg = head_view({map, map, map}, {.query = 2});
  CHECK(lines(svg).size() == 12);
  for (const std::string& title : lines(svg)) CHECK(count(title, ": 2 \u2013 ") == 1);
  CHECK(count(svg, "h7v7h-7z") == 12);
  CHECK(count(head_view({map}), "h7v7h-7z") == 0);
  // Above each strip stands which head it is, as well as in the legend.
  const auto strip_names = [&](const HeadViewOptions& options) {
    std::vector<std::string> names;
    const std::string figure = head_view(std::vector<Eigen::MatrixXd>(12, map), options);
    CHECK(read_svg::misplaced(figure) == "");
    CHECK(read_svg::malformed(figure) == "");
    for (const std::string& text : read_svg::elements(figure, "text"))
      if (read_svg::attribute(text, "font-size") == 8)
        names.push_back(read_svg::between(text, ">", "</text>"));
    return names;
  };
  const std::vector<std::string> words(12, "WWWW.11"), short_words(12, "h");
  using Names = std::vector<std::string>;
  CHECK(strip_names({.heads = {.only = {11, 3}}, .query = 2}) == Names{"11", "3"});
  CHECK(strip_names({.head_names = words, .query = 2}) == words);
  CHECK(strip_names({.head_names = short_words, .query = 2}) == short_words);
  CHECK(strip_names(
            {.title = "A title", .query_title = "", .key_title = "", .head_names = words, .query = 2}) ==
        words);
  CHECK(strip_names({}).empty());
}

TEST_CASE("head view: of a pair of sentences the lines from one to the other") {
  Eigen::MatrixXd map = map_of(5);
  const auto shown = [&](SentenceFilter filter) {
    std::set<std::pair<char, char>> pairs;
    for (const std::string& title : lines(head_view({map}, {.sentences = filter, .sentence_boundary = 2})))
      pairs.insert({title[8], title[14]});
    return pairs;
  };
  using Pairs = std::set<std::pair<char, char>>;
  CHECK(shown(SentenceFilter::a_to_a) == Pairs{{'0', '0'}, {'0', '1'}, {'1', '0'}, {'1', '1'}});
  CHECK(shown(SentenceFilter::a_to_b) ==
        Pairs{{'0', '2'}, {'0', '3'}, {'0', '4'}, {'1', '2'}, {'1', '3'}, {'1', '4'}});
  CHECK(shown(SentenceFilter::b_to_a) ==
        Pairs{{'2', '0'}, {'3', '0'}, {'4', '0'}, {'2', '1'}, {'3', '1'}, {'4', '1'}});
  CHECK(shown(SentenceFilter::b_to_b).size() == 9);
  CHECK(shown(SentenceFilter::all).size() == 25);
}

TEST_CASE("head view: tokens that a filter leaves out have no row, and the others keep their names") {
  const std::string svg = head_view({map_of(3)}, {.query_tokens = {"a", "b", "c"},
                                                  .key_tokens = {"x", "y", "z"},
                                                  .queries = {.only = {2}},
                                                  .keys = all_but_first});
  CHECK(lines(svg) == Titles{"head 0: c \u2013 y: 0.333", "head 0: c \u2013 z: 0.333"});
  CHECK(count(svg, ">x</text>") == 0);
  CHECK(count(svg, ">a</text>") == 0);
  // A line ends at the row of its key all the same.
  Point from, to;
  REQUIRE(std::sscanf(read_svg::between(path_of(svg, "head 0: c \u2013 z: 0.333"), " d=\"", "\"").c_str(),
                      "M%lf %lfL%lf %lf", &from.x, &from.y, &to.x, &to.y) == 4);
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) {
    if (text.words == "z") CHECK(text.box.centre().y == to.y);
    if (text.words == "c") CHECK(text.box.centre().y == from.y);
  }
  CHECK(count(svg, "2 of 3 queries are left out; 1 of 3 keys are left out") == 1);
  CHECK_THROWS_WITH(head_view({map_of(3)}, {.queries = {.without = {1}}, .query = 1}),
                    "query 1 is selected, but the filter of queries leaves it out");
}

TEST_CASE("head view: small and undefined weights are counted") {
  Eigen::MatrixXd map(2, 3);
  map << .01, .99, 0, std::nan(""), .005, .05;
  const std::string svg = head_view({map});
  CHECK(lines(svg).size() == 2);
  CHECK(count(svg, "2 weights below 0.02 have no line; 1 weights are undefined") == 1);
  CHECK(count(svg, "nan") == 0);
  CHECK(lines(head_view({map}, {.least_weight = 0})).size() == 4);
}

TEST_CASE("head view: whatever the tokens, their number and the theme") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const Eigen::Index size : {1, 15, 500}) {
      const std::vector<Eigen::MatrixXd> heads(3, Eigen::MatrixXd::Identity(size, size));
      const std::vector<std::string> tokens = read_svg::hostile_tokens(static_cast<std::size_t>(size));
      HeadViewOptions options{.title = tokens[0],
                              .query_tokens = tokens,
                              .key_tokens = tokens,
                              .query_title = std::string(100, 'W'),
                              .key_title = std::string(100, 'W'),
                              .head_names = read_svg::hostile_tokens(3),
                              .theme = theme};
      for (const bool one : {false, true}) {
        if (one) options.query = size - 1;
        const std::string svg = head_view(heads, options);
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg == head_view(heads, options));
      }
    }
  CHECK(read_svg::malformed(head_view({Eigen::MatrixXd(0, 0)})) == "");
}

TEST_CASE("head view: what cannot be drawn is named") {
  Eigen::MatrixXd map = map_of(3), wide = Eigen::MatrixXd::Zero(3, 4);
  CHECK_THROWS_WITH(head_view({}), "a view of no heads");
  CHECK_THROWS_WITH(head_view({map, wide}), "head 1 is 3 x 4, head 0 is 3 x 3");
  CHECK_THROWS_WITH(head_view({map}, {.query_tokens = {"a"}}), "1 query tokens for 3");
  CHECK_THROWS_WITH(head_view({wide}, {.key_tokens = {"a"}}), "1 key tokens for 4");
  CHECK_THROWS_WITH(head_view({map}, {.head_names = {"a", "b"}}), "2 head names for 1");
  CHECK_THROWS_WITH(head_view({map}, {.heads = {.only = {1}}}), "filter: head 1 of 1");
  CHECK_THROWS_WITH(head_view({map}, {.keys = {.without = {3}}}), "filter: key 3 of 3");
  CHECK_THROWS_WITH(head_view({map}, {.query = 3}), "query 3 of 3");
  CHECK_THROWS_WITH(head_view({map}, {.sentences = SentenceFilter::a_to_b}),
                    "a second sentence that begins with token 0 of 3");
  CHECK_THROWS_WITH(head_view({map}, {.least_weight = -1}), "least_weight = -1 is below 0");
  CHECK_THROWS_WITH(head_view({map}, {.high = 0}), "high = 0 is not above 0");
  map(1, 2) = -.5;
  CHECK_THROWS_WITH(head_view({map}), "head 0, row 1, column 2: the weight is -0.5");
}
