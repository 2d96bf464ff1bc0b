#pragma once
#include <string_view>

namespace attnscope::detail {

/// The view that says in words what was found, with the map of all heads.
inline constexpr std::string_view overview_script = R"js(
// ---- overview: what was found, and a number of every head ----

function tokenCounts(tokens, kind) {
  const counts = tokens.map((text) => text.length), least = Math.min(...counts), most = Math.max(...counts);
  return `${least === most ? "" : least + " to "}${counted(most, kind)}`;
}

// "4 examples of 6 to 10 tokens", or of how many target and source tokens.
function textWords({tokens, source_tokens: sources}) {
  const counts = sources ? `${tokenCounts(tokens, "target token")} and ${tokenCounts(sources, "source token")}`
                         : tokenCounts(tokens, "token");
  return report.batch > 1 ? `${report.batch} examples of ${counts}` : counts;
}

function sizeSentence(stack) {
  const heads = stack.layers.map((layer) => layer.heads.length), most = Math.max(...heads);
  const upTo = heads.some((count) => count !== most) ? "up to " : "";
  const size = `${counted(stack.layers.length, "layer")} of ${upTo}${counted(most, "head")}`;
  return stack.tokens && stack.tokens.length > 0 ? `${size} over ${textWords(stack)}.` : `${size}.`;
}

// The layer where a number of layers is largest; null where none has it.
function layerOfLargest(stack, name) {
  const having = stack.layers.filter((layer) => typeof layer[name] === "number");
  return having.reduce((best, layer) => (best === null || layer[name] > best[name] ? layer : best), null);
}

function localitySentence(stack) {
  const layer = layerOfLargest(stack, "locality_score");
  if (!layer) return "";
  return `Attention is most local in layer ${layer.layer}: ${brief(layer.locality_score)} of the weight lies within ` +
         `${counted(report.window, "token")}, uniform attention would put ${brief(layer.uniform_locality)} there.`;
}

function diversitySentence(stack) {
  const layer = layerOfLargest(stack, "diversity_score");
  return layer && stack.layers.length > 1 ? `Heads differ most in layer ${layer.layer} (diversity ${brief(layer.diversity_score)}).` : "";
}

function headline(stack) {
  return [sizeSentence(stack), localitySentence(stack), diversitySentence(stack)].filter((words) => words !== "").join(" ");
}

// The scale of a metric: from its least to its largest value, or as far below zero as above where it has signs.
function metricScale(metric) {
  const values = layers().flatMap((layer) => layer.heads.map((_, h) => metricValue(layer, metric, h)));
  const defined = values.filter((value) => value !== null);
  if (defined.length === 0) return null;
  const least = Math.min(...defined), most = Math.max(...defined), signed = least < 0;
  const limit = Math.max(-least, most);
  return signed ? {least: -limit, most: limit, signed} : {least, most, signed};
}

function metricLevel(value, {least, most}) { return most > least ? Math.round(255 * (value - least) / (most - least)) : 128; }

function headWords(layer, headIndex, metric, value) {
  const role = layer.patterns && layer.patterns[headIndex] && layer.patterns[headIndex].label;
  const words = `Layer ${layer.layer}, head ${layer.heads[headIndex]}: ${metric.label} ${formatted(value)}`;
  return role ? `${words}; ${role}` : words;
}

function makeCell(layer, headIndex, metric, scale) {
  const head = layer.heads[headIndex], value = metricValue(layer, metric, headIndex);
  const isCurrent = layer.layer === state.layer && head === state.head;
  const words = headWords(layer, headIndex, metric, value);
  const cell = makeButton({class: "cell", "data-layer": layer.layer, "data-head": head, "data-value": String(value),
                           "aria-label": words, title: words, tabindex: isCurrent ? 0 : -1, "aria-current": isCurrent ? "true" : null},
                          () => go({view: "heads", layer: layer.layer, head, map: "head"}), brief(value));
  if (value === null) return cell;
  const level = metricLevel(value, scale);
  cell.style.backgroundColor = colour(level, scale.signed);
  cell.style.color = textColour(level, scale.signed);
  return cell;
}

function headMapRow(layer, heads, metric, scale) {
  const cells = heads.map((head) => {
    const index = layer.heads.indexOf(head);
    return index < 0 ? make("span") : makeCell(layer, index, metric, scale);
  });
  return [make("span", {class: "axis"}, String(layer.layer)), ...cells];
}

function drawHeadMap() {
  const metric = currentMetric(), map = byId("head-map"), heads = shownHeads();
  map.replaceChildren();
  byId("head-map-bar").replaceChildren();
  if (!metric) return;
  const scale = metricScale(metric);
  const header = [make("span", {class: "axis corner"}, "layer"), ...heads.map((head) => make("span", {class: "axis"}, String(head)))];
  map.style.setProperty("--columns", heads.length);
  map.append(...header, ...shownLayers().flatMap((layer) => headMapRow(layer, heads, metric, scale)));
  // The chosen head may be filtered away: some cell must be reachable by the keyboard.
  if (!map.querySelector('[tabindex="0"]') && map.querySelector(".cell")) map.querySelector(".cell").tabIndex = 0;
  if (scale) byId("head-map-bar").append(colourBar([scale.least, (scale.least + scale.most) / 2, scale.most], metric.label, scale.signed));
}

function listItems(list, sentences) { list.replaceChildren(...sentences.map((words) => make("li", {}, words))); }

function makeOverview() {
  return [make("p", {id: "headline"}), make("div", {class: "columns"},
      make("div", {class: "panel"}, make("h2", {}, "Heads"), make("p", {class: "quiet"}, "Rows are layers, columns are heads. Open one for its map."),
           make("div", {id: "head-map", role: "group", "aria-label": "Map of all heads"}), make("div", {id: "head-map-bar"})),
      make("div", {class: "panel"}, make("h2", {}, "Findings"), make("ul", {id: "findings"}), make("ul", {id: "notes", class: "quiet"})))];
}

function drawOverview() {
  byId("headline").textContent = headline(stackReport());
  listItems(byId("findings"), report.findings || []);
  listItems(byId("notes"), page.notes || []);
  drawHeadMap();
}
)js";

}  // namespace attnscope::detail
