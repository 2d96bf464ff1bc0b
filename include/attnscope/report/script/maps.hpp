#pragma once
#include <string_view>

namespace attnscope::detail {

/// How maps are drawn: palettes, colour bars, labels, and what the pointer reads from them.
inline constexpr std::string_view maps_script = R"js(
// ---- maps: colours, labels, and the pointer ----

const palettes = new Map();

// 256 colours as the bytes of their pixels.
function palette(signed) {
  const theme = currentTheme(), kind = signed ? "diverging" : "sequential", name = theme + kind;
  if (!palettes.has(name)) {
    const digits = page.palettes[theme][kind];
    palettes.set(name, Uint8Array.from({length: 768}, (_, n) => parseInt(digits.substr(2 * n, 2), 16)));
  }
  return palettes.get(name);
}

function colour(level, signed) {
  const [red, green, blue] = palette(signed).subarray(3 * level, 3 * level + 3);
  return `rgb(${red}, ${green}, ${blue})`;
}

// Black or white, whichever reads better on that colour (WCAG 2).
function textColour(level, signed) {
  const [red, green, blue] = Array.from(palette(signed).subarray(3 * level, 3 * level + 3), (c) => (c / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

const themeColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The first key of the text often takes most of the weight; hidden, it leaves the colours to the others.
const isHidden = (map, column) => state.hideFirst && map.firstColumn + column === 0;

// The largest weight that is shown.
function limitOf(map) {
  let limit = 0;
  for (let i = 0; i < map.rows; ++i) {
    for (let j = isHidden(map, 0) ? 1 : 0; j < map.columns; ++j) {
      limit = Math.max(limit, Math.abs(map.cells[i * map.columns + j]));
    }
  }
  return limit;
}

// Maps have a square-root scale: half of the colours are for weights below a quarter of the largest.
function weightLevel(weight, limit, signed) {
  const share = limit > 0 ? Math.min(1, Math.sqrt(Math.abs(weight) / limit)) : 0;
  return signed ? Math.round(127.5 + 127.5 * Math.sign(weight) * share) : Math.round(255 * share);
}

// The largest of every square of cells, so that no single weight is lost where a map has more cells than pixels.
function shrunkMap(map, mostRows, mostColumns) {
  const side = Math.max(1, Math.ceil(map.rows / mostRows), Math.ceil(map.columns / mostColumns));
  if (side === 1) return map;
  const small = {...map, rows: Math.ceil(map.rows / side), columns: Math.ceil(map.columns / side)};
  small.cells = new Float32Array(small.rows * small.columns);
  for (let i = 0; i < map.rows; ++i) {
    const row = i * map.columns, to = Math.floor(i / side) * small.columns;
    let j = isHidden(map, 0) ? 1 : 0;
    for (let place = 0; place < small.columns; ++place) {
      let largest = small.cells[to + place];
      for (const end = Math.min(map.columns, (place + 1) * side); j < end; ++j) {
        const weight = map.cells[row + j];
        if (Math.abs(weight) > Math.abs(largest)) largest = weight;
      }
      small.cells[to + place] = largest;
    }
  }
  return small;
}

// One pixel a cell; the browser enlarges it.
function paintCells(canvas, map, limit, signed) {
  canvas.width = map.columns;
  canvas.height = map.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.columns, map.rows);
  const colours = palette(signed);
  for (let n = 0; n < map.cells.length; ++n) {
    const level = 3 * weightLevel(map.cells[n], limit, signed);
    image.data[4 * n] = colours[level];
    image.data[4 * n + 1] = colours[level + 1];
    image.data[4 * n + 2] = colours[level + 2];
    image.data[4 * n + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function coverFirstColumn(canvas, map) {
  if (!isHidden(map, 0)) return;
  const context = canvas.getContext("2d");
  context.fillStyle = themeColour("--grid");
  context.fillRect(0, 0, Math.ceil(canvas.width / map.columns), canvas.height);
}

// A canvas of this size on the page, as sharp as the screen.
function sharpContext(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function paintMap(canvas, map, {width, height, limit, signed}) {
  const context = sharpContext(canvas, width, height);
  const cells = document.createElement("canvas");
  paintCells(cells, shrunkMap(map, canvas.height, canvas.width), limit, signed);
  context.imageSmoothingEnabled = false;
  context.drawImage(cells, 0, 0, width, height);
  coverFirstColumn(canvas, map);
}

// ---- labels ----

const labelFont = "12px system-ui, sans-serif";
const labelPitch = 13;  // the least distance of two labels, in pixels

// Which rows or columns have a label, and where: as many as have room, far enough from the edge to be whole.
function labelPlaces(count, length) {
  const places = [];
  for (let index = 0; index < count; ++index) {
    const place = Math.max(6, Math.min(length - 6, (index + 0.5) * length / count));
    if (index === 0 || place - places[places.length - 1].place >= labelPitch) places.push({index, place});
  }
  return places;
}

function fittingText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const letters = Array.from(text);
  while (letters.length > 1 && context.measureText(letters.join("") + "…").width > width) letters.pop();
  return letters.join("") + "…";
}

function paintRowLabels(canvas, names, width, height) {
  const context = sharpContext(canvas, width, height);
  context.font = labelFont;
  context.fillStyle = themeColour("--text");
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const {index, place} of labelPlaces(names.length, height)) {
    context.fillText(fittingText(context, names[index], width - 8), width - 6, place);
  }
}

function paintColumnLabels(canvas, names, width, height) {
  const context = sharpContext(canvas, width, height);
  context.font = labelFont;
  context.fillStyle = themeColour("--text");
  context.textBaseline = "middle";
  for (const {index, place} of labelPlaces(names.length, width)) {
    context.save();
    context.translate(place, height - 6);
    context.rotate(-Math.PI / 2);
    context.fillText(fittingText(context, names[index], height - 8), 0, 0);
    context.restore();
  }
}

function labelWidth(names, most) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = labelFont;
  return Math.ceil(Math.min(most, 10 + Math.max(...names.map((name) => context.measureText(name).width))));
}

// ---- colour bars ----

function colourBar(numbers, caption, signed) {
  const canvas = make("canvas", {width: 256, height: 1, "aria-hidden": "true"});
  const context = canvas.getContext("2d");
  for (let level = 0; level < 256; ++level) {
    context.fillStyle = colour(level, signed);
    context.fillRect(level, 0, 1, 1);
  }
  const ticks = make("div", {class: "ticks"}, ...numbers.map((number) => make("span", {}, brief(number))));
  return make("div", {class: "colour-bar"}, canvas, ticks, make("div", {class: "quiet"}, caption));
}

function weightBar(limit, signed) {
  const numbers = signed ? [-limit, -limit / 4, 0, limit / 4, limit] : [0, limit / 16, limit / 4, limit * 9 / 16, limit];
  return colourBar(numbers, signed ? "difference of weights, square-root scale" : "weight, square-root scale", signed);
}

// ---- a map with its labels, colour bar, and a frame around the cell under the pointer ----

// A box of canvases; `id` names the canvas of the cells.
function makeMapBox(id) {
  const canvas = makeCanvas({id, role: "img"});
  const frame = make("div", {class: "cell-frame", hidden: ""});
  const box = {canvas, frame, rowLabels: makeCanvas({"aria-hidden": "true"}),
               columnLabels: makeCanvas({"aria-hidden": "true"}), bar: make("div"), axes: make("div", {class: "axes quiet"}),
               shown: null};
  box.node = make("div", {class: "map-box"}, box.axes,
                  make("div", {class: "map-grid"}, make("div"), box.columnLabels, box.rowLabels,
                       make("div", {class: "map-cells"}, canvas, frame)), box.bar);
  return box;
}

// Square cells where that gives a map that is neither a thread nor taller than a screen.
function mapSize(map, room) {
  const width = Math.max(40, Math.min(room, 32 * map.columns));
  const height = Math.max(Math.min(16 * map.rows, 40), Math.min(720, width * map.rows / map.columns));
  return {width: Math.round(width), height: Math.round(height)};
}

function axisNames() {
  return stackAttendsToItself() ? ["query", "key"] : ["target", "source"];
}

function showMap(box, map, {example, limit, signed = false, room, title}) {
  const rows = Array.from({length: map.rows}, (_, i) => rowName(example, map.firstRow + i, 16));
  const columns = Array.from({length: map.columns}, (_, j) => columnName(example, map.firstColumn + j, 16));
  const left = labelWidth(rows, Math.min(110, room / 4)), top = labelWidth(columns, 96);
  const {width, height} = mapSize(map, room - left);
  paintMap(box.canvas, map, {width, height, limit, signed});
  paintRowLabels(box.rowLabels, rows, left, height);
  paintColumnLabels(box.columnLabels, columns, width, top);
  const [rowAxis, columnAxis] = axisNames();
  box.axes.textContent = `rows: ${rowAxis} ↓   columns: ${columnAxis} →`;
  box.bar.replaceChildren(weightBar(limit, signed));
  box.canvas.setAttribute("aria-label", title);
  box.frame.hidden = true;
  box.shown = {map, example};
}

// The row and column under the pointer, or null outside of the map.
function cellAt(box, event) {
  if (!box.shown) return null;
  const {map} = box.shown, place = box.canvas.getBoundingClientRect();
  const row = Math.floor((event.clientY - place.top) / place.height * map.rows);
  const column = Math.floor((event.clientX - place.left) / place.width * map.columns);
  return row >= 0 && row < map.rows && column >= 0 && column < map.columns ? {row, column} : null;
}

function frameCell(box, {row, column}) {
  const {map} = box.shown, style = box.frame.style;
  style.left = 100 * column / map.columns + "%";
  style.top = 100 * row / map.rows + "%";
  style.width = 100 / map.columns + "%";
  style.height = 100 / map.rows + "%";
  box.frame.hidden = false;
}

// Says in `readout` what is under the pointer. Only the frame moves: no map is drawn anew.
function readByPointer(box, readout) {
  const read = (event) => {
    const cell = cellAt(box, event);
    if (!cell) return;
    const {map, example} = box.shown;
    frameCell(box, cell);
    readout.textContent = cellWords(example, map.firstRow + cell.row, map.firstColumn + cell.column,
                                    map.cells[cell.row * map.columns + cell.column]);
  };
  box.canvas.addEventListener("pointermove", read);
  box.canvas.addEventListener("pointerdown", read);
  // What a finger has tapped stays.
  box.canvas.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") box.frame.hidden = true; });
}

// ---- links: tokens left and right, a line a weight ----

const mostLines = 2000;

// The least weight that is drawn: whatever can be seen, as long as there are not too many. Counted, not sorted: a
// map may have a million weights.
function leastDrawn(map, limit) {
  const counts = new Uint32Array(1025);
  for (const weight of map.cells) counts[Math.min(1024, Math.floor(1024 * weight / limit))] += 1;
  let level = 1024;
  for (let lines = counts[level]; level > 0 && lines < mostLines; lines += counts[level]) --level;
  return Math.max(0.01, level / 1024) * limit;
}

// The strongest lines of a map, [row, column, weight], weakest first: the strong ones lie on top.
function linesOfMap(map) {
  const limit = limitOf(map), lines = [];
  if (limit === 0) return lines;
  const least = leastDrawn(map, limit);
  for (let i = 0; i < map.rows; ++i) {
    for (let j = isHidden(map, 0) ? 1 : 0; j < map.columns; ++j) {
      const weight = map.cells[i * map.columns + j];
      if (weight >= least) lines.push([i, j, weight]);
    }
  }
  return lines.sort((a, b) => a[2] - b[2]).slice(-mostLines);
}

function linkSizes(links, room) {
  const {rows, columns} = links, count = Math.max(rows.length, columns.length);
  // No canvas may be taller than some browsers allow.
  const pitch = Math.min(20, 8000 / count, Math.max(12, 1200 / count)), side = Math.min(150, room * 0.32);
  const width = Math.min(room, 560);
  return {width, height: Math.ceil(count * pitch) + 8, pitch, left: side, right: width - side};
}

function paintTokens(context, names, size, isRight, lit) {
  context.textAlign = isRight ? "left" : "right";
  const x = isRight ? size.right + 6 : size.left - 6, most = size.left - 10;
  const step = Math.ceil(11 / size.pitch);
  names.forEach((name, n) => {
    if (n % step !== 0) return;
    context.globalAlpha = lit(n) ? 1 : 0.3;
    context.fillText(fittingText(context, name, most), x, 4 + (n + 0.5) * size.pitch);
  });
  context.globalAlpha = 1;
}

// A line is as opaque as its weight is large, measured by the largest.
function paintLines(context, lines, size, limit) {
  context.strokeStyle = themeColour("--accent");
  context.lineWidth = 2;
  for (const [row, column, weight] of lines) {
    context.globalAlpha = Math.min(1, weight / limit);
    context.beginPath();
    context.moveTo(size.left, 4 + (row + 0.5) * size.pitch);
    context.lineTo(size.right, 4 + (column + 0.5) * size.pitch);
    context.stroke();
  }
  context.globalAlpha = 1;
}

// The tokens at the other end of a token's lines, but for those whose line is hardly seen.
function strongEnds(lines, end) {
  const strongest = lines.reduce((most, line) => Math.max(most, line[2]), 0);
  return new Set(lines.filter((line) => line[2] >= strongest / 10).map((line) => line[end]));
}

// Draws all lines, or those of one token alone: `only` is {isRight, index}.
function paintLinks(links, only = null) {
  const {size} = links, context = sharpContext(links.canvas, size.width, size.height);
  const ofToken = only ? links.linesOf(only) : links.lines;
  const ends = only && strongEnds(ofToken, only.isRight ? 0 : 1);
  const lit = (isRight) => (n) => !only || (only.isRight === isRight ? n === only.index : ends.has(n));
  context.font = labelFont;
  context.fillStyle = themeColour("--text");
  context.textBaseline = "middle";
  paintLines(context, ofToken, size, links.limit);
  paintTokens(context, links.rows, size, false, lit(false));
  paintTokens(context, links.columns, size, true, lit(true));
}

function tokenAt(links, event) {
  const place = links.canvas.getBoundingClientRect(), x = event.clientX - place.left;
  const index = Math.floor((event.clientY - place.top - 4) / links.size.pitch);
  const isRight = x >= links.size.width / 2;
  const inMiddle = x > links.size.left && x < links.size.right;
  return inMiddle || index < 0 || index >= (isRight ? links.columns : links.rows).length ? null : {isRight, index};
}

function followPointer(links) {
  let shown = null;
  const show = (token) => {
    const name = token ? `${token.isRight} ${token.index}` : null;
    if (name === shown) return;
    shown = name;
    paintLinks(links, token);
    links.tell(token);
  };
  links.canvas.onpointermove = links.canvas.onpointerdown = (event) => show(tokenAt(links, event));
  links.canvas.onpointerleave = (event) => { if (event.pointerType !== "touch") show(null); };
}

// `links` has canvas, rows, columns (names), lines (weakest first), linesOf(token) and tell(token).
function showLinks(links, room) {
  links.size = linkSizes(links, room);
  links.limit = links.lines.length > 0 ? links.lines[links.lines.length - 1][2] : 1;
  paintLinks(links);
  followPointer(links);
}
)js";

}  // namespace attnscope::detail
