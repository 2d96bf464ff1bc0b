#!/usr/bin/env python3
"""Writes data/word_times.dat: paths, costs and times by numpy, from the definitions.

    python3 tests/alignment/make_word_times.py        needs numpy; where transformers is installed, its path is
                                                      compared, too

A "path" line: rows, columns, seed, then Whisper's steps from the start (0: both, 1: row, 2: column).
A "cost" line: a row of the prepared cost of the logits; "times": the start of each token in frames.
"""

import pathlib

import numpy as np

try:
    from transformers.models.whisper.generation_whisper import _dynamic_time_warping
except ImportError:
    _dynamic_time_warping = None


def made_cost(rows, columns, seed):
    """Whole numbers 0 .. 4: ties abound."""
    cost = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            cost[i, j] = (seed >> 33) % 5
    return cost


def made_logits():
    """[head, token, frame]: tokens come one after the other, head 2 does not see them."""
    h, i, j = np.ogrid[:3, :9, :40]
    near = np.where(h < 2, 6 * np.exp(-(j - 4 * i - 2 - h) ** 2 / 12.), 0)
    return near + 1.5 * np.sin(1 + 2.3 * h + 1.7 * i + .9 * j + .31 * i * j) + .02 * j


def best(cost, whisper):
    """Steps and whether each place is reached by both (0), the row above (1) or the column before (2)."""
    far, sums, ways = np.inf, {}, {}
    for i, j in np.ndindex(cost.shape):
        before = [sums.get((i - 1, j - 1), 0 if i == j == 0 else far), sums.get((i - 1, j), far), sums.get((i, j - 1), far)]
        if whisper:
            way = 0 if before[0] < min(before[1:]) else 1 if before[1] < min(before[0], before[2]) else 2
            sums[i, j] = float(np.float32(before[way] + cost[i, j]))
        else:
            way = int(np.argmin(before))
            sums[i, j] = before[way] + cost[i, j]
        ways[i, j] = way
    i, j = cost.shape[0] - 1, cost.shape[1] - 1
    steps, path = [], [(i, j)]
    while i or j:
        way = ways[i, j]
        i, j = i - (way != 2), j - (way != 1)
        steps.append(way)
        path.append((i, j))
    path = path[::-1]
    if whisper and _dynamic_time_warping:
        assert [tuple(p) for p in np.array(_dynamic_time_warping(cost)).T] == path
    return "".join(map(str, steps[::-1])), path


def prepare(logits, width):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    weights = (weights - weights.mean(1, keepdims=True)) / weights.std(1, keepdims=True)
    padded = np.pad(weights, [(0, 0), (0, 0), (width // 2, width // 2)], mode="reflect")
    return -np.median(np.lib.stride_tricks.sliding_window_view(padded, width, -1), -1).mean(0)


def starts(path):
    return [min(j for i, j in path if i == token) for token in range(path[-1][0] + 1)]


lines = []
for seed in range(60):
    rows, columns = 1 + seed % 8, 1 + seed * 7 % 13
    lines.append(f"path {rows} {columns} {seed} {best(made_cost(rows, columns, seed), True)[0] or '-'}")
cost = prepare(made_logits(), 7)[1:]
lines += ["cost " + " ".join(f"{v:.12g}" for v in row) for row in cost]
lines.append("times " + " ".join(map(str, starts(best(cost, False)[1]))))
lines.append("times " + " ".join(map(str, starts(best(prepare(made_logits()[:, :, :30], 3), False)[1]))))
path = pathlib.Path(__file__).parent / "data" / "word_times.dat"
path.parent.mkdir(exist_ok=True)
path.write_text("\n".join(lines) + "\n")
print("compared with transformers" if _dynamic_time_warping else "transformers is not there", *lines[-2:], sep="\n")
