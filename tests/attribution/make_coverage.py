#!/usr/bin/env python3
"""How often 95 % intervals of Spearman's rho hold the truth: docs/agreement.md has the table.

Normal pairs of n and r, whose rho is 6 / pi asin(r / 2). The interval of attnscope (Fisher's z with Bonett and Wright's
variance, half a step inside at |rho| = 1) beside the percentile bootstrap. Needs numpy and scipy; about two minutes.
"""
import math

import numpy as np
from scipy import stats

SAMPLES, RESAMPLES = 1000, 400
QUANTILE = stats.norm.ppf(.975)


def spearman(x, y):
    """Of each row of x and y."""
    x, y = (stats.rankdata(each, axis=-1) for each in (x, y))
    x, y = (each - each.mean(axis=-1, keepdims=True) for each in (x, y))
    with np.errstate(invalid="ignore"):
        return (x * y).sum(axis=-1) / np.sqrt((x * x).sum(axis=-1) * (y * y).sum(axis=-1))


def fisher(rho, n):
    most = 1 - 6 / (n * (n * n - 1))
    centre = min(max(rho, -most), most)
    reach = QUANTILE * math.sqrt((1 + centre * centre / 2) / (n - 3))
    low, high = math.tanh(math.atanh(centre) - reach), math.tanh(math.atanh(centre) + reach)
    return (low, 1) if rho > 1 - 1e-12 else (-1, high) if rho < -1 + 1e-12 else (low, high)


def main():
    generator = np.random.default_rng(0)
    print(f"{'n':>4} {'r':>5} {'fisher':>7} {'bootstrap':>9}")
    for n in (6, 10, 34, 100):
        for r in (0, .5, .9, .97):
            truth, held = 6 / math.pi * math.asin(r / 2), np.zeros(2)
            for _ in range(SAMPLES):
                x = generator.standard_normal(n)
                y = r * x + math.sqrt(1 - r * r) * generator.standard_normal(n)
                low, high = fisher(float(spearman(x, y)), n)
                chosen = generator.integers(0, n, (RESAMPLES, n))
                from_resamples = np.nanquantile(spearman(x[chosen], y[chosen]), (.025, .975))
                held += low <= truth <= high, from_resamples[0] <= truth <= from_resamples[1]
            print(f"{n:>4} {r:>5} {held[0] / SAMPLES:>7.3f} {held[1] / SAMPLES:>9.3f}", flush=True)


if __name__ == "__main__":
    main()
