#!/usr/bin/env python3
"""Agreement of attention and gradients in the shipped dumps, by numpy and scipy: data/agreement.txt for agreement_of_dumps_test.cpp.

    python3 tests/attribution/make_agreement.py > tests/attribution/data/agreement.txt
    python3 tests/attribution/make_agreement.py --check

A line of "layer": dump, layer, readout, n; Spearman's rho and p, Kendall's tau and p, weighted tau, Pearson's r and p, of the head mean
against the L1 norm of the input gradient. A line of "method": dump, method, three tokens' scores. A line of "corpus": statistic, two
methods; mean, standard deviation, share of p <= .05, over the three texts of one model.
"""
import json
import os
import struct
import sys

import numpy as np
from scipy import stats

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DUMPS = {name: os.path.join(ROOT, path, name + ".safetensors")
         for path, names in [("tests/data", ["use_lite_cat", "use_lite_pride", "use_lite_alice"]), ("examples/data", ["minilm_pair"])]
         for name in names}
TYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


def read(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__")
    return {name: np.frombuffer(data[slice(*t["data_offsets"])], TYPES[t["dtype"]]).reshape(t["shape"]).astype(float)
            for name, t in header.items() if "attention" in name or name.startswith("input.")}


def readouts(a):
    """a: [query, key]"""
    return {"first query": a[0], "last query": a[-1], "query 3": a[3], "mean": (a / a.sum(1, keepdims=True)).mean(0),
            "received": a.mean(0)}


def jensen_shannon(x, y):
    p, q = x / x.sum(), y / y.sum()
    entropy = lambda z: -sum(v * np.log(v) for v in z if v > 0)
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def methods(dump):
    """The scores of the one example, each by its definition."""
    g, x = dump["input.embedding_gradient"][0], dump["input.embedding"][0]
    a, da = dump["self.1.attention"][0], dump["self.1.attention_gradient"][0]
    found = {"attention (received)": a.mean(0).mean(0), "attention (first query)": a.mean(0)[0],
             "attention x gradient (received)": (a * da).mean(0).mean(0),
             "positive attention x gradient (received)": np.maximum(a * da, 0).mean(0).mean(0),
             "input gradient": abs(g).sum(1), "input gradient (L2)": np.sqrt((g * g).sum(1)), "input gradient (signed)": g.sum(1),
             "gradient x input": (g * x).sum(1), "|gradient x input|": abs((g * x).sum(1))}
    three = ["attention (received)", "input gradient", "gradient x input"]
    found["rank mean of " + ", ".join(three)] = np.mean([stats.rankdata(found[m]) / len(x) for m in three], 0)
    return found


def show(kind, *values):
    return "\t".join([kind] + [repr(float(v)) if isinstance(v, float) else str(v) for v in values])


def lines():
    corpus = []
    for name, path in DUMPS.items():
        dump = read(path)
        gradient = abs(dump["input.embedding_gradient"][0]).sum(1)
        for layer in range(sum(key.endswith(".attention") for key in dump)):
            for readout, x in readouts(dump[f"self.{layer}.attention"][0].mean(0)).items():
                rho, tau, r = stats.spearmanr(x, gradient), stats.kendalltau(x, gradient), stats.pearsonr(x, gradient)
                yield show("layer", name, layer, readout, len(x), *map(float, (rho[0], rho[1], tau[0], tau[1],
                           stats.weightedtau(x, gradient)[0], r[0], r[1])))
        scores = methods(dump)
        for method, x in scores.items():
            yield show("method", name, method, *map(float, (x[0], x[5], x[-1])))
        if name.startswith("use_lite"):
            corpus.append(scores)
    chosen = ["attention (received)", "input gradient", "gradient x input"]
    top = lambda x: set(np.argsort(-x, kind="stable")[:5])
    for a in chosen:
        for b in chosen:
            pairs = [(scores[a], scores[b]) for scores in corpus]
            for statistic, test in [("spearman", stats.spearmanr), ("kendall", stats.kendalltau), ("pearson", stats.pearsonr)]:
                found = [test(x, y) for x, y in pairs]
                values = [f[0] for f in found]
                yield show("corpus", statistic, a, b, float(np.mean(values)), float(np.std(values, ddof=1)),
                           float(np.mean([f[1] <= .05 for f in found])))
            overlap = [len(top(x) & top(y)) / 5 for x, y in pairs]
            yield show("corpus", "top-k", a, b, float(np.mean(overlap)), float(np.std(overlap, ddof=1)), float("nan"))
            if "gradient x input" not in (a, b):
                apart = [jensen_shannon(x, y) for x, y in pairs]
                yield show("corpus", "jensen-shannon", a, b, float(np.mean(apart)), float(np.std(apart, ddof=1)), float("nan"))


if sys.argv[1:] == ["--check"]:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "agreement.txt")) as file:
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
