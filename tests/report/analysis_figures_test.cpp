#include <attnscope/report/analysis_figures.hpp>

#include "figure/read_svg.hpp"
#include "report/analyze_once.hpp"
#include "support/catch.hpp"
#include "support/dumps.hpp"

using namespace attnscope;
using read_svg::count;

namespace {

std::string svg_of(const Figures& all, const std::string& name) {
  for (const Figure& figure : all.drawn)
    if (figure.name == name) return figure.svg;
  FAIL("no figure " + name);
  return {};
}

}  // namespace

TEST_CASE("figures of an analysis: each stack has what its numbers tell, and cross-attention its links") {
  const Analysis analysis = test::analyze(read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors"));
  const Figures all = figures(analysis, {.element = 2});
  std::vector<std::string> names;
  for (const Figure& figure : all.drawn) {
    names.push_back(figure.name);
    CHECK(read_svg::malformed(figure.svg) == "");
    // What stands on cells on purpose, the numbers and roles, metric_map's own test looks at.
    if (figure.name.find(".roles") == std::string::npos) CHECK(read_svg::misplaced(figure.svg) == "");
  }
  CHECK(names == std::vector<std::string>{"encoder.locality", "encoder.entropy", "encoder.roles",
                                          "encoder.head_map", "decoder.locality", "decoder.entropy",
                                          "decoder.roles", "decoder.head_map", "cross.entropy", "cross.roles",
                                          "cross.head_map", "cross.links"});
  // The numbers of the analysis, dot by dot, and the name of every head.
  const StackAnalysis& encoder = analysis.stacks[0];
  const std::string locality = svg_of(all, "encoder.locality");
  for (const LayerAnalysis& layer : encoder.layers)
    for (std::size_t h = 0; h < layer.heads.size(); ++h)
      CHECK(count(locality, fmt::format("<title>layer {}, head {}: {:.4g}</title>", layer.layer, h,
                                        layer.pooled.locality->locality(static_cast<Index>(h)))) == 1);
  CHECK(count(locality, ">uniform attention</text>") == 1);
  const std::string roles = svg_of(all, "encoder.roles");
  for (const LayerAnalysis& layer : encoder.layers)
    for (std::size_t h = 0; h < layer.heads.size(); ++h) {
      CHECK(count(roles, ">" + layer.patterns[h].label + "</text>") > 0);
      CHECK(count(roles,
                  fmt::format(">{:.2f}</text>", layer.pooled.entropy.entropies(static_cast<Index>(h)))) > 0);
    }
  const std::string map = svg_of(all, "encoder.head_map");
  for (const LayerAnalysis& layer : encoder.layers)
    for (std::size_t h = 0; h < layer.heads.size(); ++h)
      CHECK(count(map, fmt::format("<title>{}.{}: {}</title>", layer.layer, h, layer.patterns[h].label)) ==
            1);
  // As many lines as the best head has links in this sentence.
  const std::string links = svg_of(all, "cross.links");
  CHECK(count(links, "<title>s") == analysis.stacks[2].alignment->links[2].links.size());
  CHECK(count(links, "cross layer 1, head 1, element 2") == 2);
}

TEST_CASE(
    "figures of an analysis: a layer keeps its number, tokens without names have one, an element must be "
    "there") {
  const Dump dump = make_dump(
      "x", {{"self.3.attention", test::uniform(1, 2, 4)}, {"self.7.attention", test::uniform(1, 2, 4)}}, {});
  const Analysis analysis = test::analyze(dump);
  const Figures all = figures(analysis);
  CHECK(count(svg_of(all, "self.locality"), "<title>layer 7, head 1: ") == 1);
  CHECK(count(svg_of(all, "self.head_map"), "<title>3.0") == 1);
  CHECK(message_of<ShapeError>([&] { figures(analysis, {.element = 1}); }) == "x: batch element 1 of 1");
  const Dump cross = make_dump("x", {{"cross.0.attention", test::uniform(1, 1, 3)}}, {});
  CHECK(count(svg_of(figures(test::analyze(cross)), "cross.links"), "3 links") == 1);
  for (const Figure& figure :
       figures(test::analyze(
                   make_dump("x", {{"self.0.attention", test::uniform(1, 2, 3)}}, {{"lengths", "[0]"}})))
           .drawn)
    CHECK(read_svg::malformed(figure.svg) == "");
}

TEST_CASE("figures of an analysis: attention against the input gradient, with every token and their rho") {
  const Analysis analysis = test::analyze(read_dump(ATTNSCOPE_TEST_DIR "/data/use_lite_cat.safetensors"));
  const std::string scatter = svg_of(figures(analysis), "self.attribution");
  const StackAnalysis& self = analysis.stacks[0];
  CHECK(read_svg::malformed(scatter) == "");
  CHECK(count(scatter, fmt::format("Spearman&#39;s rho {:.2f}",
                                   self.attribution->elements[0].back().spearman_correlation.value())) == 1);
  CHECK(count(scatter, ">attention, layer 1 (received)") == 1);
  for (const std::string& token : self.key_tokens[0])
    CHECK(count(scatter, "<title>" + xml_text(readable_token(token))) > 0);
}

TEST_CASE("figures of an analysis: the roles of layers with fewer heads than others leave cells grey") {
  const Dump dump = make_dump(
      "x", {{"self.0.attention", test::uniform(1, 1, 4)}, {"self.1.attention", test::uniform(1, 3, 4)}}, {});
  const std::string roles = svg_of(figures(test::analyze(dump)), "self.roles");
  CHECK(count(roles, "grey: undefined") == 1);
  CHECK(count(roles, ">1.39</text>") == 5);  // ln 4, and the colour bar's end
}

TEST_CASE("the names of the figures are those that are asked for, and only the wanted ones are drawn") {
  const Dump dump = read_dump(ATTNSCOPE_EXAMPLE_DATA "/cipher_batch.safetensors");
  const Analysis analysis = test::analyze(dump);
  std::vector<std::string> asked;
  const FigureOptions none{.wanted = [&](const std::string& name) {
    asked.push_back(name);
    return false;
  }};
  CHECK(figures(dump, none).drawn.empty());
  CHECK(figures(analysis, none).drawn.empty());
  std::vector<std::string> names = figure_names(dump);
  std::erase_if(names,
                [](const std::string& name) { return name.ends_with(".attribution"); });  // no gradient
  CHECK(asked == names);
  const Figures roles =
      figures(analysis, {.wanted = [](const std::string& name) { return name == "cross.roles"; }});
  REQUIRE(roles.drawn.size() == 1);
  CHECK(roles.drawn[0].name == "cross.roles");
}
