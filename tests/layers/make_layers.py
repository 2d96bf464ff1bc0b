#!/usr/bin/env python3
"""Prints the numbers of the tests of layers/: four layers of made attention, in numpy.

    python3 tests/layers/make_layers.py
"""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pattern import pattern  # noqa: E402

SALTS = [0, 3, 4, 8]  # one a layer
WINDOW = 1


def numbers(attention):
    """[head] each, of the causal attention of all examples."""
    queries = attention.shape[2]
    position = numpy.arange(queries)
    away = abs(position[:, None] - position)
    logarithm = numpy.log(attention, out=numpy.zeros_like(attention), where=attention > 0)
    entropy = -(attention * logarithm).sum(-1)
    flat = attention.transpose(1, 0, 2, 3).reshape(attention.shape[1], -1)
    unit = flat / numpy.linalg.norm(flat, axis=1, keepdims=True)
    heads = len(unit)
    return {
        "entropies": entropy.mean((0, 2)),
        "normalized_entropies": (entropy[:, :, 1:] / numpy.log(position[1:] + 1)).mean((0, 2)),
        "confidence": attention.max(-1).mean((0, 2)),
        "locality": (attention * (away <= WINDOW)).sum(-1).mean((0, 2)),
        "mean_distance": (attention * away).sum(-1).mean((0, 2)),
        "sink_mass": attention[..., 0].mean((0, 2)),
        "diversity": 1 - ((unit @ unit.T).sum(1) - 1) / (heads - 1),
    }


def show(name, values):
    print(name + ":", ", ".join(f"{value:.12g}" for value in numpy.ravel(values)))


if __name__ == "__main__":
    layers = [numbers(pattern(2, 3, 6, 6, causal=True, salt=salt)) for salt in SALTS]
    for name in layers[0]:
        values = numpy.array([layer[name] for layer in layers])
        mean = values.mean(1)
        show(name, values)
        show("  mean, deviation", numpy.stack([mean, values.std(1)]))
        slope = numpy.polyfit(numpy.arange(4), mean, 1)[0]
        pairs = [numpy.sign(mean[j] - mean[i]) for j in range(4) for i in range(j)]
        show("  thirds, change, trend", [values[0].mean(), values[1:3].mean(), values[3].mean(), 3 * slope,
                                         numpy.mean(pairs)])
