"""The numbers of tests/values/*_test.cpp, computed plainly: every [head, query, key, model] tensor is built.

    python3 make_values.py                  the formula model, as C++ lists
    python3 make_values.py DUMP.safetensors a dump's layers, a line each, as io/dump_values_test.cpp has them
"""

import json
import struct
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from pattern import pattern


def formula(phase, *shape):
    """sin(phase + 1.7 n^1.1), n counting the elements: the same numbers as formula_numbers() of made_values.hpp."""
    return numpy.sin(phase + 1.7 * numpy.arange(numpy.prod(shape)) ** 1.1).reshape(shape)


def transformed(layer):
    """f_h(x_j): [batch, head, key, model]."""
    value = layer["value"] + layer.get("value_bias", numpy.zeros(()))
    heads, dim = layer["attention"].shape[1], value.shape[-1]
    value = value.repeat(heads // value.shape[1], 1)
    projection = layer.get("output_projection", numpy.eye(heads * dim)).reshape(heads, dim, -1)
    return numpy.einsum("bhjd,hdm->bhjm", value, projection)


def block(layer, through, epsilon, own):
    """(T_i(x_j) [batch, query, key, model], the residual of no key [batch, query, model], y [batch, query, model]).

    own: [query] the key that a query is, or -1."""
    parts = numpy.einsum("bhij,bhjm->bijm", layer["attention"], transformed(layer))
    loose = numpy.zeros_like(parts[:, :, 0])
    output = parts.sum(2) + layer.get("output_bias", 0)
    if through == "attention":
        return parts, loose, output
    residual = layer["residual"]
    for i, j in enumerate(own):
        if j >= 0:
            parts[:, i, j] += residual[:, i]
        else:
            loose[:, i] += residual[:, i]
    output = output + residual
    if through == "residual":
        return parts, loose, output
    divisor = numpy.sqrt(output.var(-1, keepdims=True) + epsilon)

    def norm(x, divisor):
        return (x - x.mean(-1, keepdims=True)) / divisor * layer["norm_weight"]

    y = norm(output, divisor) + layer.get("norm_bias", 0)
    return norm(parts, divisor[:, :, None]), norm(loose, divisor), y


def norm_map(parts):
    return numpy.linalg.norm(parts, axis=-1)


def mixing(parts, loose, own):
    total = parts.sum(2) + loose
    itself = loose.copy()
    for i, j in enumerate(own):
        if j >= 0:
            itself[:, i] += parts[:, i, j]
    context = numpy.linalg.norm(total - itself, axis=-1)
    return context / (context + numpy.linalg.norm(itself, axis=-1))


def contributions(parts, loose, y):
    every = numpy.concatenate([parts, loose[:, :, None]], 2)
    near = abs(y).sum(-1)[..., None] - abs(y[:, :, None] - every).sum(-1)
    near = numpy.maximum(near, 0)
    sums = near.sum(-1, keepdims=True)
    return near / numpy.where(sums > 0, sums, 1)


def effective(attention, value):
    """Through the pseudo-inverse, row by row: [head] of [query x key]; value: [head, key, dim]."""
    maps = numpy.zeros_like(attention)
    for h, rows in enumerate(attention):
        for i, row in enumerate(rows):
            seen = row > 0
            read = value[h][seen]
            maps[h, i, seen] = row[seen] @ read @ numpy.linalg.pinv(read)
    return maps


def formula_layer():
    """Two causal examples of 6 and 4 tokens, 4 heads on 2 value heads of width 3, model 5."""
    layer = {
        "value": formula(0, 2, 2, 6, 3),
        "value_bias": formula(1, 2, 1, 3),
        "output_projection": formula(2, 12, 5),
        "output_bias": formula(3, 5),
        "residual": 3 * formula(4, 2, 6, 5),
        "norm_weight": 1 + formula(5, 5) / 2,
        "norm_bias": formula(6, 5),
    }
    return layer


def of_example(layer, b, start, length):
    """One example without its padding."""
    true = slice(start, start + length)
    one = {**layer, "value": layer["value"][b : b + 1, :, true], "residual": layer["residual"][b : b + 1, true]}
    one["attention"] = pattern(2, 4, length, length, causal=True)[b : b + 1]
    return one


def cpp(name, numbers):
    print(f"// {name}: {list(numbers.shape)}")
    print("{" + ", ".join(f"{x:.12g}" for x in numbers.ravel()) + "}")


def print_formula():
    layer = formula_layer()
    for b, (start, length) in enumerate([(0, 6), (2, 4)]):
        one, own = of_example(layer, b, start, length), range(length)
        for through in ("attention", "residual", "norm"):
            parts, loose, y = block(one, through, 1e-3, own)
            last = slice(length - 1, length)
            cpp(f"example {b} {through}: y", y[0, last])
            cpp(f"example {b} {through}: norms", norm_map(parts)[0, last])
            cpp(f"example {b} {through}: mixing", mixing(parts, loose, own)[0])
            cpp(f"example {b} {through}: contributions", contributions(parts, loose, y)[0, last])
        value = (one["value"] + one["value_bias"])[0].repeat(2, 0)
        cpp(f"example {b}: effective, head 2", effective(one["attention"][0], value)[2, last])


def read(path):
    data = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = numpy.frombuffer(data[first:last], "<f4").reshape(entry["shape"]).astype(float)
    return tensors, metadata


def print_dump(path):
    """Of every layer of `self`, one line: what the test compares."""
    tensors, metadata = read(path)
    layer = 0
    while f"self.{layer}.value" in tensors:
        prefix = f"self.{layer}."
        fields = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        through = "norm" if "norm_weight" in fields else "residual" if "residual" in fields else "attention"
        tokens = fields["attention"].shape[2]
        own = range(tokens)
        parts, loose, y = block(fields, through, float(metadata.get("norm_epsilon", 1e-5)), own)
        norms, near = norm_map(parts)[0], contributions(parts, loose, y)[0]
        effects = effective(fields["attention"][0], fields["value"][0])
        numbers = [mixing(parts, loose, own).mean(), norms[1, 3], norms[2, 2], norms.sum(), near[1, 3], near[2, 2]]
        numbers += [near.diagonal().sum(), effects[1, 3, 2], numpy.abs(effects).sum(), abs(y).sum()]
        print(layer, *(f"{number:.12g}" for number in numbers))
        layer += 1


if __name__ == "__main__":
    print_formula() if len(sys.argv) == 1 else print_dump(sys.argv[1])
