#pragma once
#include <string_view>

namespace attnscope::detail {

/// The view of all heads of all layers as small maps.
inline constexpr std::string_view model_script = R"js(
// ---- model: a small map of every head ----

const thumbCells = 64;  // the most cells of a side; larger maps show the largest of each square
let thumbs = new Map();
let thumbsFor = "";

function makeThumb(layer, head) {
  const words = `Layer ${layer.layer}, head ${head}`;
  const thumb = makeButton({class: "thumb", "data-layer": layer.layer, "data-head": head, title: words, "aria-label": words},
                           () => go({view: "heads", layer: layer.layer, head, map: "head"}), makeCanvas({}));
  thumbs.set(`${layer.layer} ${head}`, thumb);
  return thumb;
}

function layThumbs(heads) {
  const header = [make("span", {class: "axis corner"}, "layer"), ...heads.map((head) => make("span", {class: "axis"}, String(head)))];
  const row = (layer) => [make("span", {class: "axis"}, String(layer.layer)),
                          ...heads.map((head) => (layer.heads.includes(head) ? makeThumb(layer, head) : make("span")))];
  thumbs = new Map();
  byId("model").style.setProperty("--columns", heads.length);
  byId("model").replaceChildren(...header, ...shownLayers().flatMap(row));
}

function drawThumb(thumb, map) {
  const canvas = thumb.firstElementChild, small = shrunkMap(map, thumbCells, thumbCells);
  paintCells(canvas, small, 1, false);
  if (small === map) coverFirstColumn(canvas, map);  // the first of a square's columns has no pixel of its own
}

async function drawThumbsOfLayer(layer, example) {
  const shown = layer.heads.filter((head) => thumbs.has(`${layer.layer} ${head}`));
  const bytes = await chunk(example.layers[layerIndex(layer.layer)]);
  for (const head of shown) {
    const map = blockOfMap(readMap(example, bytes, layer.heads.indexOf(head)), example);
    drawThumb(thumbs.get(`${layer.layer} ${head}`), map);
  }
}

function markThumb() {
  for (const thumb of thumbs.values()) {
    const {layer, head} = thumb.dataset;
    thumb.toggleAttribute("aria-current", Number(layer) === state.layer && Number(head) === state.head);
  }
}

// Lets the browser draw, and answer the reader.
const pause = () => new Promise((resolve) => setTimeout(resolve));

// What the small maps depend on: where it is unchanged they stand.
const thumbsWanted = () => JSON.stringify([state.stack, state.element, state.block, state.hideFirst, currentTheme(),
                                           [...state.hiddenLayers], [...state.hiddenHeads]]);

function makeModel() {
  return [make("p", {class: "quiet", id: "model-words"}), make("div", {id: "model-bar"}), make("div", {id: "model"})];
}

async function drawModel(isCurrent) {
  const example = currentExample();
  byId("model-words").textContent = example ? "Rows are layers, columns are heads; all maps share one scale. Open one to read it." : noMaps;
  byId("model-bar").replaceChildren(...(example ? [weightBar(1, false)] : []));
  if (!example || thumbsFor === thumbsWanted()) return markThumb();
  thumbsFor = "";
  layThumbs(shownHeads());
  markThumb();
  for (const layer of shownLayers()) {
    await drawThumbsOfLayer(layer, example);
    await pause();
    if (!isCurrent()) return;
  }
  thumbsFor = thumbsWanted();
}
)js";

}  // namespace attnscope::detail
