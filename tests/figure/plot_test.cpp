#include <attnscope/figure/plot.hpp>

#include <limits>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

std::vector<std::string> numbers(const AxisRange& range, int most, bool whole = false) {
  std::vector<std::string> all;
  for (const detail::AxisTick& tick : detail::axis_ticks(range, most, whole)) all.push_back(tick.number);
  return all;
}
using Numbers = std::vector<std::string>;

}  // namespace

TEST_CASE("plot: round numbers within the range, with the digits that tell them apart") {
  CHECK(numbers({0, 1}, 5) == Numbers{"0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(numbers({-.3, .31}, 4) == Numbers{"-0.2", "0", "0.2"});
  CHECK(numbers({1000.5, 1002.1}, 4) == Numbers{"1000.5", "1001", "1001.5", "1002"});
  CHECK(numbers({10, 135}, 7) == Numbers{"20", "40", "60", "80", "100", "120"});
  CHECK(numbers({0, 250000}, 3) == Numbers{"0", "100000", "200000"});
  CHECK(numbers({0, 3}, 10, true) == Numbers{"0", "1", "2", "3"});
  CHECK(numbers({2e-9, 9e-9}, 4) == Numbers{"2e-09", "4e-09", "6e-09", "8e-09"});
  CHECK(numbers({-6e7, 6e7}, 3) == Numbers{"-5e+07", "0", "5e+07"});
  // Steps that double precision can hardly tell apart neither hang nor fill the memory.
  CHECK(numbers({1e17, 1e17 + 64}, 5).size() < 10);
  for (double low = -7; low < 7; low += .37)
    for (double length = 1e-3; length < 1e4; length *= 3.1) {
      const auto ticks = detail::axis_ticks({low, low + length}, 6);
      CHECK(ticks.size() >= 1);
      CHECK(ticks.size() <= 8);
      for (std::size_t i = 0; i < ticks.size(); ++i) {
        CHECK(ticks[i].value >= low - 1e-9 * length);
        CHECK(ticks[i].value <= low + length * (1 + 1e-9));
        CHECK(std::abs(std::stod(ticks[i].number) - ticks[i].value) < .02 * length);
        if (i > 0) CHECK(ticks[i].number != ticks[i - 1].number);
      }
    }
}

TEST_CASE("plot: a range leaves NaN out, and always gets a length") {
  AxisRange range;
  for (const double value : {3., std::nan(""), -1.}) range.include(value);
  CHECK(range.low == -1);
  CHECK(range.high == 3);
  CHECK(range.widened(.25).low == -2);
  CHECK(range.widened(.25).high == 4);
  CHECK(AxisRange{}.widened().low == 0);
  CHECK(AxisRange{}.widened().high == 1);
  CHECK(AxisRange{0, 0}.widened().low == -1);
  CHECK(AxisRange{-4, -4}.widened().high == -2);
  // Numbers that differ by rounding are one number.
  CHECK(AxisRange{1 - 1e-16, 1}.widened().high == 1.5);
  CHECK(AxisRange{1e6, 1e6 + 1e-9}.widened().low < 5.1e5);
  CHECK(AxisRange{1e6, 1e6 + 1e-3}.widened().low > 999999.9);
  CHECK(AxisRange{1e-310, 3e-310}.widened().high > .9);
}

TEST_CASE("plot: numbers stand where they are, larger ones higher and to the right") {
  Plot plot({.x = {0, 10}, .y = {-1, 1}, .width = 200, .height = 100});
  const Box box = plot.box();
  CHECK(plot.at(0, -1).x == box.left);
  CHECK(plot.at(0, -1).y == box.bottom());
  CHECK(plot.at(10, 1).x == box.right());
  CHECK(plot.at(5, 0).y == box.centre().y);
  CHECK(plot.holds(10, 1));
  CHECK_FALSE(plot.holds(10.1, 0));
  CHECK_FALSE(plot.holds(std::nan(""), 0));
  // A line is broken at what is not there, and drawn as two.
  plot.line({{0, 0}, {1, 0}, {2, std::nan("")}, {3, 0}, {4, 7}, {5, 0}}, {{1, 2, 3}});
  const std::string svg = plot.document({}, "", "", "");
  for (const std::string& path : read_svg::elements(svg, "path"))
    if (count(path, "#010203") == 1) {
      CHECK(count(path, "M") == 3);
      CHECK(count(path, "L") == 1);
    }
  // The texts of the axis are where their numbers are.
  for (const read_svg::Text& text : read_svg::texts(svg, text_width))
    if (text.words == "4") CHECK(std::abs(text.box.centre().x - plot.at(4, 0).x) < .02);
}

TEST_CASE("plot: ranks are written without their sign") {
  Plot plot(
      {.x = {-8.3, .3}, .y = {-8.3, -.7}, .x_numbers = AxisNumbers::ranks, .y_numbers = AxisNumbers::ranks});
  std::vector<std::string> words;
  for (const read_svg::Text& text : read_svg::texts(plot.document({}, "", "", ""), text_width))
    words.push_back(text.words);
  CHECK(std::count(words.begin(), words.end(), "2") == 2);
  CHECK(std::count(words.begin(), words.end(), "0") == 0);
  for (const std::string& word : words) CHECK(word.find('-') == std::string::npos);
}

TEST_CASE("plot: ranks that do not exist have no number") {
  const auto numbers_of = [](double last_rank) {
    Plot plot({.x = {-10.5, -.5}, .y = {0, 1}, .x_numbers = AxisNumbers::ranks, .last_rank = last_rank});
    return plot.document({}, "", "", "");
  };
  CHECK(count(numbers_of(9), ">10</text>") == 0);
  CHECK(count(numbers_of(10), ">10</text>") == 1);
}

TEST_CASE("plot: nothing overlaps or leaves the page, whatever the titles, numbers and sizes") {
  for (const std::string& words : {std::string(), std::string("title"), std::string(300, 'W')})
    for (const double size : {60., 480.})
      for (const AxisRange range :
           {AxisRange{0, 1}, AxisRange{-1e-7, 1.1e-7}, AxisRange{1234567.1, 1234567.9},
            AxisRange{1e6, 1e6 + 1e-5}, AxisRange{1, 1 - 1e-16}.widened(),
            AxisRange{1e6, 1e6 + 1e-9}.widened(), AxisRange{1234567, 1234568}, AxisRange{-1e300, 1e300},
            AxisRange{0, 1e-300}}) {
        Plot plot({.title = words,
                   .x_title = words,
                   .y_title = words,
                   .x = range,
                   .y = range,
                   .width = size,
                   .height = size});
        CHECK(read_svg::misplaced(plot.document(Legend({{words}}), words, "plot", "")) == "");
      }
}

TEST_CASE("plot: a wide number at the right end of the axis has room without a legend, too") {
  Plot plot({.x = {1234567, 1234568}, .y = {0, 1}});
  const std::string svg = plot.document({}, "", "", "");
  CHECK(count(svg, ">1234568</text>") == 1);
  CHECK(read_svg::misplaced(svg) == "");
}

TEST_CASE("plot: an axis without length is refused") {
  CHECK_THROWS_WITH(Plot({.x = {1, 1}, .y = {0, 1}}), "an axis x cannot go from 1 to 1");
  CHECK_THROWS_WITH(Plot({.x = {0, 1}, .y = {2, -1}}), "an axis y cannot go from 2 to -1");
  CHECK_THROWS_AS(Plot({.x = {0, std::nan("")}, .y = {0, 1}}), ValueError);
  for (const AxisRange& range :
       {AxisRange{-1e308, 1e308}, AxisRange{0, 1e308}, AxisRange{1, 1 + 1e-15}, AxisRange{0, 1e-305}})
    CHECK_THROWS_AS(Plot({.x = range, .y = {0, 1}}), ValueError);
}

TEST_CASE("plot: a frame that no page can hold is refused") {
  for (const double size : {0., -100., 9.9, 10001., 1e300, std::nan("")}) {
    CHECK_THROWS_WITH(Plot({.x = {0, 1}, .y = {0, 1}, .width = size}),
                      fmt::format("a width of {} px is not 10 to 10000", size));
    CHECK_THROWS_WITH(Plot({.x = {0, 1}, .y = {0, 1}, .height = size}),
                      fmt::format("a height of {} px is not 10 to 10000", size));
  }
}
