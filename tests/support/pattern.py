"""Attention that Python and C++ make alike, and no random generator: tests/support/pattern.hpp in numpy."""

import numpy


def pattern(batch, heads, queries, keys, causal=False, position=None, salt=0):
    """[batch, head, query, key] of true tokens; position: [batch] the key at which query 0 stands."""
    b, h, i, j = numpy.ogrid[:batch, :heads, :queries, :keys]
    weight = 1.0 + (7 * b + 5 * h + 3 * i + 2 * j + i * j + salt * (h + 2 * j + 1)) % 11
    if causal:
        start = numpy.zeros(batch) if position is None else numpy.asarray(position)
        weight = weight * (j <= i + start.reshape(-1, 1, 1, 1))
    return weight / weight.sum(-1, keepdims=True)
