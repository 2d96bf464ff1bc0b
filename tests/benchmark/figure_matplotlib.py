#!/usr/bin/env python3
"""Times and sizes matplotlib's imshow on the maps of figure_benchmark.cpp, as SVG and as PNG.

    python3 tests/benchmark/figure_matplotlib.py [BENCH_FIGURE]        needs matplotlib and numpy

With the benchmark's program it also runs that, and prints both beside each other. One run of each kind; the time
starts with the figure and ends with the bytes, imports are not counted.
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
    start = time.perf_counter()
    figure, axes = plt.subplots(rows, columns, figsize=(12, 12), squeeze=False)
    for axis, map_ in zip(axes.flat, maps):
        axis.imshow(map_, vmin=0, vmax=maps.max(), cmap="Blues", interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
    out = io.BytesIO()
    figure.savefig(out, format=kind)
    plt.close(figure)
    return 1000 * (time.perf_counter() - start), len(out.getvalue())


def of_ours(program, name):
    command = [program, f"--benchmark_filter={name}$", "--benchmark_format=json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(run.stdout)["benchmarks"][0]
    return result["cpu_time"], result["bytes"]


for name, layers, heads, tokens in [("model_view_of/12x12x128", 12, 12, 128), ("heatmap_of/256", 1, 1, 256)]:
    maps = causal_heads(layers * heads, tokens)
    for kind in ("svg", "png"):
        milliseconds, size = drawn(maps, layers, heads, kind)
        print(f"{name}: matplotlib {kind} {milliseconds:.0f} ms, {size / 1e6:.2f} MB", flush=True)
    if len(sys.argv) > 1:
        milliseconds, size = of_ours(sys.argv[1], name)
        print(f"{name}: ours {milliseconds:.1f} ms of processor time, {size / 1e6:.2f} MB", flush=True)
