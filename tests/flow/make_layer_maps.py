#!/usr/bin/python3
"""What layer_maps_test.cpp and rollout_test.cpp compare with: maps and rollouts in numpy, written from the
definitions. Prints the numbers that stand there."""
import numpy as np


def heads(layer, tokens=5, count=3):
    """Attention [head, query, key] that a test can make, too: rows of (7 i + 3 j + 5 h + 2 layer + i j) % 11 + 1."""
    h, i, j = np.meshgrid(np.arange(count), np.arange(tokens), np.arange(tokens), indexing="ij")
    weights = (7 * i + 3 * j + 5 * h + 2 * layer + i * j) % 11 + 1.0
    return weights / weights.sum(-1, keepdims=True)


def discarded(a, share, per, protected=(), own=False):
    a = a.copy()
    for part in [a.reshape(1, -1)] if per == "map" else [a[i : i + 1] for i in range(len(a))]:
        order = np.argsort(part[0], kind="stable")[: int(share * part.size + 1e-9)]
        rows, keys = np.unravel_index(order, a.shape if per == "map" else (1, part.size))
        for n, r, k in zip(order, rows, keys):
            kept = k in protected or (own and per == "map" and r == k)
            part[0, n] = part[0, n] if kept else 0
    return a


def layer_map(a, fusion="mean", weights=None, residual=0.5, normalise=True, share=0, per="row", protected=(), own=False):
    fused = {"mean": lambda: np.average(a, 0, weights), "max": lambda: a.max(0), "min": lambda: a.min(0)}[fusion]()
    m = (1 - residual) * discarded(fused, share, per, protected, own) + residual * np.eye(a.shape[-1])
    return m / m.sum(1, keepdims=True) if normalise else m


def rollout(maps):
    result = maps[0]
    for m in maps[1:]:
        result = m @ result
    return result


np.set_printoptions(precision=12, suppress=True)
options = {
    "mean": {},
    "max": dict(fusion="max"),
    "min": dict(fusion="min", residual=0.3),
    "weights": dict(weights=[1, 0, 3], residual=0.2),
    "raw": dict(normalise=False, fusion="max"),
    "discard per row": dict(share=0.5, protected=[0]),
    "discard per map": dict(share=0.4, per="map", protected=[2], own=True),
}
for name, o in options.items():
    maps = [layer_map(heads(l), **o) for l in range(3)]
    print(name, "map of layer 1, row 2:", np.array2string(maps[1][2], separator=", "))
    print(name, "rollout of three, row 3:", np.array2string(rollout(maps)[3], separator=", "))
a = np.array([[[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]], [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.1, 0.8]]])
print("discard of fixture E:", rollout([layer_map(x[None], share=0.5, per="map", own=True) for x in a])[0])
