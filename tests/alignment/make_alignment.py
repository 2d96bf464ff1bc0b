#!/usr/bin/env python3
"""Alignment metrics, links and their error rates on cipher_batch, from the definitions alone.

Writes data/alignment.txt, one number a line: `layer head name value`; head -1 is the mean over heads. Names
end in "/all" with every token and in "/words" without the special ones, rows renormalised. `METHOD/links`,
`/hits` and `/places` are of the links of a method, places being sum (1 + b) (1 + t) (2 + s)^2 over sentences
b and links t-s: which links they are, not only how many.
--check compares instead of writing.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import kendalltau

HERE = Path(__file__).resolve().parent
STORED = HERE / "data" / "alignment.txt"


def load():
    data = (HERE.parents[1] / "examples" / "data" / "cipher_batch.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        raw = data[8 + size + first : 8 + size + last]
        tensors[name] = np.frombuffer(raw, "<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors, {key: json.loads(text) for key, text in metadata.items() if text[0] in "[{0123456789"}


def sentences(attention, head, metadata, words):
    """[sentence] of (map [target, source], target positions, source positions) of one head, -1 the mean."""
    special = set(metadata["special_tokens"])
    for b, full in enumerate(attention):
        targets, sources = metadata["target_tokens"][b], metadata["source_tokens"][b]
        t = [i for i in range(metadata["target_lengths"][b]) if not words or targets[i] not in special]
        s = [j for j in range(metadata["source_lengths"][b]) if not words or sources[j] not in special]
        heads = full[:, t][:, :, s]
        if words:
            heads = heads / heads.sum(2, keepdims=True)
        yield (heads.mean(0) if head < 0 else heads[head]), t, s


def entropy(p):
    p = p[p > 0]
    return -(p * np.log(p)).sum()


def metrics(maps):
    rows = [row for a in maps for row in a]
    columns = [column for a in maps for column in a.T]
    received = np.array([c.sum() for c in columns])
    best = [a.argmax(1) for a in maps]
    steps = np.concatenate([np.diff(b) for b in best])
    taus = [kendalltau(np.arange(len(b)), b)[0] for b in best]
    both, every = 0, 0
    for a in maps:
        forward = {(t, s) for t, s in enumerate(a.argmax(1))}
        backward = {(t, s) for s, t in enumerate(a.argmax(0))}
        both, every = both + len(forward & backward), every + len(forward) + len(backward)
    normalized = np.mean([entropy(r) / np.log(len(r)) for r in rows])
    return {
        "alignment_entropy": np.mean([entropy(r) for r in rows]),
        "normalized_entropy": normalized,
        "sharpness": 1 - normalized,
        "source_coverage": np.mean([c.max() > 0.1 for c in columns]),
        "soft_coverage": np.minimum(received, 1).mean(),
        "coverage_penalty": np.mean([np.log(np.minimum(a.sum(0), 1)).sum() for a in maps]),
        "coverage_deviation": -np.log(1 + (1 - received) ** 2).mean(),
        "absent_mindedness_in": np.mean([entropy(c / c.sum()) for c in columns]),
        "monotonicity": (steps >= 0).mean(),
        "strict_monotonicity": (steps > 0).mean(),
        "untied_monotonicity": (steps > 0).sum() / (steps != 0).sum(),
        "rank_correlation": np.nanmean(taus),
        "agreement": 2 * both / every,
        # The counts of fertility as sums that tell the tokens apart.
        "fertility": sum((s + 1) * (b == s).sum() for b in best for s in range(b.max() + 1)),
        "soft_fertility": sum((np.arange(a.shape[1]) + 1) @ a.sum(0) for a in maps),
    }


# Links, as sets of (target, source)

def forward(a):
    return {(t, int(s)) for t, s in enumerate(a.argmax(1))}


def backward(a):
    return {(int(t), s) for s, t in enumerate(a.argmax(0))}


def grow(a, final):
    """Koehn's pseudocode, e the target words, f the source words."""
    e2f, f2e = forward(a), backward(a)
    alignment = e2f & f2e
    union = e2f | f2e
    neighboring = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]

    def e_aligned(e):
        return any(x == e for x, _ in alignment)

    def f_aligned(f):
        return any(y == f for _, y in alignment)

    while True:
        before = len(alignment)
        for e in range(a.shape[0]):
            for f in range(a.shape[1]):
                if (e, f) in alignment:
                    for de, df in neighboring:
                        new = (e + de, f + df)
                        if (not e_aligned(new[0]) or not f_aligned(new[1])) and new in union:
                            alignment.add(new)
        if len(alignment) == before:
            break
    for direction in (e2f, f2e) if final else ():
        for e, f in sorted(direction):
            free = (not e_aligned(e), not f_aligned(f))
            if all(free) if final == "and" else any(free):
                alignment.add((e, f))
    return alignment


def itermax(a, count=2, alpha=0.9):
    links = forward(a) & backward(a)
    for _ in range(count - 1):
        rows, columns = np.zeros(a.shape[0], bool), np.zeros(a.shape[1], bool)
        for t, s in links:
            rows[t] = columns[s] = True
        if rows.all() or columns.all():
            break
        mask = np.where(rows[:, None] & columns, 0, np.where(rows[:, None] | columns, alpha, 1))
        links |= {(t, s) for t, s in forward(a * mask) & backward(a * mask) if a[t, s] * mask[t, s] > 0}
    return links


def threshold(a, least=0.25):
    shares = np.minimum(a / a.sum(1, keepdims=True), a / a.sum(0))
    return {(int(t), int(s)) for t, s in zip(*np.nonzero(shares > least))}


METHODS = {
    "target_argmax": forward,
    "source_argmax": backward,
    "intersection": lambda a: forward(a) & backward(a),
    "union_of_both": lambda a: forward(a) | backward(a),
    "grow_diag": lambda a: grow(a, None),
    "grow_diag_final": lambda a: grow(a, "or"),
    "grow_diag_final_and": lambda a: grow(a, "and"),
    "itermax": itermax,
    "mutual_threshold": threshold,
    "assignment": lambda a: {(int(t), int(s)) for t, s in zip(*linear_sum_assignment(-a))},
}


def link_numbers(method, cut, gold):
    links = hits = places = 0
    for b, (a, t, s) in enumerate(cut):
        found = {(t[i], s[j]) for i, j in METHODS[method](a)}
        links += len(found)
        hits += len(found & {tuple(pair) for pair in gold[b]})
        places += sum((1 + b) * (1 + i) * (2 + j) ** 2 for i, j in found)
    return {"links": links, "hits": hits, "places": places,
            "error_rate": 1 - 2 * hits / (links + sum(map(len, gold)))}


def lines():
    tensors, metadata = load()
    gold = metadata["gold_alignment"]
    for layer in range(2):
        weights = tensors[f"cross.{layer}.attention"]
        for head in range(-1, weights.shape[1]):
            for tokens in ("all", "words"):
                cut = list(sentences(weights, head, metadata, tokens == "words"))
                for name, value in metrics([a for a, _, _ in cut]).items():
                    yield f"{layer} {head} {name}/{tokens} {value:.12g}\n"
            for method in METHODS:
                for name, value in link_numbers(method, cut, gold).items():
                    yield f"{layer} {head} {method}/{name} {value:.12g}\n"


def main():
    text = "".join(lines())
    if "--check" in sys.argv:
        return 0 if STORED.read_text() == text else f"{STORED} does not hold what this script makes"
    STORED.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
