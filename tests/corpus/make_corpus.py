#!/usr/bin/env python3
"""What made_corpus.hpp's examples add up to, by numpy and scipy, for tests/corpus/data/corpus.txt.

    python3 tests/corpus/make_corpus.py            prints the file
    python3 tests/corpus/make_corpus.py --check    compares it with what it says
"""

import os
import sys

import numpy as np
from scipy import stats

EXAMPLES, LAYERS, HEADS, REPLICATES, SEED = 60, 2, 3, 80, 7
MASK = 2 ** 64 - 1


def share(e, l, h, which):
    x = e * 7919 + l * 104729 + h * 1299709 + 12345 * which
    return (x * 2654435761 & MASK ^ (x * 40503 & MASK) >> 3) % 2 ** 32 / 2 ** 32


def mixed(x):
    x = x + 0x9E3779B97F4A7C15 & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def weights(item, element):
    example = mixed(mixed(mixed(SEED) + item & MASK) + element & MASK)
    return stats.poisson.ppf([(mixed(example + r & MASK) >> 11) * 2 ** -53 for r in range(REPLICATES)], 1)


def tables():
    """[example, layer, head] of each number, and the roles."""
    shape = (EXAMPLES, LAYERS, HEADS)
    found = {"share": np.empty(shape), "size": np.empty(shape), "of the layer": np.empty((EXAMPLES, LAYERS, 1))}
    roles = np.empty(shape, object)
    for e, l, h in np.ndindex(shape):
        found["of the layer"][e, l, 0] = 2 * share(e, l, 9, 3) - 1
        found["share"][e, l, h] = np.nan if (e + 3 * l + h) % 7 == 0 else share(e, l, h, 1)
        found["size"][e, l, h] = 2. ** ((e * 5 + h * 3) % 20 - 10) * (1 + share(e, l, h, 2))
        drawn = share(e, l, h, 3)
        roles[e, l, h] = "" if drawn < .2 and l == 1 else "near" if drawn < .5 + .2 * h else "first token"
    return found, roles


def show(kind, *values):
    return "\t".join([kind] + [repr(float(v)) if isinstance(v, float) else str(v) for v in values])


def interval(numbers):
    return [float(v) for v in np.nanquantile(numbers, [.025, .975])]


def lines():
    lengths = np.array([3 + e * 5 % 40 for e in range(EXAMPLES)])
    buckets = {most: np.flatnonzero((lengths > (0 if most == 8 else most / 2)) & (lengths <= most)) for most in (8, 16, 32, 64)}
    buckets[0] = np.arange(EXAMPLES)
    drawn = np.array([weights(e, e % 2) for e in range(EXAMPLES)])
    found, roles = tables()
    for bucket, chosen in buckets.items():
        yield show("bucket", bucket, len(chosen), int(lengths[chosen].sum()))
        w = drawn[chosen]
        for name, table in found.items():
            for l, h in np.ndindex(table.shape[1:]):
                x = table[chosen, l, h]
                known = ~np.isnan(x)
                means = (w[known] * x[known, None]).sum(0) / w[known].sum(0)
                yield show("number", bucket, name, l, h, int(known.sum()), float(x[known].mean()), float(x[known].std(ddof=1)),
                           float(stats.sem(x[known])), float(np.nanmin(x)), float(np.nanmax(x)), int(chosen[np.nanargmin(x)]),
                           int(chosen[np.nanargmax(x)]), *interval(means),
                           *(float(q) for q in np.quantile(x[known], [0, .05, .5, .95, 1], method="inverted_cdf")))
        for l in range(LAYERS):
            there = (roles[chosen, l] != "").sum(1)
            for role in ("near", "first token"):
                has = (roles[chosen, l] == role).sum(1)
                shares = (w * has[:, None]).sum(0) / (w * there[:, None]).sum(0)
                yield show("layer", bucket, role, l, float(has.sum() / there.sum()), *interval(shares))
                for h in range(HEADS):
                    yield show("head", bucket, role, l, h, int((roles[chosen, l, h] == role).sum()),
                               int((roles[chosen, l, h] != "").sum()))
    for hits, trials in [(0, 10), (3, 10), (10, 10), (1, 1), (499, 1000)]:
        wilson = stats.binomtest(hits, trials).proportion_ci(.9, "wilson")
        yield show("wilson", hits, trials, float(wilson.low), float(wilson.high))


if sys.argv[1:] == ["--check"]:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "corpus.txt")) as file:
        kept = file.read().splitlines()
    made = list(lines())
    assert len(kept) == len(made), (len(kept), len(made))
    for old, new in zip(kept, made):
        for x, y in zip(old.split("\t"), new.split("\t"), strict=True):
            try:
                assert np.isclose(float(x), float(y), rtol=1e-9, atol=1e-12, equal_nan=True), (old, new)
            except ValueError:
                assert x == y, (old, new)
    print(len(made), "lines agree")
else:
    for line in lines():
        print(line)
