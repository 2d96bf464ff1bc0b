#pragma once
#include <string_view>

namespace attnscope::detail {

/// The style of the page; the colours of the themes come before it.
inline constexpr std::string_view page_style = R"css(
:root { --accent: #0b5cad; --panel: #f7f8fa; --on-accent: #fff; color-scheme: light; }
:root[data-theme="dark"] { --accent: #6cb2f7; --panel: #202024; --on-accent: #0b1420; color-scheme: dark; }

* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--background); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 32px 64px; }
noscript { display: block; padding: 24px 32px; }
h1 { margin: 0; font-size: 22px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 0 0 8px; font-size: 18px; font-weight: 650; }
h3 { margin: 0 0 8px; font-size: 15px; font-weight: 650; }
p { margin: 0 0 12px; max-width: 76ch; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: 14px; }

button, select, input { font: inherit; font-size: 14px; color: inherit; }
button, select { padding: 5px 12px; border: 1px solid var(--grid); border-radius: 7px; background: var(--background); cursor: pointer; }
button:hover, select:hover { border-color: var(--line); }
button:disabled { opacity: 0.4; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
select { max-width: 100%; }

header { display: flex; justify-content: space-between; gap: 16px; align-items: flex-start; }
header p { margin: 2px 0 0; }
.actions { display: flex; gap: 8px; }
nav { display: flex; flex-wrap: wrap; gap: 2px; margin: 20px 0; border-bottom: 1px solid var(--grid); }
nav button { border: 0; border-bottom: 2px solid transparent; border-radius: 0; padding: 8px 14px; font-size: 15px; color: var(--quiet); background: none; }
nav button:hover { color: var(--text); }
nav button[aria-current] { color: var(--accent); border-bottom-color: var(--accent); font-weight: 600; }

#controls { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; margin-bottom: 24px; }
.control { display: flex; gap: 8px; align-items: center; min-width: 0; font-size: 14px; }
.control span { color: var(--quiet); }
.check { display: flex; gap: 6px; align-items: center; font-size: 14px; }
.check input { accent-color: var(--accent); }
#filters { display: flex; flex-wrap: wrap; gap: 8px 28px; }
#layer-filter, #head-filter { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
#filters .quiet { margin-right: 6px; }
.chip { min-width: 30px; padding: 2px 7px; font-size: 13px; font-variant-numeric: tabular-nums; }
.chip[aria-pressed="true"] { background: var(--panel); border-color: var(--line); }
.chip[aria-pressed="false"] { color: var(--quiet); text-decoration: line-through; border-style: dashed; }
#problem { padding: 10px 14px; border-left: 3px solid var(--accent); background: var(--panel); }

.no-maps :is(#head-maps, #layer-maps, #model, #model-bar, #readout, .readout) { display: none; }

#headline { font-size: 19px; line-height: 1.5; max-width: 64ch; margin-bottom: 28px; }
.columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 40px; margin-bottom: 32px; }
#head-maps, #alignment-parts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.columns.three { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 28px; }
.panel { min-width: 0; }
#findings { margin: 0 0 20px; padding-left: 20px; }
#findings li { margin-bottom: 8px; overflow-wrap: anywhere; }
#notes { margin: 0; padding-left: 20px; }

#head-map, #model { display: grid; grid-template-columns: 40px repeat(var(--columns), minmax(0, 1fr)); gap: 2px; }
#head-map { max-width: calc(40px + 58px * var(--columns)); }
.axis { align-self: center; text-align: center; font-size: 12px; color: var(--quiet); font-variant-numeric: tabular-nums; }
.corner { text-align: left; }
.cell { min-width: 0; height: 34px; padding: 0; border: 0; border-radius: 4px; background: var(--undefined); font-size: 12px;
        font-variant-numeric: tabular-nums; overflow: hidden; }
.cell[aria-current], .thumb[aria-current] { outline: 2px solid var(--accent); outline-offset: 1px; z-index: 1; }
.cell, .thumb { box-shadow: inset 0 0 0 1px var(--grid); }
.cell:hover { filter: brightness(0.93); }
.cell:focus-visible, .thumb:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; z-index: 2; }
.thumb { min-width: 0; padding: 0; border-radius: 3px; overflow: hidden; aspect-ratio: 1; max-height: 110px; width: 100%; }
.thumb canvas { display: block; width: 100%; height: 100%; image-rendering: pixelated; }
#model { gap: 5px; max-width: calc(40px + 110px * var(--columns)); }
#model-bar { margin-bottom: 20px; }

.colour-bar { width: 260px; max-width: 100%; margin-top: 14px; }
.colour-bar canvas { display: block; width: 100%; height: 10px; border: 1px solid var(--grid); border-radius: 3px; }
.ticks { display: flex; justify-content: space-between; font-size: 12px; font-variant-numeric: tabular-nums; }
.map-grid { display: grid; grid-template-columns: max-content max-content; }
.map-grid canvas { display: block; }
.map-cells { position: relative; width: max-content; outline: 1px solid var(--grid); }
.map-cells canvas { cursor: crosshair; }
.cell-frame { position: absolute; pointer-events: none; outline: 2px solid #e8590c; min-width: 3px; min-height: 3px; }
.axes { font-size: 13px; white-space: pre-wrap; }
#readout, .readout { min-height: 24px; font-variant-numeric: tabular-nums; color: var(--accent); max-width: none; }
.title-row { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; margin-bottom: 8px; }
.title-row h2 { margin: 0; }
.scroll { max-height: 80vh; overflow: auto; }
#links, #alignment-links { display: block; }

table { border-collapse: collapse; max-width: 100%; font-size: 14px; margin-bottom: 12px; }
th, td { padding: 5px 14px 5px 0; text-align: left; border-bottom: 1px solid var(--grid); font-weight: 400; }
th[scope="col"] { color: var(--quiet); font-size: 13px; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-left: 14px; padding-right: 4px; }
.plain { border: 0; padding: 2px 0; background: none; color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }

#figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 32px; }
figure { margin: 0; min-width: 0; }
figure img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px; outline: 1px solid var(--grid); }
figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; padding-top: 8px; font-size: 14px; }
figcaption span { overflow-wrap: anywhere; }
a { color: var(--accent); }

dialog { max-width: 440px; padding: 24px 28px; border: 1px solid var(--grid); border-radius: 12px; background: var(--background); color: var(--text); }
dialog::backdrop { background: rgb(0 0 0 / 40%); }
dialog table { width: 100%; }
dialog th { font-weight: 600; white-space: nowrap; }

@media (max-width: 900px) {
  .columns, .columns.three, #head-maps, #alignment-parts { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 640px) {
  main { padding: 16px 14px 48px; }
  nav { margin: 14px 0; }
  nav button { padding: 8px 9px; font-size: 14px; }
  #headline { font-size: 17px; }
  #head-map, #model { grid-template-columns: 34px repeat(var(--columns), minmax(0, 1fr)); gap: 1px; }
  #head-map .cell { height: 26px; font-size: 0; border-radius: 2px; }
  .thumb { border-width: 0; }
}
)css";

}  // namespace attnscope::detail
