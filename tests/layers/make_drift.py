#!/usr/bin/env python3
"""Prints the numbers of drift_test.cpp: two made layers, the second with its heads in another order.

    python3 tests/layers/make_drift.py        needs scipy
"""

import sys
from pathlib import Path

import numpy
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import jensenshannon

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pattern import pattern  # noqa: E402


def show(name, values):
    print(name, ", ".join(f"{value:.12g}" for value in numpy.ravel(values)))


if __name__ == "__main__":
    first = pattern(2, 3, 6, 6, causal=True)
    other = pattern(2, 3, 6, 6, causal=True, salt=3)
    second = .9 * first[:, [2, 0, 1]] + .1 * other
    a, b = first[:, :, None], second[:, None]  # [batch, head, head of the other, query, key]
    variation = abs(a - b).sum(-1) / 2
    divergence = jensenshannon(*numpy.broadcast_arrays(a, b), axis=-1) ** 2
    divergence = numpy.nan_to_num(divergence)
    show("total variation", variation.mean((0, 3)))
    show("largest", variation.max((0, 3)))
    show("Jensen-Shannon", divergence.mean((0, 3)))
    show("largest", divergence.max((0, 3)))
    print(linear_sum_assignment(variation.mean((0, 3)))[1])
