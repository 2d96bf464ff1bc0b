#pragma once
#include <string_view>

namespace attnscope::detail {

/// What is chosen: stack, example, layer, head, view; the hash of the address, filters, keys and theme.
inline constexpr std::string_view controls_script = R"js(
// ---- controls: what is chosen, and how that is said in the address ----

const viewNames = ["overview", "heads", "model", "layers", "alignment", "figures"];
const viewTitles = {overview: "Overview", heads: "Heads", model: "Model", layers: "Layers", alignment: "Alignment",
                    figures: "Figures"};
const state = {view: "overview", stack: null, element: null, layer: null, head: null, metric: null, block: "all",
               map: "head", hideFirst: false, hiddenLayers: new Set(), hiddenHeads: new Set()};

// ---- what the chosen stack has ----

const stackReport = () => report.stacks[state.stack];
const stackAttendsToItself = () => !page.stacks[state.stack] || page.stacks[state.stack].self_attention;
const layers = () => stackReport().layers;
const examples = () => (page.stacks[state.stack] ? page.stacks[state.stack].elements : []);
const currentExample = () => examples().find((example) => example.element === state.element) || null;
const layerIndex = (number) => layers().findIndex((layer) => layer.layer === number);
const currentLayer = () => layers()[layerIndex(state.layer)];
const headNumbers = () => [...new Set(layers().flatMap((layer) => layer.heads))].sort((a, b) => a - b);
const shownLayers = () => layers().filter((layer) => !state.hiddenLayers.has(layer.layer));
const shownHeads = () => headNumbers().filter((head) => !state.hiddenHeads.has(head));
const metricsHere = () => page.metrics.filter((metric) => layers().some((layer) => metricArray(layer, metric.path)));
const currentMetric = () => metricsHere().find((metric) => metric.name === state.metric);
const hasAlignment = () => Object.values(report.stacks).some((stack) => stack.alignment);
const stacksHere = () => Object.keys(report.stacks).filter((name) => state.view !== "alignment" ||
                                                                     report.stacks[name].alignment);
const viewsHere = () => viewNames.filter((name) => (name !== "alignment" || hasAlignment()) &&
                                                   (name !== "figures" || page.figures.length > 0));

// The mean over heads counts those that are shown; where the filter leaves none in a layer, all.
function meanHeadIndices(layer) {
  const all = layer.heads.map((_, index) => index);
  const shown = all.filter((index) => !state.hiddenHeads.has(layer.heads[index]));
  return shown.length > 0 ? shown : all;
}

// ---- texts of two parts ----

const blockNames = {"all": "all", "first-first": "first → first", "first-second": "first → second",
                    "second-first": "second → first", "second-second": "second → second"};

const hasBlocks = (example) => example !== null && (example.query_boundary !== null || example.key_boundary !== null);

function partRange(part, boundary, pool, count) {
  if (boundary === null || boundary === undefined) return [0, count];
  return part === "first" ? [0, Math.ceil(boundary / pool)] : [Math.floor(boundary / pool), count];
}

function blockOfMap(map, example) {
  if (state.block === "all" || !hasBlocks(example)) return map;
  const [query, key] = state.block.split("-");
  return croppedMap(map, partRange(query, example.query_boundary, example.pool, map.rows),
                    partRange(key, example.key_boundary, example.pool, map.columns));
}

// ---- the address ----

function hashOfState() {
  const said = {view: state.view, stack: state.stack, element: state.element, layer: state.layer, head: state.head,
                metric: state.metric};
  if (state.block !== "all") said.block = state.block;
  if (state.map !== "head") said.map = state.map;
  const pairs = Object.entries(said).filter(([, value]) => value !== null && value !== undefined);
  return "#" + pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

// The first of the wishes that is possible, else the first possibility.
const possible = (wish, all) => (all.includes(wish) ? wish : all.length > 0 ? all[0] : null);

// Chooses what is asked for as far as it is there, and what is nearest to it otherwise.
function choose(wish) {
  const before = state.stack;
  Object.assign(state, wish);
  state.view = possible(state.view, viewsHere());
  state.stack = possible(state.stack, stacksHere());
  if (state.stack !== before) {
    state.hiddenLayers.clear();
    state.hiddenHeads.clear();
  }
  state.element = possible(state.element, examples().map((example) => example.element));
  state.layer = possible(state.layer, layers().map((layer) => layer.layer));
  state.head = possible(state.head, currentLayer().heads);
  state.metric = possible(state.metric, metricsHere().map((metric) => metric.name));
  if (!(state.block in blockNames) || !hasBlocks(currentExample())) state.block = "all";
  const example = currentExample();
  if (!["head", "mean", "rollout"].includes(state.map)) state.map = "head";
  if (state.map === "rollout" && (!example || example.rollout === null)) state.map = "head";
}

function wishOfHash() {
  const said = new URLSearchParams(location.hash.slice(1)), wish = {block: "all", map: "head"};
  for (const name of ["view", "stack", "metric", "block", "map"]) if (said.has(name)) wish[name] = said.get(name);
  for (const name of ["element", "layer", "head"]) if (said.has(name)) wish[name] = Number(said.get(name));
  return wish;
}

// Chooses, says so in the address, and draws. A new view is a step that the browser's back button undoes.
function go(wish) {
  const view = state.view;
  choose(wish);
  const hash = hashOfState();
  if (hash !== location.hash) history[view === state.view ? "replaceState" : "pushState"](null, "", hash);
  return draw();
}

function followAddress() {
  if (location.hash === hashOfState()) return;
  choose(wishOfHash());
  history.replaceState(null, "", hashOfState());
  draw();
}

// ---- the bar of controls ----

// Which control serves which views.
const controlViews = {element: ["heads", "model", "layers", "alignment"], metric: ["overview"],
                      block: ["heads", "model", "layers"], "hide-first": ["heads", "model", "layers"],
                      "layer-filter": ["overview", "model"],
                      "head-filter": ["overview", "heads", "model", "layers"]};

function labelled(text, control) { return make("label", {class: "control", id: control.id + "-control"}, make("span", {}, text), control); }

function makeSelect(id, name, convert = String) {
  const select = make("select", {id});
  select.addEventListener("change", () => go({[name]: convert(select.value)}));
  return select;
}

function makeHideFirst() {
  const box = make("input", {type: "checkbox", id: "hide-first"});
  box.addEventListener("change", () => go({hideFirst: box.checked}));
  return make("label", {class: "check", id: "hide-first-control", title: "The first token often takes most of the weight."},
              box, "hide first token");
}

function makeControls() {
  return make("div", {id: "controls"}, labelled("Stack", makeSelect("stack", "stack")),
              labelled("Example", makeSelect("element", "element", Number)), labelled("Metric", makeSelect("metric", "metric")),
              labelled("Part", makeSelect("block", "block")), makeHideFirst(),
              make("div", {id: "filters"}, make("div", {id: "layer-filter", role: "group", "aria-label": "Layers shown"}),
                   make("div", {id: "head-filter", role: "group", "aria-label": "Heads shown"})));
}

// Shows or hides one; one at least stays.
function toggle(hidden, number, count) {
  if (hidden.has(number)) hidden.delete(number);
  else if (hidden.size + 1 < count) hidden.add(number);
  return go({});
}

function fillFilter(id, title, name, numbers, hidden) {
  const focused = document.activeElement && document.activeElement.closest("#" + id) ? document.activeElement.getAttribute(name) : null;
  const chip = (number) => makeButton({[name]: number, "aria-pressed": String(!hidden.has(number)), class: "chip"},
                                      () => toggle(hidden, number, numbers.length), String(number));
  const all = makeButton({class: "chip", disabled: hidden.size === 0 ? "" : null}, () => { hidden.clear(); go({}); }, "all");
  byId(id).replaceChildren(make("span", {class: "quiet"}, title), ...numbers.map(chip), all);
  if (focused !== null) byId(id).querySelector(`[${name}="${focused}"]`).focus();
}

function fillControls() {
  fillSelect(byId("stack"), stacksHere().map((name) => [name, name]), state.stack);
  fillSelect(byId("element"), examples().map(({element}) => [element, String(element)]), state.element);
  fillSelect(byId("metric"), metricsHere().map(({name, label}) => [name, label]), state.metric);
  fillSelect(byId("block"), Object.entries(blockNames), state.block);
  fillFilter("layer-filter", "Layers", "data-layer", layers().map((layer) => layer.layer), state.hiddenLayers);
  fillFilter("head-filter", "Heads", "data-head", headNumbers(), state.hiddenHeads);
  byId("hide-first").checked = state.hideFirst;
  for (const [name, views] of Object.entries(controlViews)) {
    (byId(name + "-control") || byId(name)).hidden = !views.includes(state.view);
  }
  if (!hasBlocks(currentExample())) byId("block-control").hidden = true;
  if (state.view === "heads" && state.map !== "mean") byId("head-filter").hidden = true;
}

function makeNavigation() {
  const button = (view) => makeButton({"data-view": view}, () => go({view}), viewTitles[view]);
  return make("nav", {"aria-label": "Views"}, ...viewsHere().map(button));
}

function markNavigation() {
  for (const button of document.querySelectorAll("nav button[data-view]")) {
    if (button.dataset.view === state.view) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
  for (const view of viewNames) byId("view-" + view).hidden = view !== state.view;
}

// ---- theme ----

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const currentTheme = () => document.documentElement.dataset.theme;

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light" : "Dark";
  byId("theme").setAttribute("aria-label", theme === "dark" ? "Light theme" : "Dark theme");
}

function toggleTheme() {
  setTheme(currentTheme() === "dark" ? "light" : "dark");
  draw();
}

function followSystemTheme() {
  setTheme(prefersDark.matches ? "dark" : "light");
  prefersDark.addEventListener("change", () => {
    setTheme(prefersDark.matches ? "dark" : "light");
    draw();
  });
}

// ---- keys ----

const keyHelp = [["1 – 6", "views"], ["← →", "head before, after"], ["↑ ↓", "layer before, after"], ["Enter", "open the head"],
                 ["t", "light or dark"], ["?", "this help"], ["Esc", "close"]];

function makeHelp() {
  const rows = keyHelp.map(([key, words]) => make("tr", {}, make("th", {scope: "row"}, key), make("td", {}, words)));
  const dialog = make("dialog", {id: "help", "aria-label": "Keys"}, make("h2", {}, "Keys"), make("table", {}, ...rows),
                      make("p", {}, "Rows of a map are queries (the token that looks), columns are keys (the token that is " +
                                    "looked at); in cross-attention, targets and sources. Hover over a map, or tap it, to read a weight."));
  dialog.append(makeButton({}, () => dialog.close(), "Close"));
  return dialog;
}

const beside = (all, value, step) => all[Math.min(all.length - 1, Math.max(0, all.indexOf(value) + step))];

function moveHead(step) {
  const heads = currentLayer().heads.filter((head) => !state.hiddenHeads.has(head));
  return go({head: beside(heads, state.head, step)});
}

function moveLayer(step) { return go({layer: beside(shownLayers().map((layer) => layer.layer), state.layer, step)}); }

// The address names the head; the focus follows where the head is a button.
async function moveByKey(key) {
  const hadFocus = document.activeElement && document.activeElement.matches(".cell, .thumb");
  const moves = {ArrowLeft: () => moveHead(-1), ArrowRight: () => moveHead(1), ArrowUp: () => moveLayer(-1),
                 ArrowDown: () => moveLayer(1)};
  moves[key]();
  const selected = document.querySelector(`#view-${state.view} [data-layer="${state.layer}"][data-head="${state.head}"]`);
  if (selected && (hadFocus || state.view === "overview")) selected.focus();
}

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (byId("help").open) {
    if (event.key === "Escape") byId("help").close();
    return;
  }
  if (event.target.matches("select, input")) return;
  const view = viewNames[Number(event.key) - 1], isArrow = event.key.startsWith("Arrow");
  if (isArrow && !["overview", "heads", "model"].includes(state.view)) return;
  if (isArrow) moveByKey(event.key);
  else if (view && viewsHere().includes(view)) go({view});
  else if (event.key === "t") toggleTheme();
  else if (event.key === "?") byId("help").showModal();
  else if (event.key === "Enter" && !event.target.matches("button, a, summary")) go({view: "heads", map: "head"});
  else return;
  event.preventDefault();
}
)js";

}  // namespace attnscope::detail
