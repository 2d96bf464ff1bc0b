#include <attnscope/report/corpus_figures.hpp>

#include "figure/read_svg.hpp"
#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using read_svg::count;

TEST_CASE("figures of a corpus: a map of each number, roles by layer, entropy by length") {
  CorpusStatistics all;
  Index item = 0;
  for (const char* name : {"use_lite_cat", "use_lite_alice", "use_lite_pride"}) {
    const Dump dump = read_dump(fmt::format("{}/data/{}.safetensors", ATTNSCOPE_TEST_DIR, name));
    for (const ExampleNumbers& one :
         example_numbers(dump, test::analyze(dump, corpus_analysis({})), item++, name))
      all.add(one);
  }
  const CorpusReport report({}, std::move(all));
  std::vector<std::string> names;
  for (const Figure& figure : figures(report)) {
    names.push_back(figure.name);
    INFO(figure.name);
    if (figure.name == "self.roles" || figure.name.ends_with("_by_length"))
      CHECK(read_svg::misplaced(figure.svg) == "");
    if (figure.name == "self.entropies") {
      CHECK(count(figure.svg, ">self: entropies, mean over 3 examples</text>") == 1);
      CHECK(count(figure.svg, fmt::format(">{:.2f}</text>",
                                          report.total.numbers.at({"self", "entropies"}).mean()(1, 2))) >= 1);
    }
    if (figure.name == "self.roles") CHECK(count(figure.svg, "<title>broad, 1: ") == 1);
    if (figure.name == "self.entropies_by_length") CHECK(count(figure.svg, "<title>layer 1, ") == 3);
  }
  CHECK(names.size() == 13);
  CHECK(names.front() == "self.confidence");
  CHECK(names.back() == "self.normalized_entropies_by_length");
}

TEST_CASE("of many layers some are shown, the first and the last among them") {
  using detail::corpus_report::some_layers;
  CHECK(some_layers(1) == std::vector<Index>{0});
  CHECK(some_layers(3) == std::vector<Index>{0, 1, 2});
  CHECK(some_layers(24) == std::vector<Index>{0, 3, 6, 9, 13, 16, 19, 23});
}
