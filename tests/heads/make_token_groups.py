#!/usr/bin/env python3
"""Prints the numbers of token_groups_test.cpp, by sums over masks in numpy.

    python3 tests/heads/make_token_groups.py
"""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pattern import pattern  # noqa: E402

GROUPS = numpy.array([[1, 0, 0, -1, 1, 0, 1], [0, 0, -1, 1, 1, 1, 1]])  # [batch, token]


def mass(attention, groups):
    """[head, query group, key group]"""
    onto = (groups[:, :, None] == numpy.arange(2)).astype(float)
    sums = numpy.einsum("bip,bhij,bjq->hpq", onto, attention, onto)
    return sums / onto.sum((0, 1))[:, None]


def show(name, values):
    print(name, ", ".join(f"{value:.12g}" for value in values.ravel()))


if __name__ == "__main__":
    show("mass", mass(pattern(2, 2, 7, 7, causal=True), GROUPS))
    seen = numpy.tril(numpy.ones((2, 1, 7, 7)))
    show("uniform", mass(seen / seen.sum(-1, keepdims=True), GROUPS))
