#!/usr/bin/env python3
"""Prints the numbers of words_test.cpp: words merged by matrix products, in numpy.

    python3 tests/source/make_words.py
"""

import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from pattern import pattern  # noqa: E402


def merge(attention, query_words, key_words, rows):
    """attention: [head, query, key]; words: [token]."""
    onto = numpy.eye(max(key_words) + 1)[key_words]
    pieces = attention @ onto
    merged = []
    for word in sorted(set(query_words)):
        own = pieces[:, numpy.array(query_words) == word]
        if rows == "first":
            merged.append(own[:, 0])
        else:
            best = own.mean(1) if rows == "mean" else own.max(1)
            merged.append(best * own.sum(-1).mean(-1, keepdims=True) / best.sum(-1, keepdims=True))
    return numpy.stack(merged, 1)


def show(name, values):
    print(name, ", ".join(f"{value:.12g}" for value in values.ravel()))


if __name__ == "__main__":
    # Two causal examples, the second with a cache: its 4 queries are the last of 7 tokens, and the first of
    # them stands within a word.
    words = [[0, 1, 1, 2, 2, 2, 3], [0, 1, 1, 1, 1, 2, 2]]
    for rows in ["mean", "first", "max"]:
        full = pattern(2, 2, 7, 7, causal=True)
        show(f"causal {rows}", merge(full[0], words[0], words[0], rows))
        cached = pattern(2, 2, 4, 7, causal=True, position=[3, 3])
        show(f"cached {rows}", merge(cached[1], words[1][3:], words[1], rows))
        cross = pattern(1, 2, 3, 5)
        show(f"cross {rows}", merge(cross[0], [0, 0, 1], [0, 0, 0, 1, 1], rows))
