#!/usr/bin/env python3
"""report.html in a browser: every view, number, and weight under the mouse, and tokens that would like to be HTML.

    page_check.py ANALYZE [--screenshots DIR] [--only NAME]        needs chromium, chromium-driver, selenium, numpy and scipy

Pages are written by `ANALYZE DUMP --out FOLDER`. What they show is compared with report.json of the same folder,
and with the weights of the dump as tests/report/reference.py reads them.
"""

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import numpy

from chromium import Browser

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "report"))
import make_dumps  # noqa: E402
import reference  # noqa: E402

EXAMPLES = TESTS.parent / "examples" / "data"
DUMPS = [EXAMPLES / "minilm_pair.safetensors", EXAMPLES / "cipher_batch.safetensors",
         TESTS / "data" / "induction_batch.safetensors", TESTS / "data" / "use_lite_cat.safetensors",
         TESTS / "data" / "synthetic" / "left_padded.safetensors",
         TESTS / "data" / "synthetic" / "encoder_decoder.safetensors"]
VIEWS = ["overview", "heads", "model", "layers", "alignment", "figures"]

HOSTILE_TOKENS = ["</script><script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "<!--<script>",
                  "\"'`\\", "\\u003cb>", "a\u2028b\u2029c", "\x00\x01\x1b\n\t", "\u05d0\u05d1 \u0627\u0644",
                  "\U0001f469\u200d\U0001f4bb", "__proto__", "constructor", "${window.pwned=1}", "&lt;&amp;", "",
                  "\u202egnp.exe", "]]>"]
# Without dots, which separate a stack from its layer.
HOSTILE_STACKS = ["a/b", "__proto__", "constructor", "</script><script>pwned=1</script>",
                  "\"'<img src=x onerror=pwned=1>&"]
HOSTILE_FILE = "a \"b\" 'c' <img src=x onerror=window.pwned=1> #%41.safetensors"


class Checks:
    """Counts what holds and prints what does not."""

    def __init__(self):
        self.held, self.failed, self.page = 0, 0, ""

    def that(self, holds, message):
        if holds:
            self.held += 1
        else:
            self.failed += 1
            print(f"FAILED: {self.page}: {message}", flush=True)

    def equal(self, found, expected, what):
        self.that(found == expected, f"{what}: {str(found)[:300]}, not {str(expected)[:300]}")


class Page:
    """A page that analyze has written, and what it has to show."""

    def __init__(self, analyze, dump, folder, *options):
        subprocess.run([analyze, dump, "--out", folder, *options], check=True, capture_output=True)
        self.name = dump.name
        self.address = "file://" + quote(str(folder / "report.html"))
        self.html = (folder / "report.html").read_text()
        self.report = json.loads((folder / "report.json").read_text())
        self.data = json.loads(re.search(r'id="page-data">(.*?)</script>', self.html, re.DOTALL)[1])
        self.tensors, self.metadata = reference.read_safetensors(dump)
        self.loaded = {}

    def weights(self, stack, element, layer):
        """[head, query, key] of the true tokens."""
        key = stack, element, layer
        if key not in self.loaded:
            self.loaded[key] = reference.load_example(self.tensors, self.metadata, reference.Stack(stack, self.metadata),
                                                      f"{stack}.{layer}", element, None, False).weights
        return self.loaded[key]

    def layers(self, stack):
        return self.report["stacks"][stack]["layers"]

    def element(self, stack, number):
        return next(e for e in self.data["stacks"][stack]["elements"] if e["element"] == number)


def holds(browser, condition, patience=3):
    """Whether the condition comes true."""
    try:
        return browser.wait(condition, "", patience)
    except TimeoutError:
        return False


# Numbers

def same_number(shown, number):
    """What stands in data-value, and a number of report.json."""
    if number is None:
        return shown == "null"
    try:
        return float(shown) == number
    except (TypeError, ValueError):
        return False


def at_path(layer, path):
    for key in path:
        layer = layer.get(key) if isinstance(layer, dict) else None
    return layer


def head_numbers(page, stack, metric):
    """{(layer, head): number} of a metric of page-data; heads whose layer lacks it are not there."""
    numbers = {}
    for layer in page.layers(stack):
        values = at_path(layer, metric["path"])
        for head, value in zip(layer["heads"], values or []):
            numbers[layer["layer"], head] = value
    return numbers


CELLS = """return [...document.querySelectorAll('#head-map button.cell')].map(
    cell => [Number(cell.dataset.layer), Number(cell.dataset.head), cell.dataset.value])"""


def shown_cells(browser):
    return {(layer, head): value for layer, head, value in browser.js(CELLS)}


def wrong_cells(shown, numbers, heads):
    return [(where, shown.get(where), numbers.get(where)) for where in heads
            if not same_number(shown.get(where), numbers.get(where))]


def check_head_maps(browser, page, checks):
    """Every metric of every stack in the head map."""
    for stack in page.report["stacks"]:
        go(browser, page, f"view=overview&stack={quote(stack, safe='')}")
        heads = [(layer["layer"], head) for layer in page.layers(stack) for head in layer["heads"]]
        offered = browser.js("return [...document.querySelectorAll('#metric option')].map(o => o.value)")
        for metric in page.data["metrics"]:
            numbers = head_numbers(page, stack, metric)
            if not numbers:
                continue
            checks.that(metric["name"] in offered, f"{stack}: {metric['name']} is not offered")
            browser.choose("#metric", metric["name"])
            holds(browser, lambda: not wrong_cells(shown_cells(browser), numbers, heads))
            wrong = wrong_cells(shown_cells(browser), numbers, heads)
            checks.that(not wrong, f"{stack}: {metric['name']} in the head map: {wrong[:3]}")
            checks.equal(len(browser.js(CELLS)), len(heads), f"{stack}: cells of the head map")


ROWS = """return [...document.querySelectorAll(arguments[0] + ' tr[data-metric]')].map(
    row => [row.dataset.metric, [...row.querySelectorAll('td[data-value]')].map(cell => cell.dataset.value)])"""


def check_head_numbers(browser, page, checks):
    """All numbers of the first and the last head of each stack."""
    for stack in page.report["stacks"]:
        layers = page.layers(stack)
        for layer in {layers[0]["layer"]: layers[0], layers[-1]["layer"]: layers[-1]}.values():
            head = layer["heads"][-1]
            go(browser, page, f"view=heads&stack={quote(stack, safe='')}&layer={layer['layer']}&head={head}")
            shown = dict(browser.js(ROWS, "#head-numbers"))
            for metric in page.data["metrics"]:
                numbers = head_numbers(page, stack, metric)
                if (layer["layer"], head) in numbers:
                    values = shown.get(metric["name"]) or [None]
                    number = numbers[layer["layer"], head]
                    checks.that(same_number(values[0], number),
                                f"{stack}.{layer['layer']}.{head}: {metric['name']}: {values[0]}, not {number}")
            title = browser.js("return document.querySelector('#head-title').textContent")
            checks.that({str(layer["layer"]), str(head)} <= set(re.findall(r"\d+", title)), f"title of the head: {title}")


def check_layer_table(browser, page, checks):
    """The layer metrics of the first and the last layer, and their difference."""
    for stack in page.report["stacks"]:
        layers = {layer["layer"]: layer for layer in page.layers(stack)}
        a, b = min(layers), max(layers)
        go(browser, page, f"view=layers&stack={quote(stack, safe='')}")
        browser.choose("#layer-a", str(a))
        browser.choose("#layer-b", str(b))
        for metric in page.data["layer_metrics"]:
            numbers = [layers[layer].get(metric["name"]) for layer in (a, b)]
            if metric["name"] not in layers[a] and metric["name"] not in layers[b]:
                continue

            def values():
                return dict(browser.js(ROWS, "#layer-table")).get(metric["name"]) or []
            checks.that(holds(browser, lambda: all(map(same_number, values()[:2], numbers)) and len(values()) == 3),
                        f"{stack}: {metric['name']} in the layer table: {values()}, not {numbers}")
            difference = None if None in numbers else numbers[1] - numbers[0]
            checks.that(same_number(values()[-1], difference), f"{stack}: {metric['name']}: difference {values()}")


# Where the reader is

def go(browser, page, state):
    """Opens the page in a state. The same page is not loaded again: its hash is changed, as a link does."""
    if browser.js("return location.href.split('#')[0]") != page.address or not browser.js("return !!document.body.dataset.ready"):
        browser.open(page.address + "#" + state)
    else:
        browser.js("location.hash = arguments[0]", state)
    view = re.search(r"view=(\w+)", state)[1]
    wait_view(browser, view)
    browser.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def current_view(browser):
    return browser.js("const one = document.querySelectorAll('nav button[aria-current=\"page\"]');"
                      "return one.length === 1 ? one[0].dataset.view : null")


def wait_view(browser, view):
    browser.wait_js("document.body.dataset.ready === 'true'", "the page is ready")
    browser.wait(lambda: current_view(browser) == view, f"view {view} (is {current_view(browser)})", 5)
    browser.wait_js("!document.getElementById('view-' + arguments[0]).closest('[hidden]')", f"view {view} is shown", view)


def hash_of(browser):
    return dict(part.split("=", 1) for part in browser.js("return location.hash.slice(1)").split("&") if "=" in part)


def views_of(browser):
    return browser.js("return [...document.querySelectorAll('nav button[data-view]')].filter(b => !b.hidden && !b.disabled)"
                      ".map(b => b.dataset.view)")


def check_views(browser, page, checks, screenshots):
    """Every view by click and by key; no part of another is seen."""
    browser.open(page.address)
    wait_view(browser, "overview")
    first = next(iter(page.report["stacks"]))
    views = views_of(browser)
    has_alignment = any("alignment" in layer for stack in page.report["stacks"] for layer in page.layers(stack))
    checks.equal(set(views) - {"alignment"}, set(VIEWS) - {"alignment"}, "views")
    checks.that("alignment" not in views or has_alignment, "a view of alignment without alignment")
    checks.that(bool(browser.js("return document.querySelector('#headline').textContent.trim()")), "no headline")
    found = browser.js("return [...document.querySelectorAll('#findings li')].map(item => item.textContent)")
    if "findings" in page.report:
        checks.equal(found, page.report["findings"], "findings")
    for view in views:
        browser.click(f"nav button[data-view={view}]")
        wait_view(browser, view)
        checks.equal(browser.js("return [...document.querySelectorAll('[id^=view-]')].filter(s => s.offsetParent)"
                                ".map(s => s.id)"), [f"view-{view}"], f"what is seen in view {view}")
        checks.equal(hash_of(browser).get("view"), view, "the hash")
        if screenshots:
            picture(browser, page, view, screenshots)
    browser.js("document.activeElement.blur()")
    for number, view in enumerate(VIEWS, 1):
        if view in views:
            browser.press(str(number), f"Digit{number}")
            wait_view(browser, view)
            checks.that(True, "")
    checks.that(first in page.report["stacks"], first)


def picture(browser, page, view, folder):
    stem = re.sub(r"\W+", "_", page.name.removesuffix(".safetensors"))
    for name, width, height in [("desktop", 1280, 900), ("phone", 390, 844)]:
        browser.resize(width, height)
        browser.js("return new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)))")
        browser.screenshot(folder / f"{stem}.{view}.{name}.png")
    browser.resize(1280, 900)


def check_narrow(browser, page, checks):
    """On a phone the page itself does not scroll sideways."""
    browser.resize(390, 844)
    for view in views_of(browser):
        browser.js("location.hash = 'view=' + arguments[0]", view)
        wait_view(browser, view)
        browser.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        width, inner = browser.js("return [document.documentElement.scrollWidth, innerWidth]")
        checks.that(width <= inner and inner == 390, f"view {view} is {width} px wide on a screen of {inner}")
    browser.resize(1280, 900)


def check_clicks(browser, page, checks):
    """A cell of the head map, and a thumbnail, open their head; arrows move on, and back."""
    stack = next(iter(page.report["stacks"]))
    layer = page.layers(stack)[-1]
    where = f"[data-layer='{layer['layer']}'][data-head='{layer['heads'][-1]}']"
    for view, selector in [("overview", "#head-map button.cell"), ("model", "#model button.thumb")]:
        go(browser, page, f"view={view}&stack={quote(stack, safe='')}")
        browser.wait_js("document.querySelector(arguments[0])", f"{selector}{where}", selector + where)
        browser.click(selector + where)
        wait_view(browser, "heads")
        state = hash_of(browser)
        checks.equal((state.get("layer"), state.get("head")), (str(layer["layer"]), str(layer["heads"][-1])),
                     f"the head that {selector} opens")
    if len(layer["heads"]) > 1:
        browser.js("document.activeElement.blur()")
        for key, head in [("ArrowLeft", layer["heads"][-2]), ("ArrowRight", layer["heads"][-1])]:
            browser.press(key)
            browser.wait(lambda: hash_of(browser).get("head") == str(head), f"{key} opens head {head}", 3)
            checks.that(True, "")


def check_hash(browser, page, checks):
    """A state that is opened as a link is what is seen, and what the hash says."""
    stack = list(page.report["stacks"])[-1]
    layer = page.layers(stack)[-1]
    elements = [element["element"] for element in page.data["stacks"][stack]["elements"]]
    metric = next(m["name"] for m in reversed(page.data["metrics"]) if head_numbers(page, stack, m))
    state = {"view": "heads", "stack": stack, "element": str(elements[-1]), "layer": str(layer["layer"]),
             "head": str(layer["heads"][0]), "metric": metric}
    browser.open(page.address + "#" + "&".join(f"{key}={quote(value, safe='')}" for key, value in state.items()))
    wait_view(browser, "heads")
    for control in ["stack", "element", "metric"]:
        checks.equal(browser.js("return document.getElementById(arguments[0]).value", control), state[control],
                     f"#{control} of a link")
    title = browser.js("return document.querySelector('#head-title').textContent")
    checks.that({state["layer"], state["head"]} <= set(re.findall(r"\d+", title)), f"title of a link's head: {title}")
    browser.open(page.address + "#view=nowhere&layer=99&head=-1&stack=none&element=1e9&metric=__proto__&%E0%A4%A")
    browser.wait_js("document.body.dataset.ready === 'true'", "a page whose link is nonsense is ready")
    checks.that(current_view(browser) in VIEWS, "a link of nonsense shows no view")


def check_filters(browser, page, checks):
    """A layer or head that is switched off is not among the thumbnails, until it is switched on again."""
    stack = next(iter(page.report["stacks"]))
    go(browser, page, f"view=model&stack={quote(stack, safe='')}")
    seen = ("[...document.querySelectorAll('#model button.thumb')].filter(b => b.offsetParent && "
            "b.dataset[arguments[0]] === arguments[1]).length")
    first = page.layers(stack)[0]
    for kind, number, count in [("layer", first["layer"], len(page.layers(stack))), ("head", first["heads"][0], len(first["heads"]))]:
        if count == 1:  # one is always shown
            continue
        button = f"#{kind}-filter button[data-{kind}='{number}']"
        browser.wait_js(seen, f"thumbnails of {kind} {number}", kind, str(number))
        for pressed, shown in [("false", False), ("true", True)]:
            browser.click(button)
            browser.wait_js("document.querySelector(arguments[0]).getAttribute('aria-pressed') === arguments[1]",
                            f"{button} is pressed: {pressed}", button, pressed, patience=3)
            browser.wait(lambda: bool(browser.js(f"return {seen}", kind, str(number))) == shown,
                         f"{kind} {number} is {'shown' if shown else 'hidden'}", 3)
            checks.that(True, "")


def check_theme(browser, page, checks):
    """The theme is the reader's, and the button's once it is pressed."""
    theme = "document.documentElement.dataset.theme"
    ground = "return getComputedStyle(document.body).backgroundColor"
    grounds = {}
    for scheme in ["dark", "light"]:
        browser.prefer(scheme)
        browser.open(page.address)
        browser.wait_js("document.body.dataset.ready === 'true'", "the page is ready")
        checks.equal(browser.js(f"return {theme} === 'dark'"), scheme == "dark", f"dark where {scheme} is preferred")
        grounds[scheme] = browser.js(ground)
    checks.that(grounds["light"] != grounds["dark"], f"both grounds are {grounds['light']}")
    for press in [lambda: browser.click("#theme"), lambda: browser.press("t", "KeyT")]:
        before = browser.js(f"return {theme} === 'dark'")
        press()
        browser.wait(lambda: browser.js(f"return {theme} === 'dark'") != before, "the theme changes", 3)
        checks.equal(browser.js(ground), grounds["light" if before else "dark"], "the ground of the other theme")
        browser.js("document.activeElement.blur()")
    for scheme in ["light", "dark", "light"]:  # while the page is open
        browser.prefer(scheme)
        checks.that(holds(browser, lambda: browser.js(ground) == grounds[scheme]), f"{scheme} is not followed")


def check_help(browser, page, checks):
    shown = "const help = document.getElementById('help'); return help && help.open !== false && help.offsetHeight > 0"
    browser.press("?", "Slash")
    browser.wait(lambda: browser.js(shown), "? opens the help", 3)
    browser.press("Escape")
    browser.wait(lambda: not browser.js(shown), "Escape closes the help", 3)
    checks.that(True, "")


# Weights under the mouse

class Heat:
    """The heat map, whose cells fill the canvas #heat, as the mouse reads it."""

    def __init__(self, browser, rows, columns):
        self.browser, self.rows, self.columns = browser, rows, columns

    def cell(self, row, column):
        """(query, key, weight) as they are read out, or None."""
        x, y = self.browser.js(
            "const [row, column, rows, columns] = arguments, canvas = document.querySelector('#heat');"
            "const at = () => { const box = canvas.getBoundingClientRect();"
            "  return [box.left + box.width * (column + 0.5) / columns, box.top + box.height * (row + 0.5) / rows]; };"
            "if (at()[1] < 5 || at()[1] > innerHeight - 5) window.scrollBy(0, at()[1] - innerHeight / 2);"
            "return at()", row, column, self.rows, self.columns)
        self.browser.hover(x, y)
        text = self.browser.js("return document.querySelector('#readout').textContent")
        # A word written from right to left stands between marks that keep it from turning the sentence.
        found = re.fullmatch(r"(?s)\u2068?(.*?)\u2069? → \u2068?(.*?)\u2069?: ([-.\de]+)", text)
        return found and (found[1], found[2], float(found[3]))


def tolerance(weight, code_bytes):
    """Half a code's step, and half of the last of four digits that are shown."""
    half_step = 0.5 / (255 if code_bytes == 1 else 65535)
    return 2 * math.sqrt(weight) * half_step + half_step**2 + 0.6e-4


def visible_name(token):
    """Control characters, those of writing direction too, and a token of nothing that is seen, have a sign."""
    unseen = "[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    return re.sub(unseen, "·", token) if token.strip() else "␣"


def check_cells(checks, heat, weights, element, what, rows, columns):
    """Corners, extremes and others; `rows` and `columns` are the element's tokens that the map shows."""
    shown = weights[numpy.ix_(rows, columns)]
    picked = {(0, 0), (len(rows) - 1, 0), (0, len(columns) - 1), (len(rows) - 1, len(columns) - 1)}
    for at in [shown.argmax(), shown.argmin(), shown.size // 2, shown.size // 3]:
        picked.add(tuple(int(i) for i in numpy.unravel_index(at, shown.shape)))
    for row, column in sorted(picked):
        weight = shown[row, column]
        tokens = tuple(map(visible_name, (element["query_tokens"][rows[row]], element["key_tokens"][columns[column]])))

        def is_right(found):
            return found and abs(found[2] - weight) <= tolerance(weight, element["bytes"]) and found[:2] == tokens
        # The map is unpacked and drawn after the page has changed to its head.
        checks.that(holds(heat.browser, lambda: is_right(heat.cell(row, column))),
                    f"{what}, cell {row}, {column}: {heat.cell(row, column)}, not {tokens} {weight:.5f}")


def check_hover(browser, page, checks):
    """First and last layer of every stack, first and last element."""
    for stack, described in page.data["stacks"].items():
        elements = described["elements"]
        layers = page.layers(stack)
        for element, layer, at in [(elements[0], layers[0], 0), (elements[-1], layers[-1], -1)]:
            head = layer["heads"][at]
            go(browser, page, f"view=heads&stack={quote(stack, safe='')}&element={element['element']}"
                              f"&layer={layer['layer']}&head={head}")
            weights = page.weights(stack, element["element"], layer["layer"])
            heat = Heat(browser, element["rows"], element["columns"])
            what = f"{stack}.{layer['layer']}.{head}, element {element['element']}"
            queries, keys = range(element["queries"]), range(element["keys"])
            check_cells(checks, heat, weights[head], element, what, queries, keys)
            if stack == next(iter(page.data["stacks"])) and at == 0:
                browser.choose("#map-choice", "mean")
                check_cells(checks, heat, weights.mean(axis=0), element, f"{what}, mean of the heads", queries, keys)
                browser.choose("#map-choice", "head")


def check_blocks(browser, page, checks):
    """Of a sentence pair: the part of the map that a choice leaves."""
    for stack, described in page.data["stacks"].items():
        element, layer = described["elements"][0], page.layers(stack)[0]
        go(browser, page, f"view=heads&stack={quote(stack, safe='')}&layer={layer['layer']}&head={layer['heads'][0]}")
        offered = browser.js("const block = document.getElementById('block'); return block && block.offsetParent "
                             "? [...block.options].map(o => [o.value, o.textContent]) : []")
        if element["query_boundary"] is None:
            checks.equal(offered, [], f"{stack}: blocks without a boundary")
            continue
        checks.equal(len(offered), 5, f"{stack}: blocks of a pair: {offered}")
        parts = {"first": (range(element["query_boundary"]), range(element["key_boundary"])),
                 "second": (range(element["query_boundary"], element["queries"]), range(element["key_boundary"], element["keys"]))}
        weights = page.weights(stack, element["element"], layer["layer"])[layer["heads"][0]]
        for value, text in offered:
            named = re.findall("first|second", text)
            if len(named) != 2:
                continue
            rows, columns = parts[named[0]][0], parts[named[1]][1]
            browser.choose("#block", value)
            browser.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            check_cells(checks, Heat(browser, len(rows), len(columns)), weights, element, f"{stack}, block {text}", rows, columns)
        browser.choose("#block", offered[0][0])


# Where on the screen the first letter of the query, the arrow, and the last letter of the key are read out.
ORDER = """const text = document.querySelector('#readout'), words = text.textContent, nodes = [];
for (const walk = document.createTreeWalker(text, NodeFilter.SHOW_TEXT); walk.nextNode();) nodes.push(walk.currentNode);
const left = place => {
  const range = document.createRange();
  for (const node of nodes) {
    if (place < node.length) {
      range.setStart(node, place);
      range.setEnd(node, place + 1);
      return range.getBoundingClientRect().left;
    }
    place -= node.length;
  }
};
const arrow = words.indexOf(' → ') + 1;
return [left(0), left(arrow), left(words.lastIndexOf(': ') - 1), left(words.length - 1)]"""


def check_direction(browser, page, checks):
    """Of two tokens that are written from right to left, the query is still on the left of the arrow."""
    stack, described = next(iter(page.data["stacks"].items()))
    element, layer = described["elements"][0], page.layers(stack)[0]
    for token in [HOSTILE_TOKENS.index("\u05d0\u05d1 \u0627\u0644"), HOSTILE_TOKENS.index("\u202egnp.exe")]:
        go(browser, page, f"view=heads&stack={quote(stack, safe='')}&layer={layer['layer']}&head={layer['heads'][0]}&block=all")
        heat = Heat(browser, element["rows"], element["columns"])
        checks.that(holds(browser, lambda: heat.cell(token, token)), "a readout")
        query, arrow, key, number = browser.js(ORDER)
        checks.that(query < arrow < key < number, f"{element['query_tokens'][token]!r} is read out in the order "
                                                  f"query {query}, arrow {arrow}, key {key}, weight {number}")


LINKS = "return document.querySelector('#links').toDataURL()"


def check_links(browser, page, checks):
    """A token of the links that is pointed at leaves its lines alone, and names the strongest."""
    stack, described = next(iter(page.data["stacks"].items()))
    element, layer = described["elements"][0], page.layers(stack)[0]
    go(browser, page, f"view=heads&stack={quote(stack, safe='')}&element={element['element']}"
                      f"&layer={layer['layer']}&head={layer['heads'][0]}&block=all&map=head")
    browser.wait_js("document.querySelector('#links').style.height", "links")
    browser.js("document.querySelector('#links').scrollIntoView({block: 'start'})")
    left, top, right = browser.js("const box = document.querySelector('#links').getBoundingClientRect();"
                                  "return [box.left, box.top, box.right]")
    browser.hover(1, 1)
    all_links = browser.js(LINKS)
    weights = page.weights(stack, element["element"], layer["layer"])[layer["heads"][0]]
    if weights[0].size == 1:  # one line, with and without a token
        return
    for x, largest in [(left + 5, weights[0].max()), (right - 5, weights[:, 0].max())]:
        browser.hover(x, top + 10)
        checks.that(holds(browser, lambda: browser.js(LINKS) != all_links), "a token leaves the links as they are")
        said = browser.js("return document.querySelector('#readout').textContent")
        found = re.search(r": ([-.\de]+)$", said)
        checks.that(found and abs(float(found[1]) - largest) <= tolerance(largest, element["bytes"]),
                    f"the strongest link of the first token: {said}, not {largest}")
        browser.hover(1, 1)
        checks.that(holds(browser, lambda: browser.js(LINKS) == all_links), "the links do not come back")


# Pages

def check_quiet(browser, page, checks):
    """No error on the console, and nothing asked for but the page itself."""
    checks.equal(browser.errors(), [], "the console")
    asked = {address.split("#")[0] for address in browser.requests()}
    checks.equal(asked - {page.address}, set(), "requests")


def check_page(browser, page, checks, screenshots):
    for check in [check_clicks, check_head_maps, check_head_numbers, check_layer_table, check_hover, check_links,
                  check_blocks, check_hash, check_filters, check_theme, check_help, check_narrow]:
        attempt(checks, check, browser, page, checks)
    attempt(checks, check_views, browser, page, checks, screenshots)
    check_quiet(browser, page, checks)


def attempt(checks, check, *arguments):
    """A check that is not even possible has failed; the others go on."""
    start = time.monotonic()
    try:
        check(*arguments)
    except Exception as error:  # of selenium, or a condition that never came true
        checks.that(False, f"{check.__name__}: {type(error).__name__}: {str(error).splitlines()[0]}")
    print(f"  {check.__name__[6:]}: {time.monotonic() - start:.1f} s", flush=True)


def hostile_dump(folder):
    """Tokens, stacks, model and file with names that a page must show, not run."""
    random = numpy.random.RandomState(7)
    count = len(HOSTILE_TOKENS)
    tensors, metadata = {}, {"tokens": json.dumps(HOSTILE_TOKENS), "model": HOSTILE_TOKENS[0],
                             "special_tokens": json.dumps(HOSTILE_TOKENS[:2]), "sentence_boundary": "6"}
    for stack in ["self", *HOSTILE_STACKS]:
        if stack != "self":
            metadata[f"stack.{stack}"] = json.dumps({"query_tokens": "tokens", "key_tokens": "tokens", "causal": False})
        for layer in range(2):
            maps = make_dumps.random_maps(random, (1, 2, count, count))
            tensors[f"{stack}.{layer}.attention"] = maps, "F32"
    path = folder / HOSTILE_FILE
    make_dumps.write_safetensors(path, tensors, metadata)
    return path


def unnamed_dump(folder):
    """No tokens at all, and one token a text."""
    maps = make_dumps.random_maps(numpy.random.RandomState(8), (1, 1, 1, 1))
    path = folder / "unnamed.safetensors"
    make_dumps.write_safetensors(path, {"self.3.attention": (maps, "F32")}, {})
    return path, ["--metadata", b"model=\xff<b>"]  # no UTF-8: U+FFFD in the report


def check_harmless(browser, page, checks):
    """Nothing of a dump has become code or an element."""
    for view in views_of(browser):
        go(browser, page, f"view={view}")
    checks.equal(browser.js("return typeof window.pwned"), "undefined", "code of a token ran")
    checks.equal(browser.js("return document.querySelectorAll('script').length"),
                 page.html.count("<script"), "scripts in the document")
    checks.equal(browser.js("return [...document.querySelectorAll('*')].filter(e => (e.localName === 'img' && "
                            "!e.src.startsWith('data:')) || [...e.attributes].some(a => a.name.startsWith('on')))"
                            ".map(e => e.outerHTML)"), [], "elements made from data")
    checks.equal(browser.js("return document.title"), page.name + " – attnscope", "the title")
    options = browser.js("return [...document.querySelectorAll('#stack option')].map(o => o.value)")
    checks.equal(options, list(page.report["stacks"]), "stacks to choose from")
    texts = browser.js("return [...document.querySelectorAll('#stack option')].map(o => o.textContent)")
    checks.equal(texts, list(page.report["stacks"]), "names of stacks")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("analyze")
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--only", help="pages whose name has this in it")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with tempfile.TemporaryDirectory() as name, Browser() as browser:
        folder = Path(name)
        inputs = [*((dump, []) for dump in DUMPS), (hostile_dump(folder), []), unnamed_dump(folder)]
        for number, (dump, more) in enumerate(inputs):
            if options.only and options.only not in dump.name:
                continue
            checks.page = dump.name
            print(f"{dump.name}", flush=True)
            page = Page(options.analyze, dump, folder / f"out {number}", *more)
            check_page(browser, page, checks, options.screenshots)
            if dump.name == HOSTILE_FILE:
                checks.that((folder / f"out {number}" / "figures" / "a_b.0.mean.svg").exists(), "a stack with a slash")
                attempt(checks, check_direction, browser, page, checks)
            attempt(checks, check_harmless, browser, page, checks)
            check_quiet(browser, page, checks)
    print(f"{checks.held} checks hold, {checks.failed} fail")
    sys.exit(1 if checks.failed or not checks.held else 0)


if __name__ == "__main__":
    main()
