#pragma once
#include <string_view>

namespace attnscope::detail {

/// The view that compares two layers.
inline constexpr std::string_view layers_script = R"js(
// ---- layers: two of them, and how they differ ----

const compared = {stack: null, a: null, b: null};
let layerBoxes = null;

function chooseCompared() {
  const numbers = layers().map((layer) => layer.layer);
  if (compared.stack !== state.stack) Object.assign(compared, {stack: state.stack, a: numbers[0], b: numbers[numbers.length - 1]});
  for (const side of ["a", "b"]) fillSelect(byId("layer-" + side), numbers.map((n) => [n, "layer " + n]), compared[side]);
}

function meanMetric(layer, metric) {
  const values = meanHeadIndices(layer).map((h) => metricValue(layer, metric, h)).filter((value) => value !== null);
  return values.length > 0 ? meanOf(values) : null;
}

function comparisonRow(label, name, first, second) {
  const difference = first === null || second === null ? null : second - first;
  const cell = (value) => make("td", {class: "number", "data-value": String(value)}, formatted(value));
  return make("tr", {"data-metric": name}, make("th", {scope: "row"}, label), cell(first), cell(second), cell(difference));
}

const numberOf = (layer, name) => (typeof layer[name] === "number" ? layer[name] : null);

function drawLayerTable(first, second) {
  const titles = ["", `layer ${first.layer}`, `layer ${second.layer}`, "difference"];
  const header = make("tr", {}, ...titles.map((title, n) => make("th", {scope: "col", class: n > 0 ? "number" : null}, title)));
  const ofLayers = page.layer_metrics.filter(({name}) => layers().some((layer) => name in layer));
  byId("layer-table").replaceChildren(
      header, ...ofLayers.map(({name, label}) => comparisonRow(label, name, numberOf(first, name), numberOf(second, name))),
      ...metricsHere().map((metric) => comparisonRow(metric.label + ", mean of heads", metric.name + "_mean",
                                                     meanMetric(first, metric), meanMetric(second, metric))));
}

async function meanOfLayer(example, layer) {
  const maps = await mapsOfLayer(example, layerIndex(layer.layer), meanHeadIndices(layer));
  return blockOfMap(meanOfMaps(maps), example);
}

function drawLayerMaps(example, first, second) {
  const room = byId("layer-maps").firstElementChild.clientWidth;
  const limit = Math.max(limitOf(first), limitOf(second)), difference = differenceOfMaps(second, first);
  showMap(layerBoxes.a, first, {example, limit, room, title: "Mean of heads, first layer"});
  showMap(layerBoxes.b, second, {example, limit, room, title: "Mean of heads, second layer"});
  showMap(layerBoxes.difference, difference, {example, limit: limitOf(difference), signed: true, room, title: "Difference of the layers"});
}

function makeComparedSelect(side) {
  const select = make("select", {id: "layer-" + side});
  select.addEventListener("change", () => {
    compared[side] = Number(select.value);
    draw();
  });
  return select;
}

function makeLayers() {
  const readout = make("p", {id: "layers-readout", class: "readout", "aria-live": "polite"});
  layerBoxes = {a: makeMapBox("map-a"), b: makeMapBox("map-b"), difference: makeMapBox("map-difference")};
  Object.values(layerBoxes).forEach((box) => readByPointer(box, readout));
  const panel = (id, box) => make("div", {class: "panel"}, make("h3", {id}), box.node);
  return [make("div", {class: "title-row"}, labelled("First", makeComparedSelect("a")), labelled("Second", makeComparedSelect("b"))), readout,
          make("div", {id: "layer-maps", class: "columns three"}, panel("title-a", layerBoxes.a), panel("title-b", layerBoxes.b),
               panel("title-difference", layerBoxes.difference)),
          make("h3", {}, "Numbers"), make("table", {id: "layer-table"})];
}

async function drawLayers(isCurrent) {
  chooseCompared();
  const example = currentExample(), first = layers()[layerIndex(compared.a)], second = layers()[layerIndex(compared.b)];
  drawLayerTable(first, second);
  byId("title-a").textContent = `Layer ${first.layer}, mean of heads`;
  byId("title-b").textContent = `Layer ${second.layer}, mean of heads`;
  byId("title-difference").textContent = `Layer ${second.layer} − layer ${first.layer}`;
  byId("layer-maps").hidden = !example;
  byId("layers-readout").textContent = example ? "Point at a cell." : noMaps;
  if (!example) return;
  const maps = [await meanOfLayer(example, first), await meanOfLayer(example, second)];
  if (isCurrent()) drawLayerMaps(example, ...maps);
}
)js";

}  // namespace attnscope::detail
