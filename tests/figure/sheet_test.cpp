#include <attnscope/figure/sheet.hpp>

#include "figure/read_svg.hpp"
#include "support/catch.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

Legend legend_of(std::size_t entries, const std::string& name) {
  std::vector<LegendEntry> all;
  for (std::size_t i = 0; i < entries; ++i)
    all.push_back({fmt::format("{} {}", name, i), {}, i % 2 == 0 ? std::optional(i) : std::nullopt});
  return Legend(all);
}

}  // namespace

TEST_CASE("sheet: title, legend and note have room, however long they are") {
  for (const std::string& words : {std::string(), std::string("short"), std::string(300, 'W')})
    for (const std::size_t entries : {0u, 1u, 2u, 24u, 25u, 90u})
      for (const double side : {1., 400.}) {
        Sheet sheet(words, Theme::dark);
        sheet.svg().text({Sheet::margin, sheet.top() + 8}, "x");
        const std::string svg = sheet.document({Sheet::margin, sheet.top(), side, 20},
                                               legend_of(entries, words), words, "fallback", "what it shows");
        CHECK(read_svg::misplaced(svg) == "");
        CHECK(count(svg, "<title>fallback</title>") == (words.empty() ? 1 : 0));
        CHECK(count(svg, "<desc>what it shows</desc>") == 1);
      }
}

TEST_CASE("legend: columns of at most so many rows, and a mark or a line for each name") {
  CHECK(Legend().empty());
  CHECK(Legend().width() == 0);
  CHECK(Legend().height() == 0);
  const Legend two(std::vector<LegendEntry>(2, LegendEntry{"x"})),
      three(std::vector<LegendEntry>(3, LegendEntry{"x"}), 2);
  CHECK(two.height() == three.height());
  CHECK(three.width() > two.width());
  Sheet sheet("", Theme::light);
  const std::string svg = sheet.document(
      {16, 16, 10, 10},
      Legend({{"dashed", {{1, 2, 3}, 2, 1, plain_dashes}}, {"square", {{4, 5, 6}}, std::size_t{1}}}), "", "",
      "");
  CHECK(count(svg, "stroke=\"#010203\" stroke-width=\"2\" stroke-dasharray=\"5 4\"") == 1);
  CHECK(count(svg, "fill=\"#040506\"") == 1);
  CHECK(count(svg, ">square</text>") == 1);
}
