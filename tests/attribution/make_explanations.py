#!/usr/bin/env python3
"""Writes data/explanations.txt: what integrated gradients and tests of explanation give for the models of models.hpp.

    python3 tests/attribution/make_explanations.py            needs numpy and scipy
    python3 tests/attribution/make_explanations.py --check    compares with the file

Gradients are complex steps of the models, so that no derivative is written down here.
"""

import pathlib
import sys

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).parent.parent / "statistics"))
from make_resampling import below, mt19937_64  # noqa: E402

FILE = pathlib.Path(__file__).parent / "data" / "explanations.txt"


def wave(rows, columns, phase):
    return np.array([[np.sin(phase + 3 * i + 7 * j) for j in range(columns)] for i in range(rows)])


def plain_softmax(x):
    e = np.exp(x)  # of complex numbers, too
    return e / e.sum()


# Models

def pooled(x):
    """Attention by a query over tokens x, then a logistic score."""
    a = plain_softmax(x @ wave(x.shape[1], 1, 1)[:, 0])
    return 1 / (1 + np.exp(-2 * (a @ x @ wave(x.shape[1], 1, 2)[:, 0])))


def layer(attention):
    """Two heads below each other, the mean over queries of their contexts, a logistic score."""
    n = attention.shape[1]
    contexts = sum(attention[h * n:(h + 1) * n] @ wave(n, 2, 5 + h) for h in range(2))
    return 1 / (1 + np.exp(-3 * (np.tanh(contexts).mean(0) @ np.array([1, -.5]))))


def classes(attention):
    """Three classes from the mean over rows of attention [row x token]."""
    return plain_softmax(2 * attention.mean(0) @ wave(attention.shape[1], 3, 4))


def text(kept):
    """Three classes from the tokens kept; tokens 0 and 1 work together."""
    kept = np.asarray(kept, float)
    return softmax(kept @ wave(len(kept), 3, 6) + np.array([2 * kept[0] * kept[1], 0, 0]))


def gradient(f, x):
    g = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[at] += 1e-30j
        g[at] = f(moved).imag / 1e-30
    return g


# Methods

def points(rule, m):
    if rule == "gauss_legendre":
        x, w = np.polynomial.legendre.leggauss(m)
        return (1 + x) / 2, w / 2
    return (np.arange(m) + (1 if rule == "right" else .5)) / m, np.full(m, 1 / m)


def integrated(f, x, baseline, rule, m):
    at, weights = points(rule, m)
    mean = sum(w * gradient(f, baseline + a * (x - baseline)) for a, w in zip(at, weights))
    attributions = (x - baseline) * mean
    return attributions, attributions.sum() - (f(x) - f(baseline))


def tvd(p, q):
    return abs(p - q).sum() / 2


def jsd(a, b):
    return np.mean([jensenshannon(p, q) ** 2 for p, q in zip(a, b)])


def attention_rows(rows, tokens):
    return softmax(3 * wave(rows, tokens, 8), axis=1)


def shuffled(generator, things):
    things = list(things)
    for left in range(len(things), 1, -1):
        other = below(generator, left)
        things[left - 1], things[other] = things[other], things[left - 1]
    return things


def curves(order, counts, n, chosen):
    whole = text(np.ones(n))[chosen]
    without, alone = [], []
    for count in counts:
        top = np.isin(np.arange(n), order[:count])
        without.append(whole - text(~top)[chosen])
        alone.append(whole - text(top)[chosen])
    return np.array(without), np.array(alone)


def best_adversary(p, tolerance, steps=1200):
    """The largest divergence on a grid over the distributions of three tokens, one row."""
    i, j = np.meshgrid(np.arange(steps + 1), np.arange(steps + 1), indexing="ij")
    q = np.stack([i, j, steps - i - j])[:, i + j <= steps] / steps
    outputs = softmax(2 * wave(3, 3, 4).T @ q, axis=0)
    within = q[:, abs(outputs - classes(p)[:, None]).sum(0) / 2 <= tolerance]
    return max(jensenshannon(np.repeat(p.T, within.shape[1], 1), within, axis=0) ** 2)


def numbers():
    x, baseline = wave(4, 3, 3), .3 * wave(4, 3, 9)
    for rule, m in ("gauss_legendre", 12), ("midpoint", 7), ("right", 20):
        attributions, gap = integrated(pooled, x, baseline, rule, m)
        for (i, j), value in np.ndenumerate(attributions):
            yield f"integrated.{rule}.{i}.{j}", value
        yield f"integrated.{rule}.gap", gap
    heads = attention_rows(6, 3)
    for rule, m in ("gauss_legendre", 16), ("right", 20):
        attributions, gap = integrated(layer, heads, np.zeros((6, 3)), rule, m)
        for (i, j), value in np.ndenumerate(attributions):
            yield f"self.{rule}.{i}.{j}", value
        yield f"self.{rule}.gap", gap

    rows = attention_rows(2, 5)
    generator, outputs, moved = mt19937_64(3), [], []
    for _ in range(40):
        permuted = np.array([shuffled(generator, row) for row in rows])
        outputs.append(tvd(classes(rows), classes(permuted)))
        moved.append(jsd(rows, permuted))
    for k in range(3):
        yield f"permutation.{k}", outputs[k]
    yield "permutation.median", np.median(outputs)
    yield "permutation.median_divergence", np.median(moved)
    uniform = np.full(rows.shape, 1 / 5)
    yield "uniform.output", tvd(classes(rows), classes(uniform))
    yield "uniform.divergence", jsd(rows, uniform)

    n = 11
    scores = wave(n, 1, 2)[:, 0]
    whole = text(np.ones(n))
    chosen = int(whole.argmax())
    yield "text.class", chosen
    for token in range(n):
        kept = np.arange(n) != token
        yield f"leave_one_out.mean.{token}", abs(text(kept) - whole).mean()
        yield f"leave_one_out.class.{token}", whole[chosen] - text(kept)[chosen]
    order = np.argsort(-scores, kind="stable")
    for name, counts in ("shares", [1, 1, 2, 3, 6]), ("every", range(1, n + 1)):  # 1, 5, 10, 20, 50 % of 11
        without, alone = curves(order, counts, n, chosen)
        for k, (c, s) in enumerate(zip(without, alone)):
            yield f"curves.{name}.comprehensiveness.{k}", c
            yield f"curves.{name}.sufficiency.{k}", s
        yield f"curves.{name}.comprehensiveness_area", without.mean()
        yield f"curves.{name}.sufficiency_area", alone.mean()
    generator, order, areas = mt19937_64(9), list(range(n)), []
    for _ in range(20):
        order = shuffled(generator, order)
        areas.append([part.mean() for part in curves(order, [1, 1, 2, 3, 6], n, chosen)])
    yield "random.comprehensiveness_area", np.mean(areas, axis=0)[0]
    yield "random.sufficiency_area", np.mean(areas, axis=0)[1]

    for tolerance in .01, .05, .2:
        yield f"adversary.{tolerance}", best_adversary(attention_rows(1, 3), tolerance)


def main():
    made = dict(numbers())
    if sys.argv[1:] != ["--check"]:
        FILE.write_text("".join(f"{name} {value:.15g}\n" for name, value in made.items()))
        return
    kept = dict(line.split() for line in FILE.read_text().splitlines())
    wrong = [name for name in {*made, *kept}
             if name not in made or name not in kept or abs(made[name] - float(kept[name])) > 1e-12]
    sys.exit(f"unlike {FILE.name}: {', '.join(sorted(wrong))}" if wrong else 0)


if __name__ == "__main__":
    main()
