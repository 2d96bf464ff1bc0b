#include <attnscope/figure/labels.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back("t" + std::to_string(i));
  return tokens;
}

std::vector<read_svg::Text> rows_of(const AxisLabels& labels) {
  Svg svg;
  labels.draw_rows(svg, {200, 50, 300, 300});
  return read_svg::texts(svg.document({}), text_width);
}

std::vector<read_svg::Text> columns_of(const AxisLabels& labels) {
  Svg svg;
  labels.draw_columns(svg, {200, 50, 300, 300});
  return read_svg::texts(svg.document({}), text_width);
}

}  // namespace

TEST_CASE("labels: the space in front of a word is a middle dot, however the tokenizer writes it") {
  CHECK(readable_token(" the") == "·the");
  CHECK(readable_token("▁the") == "·the");
  CHECK(readable_token("Ġthe") == "·the");
  CHECK(readable_token("ĠĠthe") == "··the");
  CHECK(readable_token("▁of▁the") == "·of·the");
  CHECK(readable_token("of the") == "of the");
  CHECK(readable_token("##ing") == "##ing");
  CHECK(readable_token("aĠb") == "aĠb");
  CHECK(readable_token("") == "");
}

TEST_CASE("labels: line breaks and tabs are visible") {
  CHECK(readable_token("a\n\tb") == "a↵⇥b");
  CHECK(readable_token("ĊĊ") == "↵↵");
  CHECK(readable_token("ĊĠĉx") == "↵·⇥x");
  CHECK(readable_line("one\ntwo") == "one↵two");
}

TEST_CASE("labels: long texts are cut at a number of code points") {
  CHECK(readable_token("sixteen letters!") == "sixteen letters!");
  CHECK(readable_token("seventeen letters") == "seventeen lette…");
  CHECK(readable_token(std::string(10000, 'x')) == std::string(15, 'x') + "…");
  CHECK(readable_token("ééééé", 4) == "ééé…");
  CHECK(readable_token("ab", 1) == "…");
  CHECK(readable_line(std::string(101, 'x')) == std::string(99, 'x') + "…");
}

TEST_CASE("labels: malformed bytes become the replacement character") {
  CHECK(readable_token("a\xe2\x96") == "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("labels: the width of a text is that in DejaVu Sans, rounded up") {
  CHECK(text_width("", 10) == 0);
  CHECK(text_width("A", 100) == Approx(68.4).margin(4));
  CHECK(text_width("because", 100) == Approx(418.4).margin(28));
  CHECK(text_width("because", 100) >= 418.4);
  CHECK(text_width("~ !", 100) >= 83.8 + 31.8 + 40.1);
  CHECK(text_width("注意", 10) >= 20);
}

TEST_CASE(
    "labels: no character of DejaVu Sans is wider than its width here, Latin and Russian hardly narrower") {
  std::ifstream file(ATTNSCOPE_TEST_DIR "/figure/data/dejavu_widths.txt");
  std::string line, too_narrow, too_wide;
  int seen = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    char32_t code = 0;
    std::uint32_t first = 0;
    words >> std::hex >> first;
    code = first;
    double advance = 0;
    for (; words >> advance; ++code, ++seen) {
      std::string letter;
      append_utf8(letter, code);
      const double width = text_width(letter, 1);
      const bool is_exact = code < 0x180 || (0x400 <= code && code < 0x45F);
      if (width < advance - 1e-9) too_narrow += fmt::format("U+{:X} ", static_cast<std::uint32_t>(code));
      if (is_exact && code != 0x7F && (code < 0x80 || code >= 0xA0) && width > advance + 0.0401)
        too_wide += fmt::format("U+{:X} ", static_cast<std::uint32_t>(code));
    }
  }
  CHECK(seen > 5000);
  CHECK(too_narrow == "");
  CHECK(too_wide == "");
}

TEST_CASE("labels: at most two marks stand on a letter, and they take no width") {
  const std::string mark = "\u0301", zalgo = "a" + std::string(mark + mark + mark + mark + mark);
  CHECK(readable_token(zalgo + "b" + mark) == "a" + mark + mark + "b" + mark);
  CHECK(readable_line(zalgo) == "a" + mark + mark);
  CHECK(readable_token(mark + mark + mark) == mark + mark);
  CHECK(readable_token("e" + mark + "\u0e49\u0489") == "e" + mark + "\u0e49\u0489");  // the last encloses
  CHECK(text_width("e" + mark + mark, 10) == text_width("e", 10));
  CHECK(text_width("Щука", 10) > 10 * (1.05 + 0.59 + 0.6 + 0.61));
}

TEST_CASE("labels: each label stands beside the middle of its row and below the middle of its column") {
  const AxisLabels labels(numbered(3), 20);
  const auto rows = rows_of(labels), columns = columns_of(labels);
  REQUIRE(rows.size() == 3);
  REQUIRE(columns.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const double middle = 20 * (static_cast<double>(i) + 0.5);
    CHECK(rows[i].words == "t" + std::to_string(i));
    CHECK(rows[i].box.centre().y == Approx(50 + middle));
    CHECK(columns[i].words == "t" + std::to_string(i));
    CHECK(columns[i].box.centre().x == Approx(200 + middle));
  }
}

TEST_CASE("labels: at every distance labels are readable, do not overlap and stay within their extent") {
  for (const double pitch : {0.5, 1.0, 3.0, 5.0, 9.5, 9.6, 10.0, 12.0, 14.4, 28.0, 100.0}) {
    INFO(pitch);
    const AxisLabels labels(numbered(60), pitch);
    const auto rows = rows_of(labels), columns = columns_of(labels);
    REQUIRE(rows.size() == columns.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i].box.height >= 8);
      CHECK(rows[i].box.height <= 12);
      CHECK(rows[i].box.right() < 200);
      CHECK(rows[i].box.left >= 200 - labels.extent());
      CHECK(columns[i].box.top > 350);
      CHECK(columns[i].box.bottom() <= 350 + labels.column_extent());
      if (i == 0) continue;
      CHECK(rows[i].box.top - rows[i - 1].box.bottom() >= 1);
      CHECK(columns[i].box.left - columns[i - 1].box.right() >= 1);
    }
  }
}

TEST_CASE("labels: are thinned only where they must be, and then ticks lead to their cells") {
  CHECK(rows_of(AxisLabels(numbered(60), 9.6)).size() == 60);
  CHECK(rows_of(AxisLabels(numbered(60), 9.5)).size() == 30);
  CHECK(rows_of(AxisLabels(numbered(60), 5)).size() == 30);
  CHECK(rows_of(AxisLabels(numbered(60), 1))[1].words == "t10");
  Svg thinned, full;
  AxisLabels(numbered(60), 5).draw_rows(thinned, {50, 0, 300, 300});
  AxisLabels(numbered(60), 10).draw_rows(full, {50, 0, 600, 600});
  CHECK(read_svg::count(thinned.document({}), "M46 ") == 30);
  CHECK_THAT(thinned.document({}), ContainsSubstring("\"M46 2.5h3M46 12.5h3"));
  CHECK(read_svg::elements(full.document({}), "path").empty());
}

TEST_CASE("labels: an empty one takes no place, nor a tick, and others need not be thinned for it") {
  std::vector<std::string> some(60);
  some[0] = "0", some[25] = "25", some[30] = "30", some[59] = "59";
  const std::vector<read_svg::Text> rows = rows_of(AxisLabels(some, 2));
  REQUIRE(rows.size() == 4);
  CHECK(rows[1].words == "25");
  CHECK(rows[1].box.centre().y == Approx(50 + 25.5 * 2));
  CHECK(rows[2].words == "30");
  Svg svg;
  AxisLabels(some, 2).draw_columns(svg, {50, 0, 120, 120});
  CHECK_THAT(svg.document({}), ContainsSubstring("\"M51 121v3M101 121v3M111 121v3M169 121v3\""));
  some[29] = "29";  // no room: 25 needs the next four
  CHECK(rows_of(AxisLabels(some, 2))[2].words == "30");
}

TEST_CASE("labels: numbers that must be thinned lie flat, at round steps") {
  std::vector<std::string> numbers;
  for (int i = 0; i < 512; ++i) numbers.push_back(std::to_string(12 * i));
  const AxisLabels labels(numbers, 1);
  const auto rows = rows_of(labels), columns = columns_of(labels);
  REQUIRE(rows.size() == 11);
  for (std::size_t i = 0; i < 11; ++i) {
    CHECK(rows[i].words == std::to_string(600 * i));
    CHECK(columns[i].words == rows[i].words);
    CHECK(columns[i].box.width > columns[i].box.height / 2);
    if (i > 0) CHECK(columns[i].box.left - columns[i - 1].box.right() >= 1);
  }
  CHECK(labels.column_extent() < labels.extent());
  CHECK(rows_of(AxisLabels(numbers, 2))[1].words == "240");
  CHECK(rows_of(AxisLabels(numbers, 9.6)).size() == 512);
  numbers[3] = "word";
  CHECK(rows_of(AxisLabels(numbers, 1))[1].words == "120");
}

TEST_CASE("labels: no labels take no room and draw nothing") {
  const AxisLabels labels({}, 1);
  CHECK(labels.extent() == 0);
  Svg svg;
  labels.draw_rows(svg, {50, 0, 300, 300});
  labels.draw_columns(svg, {50, 0, 300, 300});
  CHECK(svg.document({}) == Svg().document({}));
}
