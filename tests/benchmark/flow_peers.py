#!/usr/bin/env python3
"""Times networkx's preflow_push and igraph's maximum flow on a sample of pairs of the stacks of attention_flow_benchmark.cpp.

    python3 tests/benchmark/flow_peers.py [BENCH_ATTENTION_FLOW]        needs numpy, and networkx, igraph or both

With the benchmark's program it also runs that, and prints how many times longer they take for all pairs. Their flows must
be the same, or the script ends with an error.
"""

import importlib
import json
import subprocess
import sys
import time

import numpy

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


def arcs_of(stack):
    """[from, to, capacity]; token i above layer l is node (l + 1) * TOKENS + i."""
    return [((layer + 1) * TOKENS + int(i), layer * TOKENS + int(k), float(map_[i, k]))
            for layer, map_ in enumerate(stack) for i, k in zip(*numpy.nonzero(map_))]


def networkx_flow(networkx, arcs):
    graph = networkx.DiGraph()
    graph.add_nodes_from(range((LAYERS + 1) * TOKENS))
    graph.add_weighted_edges_from(arcs, weight="capacity")
    push = networkx.algorithms.flow.preflow_push
    return lambda top, token: networkx.maximum_flow_value(graph, top, token, flow_func=push)


def igraph_flow(igraph, arcs):
    graph = igraph.Graph((LAYERS + 1) * TOKENS, [arc[:2] for arc in arcs], directed=True)
    capacities = [arc[2] for arc in arcs]
    return lambda top, token: graph.maxflow_value(top, token, capacities)


def available(peers):
    found = {}
    for name, flow in peers.items():
        try:
            found[name] = importlib.import_module(name), flow
        except ImportError:
            print(f"no {name}: skipped (Debian: python3-{name})", flush=True)
    return found


def flows_and_seconds(flow):
    random = numpy.random.default_rng(7)
    pairs = random.integers(TOKENS, size=(PAIRS, 2)).tolist()
    start = time.perf_counter()
    flows = [flow(LAYERS * TOKENS + i, j) for i, j in pairs]
    return numpy.array(flows), (time.perf_counter() - start) / PAIRS


def seconds_of_ours(program, name):
    command = [program, f"--benchmark_filter=^{name}/real_time$", "--benchmark_format=json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["benchmarks"][0]["real_time"] / 1000


PEERS = available({"networkx": networkx_flow, "igraph": igraph_flow})
i, k = numpy.ogrid[:TOKENS, :TOKENS]
everything, past = k >= 0, k <= i
for name, sharpness, sees in [
    ("12x128/diffuse", 1, everything),
    ("12x128/peaked", 4, everything),
    ("12x128/causal", 2, past),
    ("12x128/window 8", 2, past & (i - k < 8)),
]:
    ours = seconds_of_ours(sys.argv[1], name) if len(sys.argv) > 1 else None
    text = f"{name}: ours {1000 * ours:.1f} ms" if ours else f"{name}: of {PAIRS} pairs"
    arcs, first = arcs_of(made_stack(sharpness, sees)), None
    for peer, (library, flow) in PEERS.items():
        flows, seconds = flows_and_seconds(flow(library, arcs))
        first = flows if first is None else first
        if not numpy.allclose(flows, first, rtol=0, atol=1e-9):
            sys.exit(f"{name}: the peers' flows differ by {abs(flows - first).max()}")
        text += f"; {peer} {seconds * TOKENS**2:.0f} s for all pairs"
        text += f", ratio {seconds * TOKENS**2 / ours:.0f}" if ours else ""
    print(text, flush=True)
