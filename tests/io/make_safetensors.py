#!/usr/bin/env python3
"""Makes the tiny files of tests/io/data, the same bytes each time.

    make_safetensors.py OUTDIR        needs numpy and safetensors

`reference.safetensors` is what the reference implementation writes. The others are legal in ways that
writers rarely use: built by hand, and the reference implementation has to accept them.
"""

import struct
import sys
from pathlib import Path

import numpy
import safetensors
import safetensors.numpy


def by_hand(header, data):
    return struct.pack("<Q", len(header.encode())) + header.encode() + data


def reference():
    tensors = {
        "mask": numpy.array([1, 0, 1], numpy.uint8),
        "weight.1": numpy.arange(6, dtype=numpy.float32).reshape(2, 3) / 4,
        "weight.0": numpy.full((2,), -0.5, numpy.float32),
        "half": numpy.array([[0.5, 65504.0]], numpy.float16),
        "scalar": numpy.array(1 / 3),
    }
    return safetensors.numpy.save(tensors, {"text": "caf\u00e9 \"quoted\"\n\ttab"})


def empty():
    return by_hand("{}", b"")


def unaligned():
    """Data that begin anywhere, in no order of size, behind a header whose entries are in no order at all."""
    header = (
        '{ "double" : {"data_offsets":[5,21],"shape":[2],"dtype":"F64"},\n'
        '  "__metadata__": {"b": "2", "a": "", "": "no key"},\n'
        '  "byte": {"dtype":"U8","shape":[1],"data_offsets":[0,1]},\n'
        '  "float": {"dtype":"F32","shape":[1,1],"data_offsets":[1,5]} }'
    )
    return by_hand(header + " " * ((1 - 8 - len(header)) % 8), struct.pack("<Bf2d", 7, 0.25, -1.5, 1e300))


def sizes():
    """Scalars, axes of length 0, names that need escapes, padding, elements of less than a byte."""
    header = (
        '{"none":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},'
        '"nothing":{"dtype":"F64","shape":[3,0],"data_offsets":[4,4]},'
        '"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},'
        '"packed":{"dtype":"F4","shape":[3,2],"data_offsets":[4,7]},'
        '"\\u00e9\\n\\"":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[7,10]},'
        '"":{"dtype":"BOOL","shape":[1,1,1,1,1,1,1],"data_offsets":[10,11]}}'
    )
    return by_hand(header + " " * 100, struct.pack("<f7B", 2.5, 1, 2, 3, 4, 5, 6, 1))


def main():
    for make in (reference, empty, unaligned, sizes):
        content = make()
        safetensors.deserialize(content)
        (Path(sys.argv[1]) / f"{make.__name__}.safetensors").write_bytes(content)


if __name__ == "__main__":
    main()
