#pragma once
#include <string_view>

namespace attnscope::detail {

/// The view of one head: its map, its links and its numbers.
inline constexpr std::string_view heads_script = R"js(
// ---- heads: one head, or what its layer or the whole stack does ----

const noMaps = "The maps of this stack are not in the page; the figures in the report's folder have them.";
let headBox = null;

function mapChoices(layer, example) {
  const count = meanHeadIndices(layer).length;
  const choices = [["head", "this head"], ["mean", `mean of ${counted(count, "head")}`]];
  return example && example.rollout !== null ? [...choices, ["rollout", "rollout of all layers"]] : choices;
}

async function chosenMap(example) {
  const layer = currentLayer(), index = layerIndex(state.layer);
  if (state.map === "rollout") return rolloutMap(example);
  const heads = state.map === "mean" ? meanHeadIndices(layer) : [layer.heads.indexOf(state.head)];
  return meanOfMaps(await mapsOfLayer(example, index, heads));
}

function headTitle() {
  if (state.map === "rollout") return `Rollout, ${state.stack}`;
  return state.map === "mean" ? `Layer ${state.layer}, mean of heads` : `Layer ${state.layer}, head ${state.head}`;
}

// The place of a head's number among those of all heads, the largest first.
function rankWords(metric, value) {
  if (value === null) return "";
  const all = layers().flatMap((layer) => layer.heads.map((_, h) => metricValue(layer, metric, h))).filter((other) => other !== null);
  return `${1 + all.filter((other) => other > value).length} of ${all.length}`;
}

function numberRow(layer, headIndex, metric) {
  const value = metricValue(layer, metric, headIndex);
  return make("tr", {"data-metric": metric.name}, make("th", {scope: "row"}, metric.label),
              make("td", {"data-value": String(value), class: "number"}, formatted(value)),
              make("td", {class: "number quiet"}, rankWords(metric, value)));
}

function drawHeadNumbers() {
  const layer = currentLayer(), index = layer.heads.indexOf(state.head);
  const header = make("tr", {}, make("th", {scope: "col"}, `layer ${state.layer}, head ${state.head}`),
                      make("th", {scope: "col", class: "number"}, "value"), make("th", {scope: "col", class: "number"}, "rank"));
  byId("head-numbers").replaceChildren(header, ...metricsHere().map((metric) => numberRow(layer, index, metric)));
  byId("head-role").textContent = roleWords(layer.patterns && layer.patterns[index]);
}

function roleWords(pattern) {
  if (!pattern || !pattern.label) return "";
  return `Role: ${pattern.label} (score ${brief(pattern.score)}, ${brief(pattern.baseline)} would be expected).`;
}

function headLinks(map, example) {
  const rows = Array.from({length: map.rows}, (_, i) => rowName(example, map.firstRow + i, 24));
  const columns = Array.from({length: map.columns}, (_, j) => columnName(example, map.firstColumn + j, 24));
  const weight = (row, column) => map.cells[row * map.columns + column];
  const linesOf = ({isRight, index}) => Array.from({length: isRight ? map.rows : map.columns}, (_, other) =>
      (isRight ? [other, index, weight(other, index)] : [index, other, weight(index, other)]))
      .filter(([, column, size]) => size > 0 && !isHidden(map, column));
  const tell = (token) => { if (token) tellStrongest(linesOf(token), map, example); };
  return {canvas: byId("links"), rows, columns, lines: linesOfMap(map), linesOf, tell};
}

function tellStrongest(lines, map, example) {
  if (lines.length === 0) return;
  const [row, column, weight] = lines.reduce((best, line) => (line[2] > best[2] ? line : best));
  byId("readout").textContent = cellWords(example, map.firstRow + row, map.firstColumn + column, weight);
}

function linkWords(lines) {
  const [left, right] = stackAttendsToItself() ? ["Queries", "keys"] : ["Targets", "sources"];
  const words = `${left} left, ${right} right; the stronger a line, the larger the weight. ` +
                "Point at a token to see its lines alone.";
  return lines.length === mostLines ? `${words} Only the ${mostLines} strongest lines are drawn.` : words;
}

function drawHeadMaps(map, example) {
  const room = byId("heat-panel").clientWidth;
  showMap(headBox, map, {example, limit: limitOf(map), room, title: headTitle() + ", heat map"});
  const links = headLinks(map, example);
  showLinks(links, byId("links-panel").clientWidth);
  byId("links-words").textContent = linkWords(links.lines);
}

function makeHeads() {
  headBox = makeMapBox("heat");
  const readout = make("p", {id: "readout", "aria-live": "polite"});
  readByPointer(headBox, readout);
  return [make("div", {class: "title-row"}, make("h2", {id: "head-title"}), labelled("Layer", makeSelect("layer-choice", "layer", Number)),
               labelled("Head", makeSelect("head-choice", "head", Number)), labelled("Map", makeSelect("map-choice", "map"))), readout,
          make("div", {class: "columns", id: "head-maps"}, make("div", {class: "panel", id: "heat-panel"}, make("h3", {}, "Weights"), headBox.node),
               make("div", {class: "panel", id: "links-panel"}, make("h3", {}, "Links"), make("p", {id: "links-words", class: "quiet"}),
                    make("div", {class: "scroll"}, makeCanvas({id: "links", role: "img", "aria-label": "Links of tokens"})))),
          make("h3", {}, "Numbers"), make("p", {id: "head-role"}), make("table", {id: "head-numbers"}),
          make("p", {class: "quiet"}, "Numbers are of the whole batch; rank 1 is the largest of all heads of the stack.")];
}

function fillHeadChoices(example) {
  fillSelect(byId("layer-choice"), layers().map(({layer}) => [layer, String(layer)]), state.layer);
  fillSelect(byId("head-choice"), currentLayer().heads.map((head) => [head, String(head)]), state.head);
  fillSelect(byId("map-choice"), mapChoices(currentLayer(), example), state.map);
}

async function drawHeads(isCurrent) {
  const example = currentExample();
  fillHeadChoices(example);
  byId("head-title").textContent = headTitle();
  drawHeadNumbers();
  byId("head-maps").hidden = !example;
  byId("readout").textContent = example ? "Point at a cell, or at a token of the links." : noMaps;
  if (!example) return;
  const map = blockOfMap(await chosenMap(example), example);
  if (isCurrent()) drawHeadMaps(map, example);
}
)js";

}  // namespace attnscope::detail
