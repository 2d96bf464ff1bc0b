#!/usr/bin/env python3
"""One dump in every form that numpy writes, read by `analyze`: the report is the same (within 1e-6: how numbers lie
in memory decides in which order they are added).

    formats_check.py ANALYZE        needs numpy

The dump is tests/data/synthetic/left_padded.safetensors: a batch padded on the left, whose padded weights are
garbage.
"""

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "report"))
import reference  # noqa: E402

DUMP = TESTS / "data" / "synthetic" / "left_padded.safetensors"


def report(analyze, folder, *arguments):
    """What analyze writes, without the name of the file."""
    out = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run([analyze, *map(str, arguments), "--out", out], check=True, capture_output=True)
    written = json.loads((out / "report.json").read_text())
    del written["source"]
    return written


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return one == other


def forms(folder, tensors, metadata):
    """(what it is, arguments of analyze) of the same dump in every form."""
    layers = [tensors[f"self.{layer}.attention"].astype("f4") for layer in range(2)]
    stacked = numpy.stack(layers)
    tokens, lengths, starts = (json.loads(metadata[key]) for key in ("tokens", "lengths", "starts"))
    (folder / "tokens.json").write_text(json.dumps(tokens))
    (folder / "tokens.txt").write_text("\n\n".join("\n".join(element) for element in tokens))
    text = ["--tokens", folder / "tokens.txt", "--lengths", ",".join(map(str, lengths)),
            "--starts", ",".join(map(str, starts)), "--metadata", f"model={metadata['model']}",
            "--metadata", f"special_tokens={metadata['special_tokens']}"]

    for name, array in [("C order", stacked), ("Fortran order", numpy.asfortranarray(stacked)),
                        ("big endian", stacked.astype(">f4")),
                        ("big endian in Fortran order", numpy.asfortranarray(stacked.astype(">f4")))]:
        path = folder / f"{name}.npy"
        numpy.save(path, array)
        yield name, [path, *text]
    (folder / "json").mkdir()
    numpy.save(folder / "json" / "a.npy", stacked)
    yield "tokens from JSON", [folder / "json" / "a.npy", "--tokens", folder / "tokens.json", *text[2:]]

    numpy.savez(folder / "list.npz", *layers)
    yield "savez of a list", [folder / "list.npz", *text]
    numpy.savez_compressed(folder / "one.npz", anything=stacked)
    yield "savez_compressed of one array", [folder / "one.npz", *text]
    # Everything in the archive; token lists cover the padding, too, as an array needs.
    covering = [[""] * start + element + [""] * (stacked.shape[-1] - start - len(element))
                for start, element in zip(starts, tokens)]
    everything = {"tokens": numpy.array(covering), "lengths": numpy.array(lengths), "starts": numpy.array(starts),
                  "model": numpy.array(metadata["model"]),
                  "special_tokens": numpy.array(json.loads(metadata["special_tokens"]))}
    named = {f"self.{layer}.attention": weights for layer, weights in enumerate(layers)}
    numpy.savez_compressed(folder / "named.npz", **named, **everything)
    yield "named arrays with their metadata", [folder / "named.npz"]

    for kind in ["numbered", "named"]:
        (folder / kind).mkdir()
    for layer, weights in enumerate(layers):
        numpy.save(folder / "numbered" / f"layer_{layer}.npy", weights)
        numpy.save(folder / "named" / f"self.{layer}.attention.npy", weights)
    yield "a numbered file a layer", [folder / "numbered", *text]
    yield "a named file a layer, one by one", [*sorted((folder / "named").iterdir()), *text]


def main():
    analyze = sys.argv[1]
    tensors, metadata = reference.read_safetensors(DUMP)
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = report(analyze, folder, DUMP)
        for what, arguments in forms(folder, tensors, metadata):
            agrees = same(report(analyze, folder, *arguments), expected)
            print(f"{'ok' if agrees else 'DIFFERS'}: {what}")
            failures += not agrees
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
