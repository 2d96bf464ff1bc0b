#include "support/catch.hpp"

#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/page.hpp>

#include "../../examples/analysis.hpp"

#include <string>

using namespace attnscope;

namespace {

Dump shipped(const char* name) {
  return read_dump(std::string(ATTNSCOPE_EXAMPLE_DATA) + "/" + name + ".safetensors");
}

struct MadePage {
  Dump part;
  Analysis analysis;
  std::string html;
  nlohmann::ordered_json report, data;

  explicit MadePage(const Dump& dump, const AnalyzeOptions& options = {}, const PageOptions& page = {})
      : part(chosen_part(dump, options)), analysis(analysis_of(dump, options)) {
    html = page_html(part, analysis, page);
    report = nlohmann::ordered_json::parse(script("report"));
    data = nlohmann::ordered_json::parse(script("page-data"));
  }

  /// What stands between the tags of the script of this id.
  std::string script(const std::string& id) const {
    const std::size_t tag = html.find("id=\"" + id + "\">");
    REQUIRE(tag != html.npos);
    const std::size_t first = html.find('>', tag) + 1;
    return html.substr(first, html.find("</script>", first) - first);
  }
  std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (std::size_t at = html.find(text); at != html.npos; at = html.find(text, at + 1)) ++found;
    return found;
  }
};

}  // namespace

TEST_CASE("The page's numbers are the report's, maps aside", "[page]") {
  const MadePage page(shipped("minilm_pair"));
  nlohmann::ordered_json report = nlohmann::ordered_json::parse(report_json(page.analysis));
  CHECK(report["stacks"]["self"].contains("rollout"));
  for (auto& stack : report["stacks"]) {
    stack.erase("rollout");
    stack.erase("flow");
    for (auto& layer : stack["layers"])
      if (layer.contains("values")) layer["values"].erase("norm_maps");
  }
  CHECK(page.report == report);
  // Every metric's path leads to a number for each head.
  for (const auto& metric : page.data["metrics"])
    for (const auto& layer : page.report["stacks"]["self"]["layers"]) {
      nlohmann::ordered_json at = layer;
      for (const auto& step : metric["path"]) at = at.at(step.get<std::string>());
      CHECK(at.size() == layer["heads"].size());
    }
  for (const auto& metric : page.data["layer_metrics"])
    CHECK(page.report["stacks"]["self"]["layers"][0].contains(metric["name"].get<std::string>()));
}

TEST_CASE("The page names every chunk that it carries", "[page]") {
  const MadePage page(shipped("cipher_batch"));
  std::size_t named = page.data["figures"].size();
  for (const auto& stack : page.data["stacks"])
    for (const auto& element : stack["elements"])
      named += element["layers"].size() + (element["rollout"].is_null() ? 0 : 1);
  CHECK(named == page.data["chunks"].size());
  CHECK(page.count("<script type=\"text/plain\" id=\"chunk-") == named);
  for (const auto& stack : page.data["stacks"]) {
    CHECK(static_cast<Index>(stack["elements"].size()) == page.part.batch);
    for (const auto& element : stack["elements"]) {
      CHECK(element["query_tokens"].size() == element["queries"].get<std::size_t>());
      CHECK(element["key_tokens"].size() == element["keys"].get<std::size_t>());
    }
  }
}

TEST_CASE("A page without maps to spare says what it left out", "[page]") {
  const Dump dump = shipped("cipher_batch");
  const MadePage few(dump, {}, {.element = 1, .most_map_bytes = 2000});
  CHECK(few.data["stacks"].front()["elements"].front()["element"] == 1);
  CHECK_FALSE(few.data["notes"].empty());
  const MadePage all(dump);
  CHECK(all.data["notes"].empty());
}

TEST_CASE("The boundary of a sentence pair stands on both axes", "[page]") {
  const MadePage page(shipped("minilm_pair"));
  const auto& element = page.data["stacks"]["self"]["elements"][0];
  const std::vector<Index> boundary = metadata::indices(page.part.metadata, "sentence_boundary");
  REQUIRE(boundary.size() == 1);
  CHECK(element["key_boundary"] == boundary[0]);
  CHECK(element["query_boundary"] == boundary[0]);
  const MadePage none(shipped("cipher_batch"));
  CHECK(none.data["stacks"].front()["elements"][0]["key_boundary"].is_null());
}

TEST_CASE("Queries behind a cache count the boundary from their own first", "[page]") {
  Dump dump = read_dump(ATTNSCOPE_TEST_DIR "/data/synthetic/causal_offset.safetensors");
  const Index own = detail::dump::layout_of(dump.stacks[0].layers[0].attention).position(0, 0);
  REQUIRE(own > 0);
  dump.metadata["sentence_boundary"] = fmt::to_string(own + 1);
  for (TokenAxis* axis : {&dump.stacks[0].queries, &dump.stacks[0].keys}) axis->tokens.clear();
  const MadePage page(dump);
  const auto& element = page.data["stacks"]["self"]["elements"][0];
  CHECK(element["key_boundary"] == own + 1);
  CHECK(element["query_boundary"] == 1);
}

TEST_CASE("Nothing of a dump ends a script or begins an element", "[page]") {
  Dump dump = shipped("minilm_pair");
  const std::string evil = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>";
  dump.name = evil;
  dump.metadata["model"] = evil;
  dump.stacks[0].name = evil;
  for (auto& tokens : dump.stacks[0].keys.tokens) tokens[1] = evil;
  for (auto& tokens : dump.stacks[0].queries.tokens) tokens[1] = "\xff\xfe" + evil;
  const MadePage page(dump);
  Dump plain = shipped("minilm_pair");
  plain.stacks[0].name = "plain";
  const MadePage tame(plain);
  CHECK(page.count("<script") == tame.count("<script"));
  CHECK(page.count("</script") == tame.count("</script"));
  CHECK(page.count("<!--") == tame.count("<!--"));
  CHECK(page.count("<img") == tame.count("<img"));
  CHECK(page.report["source"] == evil);
}

TEST_CASE("A page asks for nothing but itself", "[page]") {
  const MadePage page(shipped("minilm_pair"));
  CHECK(page.count("default-src 'none'") == 1);
  CHECK(page.count("src=\"http") == 0);
  CHECK(page.count("@import") == 0);
  CHECK(page.count("url(") == 0);
}

TEST_CASE("Errors of a page", "[page]") {
  const Dump dump = shipped("minilm_pair");
  const Analysis analysis = analysis_of(dump, {});
  CHECK_THROWS_WITH(page_html(dump, analysis, {.element = 3}), ContainsSubstring("batch element 3 of 1"));
  Dump other = dump;
  other.stacks.push_back(other.stacks.front());
  CHECK_THROWS_WITH(page_html(other, analysis), ContainsSubstring("the analysis has 1 stacks, the dump 2"));
}
