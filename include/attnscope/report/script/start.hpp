#pragma once
#include <string_view>

namespace attnscope::detail {

/// Builds the page, draws it, and listens.
inline constexpr std::string_view start_script = R"js(
// ---- start ----

const makers = {overview: makeOverview, heads: makeHeads, model: makeModel, layers: makeLayers, alignment: makeAlignment,
                figures: makeFigures};
const drawers = {overview: drawOverview, heads: drawHeads, model: drawModel, layers: drawLayers, alignment: drawAlignment,
                 figures: drawFigures};
let turn = 0;

// Draws the chosen view. A drawing that waits for a chunk ends when a later one has begun.
async function draw() {
  const mine = ++turn, isCurrent = () => mine === turn;
  fillControls();
  markNavigation();
  byId("problem").hidden = true;
  document.body.classList.remove("no-maps");
  try {
    await drawers[state.view](isCurrent);
  } catch (error) {
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
    document.body.classList.add("no-maps");
  }
}

function makeHeader() {
  const model = report.model ? report.model : report.source;
  const actions = make("div", {class: "actions"}, makeButton({id: "theme"}, toggleTheme),
                       makeButton({id: "help-button", "aria-label": "Help"}, () => byId("help").showModal(), "?"));
  return make("header", {}, make("div", {class: "title"}, make("h1", {}, model || "attention"), make("p", {class: "quiet"}, report.source || "")), actions);
}

function makePage() {
  const section = (view) => make("section", {id: "view-" + view, "aria-label": viewTitles[view], hidden: ""}, ...makers[view]());
  byId("page").append(makeHeader(), makeNavigation(), makeControls(), make("p", {id: "problem", role: "alert", hidden: ""}),
                      ...viewNames.map(section), makeHelp());
}

// Maps are as wide as their panels: a new width draws them anew, once it rests.
function followWidth() {
  const pageWidth = () => document.documentElement.clientWidth;
  let width = pageWidth(), timer = 0;
  const drawIfChanged = () => {
    if (pageWidth() === width) return;
    width = pageWidth();
    draw();
  };
  window.addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(drawIfChanged, 150);
  });
}

async function start() {
  makePage();
  followSystemTheme();
  choose(wishOfHash());
  history.replaceState(null, "", hashOfState());
  document.addEventListener("keydown", pressKey);
  window.addEventListener("hashchange", followAddress);
  window.addEventListener("popstate", followAddress);
  followWidth();
  await draw();
  document.body.dataset.ready = "true";
}

start();
)js";

}  // namespace attnscope::detail
