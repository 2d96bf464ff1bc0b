#pragma once
#include <string_view>

namespace attnscope::detail {

/// The views of alignment (heads by how well they align, links) and of the report's figures.
inline constexpr std::string_view alignment_script = R"js(
// ---- alignment: the heads that align best, and the links of the best ----

function rankingRow({head: [layer, head], error_rate, score}, place) {
  const number = error_rate === undefined ? score : error_rate;
  const open = makeButton({class: "plain", "data-layer": layer, "data-head": head},
                          () => go({view: "heads", layer, head, map: "head"}), `layer ${layer}, head ${head}`);
  return make("tr", {}, make("td", {class: "number"}, String(place + 1)), make("td", {}, open),
              make("td", {class: "number", "data-value": String(number)}, formatted(number)));
}

function drawRanking({best_heads: heads}) {
  const byError = heads.length > 0 && heads[0].error_rate !== undefined;
  const titles = ["rank", "head", byError ? "error rate" : "score"];
  const header = make("tr", {}, ...titles.map((title, n) => make("th", {scope: "col", class: n === 1 ? null : "number"}, title)));
  byId("ranking").replaceChildren(header, ...heads.map(rankingRow));
  byId("ranking-words").textContent = byError ? "The lower the error rate, the better the head aligns with the gold alignment."
                                              : "There is no gold alignment: heads are ranked by the geometric mean of sharpness, soft coverage and agreement, the highest first.";
}

function alignmentLinks({links}, example) {
  const lines = links.map(({target, source, confidence}) => [target, source, confidence]).sort((a, b) => a[2] - b[2]);
  const linesOf = ({isRight, index}) => lines.filter((line) => line[isRight ? 1 : 0] === index);
  const tell = (token) => {
    if (token) byId("alignment-readout").textContent = linesOf(token).map(([target, source, confidence]) =>
        `${tokenText(example.query_tokens[target])} → ${tokenText(example.key_tokens[source])}: ${formatted(confidence)}`).join("; ");
  };
  return {canvas: byId("alignment-links"), rows: example.query_tokens.map((token) => tokenText(token, 24)),
          columns: example.key_tokens.map((token) => tokenText(token, 24)), lines, linesOf, tell};
}

function makeAlignment() {
  return [make("div", {class: "columns", id: "alignment-parts"},
      make("div", {class: "panel"}, make("h2", {}, "Heads, the best first"), make("p", {id: "ranking-words", class: "quiet"}),
           make("div", {class: "scroll"}, make("table", {id: "ranking"}))),
      make("div", {class: "panel", id: "alignment-panel"}, make("h2", {}, "Links of the best head"),
           make("p", {class: "quiet"}, "Each target token (left) with the source token (right) that it attends to most; the stronger the line, the surer."),
           make("p", {id: "alignment-readout", class: "readout", "aria-live": "polite"}),
           make("div", {class: "scroll"}, makeCanvas({id: "alignment-links", role: "img", "aria-label": "Links of target and source tokens"}))))];
}

function drawAlignment() {
  const {alignment} = stackReport(), example = currentExample();
  drawRanking(alignment);
  const element = example && alignment.elements ? alignment.elements[example.element] : null;
  byId("alignment-panel").hidden = !element;
  byId("alignment-readout").textContent = "Point at a token.";
  if (element) showLinks(alignmentLinks(element, example), byId("alignment-panel").clientWidth);
}

// ---- figures: the pictures that the report's folder has, too ----

let figuresDrawn = false;

const base64OfBytes = (bytes) => {
  let binary = "";
  for (let i = 0; i < bytes.length; i += 32768) binary += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(binary);
};

async function makeFigure({name, chunk: number}) {
  const address = "data:image/svg+xml;base64," + base64OfBytes(await chunk(number));
  return make("figure", {"data-figure": name}, make("img", {src: address, alt: name}),
              make("figcaption", {}, make("span", {}, name), make("a", {href: address, download: name + ".svg"}, "Download SVG")));
}

function makeFigures() { return [make("div", {id: "figures"})]; }

async function drawFigures(isCurrent) {
  if (figuresDrawn) return;
  byId("figures").replaceChildren();
  for (const described of page.figures) {
    const figure = await makeFigure(described);
    if (!isCurrent()) return;
    byId("figures").append(figure);
    await pause();
  }
  figuresDrawn = true;
}
)js";

}  // namespace attnscope::detail
