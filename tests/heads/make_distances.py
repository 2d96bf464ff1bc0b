#!/usr/bin/env python3
"""The numbers that the tests of distances, CKA, maps and clusters of heads compare with.

    make_distances.py [DUMP]     prints them; needs numpy, scipy and scikit-learn
                                 DUMP: the same between all heads of a safetensors dump instead

Everything is made from the definitions, a row or a pair at a time, or by scipy and scikit-learn.
"""

import json
import struct
import sys

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.optimize import least_squares
from scipy.spatial.distance import jensenshannon, squareform
from sklearn.metrics import silhouette_samples

A1 = np.array([[.5, .3, .2], [.1, .6, .3], [.25, .25, .5]])
A2 = np.array([[.2, .5, .3], [.4, .4, .2], [.1, .1, .8]])


def formula_attention():
    """[example] of [head, query, key]: causal, 7 and 4 tokens, 6 heads; head 5 is near head 2."""
    examples = []
    for b, tokens in enumerate([7, 4]):
        heads = np.zeros((6, tokens, tokens))
        for h in range(6):
            for i in range(tokens):
                j = np.arange(i + 1)
                wave = 2 if h == 5 else h
                logits = 3 * np.sin(1 + b + 2.1 * wave + .7 * i + 1.3 * j + .37 * i * j * wave) + .1 * h * j
                weights = np.exp(logits)
                heads[h, i, :i + 1] = weights / weights.sum()
        examples.append(heads)
    return examples


def divergence(examples, smoothing=0, causal=True):
    """Sum over rows and number of rows."""
    heads = examples[0].shape[0]
    total, rows = np.zeros((heads, heads)), 0
    for maps in examples:
        for i in range(maps.shape[1]):
            seen = i + 1 if causal else maps.shape[2]
            p = (1 - smoothing) * maps[:, i, :seen] + smoothing / seen
            rows += 1
            for h in range(heads):
                for g in range(heads):
                    total[h, g] += 0 if seen == 1 else jensenshannon(p[h], p[g]) ** 2
    return np.nan_to_num(total), rows


def cka(examples):
    heads = examples[0].shape[0]
    mean = np.zeros((heads, heads))
    for maps in examples:
        centred = maps - maps.mean(axis=1, keepdims=True)
        for h in range(heads):
            for g in range(heads):
                x, y = centred[h], centred[g]
                cross = np.linalg.norm(x.T @ y) ** 2
                mean[h, g] += cross / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y) / len(examples)
    return mean


def classical(distances):
    n = len(distances)
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-.5 * centring @ distances ** 2 @ centring)
    return vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0))


def settled(points):
    points = points - points.mean(axis=0)
    points = points @ np.linalg.eigh(points.T @ points)[1][:, ::-1]
    for axis in range(2):
        points[:, axis] *= np.sign(points[np.argmax(np.abs(points[:, axis])), axis])
    return points


def mds(distances):
    """The nearest minimum of the raw stress by a general optimiser, and its stress-1."""
    n = len(distances)

    def misfits(points):
        points = points.reshape(n, 2)
        return np.array([np.linalg.norm(points[i] - points[j]) - distances[i, j] for i in range(n) for j in range(i)])

    best = least_squares(misfits, classical(distances).ravel(), xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    apart = squareform([np.linalg.norm(best[2 * i:2 * i + 2] - best[2 * j:2 * j + 2])
                        for i in range(n) for j in range(i + 1, n)])
    return settled(best.reshape(n, 2)), np.sqrt(((apart - distances) ** 2).sum() / (apart ** 2).sum())


def clusters(tree, count):
    """Labels after the cut, numbered by their lowest head."""
    n = len(tree) + 1
    label = list(range(n))
    for k in range(n - count):
        label = [n + k if x in tree[k, :2] else x for x in label]
    order = []
    for x in label:
        if x not in order:
            order.append(x)
    return [order.index(x) for x in label]


def show(name, matrix):
    rows = np.atleast_2d(matrix)
    print(name + ": {" + ",\n ".join("{" + ", ".join(f"{x:.12g}" for x in row) + "}" for row in rows) + "}")


def show_all(examples, causal):
    heads = examples[0].shape[0]
    total, rows = divergence(examples, causal=causal)
    show(f"Jensen-Shannon, sum over {rows} rows", total)
    show("the same, smoothed by .001", divergence(examples, .001, causal)[0])
    show("linear CKA", cka(examples))
    distances = total / rows
    points, stress = mds(distances)
    show("map of the means", points)
    print(f"its stress-1: {stress:.12g}")
    tree = linkage(squareform(distances, checks=False), "average")
    show("average linkage", tree)
    for count in range(2, heads):
        labels = clusters(tree, count)
        silhouettes = silhouette_samples(distances, labels, metric="precomputed")
        show(f"{count} clusters {labels}, mean silhouette {silhouettes.mean():.12g}", silhouettes)


def dump_attention(path):
    """[example] of [all heads of the stack self, query, key], and whether it is causal."""
    data = open(path, "rb").read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__", {})
    layers, layer = [], 0
    while f"self.{layer}.attention" in header:
        entry = header[f"self.{layer}.attention"]
        begin, end = entry["data_offsets"]
        weights = np.frombuffer(data[8 + size + begin:8 + size + end], "<f4").astype(float)
        shape = entry["shape"] if len(entry["shape"]) == 4 else [1] + entry["shape"]
        layers.append(weights.reshape(shape))
        layer += 1
    return list(np.concatenate(layers, axis=1)), metadata.get("causal", "false") == "true"


def main():
    np.set_printoptions(linewidth=200)
    if len(sys.argv) > 1:
        show_all(*dump_attention(sys.argv[1]))
        return
    both = [np.stack([A1, A2])]
    print(f"row 0: {divergence([both[0][:, :1]], causal=False)[0][0, 1]:.10g}, "
          f"sum, smoothed: {divergence(both, .001, causal=False)[0][0, 1]:.10g}, CKA {cka(both)[0, 1]:.10g}")
    show_all(formula_attention(), True)


if __name__ == "__main__":
    main()
