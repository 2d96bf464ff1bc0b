#include <attnscope/figure/colour_bar.hpp>

#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::string drawn(const ColourScale& scale, double height = 300) {
  Svg svg;
  ColourBar(scale, height).draw(svg, {10, 20});
  return svg.document({});
}

std::vector<std::string> numbers(const ColourScale& scale, double height = 300) {
  std::vector<std::string> words;
  for (const read_svg::Text& text : read_svg::texts(drawn(scale, height), text_width))
    words.push_back(text.words);
  return words;
}

ColourScale between(double low, double high) { return {.low = low, .high = high}; }

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("colour_bar: has the numbers of its ends and round ones between them") {
  CHECK(numbers(between(0, 1)) == Words{"0", "0.2", "0.4", "0.6", "0.8", "1"});
  CHECK(numbers(between(0, 0.634)) == Words{"0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.634"});
  CHECK(numbers(between(-1, 1)) == Words{"-1", "-0.5", "0", "0.5", "1"});
  CHECK(numbers(between(0, 3e-5)) == Words{"0", "5e-06", "1e-05", "1.5e-05", "2e-05", "2.5e-05", "3e-05"});
}

TEST_CASE("colour_bar: ticks that differ have numbers that differ") {
  const Words words = numbers(between(1000000.1, 1000000.2));
  CHECK(words == Words{"1000000.1", "1000000.12", "1000000.14", "1000000.16", "1000000.18", "1000000.2"});
}

TEST_CASE("colour_bar: numbers never overlap and stand at their values, whatever the scale") {
  for (const double low : {0.0, -0.3, 0.1, 12345.678, -1e300, 1e-9}) {
    for (const double length : {1e-6, 0.031, 0.2, 0.999, 1.0, 7.77, 100.0, 1e9, 1e300}) {
      for (const double height : {72.0, 150.0, 640.0, 3000.0}) {
        if (low + length == low) continue;
        INFO(low << " + " << length << ", height " << height);
        const auto texts = read_svg::texts(drawn(between(low, low + length), height), text_width);
        REQUIRE(texts.size() >= 2);
        REQUIRE(texts.size() <= 13);
        CHECK(texts.front().box.centre().y == Approx(20 + height));
        CHECK(texts.back().box.centre().y == Approx(20));
        for (std::size_t i = 1; i < texts.size(); ++i) {
          CHECK(texts[i].box.bottom() < texts[i - 1].box.top);
          const double position = (read_svg::number(texts[i].words) - low) / length;
          CHECK(texts[i].box.centre().y == Approx(20 + height * (1 - position)).margin(0.01 * height));
        }
      }
    }
  }
}

TEST_CASE("colour_bar: ticks of a scale that is not linear are round and stand where their colours are") {
  CHECK(numbers({.scale = Scale::square_root}, 200) == Words{"0", "0.02", "0.1", "0.2", "0.5", "1"});
  CHECK(numbers({.low = 1e-4, .scale = Scale::logarithmic}, 200) ==
        Words{"0.0001", "0.001", "0.01", "0.1", "1"});
  CHECK(numbers({.low = -1, .scale = Scale::square_root}, 150) == Words{"-1", "-0.1", "0", "0.1", "1"});
  for (const Scale how : {Scale::square_root, Scale::logarithmic})
    for (const double low : {1e-5, 0.3, 2.0})
      for (const double high : {2.1, 7.0, 1e4})
        for (const double height : {72.0, 640.0}) {
          const ColourScale scale{.low = low, .high = high, .scale = how};
          const auto texts = read_svg::texts(drawn(scale, height), text_width);
          for (std::size_t i = 1; i < texts.size(); ++i) {
            INFO(low << " to " << high << ": " << texts[i].words);
            CHECK(texts[i].box.bottom() < texts[i - 1].box.top);
            CHECK(texts[i].box.centre().y ==
                  Approx(20 + height * (1 - scale.position(read_svg::number(texts[i].words))))
                      .margin(0.01 * height));
          }
        }
}

TEST_CASE("colour_bar: of a diverging palette the middle is 0, also where its sides differ") {
  const ColourScale scale{.palette = Palette::blue_white_orange, .low = -1, .high = 4};
  CHECK(numbers(scale) == Words{"-1", "0", "1", "2", "3", "4"});
  const auto texts = read_svg::texts(drawn(scale), text_width);
  CHECK(texts[1].box.centre().y == Approx(20 + 150));
  CHECK(texts[2].box.centre().y == Approx(20 + 150 - 37.5));
}

TEST_CASE("colour_bar: the smallest scale that there is has numbers") {
  CHECK(numbers(between(0, 2.3e-308)).back() == "2.3e-308");
}

TEST_CASE("colour_bar: says where cells lie beyond its ends") {
  const Words words = numbers({.clips_below = true, .clips_above = true});
  CHECK(words.front() == "≤ 0");
  CHECK(words.back() == "≥ 1");
}

TEST_CASE("colour_bar: runs from the highest colour at the top to the lowest") {
  const auto groups = read_svg::cells(drawn({}));
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].box.top == 20);
  CHECK(groups[0].box.height == 300);
  CHECK(groups[0].colours.front()[0] == hex(level_colour(Palette::white_to_blue, 255)));
  CHECK(groups[0].colours.back()[0] == hex(level_colour(Palette::white_to_blue, 0)));
  const std::size_t middle = groups[0].colours.size() / 2;
  CHECK(groups[0].colours[middle][0] == hex(level_colour(Palette::white_to_blue, 125)));
}

TEST_CASE("colour_bar: its width covers its numbers") {
  const ColourBar bar({.low = 0, .high = 0.123456}, 300);
  for (const read_svg::Text& text : read_svg::texts(drawn({.low = 0, .high = 0.123456}), text_width)) {
    CHECK(text.box.right() <= 10 + bar.width());
  }
}
