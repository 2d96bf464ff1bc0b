#!/usr/bin/env python3
"""Writes data/correlations.dat: what scipy says of made numbers.

    python3 tests/statistics/make_correlations.py        needs numpy and scipy

A line: n, levels, slope, seed; Pearson's r, p; Spearman's rho, p; Kendall's tau, p; weighted tau.
The tests make the same numbers from the first four.
"""

import pathlib
import warnings

import numpy as np
from scipy import stats


def draws(seed):
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        yield seed >> 33


def made(n, levels, slope, seed):
    draw = draws(seed)
    x = [next(draw) % levels for _ in range(n)]
    y = [next(draw) % levels + slope * v for v in x]
    return np.array(x, float), np.array(y, float)


def cases():
    for n in range(2, 41):
        for levels in [2, 3, 9, 2 ** 31]:
            for slope in [(n + levels) % 4 - 2, 0 if n % 2 else 1]:
                yield n, levels, slope
    for n in [60, 150, 400, 1000]:
        for levels in [2, 5, 40, 2 ** 31]:
            yield n, levels, 0
    yield from [(9, 2 ** 31, 10 ** 9), (40, 2 ** 31, -10 ** 9), (200, 2 ** 31, 10 ** 9), (100000, 2 ** 31, 0), (100000, 30, 0)]


warnings.simplefilter("ignore")
lines = []
for seed, (n, levels, slope) in enumerate(cases()):
    x, y = made(n, levels, slope, seed)
    numbers = [*stats.pearsonr(x, y), *stats.spearmanr(x, y), *stats.kendalltau(x, y), stats.weightedtau(x, y).statistic]
    if len(set(x)) == 1 or len(set(y)) == 1:
        numbers = [np.nan] * 7  # scipy's weighted tau is not always
    lines.append(f"{n} {levels} {slope} {seed} " + " ".join(f"{v:.12g}" for v in numbers))
path = pathlib.Path(__file__).parent / "data" / "correlations.dat"
path.write_text("\n".join(lines) + "\n")
