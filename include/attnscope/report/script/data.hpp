#pragma once
#include <string_view>

namespace attnscope::detail {

/// What the page knows: the report, its stored maps, and how they are decoded.
inline constexpr std::string_view data_script = R"js(
// ---- data: the report, and the maps that are stored beside it ----

const byId = (id) => document.getElementById(id);
const report = JSON.parse(byId("report").textContent);
const page = JSON.parse(byId("page-data").textContent);

// Decoded chunks, the latest used last: a whole model may not fit the memory of a telephone.
const decoded = new Map();
const keptChunks = 12;

function bytesOfBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This browser is too old to unpack the maps (it has no DecompressionStream). " +
                    "The numbers are all here.");
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function decode(number) {
  const bytes = bytesOfBase64(byId("chunk-" + number).textContent.trim());
  return page.chunks[number].encoding === "deflate" ? inflated(bytes) : bytes;
}

function chunk(number) {
  const bytes = decoded.get(number) || decode(number);
  decoded.delete(number);
  decoded.set(number, bytes);
  if (decoded.size > keptChunks) decoded.delete(decoded.keys().next().value);
  return bytes;
}

// The weight of each code: codes are square roots, so that small weights keep their digits.
const weightTables = new Map();

function weightTable(bytes) {
  if (!weightTables.has(bytes)) {
    const largest = bytes === 1 ? 255 : 65535;
    weightTables.set(bytes, Float32Array.from({length: largest + 1}, (_, code) => (code / largest) ** 2));
  }
  return weightTables.get(bytes);
}

// A map: the cells [rows x columns] of an example, and which row and column of its stored maps is its first.
function emptyMap(rows, columns) {
  return {rows, columns, firstRow: 0, firstColumn: 0, cells: new Float32Array(rows * columns)};
}

// The map with this index in a chunk of an example's maps.
function readMap(example, bytes, index) {
  const table = weightTable(example.bytes);
  const codes = example.bytes === 1 ? bytes : new Uint16Array(bytes.buffer);
  const map = emptyMap(example.rows, example.columns);
  const visible = example.visible || new Array(map.rows).fill(map.columns);
  let next = index * visible.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < map.rows; ++i) {
    const row = i * map.columns;
    for (let j = 0; j < visible[i]; ++j) map.cells[row + j] = table[codes[next++]];
  }
  return map;
}

async function mapsOfLayer(example, layerIndex, headIndices) {
  const bytes = await chunk(example.layers[layerIndex]);
  return headIndices.map((index) => readMap(example, bytes, index));
}

async function rolloutMap(example) { return readMap(example, await chunk(example.rollout), 0); }

function meanOfMaps(maps) {
  if (maps.length === 1) return maps[0];
  const mean = emptyMap(maps[0].rows, maps[0].columns);
  for (const map of maps) map.cells.forEach((weight, n) => { mean.cells[n] += weight / maps.length; });
  return mean;
}

function differenceOfMaps(first, second) {
  const difference = {...first, cells: new Float32Array(first.cells.length)};
  difference.cells.forEach((_, n) => { difference.cells[n] = first.cells[n] - second.cells[n]; });
  return difference;
}

function croppedMap(map, [firstRow, endRow], [firstColumn, endColumn]) {
  const part = {...emptyMap(endRow - firstRow, endColumn - firstColumn), firstRow, firstColumn};
  for (let i = 0; i < part.rows; ++i) {
    const from = (firstRow + i) * map.columns;
    part.cells.set(map.cells.subarray(from + firstColumn, from + endColumn), i * part.columns);
  }
  return part;
}

// The number of a head, or null where it is undefined or the stack lacks it.
function metricArray(layer, path) {
  const found = path.reduce((value, key) => (value === null || value === undefined ? value : value[key]), layer);
  return Array.isArray(found) ? found : null;
}

function metricValue(layer, metric, headIndex) {
  const values = metricArray(layer, metric.path);
  const value = values ? values[headIndex] : null;
  return value === undefined ? null : value;
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// ---- words ----

// Four decimals, or three digits of what is too small or too large for them; a dash for the undefined.
function formatted(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return "–";
  const size = Math.abs(number);
  const text = size !== 0 && (size < 0.001 || size >= 10000) ? number.toExponential(2) : number.toFixed(4);
  return text.replace(/^-/, "−");
}

// Two decimals, for sentences and small cells.
function brief(number) {
  if (number === null || number === undefined) return "–";
  const size = Math.abs(number);
  return (size !== 0 && size < 0.005 ? number.toExponential(0) : number.toFixed(2)).replace(/^-/, "−");
}

const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// Control characters, and those that turn the direction of what follows them.
const unseen = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// Tokens may hold anything: what cannot be seen is shown, what is long is cut.
function tokenText(token, longest = 40) {
  const text = String(token).replace(/\n/g, "⏎").replace(/\t/g, "⇥").replace(unseen, "·");
  const shown = text.trim() === "" ? "␣" : text;
  const letters = Array.from(shown);
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : shown;
}

// The name of a row or column of the stored maps: one token, or the first and the last of those pooled.
function pooledName(tokens, index, pool, longest) {
  const first = index * pool, last = Math.min(first + pool, tokens.length) - 1;
  const name = tokenText(tokens[first], longest);
  return first === last ? name : `${name} … ${tokenText(tokens[last], longest)}`;
}

const rowName = (example, row, longest) => pooledName(example.query_tokens, row, example.pool, longest);
const columnName = (example, column, longest) => pooledName(example.key_tokens, column, example.pool, longest);

// A name that is written from right to left keeps its place in a sentence between two marks.
const inSentence = (name) => (/[\u0590-\u08ff\ufb1d-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name);

// "query → key: 0.1234", and of how many weights that is the largest.
function cellWords(example, row, column, weight) {
  const rows = Math.min(example.pool, example.queries - row * example.pool);
  const columns = Math.min(example.pool, example.keys - column * example.pool);
  const words = `${inSentence(rowName(example, row))} → ${inSentence(columnName(example, column))}: ${formatted(weight)}`;
  return rows * columns > 1 ? `${words} (largest of ${rows} × ${columns} weights)` : words;
}

// ---- elements of the page; text goes in as text nodes only ----

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// A canvas takes no room before it is drawn: at the size that browsers give it, it would widen a narrow page.
const makeCanvas = (attributes) => make("canvas", {width: 1, height: 1, ...attributes});

function makeButton(attributes, action, ...children) {
  const button = make("button", {type: "button", ...attributes}, ...children);
  button.addEventListener("click", action);
  return button;
}

function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => make("option", {value}, text)));
  select.value = String(chosen);
}
)js";

}  // namespace attnscope::detail
