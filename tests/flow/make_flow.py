#!/usr/bin/env python3
"""Prints the numbers of attention_flow_test.cpp and minimum_cut_test.cpp: networkx on made stacks, in exact fractions.

    python3 tests/flow/make_flow.py        needs networkx
"""

from fractions import Fraction

import networkx


def capacity(layer, i, k, causal):
    """The same in formula_stack() of flow_stacks.hpp: a multiple of 1/64, many of them 0."""
    if causal and k > i:
        return Fraction(0)
    return Fraction(max(0, (i * i * 37 + k * k * 11 + i * k * 101 + 13 * i + 29 * layer) % 41 - 12), 64)


def graph_of(layers, tokens, causal):
    graph = networkx.DiGraph()
    graph.add_nodes_from((level, i) for level in range(layers + 1) for i in range(tokens))
    for layer in range(layers):
        for i in range(tokens):
            for k in range(tokens):
                if value := capacity(layer, i, k, causal):
                    graph.add_edge((layer + 1, i), (layer, k), capacity=value)
    return graph


for layers, tokens, causal in [(3, 5, False), (6, 5, False), (5, 6, True)]:
    graph = graph_of(layers, tokens, causal)
    print(f"{layers} layers, {tokens} tokens{', causal' if causal else ''}: flows in 64ths")
    for i in range(tokens):
        flows = [networkx.maximum_flow_value(graph, (layers, i), (0, j)) for j in range(tokens)]
        print("   ", ", ".join(str(flow * 64) for flow in flows))
    query, sink = tokens - 1, 1
    value, (side, other) = networkx.minimum_cut(graph, (layers, query), (0, sink))
    edges = [(a[0] - 1, a[1], b[1], c["capacity"] * 64) for a, b, c in graph.edges(data=True) if a in side and b in other]
    print(f"    a minimum cut from {query} to {sink}:", value * 64, [tuple(map(int, e)) for e in sorted(edges)])
