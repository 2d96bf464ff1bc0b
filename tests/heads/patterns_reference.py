#!/usr/bin/env python3
"""Prints the numbers of patterns_test.cpp: every score and baseline from masks over the whole matrix, in numpy.

    python3 tests/heads/patterns_reference.py
"""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pattern import pattern  # noqa: E402

LENGTHS, HEADS, REACH = [9, 12], 2, 3


def facts(b, n):
    token = numpy.arange(n)
    identities = (token * token + b) % 5
    special = numpy.isin(token, [0, n - 1])
    delimiter = special | (token % 4 == 3)
    heads = numpy.where(token % 5 == 0, -1, (3 * token + 1 + b) % n)
    heads = numpy.where(heads == token, -1, heads)
    relations = numpy.where(token % 2 == 0, "even", "odd")
    frequencies = 1.0 + (3 * token + b) % 4
    embeddings = numpy.sin(1.0 + token[:, None] * (2 * numpy.arange(3) + 1) + b * numpy.arange(3))
    return identities, special, delimiter, heads, relations, frequencies, embeddings


def ranks(values):
    """Centred mid-ranks, -1 .. 1, by counting."""
    less = (values[None, :] < values[:, None]).sum(1)
    equal = (values[None, :] == values[:, None]).sum(1)
    return (2 * less + equal - len(values)) / (len(values) - 1)


class Pool:
    """Masses, argmax hits and chances of the queries that see a target."""

    def __init__(self):
        self.mass, self.hits, self.chance = [], [], []

    def add(self, attention, targets, visible, largest):
        targets = targets & visible
        asked = targets.any(1) & (visible.sum(1) > 1)
        self.mass.append((attention * targets).sum(-1)[:, asked])
        self.hits.append(numpy.take_along_axis(targets[None], largest[..., None], -1)[..., 0][:, asked])
        self.chance.append((targets.sum(1) / visible.sum(1))[asked])

    def values(self):
        mass, hits, chance = (numpy.concatenate(x, -1) for x in (self.mass, self.hits, self.chance))
        return [*mass.mean(-1), *hits.mean(-1), chance.mean()]


def report(causal):
    pools, entropies = {}, []
    contests = {}  # (relation, to_head): hits [head], hits by offset
    attended, mass_at, rank_at, queries = numpy.zeros(HEADS), {}, {}, 0
    for b, n in enumerate(LENGTHS):
        a = pattern(2, HEADS, n, n, causal=causal)[b]
        identities, special, delimiter, heads, relations, frequencies, embeddings = facts(b, n)
        i, j = numpy.ogrid[:n, :n]
        visible = (j <= i) | (not causal)
        seen, wide = visible.sum(1), visible.sum(1) > 1
        with numpy.errstate(divide="ignore", invalid="ignore"):
            entropy = -numpy.where(a > 0, a * numpy.log(a), 0).sum(-1)
            entropies.append((entropy / numpy.log(seen))[:, wide])
        same = (identities[:, None] == identities) & ~special[:, None] & ~special
        copies = same & (j < i)
        after = numpy.zeros_like(copies)
        after[:, 1:] = copies[:, :-1]
        rare = numpy.where(visible & ~special, frequencies, numpy.inf)
        targets = {f"offset {k:+}": j - i == k for k in range(-REACH, REACH + 1)}
        targets |= {
            "first token": (j == 0) & (i >= 0),
            "delimiter": delimiter[None] & (i >= 0),
            "rare token": (rare == rare.min(1, keepdims=True)) & numpy.isfinite(rare),
            "duplicate token": copies,
            "induction": after,
        }
        for name, mask in targets.items():
            pools.setdefault(name, Pool()).add(a, mask, visible, a.argmax(-1))

        words = ~special[:, None] & ~special & visible & (i != j)
        followed = (a * ~special * (i != j)).argmax(-1)
        depends = heads[:, None] == j
        for to_head, arcs in ((True, depends & words), (False, depends.T & words)):
            for name in ("", "even", "odd"):
                named = relations == name if name else numpy.full(n, True)
                mask = arcs & (named[:, None] if to_head else named[None, :])
                for query in numpy.flatnonzero(mask.any(1) & wide):
                    hits, offsets = contests.setdefault((name, to_head), ([], []))
                    hits.append(mask[query, followed[:, query]])
                    offsets.append([mask[query, query + k] if 0 <= query + k < n and k else False
                                    for k in range(-REACH, REACH + 1)])

        unit = embeddings / numpy.linalg.norm(embeddings, axis=1, keepdims=True)
        cosine = unit @ unit.T
        for query in numpy.flatnonzero(~special & wide):
            others = numpy.flatnonzero(words[query])
            if len(others) < 2:
                continue
            queries += 1
            for key, rank in zip(others, ranks(cosine[query, others])):
                attended += a[:, query, key] * rank
                mass_at.setdefault(key - query, []).append(a[:, query, key])
                rank_at.setdefault(key - query, []).append(rank)

    for name, pool in pools.items():
        if sum(map(len, pool.chance)):
            show(name, pool.values())
    for (name, to_head), (hits, offsets) in sorted(contests.items()):
        offsets = numpy.mean(offsets, 0)
        show(f"syntactic {name or 'any'} {'to head' if to_head else 'to dependent'}",
             [*numpy.mean(hits, 0), offsets.max(), offsets.argmax() - REACH, len(hits)])
    baseline = sum(numpy.sum(mass_at[k], 0) * numpy.mean(rank_at[k]) for k in mass_at)
    show("semantic", [*(attended / queries), *(baseline / queries)])
    show("broad", numpy.concatenate(entropies, -1).mean(-1))


def show(name, values):
    print(f"{name}: " + ", ".join(f"{value:.12g}" for value in values))


if __name__ == "__main__":
    for causal in (False, True):
        print("causal" if causal else "both ways")
        report(causal)
