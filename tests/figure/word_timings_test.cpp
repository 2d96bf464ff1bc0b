#include <attnscope/figure/word_timings.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

/// Left and right end of a word's bar.
struct Bar {
  double left, right;
};
Bar bar(const std::string& svg, const std::string& title) {
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "<title>" + title + "</title>") == 1) {
      double x = 0, y = 0, width = 0;
      REQUIRE(std::sscanf(read_svg::between(path, " d=\"", "\"").c_str(), "M%lf %lfh%lf", &x, &y, &width) ==
              3);
      return {x, x + width};
    }
  FAIL("no bar " + title);
  return {};
}

}  // namespace

TEST_CASE("word timings: a bar from start to end, on the axis of seconds") {
  const std::string svg =
      word_timings({{"good", 0, .4}, {"morning", .4, 1.6}, {"end", 1.8, 2}}, {.width = 500});
  const Bar good = bar(svg, "good: 0.00 to 0.40 s"), morning = bar(svg, "morning: 0.40 to 1.60 s"),
            end = bar(svg, "end: 1.80 to 2.00 s");
  CHECK(good.right - good.left == 100);
  CHECK(good.right == morning.left);
  CHECK(morning.right - morning.left == 300);
  CHECK(end.left - morning.right == 50);
  for (const read_svg::Text& text : read_svg::texts(svg, text_width)) {
    if (text.words == "morning")
      CHECK(std::abs(text.box.centre().x - (morning.left + morning.right) / 2) < .1);
    if (text.words == "2") CHECK(std::abs(text.box.centre().x - end.right) < .1);
  }
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("word timings: the map has the same axis, and the path runs through the middles of its cells") {
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(2, 50);
  map(1, 20) = 1;
  struct Step {
    std::ptrdiff_t row, column;
  };
  const std::vector<Step> path{{0, 0}, {1, 20}, {1, 49}};
  const std::string svg =
      word_timings({{"a", 0, .4}, {"b", .4, 1}},
                   {.map = map, .path = map_steps(path), .tokens = {"one", "two"}, .width = 500});
  const read_svg::Cells cells = read_svg::cells(svg).at(0);
  CHECK(cells.box.width == 500);
  CHECK(cells.colours[1][20] == hex(level_colour(Palette::white_to_blue, 255)));
  CHECK(cells.colours[0][20] == hex(level_colour(Palette::white_to_blue, 0)));
  CHECK(std::abs(bar(svg, "b: 0.40 to 1.00 s").left - (cells.box.left + 200)) < .02);
  const double cell = cells.box.height / 2;
  CHECK(count(svg, fmt::format("M{} {}L{} {}L{} {}", svg_number(cells.box.left + 5),
                               svg_number(cells.box.top + cell / 2), svg_number(cells.box.left + 205),
                               svg_number(cells.box.top + 1.5 * cell), svg_number(cells.box.left + 495),
                               svg_number(cells.box.top + 1.5 * cell))) == 1);
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (text.words == "two") CHECK(std::abs(text.box.centre().y - (cells.box.top + 1.5 * cell)) < .02);
}

TEST_CASE("word timings: names take the first line that has room, and those without are counted") {
  const auto placed = detail::words_in_lines({50, 52, 54, 200, 56}, {40, 40, 40, 40, 40}, 3, 0, 300);
  REQUIRE(placed.size() == 4);
  CHECK(placed[0].line == 0);
  CHECK(placed[1].line == 1);
  CHECK(placed[2].line == 2);
  CHECK(placed[3].line == 0);
  CHECK(detail::words_in_lines({0, 300}, {40, 40}, 1, 0, 300)[1].left == 260);
  CHECK(detail::words_in_lines({10}, {400}, 1, 0, 300).empty());
  std::vector<TimedWord> words;
  for (int i = 0; i < 500; ++i) words.push_back({"word", .01 * i, .01 * i + .005});
  const std::string svg = word_timings(words);
  const std::size_t drawn = count(svg, ">word</text>");
  CHECK(drawn > 40);
  CHECK(count(svg, fmt::format("{} of 500 words have no room for their names", 500 - drawn)) == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("word timings: whatever the words and the map") {
  for (const Theme theme : {Theme::light, Theme::dark})
    for (const std::size_t count : {0u, 1u, 15u, 500u})
      for (const Eigen::Index rows : {0, 1, 15, 500}) {
        if (count == 0 && rows == 0) continue;
        std::vector<TimedWord> words;
        for (const std::string& word : read_svg::hostile_tokens(count))
          words.push_back({word, .1, .1 + .01 * static_cast<double>(words.size())});
        Eigen::MatrixXd map = Eigen::MatrixXd::Constant(rows, rows, .5);
        if (rows > 0) map(0, 0) = std::nan("");
        const WordTimingsOptions options{.title = std::string(10000, 'W'),
                                         .map = map,
                                         .tokens = read_svg::hostile_tokens(static_cast<std::size_t>(rows)),
                                         .theme = theme};
        const std::string svg = word_timings(words, options);
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(read_svg::malformed(svg) == "");
        CHECK(svg == word_timings(words, options));
      }
  CHECK(read_svg::malformed(word_timings({{"at once", 0, 0}})) == "");
}

TEST_CASE("word timings: the map's colours have a bar, from its smallest cell where that is below 0") {
  const std::vector<TimedWord> one{{"a", 0, .2}};
  Eigen::MatrixXd map(2, 4);
  map << -3, 1, 0, 2, .5, .5, .5, .5;
  const auto words = [&](const WordTimingsOptions& options) {
    std::vector<std::string> all;
    const std::string svg = word_timings(one, options);
    CHECK(read_svg::misplaced(svg) == "");
    const Box bar = read_svg::cells(svg).at(1).box;
    for (const read_svg::Text& text : read_svg::texts(svg, text_width))
      if (text.box.left > bar.right()) all.push_back(text.words);
    return all;
  };
  const auto holds = [](const std::vector<std::string>& all, const char* number) {
    return std::count(all.begin(), all.end(), number) == 1;
  };
  std::vector<std::string> found = words({.map = map});
  CHECK(holds(found, "-3"));
  CHECK(holds(found, "2"));
  found = words({.map = map, .low = -1, .high = 1});
  CHECK(holds(found, "\u2264 -1"));
  CHECK(holds(found, "\u2265 1"));
  // The middle of a diverging palette is 0, and numbers of one sign begin there.
  found = words({.map = map, .palette = Palette::blue_white_orange});
  CHECK(holds(found, "-3"));
  CHECK(holds(found, "3"));
  CHECK(holds(words({.map = map.cwiseAbs()}), "0"));
  CHECK(count(word_timings(one, {.map = map}), "grey") == 0);
  for (const Eigen::Index rows : {1, 3, 50}) {
    const std::string svg = word_timings({}, {.map = Eigen::MatrixXd::Ones(rows, 3)});
    CHECK(read_svg::cells(svg).at(1).box.height >= ColourBar::least_height);
    CHECK(read_svg::misplaced(svg) == "");
  }
  map(0, 0) = std::nan("");
  CHECK(count(word_timings(one, {.map = map}), ">grey: undefined</text>") == 1);
}

TEST_CASE("word timings: what cannot be drawn is named") {
  CHECK_THROWS_WITH(word_timings({}), "timings of no words");
  CHECK_THROWS_WITH(word_timings({{"a", 0, 1}, {"b", 2, 1}}), "word 1: from 2 to 1 seconds");
  CHECK_THROWS_WITH(word_timings({{"a", -1, 1}}), "word 0: from -1 to 1 seconds");
  CHECK_THROWS_WITH(word_timings({{"a", 0, 1. / 0.}}), "word 0: from 0 to inf seconds");
  const std::vector<TimedWord> one{{"a", 0, 1}};
  Eigen::MatrixXd map = Eigen::MatrixXd::Zero(2, 3);
  CHECK_THROWS_WITH(word_timings(one, {.map = map, .frames_per_second = 0}),
                    "frames_per_second = 0 is not above 0");
  CHECK_THROWS_WITH(word_timings(one, {.map = map, .tokens = {"a"}}), "1 tokens for 2");
  CHECK_THROWS_WITH(word_timings(one, {.map = map, .path = {{0, 3}}}),
                    "step 0 of the path: row 0, column 3 of 2 x 3");
  CHECK_THROWS_WITH(word_timings(one, {.path = {{0, 0}}}), "step 0 of the path: row 0, column 0 of 0 x 0");
  for (const double width : {0., -100., 1e300, std::nan("")})
    CHECK_THROWS_WITH(word_timings(one, {.width = width}),
                      fmt::format("a width of {} px is not 10 to 10000", width));
  map(1, 1) = 1. / 0.;
  CHECK_THROWS_WITH(word_timings(one, {.map = map}), "map: row 1, column 1 is inf");
}
