// A dump of any tensors, names and metadata, analysed in part or whole: the report, its tables, its page and
// its pictures say what the dump does, in sound JSON, CSV, HTML and SVG.
#include <attnscope/report/chosen_part.hpp>
#include <attnscope/report/csv.hpp>
#include <attnscope/report/json.hpp>
#include <attnscope/report/page.hpp>

#include "../examples/analysis.hpp"
#include "fuzz/dump_of.hpp"
#include "fuzz/writers/well_formed.hpp"

using namespace attnscope;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}
/// What stands in the script of this id.
std::string_view script(std::string_view html, const std::string& id) {
  const std::string tag = " id=\"" + id + "\">";
  const std::size_t begin = html.find(tag);
  if (begin == html.npos) fuzz::found("the page has no script " + id);
  html.remove_prefix(begin + tag.size());
  return html.substr(0, html.find("</script>"));
}
/// What a chunk of the page holds.
std::string unpacked(std::string_view base64, bool deflated) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0, held = 0;
  for (const char c : base64.substr(0, base64.find('='))) {
    const std::size_t digit = digits.find(c);
    fuzz::expect(digit != digits.npos, "a chunk is no base64");
    held = (held << 6 | static_cast<unsigned>(digit)) & 0xffffu;
    if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8));
  }
  if (!deflated) return bytes;
  std::string whole(std::size_t{1} << 22, '\0');
  uLongf size = whole.size();
  fuzz::expect(uncompress(reinterpret_cast<Bytef*>(whole.data()), &size,
                          reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK,
               "a chunk cannot be inflated");
  whole.resize(size);
  return whole;
}
void check_report(const Analysis& analysis) {
  const nlohmann::ordered_json report = fuzz::check_json(report_json(analysis));
  fuzz::expect(report["source"] == fuzz::in_json(analysis.source), "the report is of another source");
  for (const StackAnalysis& stack : analysis.stacks) {
    const nlohmann::ordered_json& said = report["stacks"][fuzz::in_json(stack.name)];
    fuzz::expect(said["layers"].size() == stack.layers.size(), "the report has other layers");
    const auto& tokens = stack.self_attention ? stack.key_tokens : stack.query_tokens;
    if (!stack.query_tokens.empty())
      fuzz::expect(said["tokens"] == nlohmann::ordered_json(tokens), "the report has other tokens");
  }
  const auto heads = fuzz::check_csv(heads_csv(analysis)), metrics = fuzz::check_csv(metrics_csv(analysis));
  std::size_t rows = 1;
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers) rows += layer.heads.size();
  fuzz::expect(heads.size() == rows, "heads.csv has another number of rows");
  for (std::size_t r = 1; r < heads.size(); ++r)
    for (std::size_t c = 1; c < heads[r].size(); ++c)
      if (heads[0][c] != "pattern") fuzz::check_number(heads[r][c]);
  fuzz::expect(heads.size() < 2 || heads[1][0] == analysis.stacks[0].name, "heads.csv is of another stack");
  for (std::size_t r = 1; r < metrics.size(); ++r) fuzz::check_number(metrics[r][5]);
}
void check_page(const Dump& part, const Analysis& analysis) {
  const std::string html = page_html(part, analysis, {.threads = 1});
  const nlohmann::ordered_json report = fuzz::check_json(script(html, "report")),
                               data = fuzz::check_json(script(html, "page-data"));
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  const std::string expected = attnscope::detail::page_report(analysis).dump(-1, ' ', false, replace);
  fuzz::expect(report == nlohmann::ordered_json::parse(expected), "the page has another report");
  const std::size_t chunks = data["chunks"].size();
  fuzz::expect(count(html, "<script") == chunks + 3 && count(html, "</script") == chunks + 3,
               "scripts that nobody wrote");
  fuzz::expect(count(html, "<!--") == 0, "a comment that may hide a script");
  fuzz::expect(count(html, "</title") == 1 && count(html, "</style") == 1,
               "a title or style that ends early");
  for (const nlohmann::ordered_json& figure : data["figures"]) {
    const std::size_t number = figure["chunk"];
    fuzz::check_svg(unpacked(script(html, "chunk-" + std::to_string(number)),
                             data["chunks"][number]["encoding"] == "deflate"));
  }
}
void run(FuzzedDataProvider& data) {
  AnalyzeOptions options{.window = fuzz::up_to(data, 4), .sweep = {.threads = 1}};
  for (auto some = fuzz::up_to(data, 7) - 5; some > 0; --some) options.layers.push_back(fuzz::up_to(data, 2));
  for (auto some = fuzz::up_to(data, 7) - 5; some > 0; --some) options.heads.push_back(fuzz::up_to(data, 3));
  options.exclude_special = fuzz::up_to(data, 5) == 0;
  if (fuzz::up_to(data, 7) == 0) options.target = data.ConsumeBool() ? "t" : fuzz::text(data, 8);
  options.flow = data.ConsumeBool();
  if (fuzz::up_to(data, 7) == 0) options.pruning_fraction = fuzz::number(data);
  const Dump dump = fuzz::dump_of(data);
  const Dump part = chosen_part(dump, options);
  const Analysis analysis = analysis_of(dump, options);
  check_report(analysis);
  for (const Figure& figure : figures(part).drawn) fuzz::check_svg(figure.svg);
  for (const StackAnalysis& stack : analysis.stacks)
    if (stack.pruning) fuzz::check_json(pruning_plan_json(stack));
  check_page(part, analysis);
}
std::vector<std::string> seeds() { return fuzz::dump_seeds(); }
const fuzz::Register registered("page", run, seeds);
