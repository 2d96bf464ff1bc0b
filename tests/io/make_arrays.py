#!/usr/bin/env python3
"""Makes the .npy and .npz files of tests/io/data with numpy.

    make_arrays.py OUTDIR        needs numpy

Every array of numbers has the shape [2, 3, 4] and holds 0, 1, 2, ... in C order (times 0.25 where it is of
floats), whatever the order of its axes and bytes on disk.
"""

import itertools
import sys
from pathlib import Path

import numpy

KINDS = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def array(kind, order, axes):
    scale = 0.25 if kind[0] == "f" else 1
    values = (numpy.arange(24) * scale).astype(order + kind).reshape(2, 3, 4)
    return numpy.array(values, order=axes)


def main():
    out = Path(sys.argv[1])
    for version in [(1, 0), (2, 0), (3, 0)]:
        with open(out / f"version{version[0]}.npy", "wb") as file:
            numpy.lib.format.write_array(file, array("f4", "<", "C"), version)
    arrays = {f"{kind}{order}{axes}": array(kind, order, axes)
              for kind, order, axes in itertools.product(KINDS, "<>", "CF")}
    # What speaks of the arrays rather than being one.
    arrays["tokens"] = numpy.array([["a", "\u00e9\U0001f600"], ["", "long token"]], order="F")
    arrays["big_endian_tokens"] = numpy.array(["x", "\u20ac"], dtype=">U3")
    arrays["bytes"] = numpy.array([b"one", b"two"])
    arrays["model"] = numpy.array("a name")
    arrays["causal"] = numpy.array(True)
    arrays["lengths"] = numpy.array([3, -4], dtype=">i2")
    arrays["words"] = numpy.array([[0, 1], [2, 300]], dtype="u2")
    arrays["scale.self.0"] = numpy.array(0.125)
    arrays["nothing"] = numpy.array([], dtype="i4")
    arrays["self.0.sink_logits"] = numpy.array([1.5, -2], dtype="f4")
    arrays["input.embedding"] = numpy.ones((2, 2), dtype="f8")
    # Attention [layer, batch, head, query, key] that is causal and padded to three tokens, here with 9.
    causal = numpy.array([[1, 9, 9], [.5, .5, 9], [.25, .25, .5]], dtype="f4")
    padded = numpy.array([[1, 9, 9], [.75, .25, 9], [9, 9, 9]], dtype="f4")
    layers = numpy.array([[[causal], [padded]]] * 2)
    numpy.save(out / "attention.npy", layers)
    numpy.savez_compressed(out / "layers.npz", *layers)
    numpy.savez(out / "stored.npz", **arrays)
    numpy.savez_compressed(out / "deflated.npz", **arrays)


if __name__ == "__main__":
    main()
