#!/usr/bin/env python3
"""The importance of heads, computed a second time from its definitions: what importance_test.cpp compares with.

Float64, one loop after the other, nothing shared with the library but the dump format. It needs numpy.

    importance_reference.py            makes tests/heads/data/importance.txt anew
    importance_reference.py --check    fails unless that file holds what is computed now, and the checks below hold
    importance_reference.py --tolerance    prints the table of docs/pruning.md

A line of the file: dump layer head examples tokens, then elementwise, per_position, per_example and per_batch (all
divided by the examples), the mean of the gate gradient, and the standard errors of the first three.

Checked beside: the gradient of stored attention is dA = g V' with g = dL / d(head output), so its rows lie in the
span of the values' columns, and the head output times that g is sum_j A dA, the identity between the two ways to
write a head's gate gradient.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
STORED = TESTS / "heads" / "data" / "importance.txt"
DUMPS = [
    TESTS / "data" / "use_lite_cat.safetensors",
    TESTS / "data" / "use_lite_alice.safetensors",
    TESTS / "data" / "induction_batch.safetensors",
]


def load(path):
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        tensors[name] = np.frombuffer(data[8 + size + first : 8 + size + last], "<f4").reshape(entry["shape"])
    return tensors, metadata


def layers(tensors):
    return range(1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("self.")))


def gate_rows(tensors, metadata, layer):
    """A dA in float64, [batch, head, query, key]; None of these dumps is padded."""
    a = tensors[f"self.{layer}.attention"].astype(np.float64)
    product = a * tensors[f"self.{layer}.attention_gradient"].astype(np.float64)
    if metadata.get("causal") == "true":
        for query in range(a.shape[2]):
            product[:, :, query, query + 1 :] = 0
    return product


def lines():
    for path in DUMPS:
        tensors, metadata = load(path)
        for layer in layers(tensors):
            product = gate_rows(tensors, metadata, layer)
            examples, heads, queries, _ = product.shape
            for head in range(heads):
                one = product[:, head]
                elementwise = [np.abs(one[b]).sum() for b in range(examples)]
                position = [sum(abs(one[b, i].sum()) for i in range(queries)) for b in range(examples)]
                gate = [one[b].sum() for b in range(examples)]
                per_batch = abs(sum(gate)) / examples
                means = [np.mean(elementwise), np.mean(position), np.mean(np.abs(gate)), per_batch, np.mean(gate)]
                errors = [
                    np.std(values, ddof=1) / np.sqrt(examples) if examples > 1 else np.nan
                    for values in (elementwise, position, np.abs(gate))
                ]
                numbers = " ".join(f"{x:.12g}" for x in means + errors)
                yield f"{path.stem} {layer} {head} {examples} {examples * queries} {numbers}"


def check_identity():
    """[dump.layer] the largest residual of dA against the span of V, and of <AV, g> against sum A dA."""
    for path in DUMPS:
        tensors, metadata = load(path)
        for layer in layers(tensors):
            values = tensors[f"self.{layer}.value"].astype(np.float64)
            gradient = tensors[f"self.{layer}.attention_gradient"].astype(np.float64)
            a = tensors[f"self.{layer}.attention"].astype(np.float64)
            gate = gate_rows(tensors, metadata, layer).sum(-1)
            outside, apart, by_chance = 0, 0, 0
            noise = np.random.default_rng(1).normal(size=gradient.shape)
            for b in range(a.shape[0]):
                for h in range(a.shape[1]):
                    v, da = values[b, h], gradient[b, h]
                    g = np.linalg.lstsq(v, da.T, rcond=None)[0].T  # [query x dim]
                    outside = max(outside, np.linalg.norm(g @ v.T - da) / np.linalg.norm(da))
                    output = a[b, h] @ v
                    apart = max(apart, np.abs((output * g).sum(-1) - gate[b, h]).max() / np.abs(gate[b, h]).max())
                    other = np.linalg.lstsq(v, noise[b, h].T, rcond=None)[0].T
                    by_chance = max(by_chance, np.linalg.norm(other @ v.T - noise[b, h]) / np.linalg.norm(noise[b, h]))
            keys, width = values.shape[2:]
            print(
                f"{path.stem}.{layer}: {keys} keys, values of width {width}: residual {outside:.1e} "
                f"(of noise {by_chance:.2f}), identity {apart:.1e}"
            )
            yield outside < 1e-5 and apart < 1e-5


def print_tolerance():
    """What is left of a layer's attention output, 1 - |removed| / |all|, as its heads go, least per_position first."""
    for stem in ("use_lite_cat", "use_lite_pride", "use_lite_alice"):
        folder = TESTS / "data"
        tensors, metadata = load(folder / f"{stem}.safetensors")
        for layer in layers(tensors):
            a, v, o = (
                tensors[f"self.{layer}.{field}"].astype(np.float64)
                for field in ("attention", "value", "output_projection")
            )
            width = v.shape[-1]
            outputs = [a[0, h] @ v[0, h] @ o[h * width : (h + 1) * width] for h in range(a.shape[1])]
            importance = np.abs(gate_rows(tensors, metadata, layer).sum(-1)).sum((0, 2))
            order = np.argsort(importance, kind="stable")
            left = [
                1 - np.linalg.norm(sum(outputs[h] for h in order[:removed])) / np.linalg.norm(sum(outputs))
                for removed in range(1, len(order) + 1)
            ]
            print(f"{stem} layer {layer}: heads {order}, left {np.round(left, 4)}, mean {np.mean(left):.3f}")


def main():
    if "--tolerance" in sys.argv:
        print_tolerance()
        return 0
    text = "".join(line + "\n" for line in lines())
    if "--check" not in sys.argv:
        STORED.write_text(text)
        return 0
    same = STORED.read_text() == text
    if not same:
        print(f"{STORED} does not hold what this script makes", file=sys.stderr)
    return 0 if all(list(check_identity())) and same else 1


if __name__ == "__main__":
    sys.exit(main())
