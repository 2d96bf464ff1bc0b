#!/usr/bin/env python3
"""Sizes and times report.html beside BertViz's model view, on the same attention, in the same browser.

    page_bertviz.py ANALYZE [--repeats 5] [--libraries REQUIRE JQUERY D3] [--only 12x12x64]

needs Debian's chromium, chromium-driver, python3-selenium, python3-numpy, python3-torch, libjs-requirejs,
libjs-jquery and node-d3; ipython; and page_bertviz_requirements.txt. Of each attention it prints

  size         of the file
  build        ours: what `analyze DUMP --out` takes more than with --no-html, from reading weights to the file;
               BertViz: model_view(..., html_action='return') from tensors in memory to the text
  open         from the address to the model view, all of it drawn and on the screen
  ready        ours alone: from the address to the overview, which is what a reader sees first

Times are wall-clock medians of runs that take turns. BertViz's page loads three libraries from a network that a
benchmark should not measure: their addresses are rewritten to the local copies.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import torch
from bertviz import model_view

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "page"), str(TESTS / "report")]
from chromium import Browser  # noqa: E402
from make_dumps import write_safetensors  # noqa: E402

# layers, heads, tokens, causal, and whether BertViz runs: it makes an element of every weight.
CASES = [(12, 12, 64, False, True), (12, 12, 64, True, True), (12, 12, 128, False, True), (12, 12, 128, True, True),
         (24, 16, 128, False, False), (12, 12, 512, False, False), (12, 12, 512, True, False)]
NETWORK = ["https://cdnjs.cloudflare.com/ajax/libs/require.js/2.3.6/require.min.js",
           "https://cdnjs.cloudflare.com/ajax/libs/jquery/2.0.0/jquery.min",
           "https://cdnjs.cloudflare.com/ajax/libs/d3/5.7.0/d3.min"]
LIBRARIES = ["/usr/share/javascript/requirejs/require.min.js", "/usr/share/javascript/jquery/jquery.min.js",
             "/usr/share/nodejs/d3/dist/d3.min.js"]
PATIENCE = 300

# Each thumbnail of BertViz ends with the transparent rectangle that takes its clicks; the last one ends the page.
BERTVIZ_DRAWN = """return document.querySelectorAll('#vis svg rect[style*="opacity: 0"]').length === arguments[0]"""
# A canvas is drawn once it has a pixel that is not transparent.
OURS_DRAWN = """const thumbs = [...document.querySelectorAll('#model button.thumb > canvas')];
const drawn = canvas => canvas.width && canvas.height &&
  canvas.getContext('2d').getImageData(0, 0, 1, canvas.height).data.some(byte => byte !== 0);
return thumbs.length === arguments[0] && drawn(thumbs[thumbs.length - 1]) && thumbs.every(drawn)"""
OURS_READY = "return document.body.dataset.ready === 'true'"


def attention(layers, heads, tokens, causal):
    """[layer][1, head, query, key]: the softmax of normal numbers times 2."""
    random = numpy.random.RandomState(1)
    maps = []
    for _ in range(layers):
        weights = numpy.exp(2 * random.standard_normal((1, heads, tokens, tokens)))
        if causal:
            weights *= numpy.tri(tokens)
        maps.append((weights / weights.sum(-1, keepdims=True)).astype("f4"))
    return maps


def timed(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def analyze(program, dump, out, *options):
    return timed(lambda: subprocess.run([program, dump, "--out", out, *options], check=True, capture_output=True))[0]


def opened(address, condition, *arguments):
    """Seconds until the condition holds and a frame with it has been shown, in a browser just started."""
    with Browser() as browser:
        browser.driver.set_script_timeout(PATIENCE)
        browser.driver.set_page_load_timeout(PATIENCE)

        def shown():
            browser.driver.get(address)
            browser.wait(lambda: browser.js(condition, *arguments), address, PATIENCE)
            browser.js("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return timed(shown)[0]


def without_network(html, libraries):
    for address, path in zip(NETWORK, libraries):
        local = Path(path).resolve().as_uri()
        if html.count(address) != 1:
            sys.exit(f"BertViz's page has {html.count(address)} times {address}, not once")
        # require.js adds the ending to a module's address itself.
        html = html.replace(address, local if address.endswith(".js") else local.removesuffix(".js"))
    return "<!doctype html><meta charset=utf-8>" + html


def measure_ours(program, dump, folder, thumbnails, results):
    with_page, without = folder / "page", folder / "no_page"
    results.setdefault("whole", []).append(analyze(program, dump, with_page))
    results.setdefault("rest", []).append(analyze(program, dump, without, "--no-html"))
    page = with_page / "report.html"
    results["size"] = page.stat().st_size
    results.setdefault("open", []).append(opened(page.as_uri() + "#view=model", OURS_DRAWN, thumbnails))
    results.setdefault("ready", []).append(opened(page.as_uri(), OURS_READY))


def measure_bertviz(maps, tokens, folder, libraries, thumbnails, results):
    tensors = [torch.from_numpy(layer) for layer in maps]
    seconds, html = timed(lambda: model_view(tensors, tokens, html_action="return").data)
    results.setdefault("build", []).append(seconds)
    results["size"] = len(html.encode())
    page = folder / "bertviz.html"
    page.write_text(without_network(html, libraries))
    results.setdefault("open", []).append(opened(page.as_uri(), BERTVIZ_DRAWN, thumbnails))


def seconds(values):
    return f"{statistics.median(values):8.2f}"


def measure(case, options):
    layers, heads, tokens, causal, with_bertviz = case
    maps = attention(layers, heads, tokens, causal)
    words = [f"word{i}" for i in range(tokens)]
    ours, bertviz = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dump = folder / "dump.safetensors"
        write_safetensors(dump, {f"self.{i}.attention": (layer, "F32") for i, layer in enumerate(maps)},
                          {"tokens": str(words).replace("'", '"'), "causal": "true" if causal else "false"})
        for _ in range(options.repeats):
            measure_ours(options.analyze, dump, folder, layers * heads, ours)
            if with_bertviz:
                measure_bertviz(maps, words, folder, options.libraries, layers * heads, bertviz)
    name = f"{layers}x{heads}x{tokens}{' causal' if causal else ''}"
    build = statistics.median(ours["whole"]) - statistics.median(ours["rest"])
    print(f"{name:18} {'ours':8} {ours['size'] / 1e6:8.2f} {build:8.2f} {seconds(ours['open'])} {seconds(ours['ready'])}"
          f"   (analyze with the page {seconds(ours['whole']).strip()} s)", flush=True)
    if with_bertviz:
        print(f"{name:18} {'BertViz':8} {bertviz['size'] / 1e6:8.2f} {seconds(bertviz['build'])} {seconds(bertviz['open'])}"
              f" {'-':>8}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("analyze")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--libraries", nargs=3, default=LIBRARIES, metavar=("REQUIRE", "JQUERY", "D3"))
    parser.add_argument("--only", help="cases whose name begins so, such as 12x12x64")
    options = parser.parse_args()
    print("BertViz's page loads local copies in place of its network's:", *options.libraries)
    print(f"{'layers x heads x tokens':26} {'MB':>9} {'build s':>8} {'open s':>8} {'ready s':>8}")
    for case in CASES:
        if not options.only or "x".join(map(str, case[:3])).startswith(options.only):
            measure(case, options)


if __name__ == "__main__":
    main()
