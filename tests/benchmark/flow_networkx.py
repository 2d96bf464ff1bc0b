#!/usr/bin/env python3
"""Times networkx's preflow_push on a sample of pairs of the stacks of attention_flow_benchmark.cpp.

    python3 tests/benchmark/flow_networkx.py [BENCH_ATTENTION_FLOW]        needs networkx and numpy

With the benchmark's program it also runs that, and prints how many times longer networkx takes for all pairs.
"""

import json
import subprocess
import sys
import time

import networkx
import numpy
from networkx.algorithms.flow import preflow_push

LAYERS, HEADS, TOKENS, PAIRS = 12, 12, 128, 8


def mixed(x):
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    return x ^ (x >> numpy.uint32(16))


def made_stack(sharpness, sees):
    numbers = numpy.arange(4 * LAYERS * HEADS * TOKENS * TOKENS, dtype=numpy.uint32)
    parts = (mixed(numbers) / 2.0**32).reshape(LAYERS, HEADS, TOKENS, TOKENS, 4)
    heads = numpy.exp(sharpness * (parts.sum(-1) - 2) * 3**0.5) * sees
    mean = (heads / heads.sum(-1, keepdims=True)).mean(1)
    return (mean + numpy.eye(TOKENS)) / 2


def graph_of(stack):
    graph = networkx.DiGraph()
    for layer, map_ in enumerate(stack):
        for i, k in zip(*numpy.nonzero(map_)):
            graph.add_edge((layer + 1, int(i)), (layer, int(k)), capacity=float(map_[i, k]))
    return graph


def seconds_a_pair(stack):
    graph = graph_of(stack)
    random = numpy.random.default_rng(7)
    pairs = [(int(random.integers(TOKENS)), int(random.integers(TOKENS))) for _ in range(PAIRS)]
    start = time.perf_counter()
    for i, j in pairs:
        if graph.has_node((0, j)):
            networkx.maximum_flow_value(graph, (LAYERS, i), (0, j), flow_func=preflow_push)
    return (time.perf_counter() - start) / PAIRS


def seconds_of_ours(program, name):
    command = [program, f"--benchmark_filter=^{name}/real_time$", "--benchmark_format=json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["benchmarks"][0]["real_time"] / 1000


i, k = numpy.ogrid[:TOKENS, :TOKENS]
everything, past = k >= 0, k <= i
for name, sharpness, sees in [
    ("12x128/diffuse", 1, everything),
    ("12x128/peaked", 4, everything),
    ("12x128/causal", 2, past),
    ("12x128/window 8", 2, past & (i - k < 8)),
]:
    peer = seconds_a_pair(made_stack(sharpness, sees)) * TOKENS**2
    text = f"{name}: networkx {peer:.0f} s for all pairs, from {PAIRS}"
    if len(sys.argv) > 1:
        ours = seconds_of_ours(sys.argv[1], name)
        text += f"; ours {1000 * ours:.1f} ms, ratio {peer / ours:.0f}"
    print(text, flush=True)
