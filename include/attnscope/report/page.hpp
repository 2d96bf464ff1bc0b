#pragma once
#include <attnscope/figure/labels.hpp>
#include <attnscope/figure/theme.hpp>
#include <attnscope/report/analysis_figures.hpp>
#include <attnscope/report/json.hpp>
#include <attnscope/report/known_tokens.hpp>
#include <attnscope/report/page_maps.hpp>
#include <attnscope/report/script/script.hpp>
#include <attnscope/report/script/style.hpp>

#include <algorithm>

namespace attnscope {

/// What page_html() shows first, and how much it carries.
struct PageOptions {
  Index element = 0;  ///< the batch element that is shown first, and on the embedded figures
  double most_map_bytes =
      40e6;  ///< of weights before base64: with more, elements are left out or maps pooled
  double most_fine_bytes = 2e6;  ///< up to here a weight has two bytes, and is right to 3e-5
  int threads = 0;               ///< 0: as many as the machine has
};

namespace detail {

/// What stands in the page between <script> and </script>: "<" would let a token end the script.
inline std::string script_json(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text)
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  return safe;
}

/// The report but for the maps, of which the page has its own form.
inline nlohmann::ordered_json page_report(const Analysis& analysis) {
  nlohmann::ordered_json report = report_tree(analysis);
  for (auto& stack : report["stacks"]) {
    stack.erase("rollout");
    stack.erase("flow");
    for (auto& layer : stack["layers"])
      if (layer.contains("values")) layer["values"].erase("norm_maps");
  }
  return report;
}

inline std::string all_levels(Palette palette) {
  std::string levels;
  for (int level = 0; level < palette_levels; ++level) levels += hex(level_colour(palette, level)).substr(1);
  return levels;
}

inline nlohmann::ordered_json page_palettes() {
  nlohmann::ordered_json palettes;
  for (const auto& [theme, name] : {std::pair(Theme::light, "light"), std::pair(Theme::dark, "dark")})
    palettes[name] = {{"sequential", all_levels(sequential_palette(theme))},
                      {"diverging", all_levels(diverging_palette(theme))}};
  return palettes;
}

/// The colours of the figures, as the style knows them.
inline std::string page_colours(Theme theme) {
  const ThemeColours colours = theme_colours(theme);
  return fmt::format("--background:{};--text:{};--quiet:{};--line:{};--grid:{};--undefined:{}",
                     hex(colours.background), hex(colours.text), hex(colours.quiet), hex(colours.line),
                     hex(colours.grid), hex(colours.undefined));
}

inline std::string metric_label(const std::string& name) {
  std::string label = name;
  std::ranges::replace(label, '_', ' ');
  if (name == "entropies") label = "entropy (nats)";
  if (name == "normalized_entropies") label = "normalised entropy";
  if (name == "mean_distance") label += " (tokens)";
  return label;
}

/// Where the report has the metric below a layer.
inline std::vector<std::string> metric_path(const std::string& name) {
  for (const std::string group : {"importance", "alignment"})
    if (name.starts_with(group + "_")) return {group, name.substr(group.size() + 1)};
  return {name};
}

/// Those that heads.csv has, of all stacks; of layers: those that any has.
inline void add_metrics(const Analysis& analysis, nlohmann::ordered_json& data) {
  nlohmann::ordered_json heads = nlohmann::ordered_json::array(), layers = heads;
  const auto add = [](nlohmann::ordered_json& list, nlohmann::ordered_json metric) {
    const auto is_same = [&](const auto& other) { return other["name"] == metric["name"]; };
    if (std::none_of(list.begin(), list.end(), is_same)) list.push_back(std::move(metric));
  };
  for (const StackAnalysis& stack : analysis.stacks)
    for (const LayerAnalysis& layer : stack.layers) {
      for (const HeadMetric& metric : table_metrics(layer.pooled))
        add(heads, {{"name", metric.name},
                    {"label", metric_label(metric.name)},
                    {"path", metric_path(metric.name)}});
      for (const LayerMetric& metric : layer_metrics(layer.pooled))
        add(layers, {{"name", metric.name}, {"label", metric_label(metric.name)}});
    }
  data["metrics"] = heads;
  data["layer_metrics"] = layers;
}

/// The chunks of a page in the order of their numbers.
class PageChunks {
 public:
  /// @returns its number
  std::size_t add(PageChunk chunk) {
    chunks_.push_back(std::move(chunk));
    return chunks_.size() - 1;
  }
  nlohmann::ordered_json described() const {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const PageChunk& chunk : chunks_) list.push_back({{"encoding", chunk.deflated ? "deflate" : "raw"}});
    return list;
  }
  void append_to(std::string& html) const {
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
      html += fmt::format("<script type=\"text/plain\" id=\"chunk-{}\">", i);
      html += chunks_[i].base64;
      html += "</script>\n";
    }
  }
  std::size_t size() const {
    std::size_t bytes = 0;
    for (const PageChunk& chunk : chunks_) bytes += chunk.base64.size() + 64;
    return bytes;
  }

 private:
  std::vector<PageChunk> chunks_;
};

/// The names of an axis as they can be read, numbers where there are none.
inline std::vector<std::string> readable_tokens(const metadata::TokenLists& tokens, Index element,
                                                Index count) {
  std::vector<std::string> names = named_tokens(tokens, element, count);
  if (!tokens.empty())
    for (std::string& name : names) name = readable_token(name);
  return names;
}

/// A boundary as both axes count it; null where there is none.
inline void add_boundaries(const Dump& part, const DumpStack& stack, const MapForm& form, Index element,
                           nlohmann::ordered_json& json) {
  json["query_boundary"] = json["key_boundary"] = nullptr;
  const std::vector<Index> boundaries = sentence_boundaries(part, stack);
  if (boundaries.empty()) return;
  const Index key = boundaries[static_cast<std::size_t>(element)];
  const Index query = key - dump::layout_of(stack.layers.front().attention).position(element, 0);
  json["query_boundary"] = std::clamp(query, Index{0}, form.queries);
  json["key_boundary"] = std::clamp(key, Index{0}, form.keys);
}

inline nlohmann::ordered_json page_element(const Dump& part, const DumpStack& stack,
                                           const StackAnalysis& analysis, Index element, const PagePlan& plan,
                                           int threads, PageChunks& chunks) {
  const MapForm form = map_form(stack, element, plan.pool, plan.bytes);
  nlohmann::ordered_json json{{"element", element}, {"queries", form.queries}, {"keys", form.keys},
                              {"pool", form.pool},  {"rows", form.rows},       {"columns", form.columns},
                              {"bytes", form.bytes}};
  json["query_tokens"] = readable_tokens(stack.queries.tokens, element, form.queries);
  json["key_tokens"] = readable_tokens(stack.keys.tokens, element, form.keys);
  add_boundaries(part, stack, form, element, json);
  if (form.cells() < form.rows * form.columns)
    json["visible"] = form.visible;
  else
    json["visible"] = nullptr;
  json["layers"] = nlohmann::ordered_json::array();
  for (PageChunk& layer : map_chunks(stack, element, form, threads))
    json["layers"].push_back(chunks.add(std::move(layer)));
  json["rollout"] = nullptr;
  const auto at = static_cast<std::size_t>(element);
  if (analysis.flow && at < analysis.flow->rollout.size()) {
    const Eigen::MatrixXd& rollout = analysis.flow->rollout[at];
    if (rollout.rows() == form.queries && rollout.cols() == form.keys)
      json["rollout"] = chunks.add(page_chunk(map_codes(rollout, form)));
  }
  return json;
}

inline nlohmann::ordered_json page_stack(const Dump& part, const DumpStack& stack,
                                         const StackAnalysis& analysis, const PagePlan& plan, int threads,
                                         PageChunks& chunks, nlohmann::ordered_json& notes) {
  nlohmann::ordered_json elements = nlohmann::ordered_json::array();
  for (const Index element : plan.elements) {
    if (has_even_maps(stack, element))
      elements.push_back(page_element(part, stack, analysis, element, plan, threads, chunks));
    else
      notes.push_back(
          fmt::format("{}, element {}: its layers have maps of different shapes, which this page "
                      "does not draw.",
                      stack.name, element));
  }
  return {{"causal", dump::layout_of(stack.layers.front().attention).mask().causal},
          {"self_attention", stack.self_attention},
          {"elements", elements}};
}

/// What is not as the dump has it.
inline nlohmann::ordered_json page_notes(const PagePlan& plan, const PageOptions& options) {
  nlohmann::ordered_json notes = nlohmann::ordered_json::array();
  if (plan.pool > 1)
    notes.push_back(
        fmt::format("The maps are too large for a page of {:.0f} MB of weights: each cell is the "
                    "largest of {} x {}.",
                    options.most_map_bytes / 1e6, plan.pool, plan.pool));
  if (plan.left_out > 0)
    notes.push_back(
        fmt::format("The maps of {} of the batch elements do not fit a page of {:.0f} MB of "
                    "weights and are left out; the numbers are of all.",
                    plan.left_out, options.most_map_bytes / 1e6));
  return notes;
}

inline void add_figures(const Analysis& analysis, Index element, PageChunks& chunks,
                        nlohmann::ordered_json& data) {
  data["figures"] = nlohmann::ordered_json::array();
  for (const Figure& figure : figures(analysis, {.element = element}).drawn) {
    const std::string stack = figure.name.substr(0, figure.name.rfind('.'));
    data["figures"].push_back(
        {{"stack", stack}, {"name", figure.name}, {"chunk", chunks.add(page_chunk(figure.svg, true))}});
  }
}

constexpr std::string_view page_policy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

}  // namespace detail

/// The page report.html: what an analysis says and the weights it is of, to be explored in a browser. One
/// file in HTML 5 that asks for nothing else, shows the numbers of report_json() and the figures of
/// figures(analysis), and carries the maps of `part`, from which `analysis` was made (chosen_part()), as
/// MapForm says; docs/page.md says how it is used.
/// @throws ShapeError the element is not there. Cost: one pass over the weights; the page in memory.
inline std::string page_html(const Dump& part, const Analysis& analysis, const PageOptions& options = {}) {
  require<ShapeError>(options.element >= 0 && options.element < part.batch, "{}: batch element {} of {}",
                      part.name, options.element, part.batch);
  require<ShapeError>(part.stacks.size() == analysis.stacks.size(),
                      "{}: the analysis has {} stacks, the dump {}", part.name, analysis.stacks.size(),
                      part.stacks.size());
  const PagePlan plan = page_plan(part, options.element, options.most_map_bytes, options.most_fine_bytes);
  detail::PageChunks chunks;
  nlohmann::ordered_json notes = detail::page_notes(plan, options);
  nlohmann::ordered_json data{{"palettes", detail::page_palettes()}};
  detail::add_metrics(analysis, data);
  detail::add_figures(analysis, options.element, chunks, data);
  nlohmann::ordered_json stacks = nlohmann::ordered_json::object();
  for (std::size_t s = 0; s < part.stacks.size(); ++s)
    stacks[part.stacks[s].name] =
        detail::page_stack(part, part.stacks[s], analysis.stacks[s], plan, options.threads, chunks, notes);
  data["stacks"] = std::move(stacks);
  data["notes"] = std::move(notes);
  data["chunks"] = chunks.described();

  const std::string script = detail::page_script();
  std::string html;
  html.reserve(chunks.size() + (std::size_t{1} << 20));
  html += fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<title>{} – attnscope</title>\n"
      "<style>\n:root{{{}}}\n:root[data-theme=\"dark\"]{{{}}}\n{}</style>\n</head>\n<body>\n"
      "<noscript>This page draws itself with JavaScript, which is switched off.</noscript>\n"
      "<main id=\"page\"></main>\n",
      detail::page_policy, xml_text(analysis.source), detail::page_colours(Theme::light),
      detail::page_colours(Theme::dark), detail::page_style);
  const auto add = [&](const char* attributes, const std::string& text) {
    html += fmt::format("<script{}>", attributes);
    html += text;
    html += "</script>\n";
  };
  add(" type=\"application/json\" id=\"report\"", detail::script_json(detail::page_report(analysis)));
  add(" type=\"application/json\" id=\"page-data\"", detail::script_json(data));
  chunks.append_to(html);
  add("", script);
  html += "</body>\n</html>\n";
  return html;
}

}  // namespace attnscope
