#include "../examples/support/terminal.hpp"

#include "support/catch.hpp"

namespace {
const Terminal plain{}, palette{Terminal::Colours::palette, 80},
    truecolour{Terminal::Colours::truecolour, 80};
}  // namespace

TEST_CASE("a table's columns are as wide as their widest cell, numbers to the right, no blanks at its end") {
  Table table({{"stack", false}, {"n"}, {"role", false}});
  table.add({{"self"}, {"7"}, {"sink"}});
  table.add({{"encoder"}, {"100"}, {""}});
  CHECK(table.width() == 7 + 2 + 3 + 2 + 4);
  CHECK(table.text(plain) ==
        "stack      n  role\n"
        "self       7  sink\n"
        "encoder  100\n");
  table.extend({"x"}, {{"1"}, {"22"}});
  CHECK(table.text(plain) ==
        "stack      n  role   x\n"
        "self       7  sink   1\n"
        "encoder  100        22\n");
}

TEST_CASE("columns count characters as a terminal shows them, and control characters are shown as none") {
  CHECK(columns_of("Größe") == 5);
  CHECK(columns_of("注意") == 4);
  CHECK(columns_of("e\xCC\x81") == 1);
  Table table({{"a", false}, {"b", false}});
  table.add({{"注意"}, {"x"}});
  table.add({{"\033[2J"}, {"x"}});
  table.add({{"\xFF"}, {"x"}});
  CHECK(table.text(plain) == "a     b\n注意  x\n\xEF\xBF\xBD[2J  x\n\xEF\xBF\xBD     x\n");
}

TEST_CASE("levels have colours on a terminal alone, and an undefined one none") {
  CHECK(coloured(plain, "x", .5) == "x");
  CHECK(coloured(palette, "x", NAN) == "x");
  CHECK(coloured(palette, "x", 0) == "\033[38;5;63mx\033[39m");
  CHECK(coloured(palette, "x", 7) == "\033[38;5;208mx\033[39m");
  CHECK(coloured(truecolour, "x", -1) == "\033[38;2;80;110;230mx\033[39m");
  CHECK(coloured(truecolour, "x", 1) == "\033[38;2;235;125;30mx\033[39m");
  Table coloured_cells({{"a"}, {"b"}});
  coloured_cells.add({{"1", 0}, {"22", 1}});
  CHECK(coloured_cells.text(palette) == "a   b\n\033[38;5;63m1\033[39m  \033[38;5;208m22\033[39m\n");
}

TEST_CASE("bars rise with their level") {
  CHECK(bars(plain, {0, .13, .26, .38, .51, .63, .76, 1}) == "▁▂▃▄▅▆▇█");
  CHECK(bars(plain, {NAN, -1, 2}) == " ▁█");
  CHECK(bars(palette, {1}) == "\033[38;5;208m█\033[39m");
}

TEST_CASE("a file is no terminal") {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  const Terminal terminal = terminal_of(file);
  std::fclose(file);
  CHECK(terminal.width == 0);
  CHECK(terminal.colours == Terminal::Colours::none);
}
