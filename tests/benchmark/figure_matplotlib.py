#!/usr/bin/env python3
"""Times and sizes matplotlib's imshow on the maps of figure_benchmark.cpp, as SVG and as PNG.

    python3 tests/benchmark/figure_matplotlib.py [BENCH_FIGURE]        needs matplotlib and numpy

With the benchmark's program it also runs that, and prints both beside each other, in processor time. matplotlib
runs once a kind, from the figure to the bytes, imports not counted. It draws every cell, and so does our row "all
cells"; our default takes the largest of each square where a figure has very many.
"""

import io
import json
import subprocess
import sys
import time

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy


def mixed(x):
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    return x ^ (x >> numpy.uint32(16))


def causal_heads(heads, tokens):
    numbers = numpy.arange(heads * tokens * tokens, dtype=numpy.uint32)
    logits = 6 * (mixed(numbers) / 2.0**32).reshape(heads, tokens, tokens)
    weights = numpy.exp(logits) * numpy.tri(tokens)
    return weights / weights.sum(-1, keepdims=True)


def drawn(maps, rows, columns, kind):
    start = time.process_time()
    figure, axes = plt.subplots(rows, columns, figsize=(12, 12), squeeze=False)
    for axis, map_ in zip(axes.flat, maps):
        axis.imshow(map_, vmin=0, vmax=maps.max(), cmap="Blues", interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
    out = io.BytesIO()
    figure.savefig(out, format=kind)
    plt.close(figure)
    return 1000 * (time.process_time() - start), len(out.getvalue())


def of_ours(program, name):
    command = [program, f"--benchmark_filter={name}$", "--benchmark_format=json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(run.stdout)["benchmarks"][0]
    return result["cpu_time"], result["bytes"]


def row(name, what, milliseconds, size):
    print(f"{name}: {what} {milliseconds:.1f} ms of processor time, {size / 1e6:.2f} MB", flush=True)


for name, layers, heads, tokens, rows in [
    ("model_view_of/12x12x128", 12, 12, 128, {"ours, all cells": "_all", "ours, by default": ""}),
    ("heatmap_of/256", 1, 1, 256, {"ours, all cells": ""}),
]:
    maps = causal_heads(layers * heads, tokens)
    for kind in ("svg", "png"):
        row(name, f"matplotlib {kind}", *drawn(maps, layers, heads, kind))
    if len(sys.argv) > 1:
        for what, variant in rows.items():
            row(name, what, *of_ours(sys.argv[1], name + variant))
