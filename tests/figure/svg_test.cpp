#include <attnscope/figure/svg.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/catch.hpp"

using namespace attnscope;

namespace {

std::string body(const Svg& svg) {
  const std::string document = svg.document({.width = 1, .height = 1});
  const std::size_t begin = document.find("fill=\"#ffffff\"/>\n") + 17;
  return document.substr(begin, document.rfind("</svg>") - begin);
}

}  // namespace

TEST_CASE("svg: text is escaped for elements and attributes") {
  CHECK(xml_text("<a href=\"x\">'&'</a>") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  CHECK(xml_text("caf\xc3\xa9 \xf0\x9f\x98\x80") == "caf\xc3\xa9 \xf0\x9f\x98\x80");
}

TEST_CASE("svg: what XML forbids becomes the replacement character") {
  CHECK(xml_text(std::string("a\0b", 3)) ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(xml_text("\x1b\x7f\r") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(xml_text("\xc2\x85") == "\xef\xbf\xbd");
  CHECK(xml_text("\xef\xbf\xbe\xef\xbf\xbf") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(xml_text("\xc3(") == "\xef\xbf\xbd(");
  CHECK(xml_text("\t\n") == "\t\n");
}

TEST_CASE("svg: marks that turn the direction of what follows become the replacement character") {
  CHECK(xml_text("\xe2\x80\xae") == "\xef\xbf\xbd");
  CHECK(xml_text("\xe2\x81\xa6") == "\xef\xbf\xbd");
  CHECK(xml_text("\xd7\xa9\xd7\x9c") == "\xd7\xa9\xd7\x9c");
}

TEST_CASE("svg: numbers are short") {
  CHECK(svg_number(12) == "12");
  CHECK(svg_number(0.5) == "0.5");
  CHECK(svg_number(10.0 / 3) == "3.33");
  CHECK(svg_number(-0.001) == "0");
  CHECK(svg_number(-1.25) == "-1.25");
}

TEST_CASE("svg: elements stand in the order of the calls") {
  Svg svg;
  svg.rectangle({1, 2, 3, 4}, {255, 0, 0});
  svg.frame({1, 2, 3, 4}, {0, 0, 0});
  svg.path("M0 0.5h10", {0, 0, 255});
  CHECK(body(svg) ==
        "<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#ff0000\"/>\n"
        "<rect x=\"0.5\" y=\"1.5\" width=\"4\" height=\"5\" fill=\"none\" stroke=\"#000000\"/>\n"
        "<path d=\"M0 0.5h10\" fill=\"none\" stroke=\"#0000ff\"/>\n");
}

TEST_CASE("svg: a text says only what is special about it") {
  Svg svg;
  svg.text({1, 2}, "a<b");
  svg.text({3, 4}, "c", {.size = 9, .anchor = Anchor::end, .turn = -90, .bold = true});
  CHECK(body(svg) ==
        "<text x=\"1\" y=\"2\" dy=\".35em\" font-size=\"11\">a&lt;b</text>\n"
        "<text x=\"3\" y=\"4\" dy=\".35em\" font-size=\"9\" text-anchor=\"end\" font-weight=\"bold\" "
        "transform=\"rotate(-90 3 4)\">c</text>\n");
}

TEST_CASE("svg: a document has a size, a title and a description") {
  CHECK(Svg().document({.width = 40.5, .height = 30, .title = "a & b", .description = "<x>"}) ==
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40.5\" height=\"30\" viewBox=\"0 0 40.5 30\" "
        "role=\"img\" font-family=\"sans-serif\">\n<title>a &amp; b</title>\n<desc>&lt;x&gt;</desc>\n"
        "<rect width=\"40.5\" height=\"30\" fill=\"#ffffff\"/>\n</svg>\n");
}

TEST_CASE("svg: a dark page is dark, and its text light") {
  const std::string dark = Svg(Theme::dark).document({.width = 4, .height = 3});
  CHECK_THAT(dark, ContainsSubstring("font-family=\"sans-serif\" fill=\"#ececec\">"));
  CHECK_THAT(dark, ContainsSubstring("<rect width=\"4\" height=\"3\" fill=\"#18181b\"/>"));
  CHECK(Svg(Theme::dark).colours().line == theme_colours(Theme::dark).line);
}

TEST_CASE("svg: a text may have a colour of its own") {
  Svg svg;
  svg.text({1, 2}, "a", {.colour = Colour{255, 0, 0}});
  CHECK(body(svg) == "<text x=\"1\" y=\"2\" dy=\".35em\" font-size=\"11\" fill=\"#ff0000\">a</text>\n");
}

TEST_CASE("svg: a file holds the picture, and a path that cannot be written is named") {
  const auto folder = std::filesystem::temp_directory_path() / "attnscope_svg_test";
  std::filesystem::create_directories(folder);
  write_svg(folder / "a.svg", "first");
  write_svg(folder / "a.svg", "<svg/>");
  std::ifstream file(folder / "a.svg");
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == "<svg/>");
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  CHECK_THAT(message_of<FileError>([&] { write_svg(folder / "none" / "a.svg", "<svg/>"); }),
             ContainsSubstring((folder / "none" / "a.svg").string()));
  std::filesystem::remove_all(folder);
}
