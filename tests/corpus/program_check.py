#!/usr/bin/env python3
"""The program corpus over dumps of random attention: its tables against numpy over reference.py's numbers of each
example, its partials read from Python, and runs that are killed.

    python3 tests/corpus/program_check.py CORPUS      needs numpy and scipy
"""

import csv
import json
import math
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))
import make_dumps  # noqa: E402
import reference  # noqa: E402

CORPUS = Path(sys.argv[1]).resolve()
HEADS = ("entropies", "normalized_entropies", "confidence", "sink_mass", "locality", "mean_distance")
LAYERS = ("locality_score", "avg_pairwise_similarity", "diversity_score")


def run(*arguments, folder):
    return subprocess.run([CORPUS, *map(str, arguments)], cwd=folder, check=True, capture_output=True, text=True).stdout


def make(folder, files, random, heads=3, layers=2):
    """Files of one or two examples, of 1 to 40 tokens."""
    (folder / "dumps").mkdir()
    for i in range(files):
        lengths = random.integers(1, 41, size=1 + i % 2)
        kept = make_dumps.inside([0] * len(lengths), lengths, lengths.max())
        tensors = {f"self.{layer}.attention": (make_dumps.padded_maps(random, heads, kept, kept), "F64") for layer in range(layers)}
        metadata = {"lengths": json.dumps(lengths.tolist())}
        make_dumps.write_safetensors(folder / "dumps" / f"{i:03}.safetensors", tensors, metadata)


def examples_of(folder):
    """[(name, tokens, {(layer, head, number): value})] by the definitions alone."""
    examples = []
    for path in sorted((folder / "dumps").iterdir()):
        lengths = json.loads(reference.read_safetensors(path)[1]["lengths"])
        for one in reference.make_report(path)["stacks"]["self"]["per_example"]:
            element, layer = one["element"], one["layer"]
            if layer == 0:
                name = f"dumps/{path.name}" + (f"[{element}]" if len(lengths) > 1 else "")
                examples.append((name, lengths[element], {}))
            numbers = examples[len(examples) - 1][2] if layer == 0 else named(examples, path, lengths, element)[2]
            for number in HEADS:
                for head, value in enumerate(one[number]):
                    numbers[layer, str(head), number] = math.nan if value is None else value
            for number in LAYERS:
                numbers[layer, "", number] = math.nan if one[number] is None else one[number]
    return examples


def named(examples, path, lengths, element):
    name = f"dumps/{path.name}" + (f"[{element}]" if len(lengths) > 1 else "")
    return next(example for example in examples if example[0] == name)


def check_tables(folder):
    examples = examples_of(folder)
    rows = {(r["tokens"], int(r["layer"]), r["head"], r["number"]): r
            for r in csv.DictReader((folder / "one/heads.csv").open(newline=""))}
    checked = 0
    for bucket in ("all", "8", "16", "32", "64"):
        chosen = [e for e in examples if bucket == "all" or (e[1] > int(bucket) / 2 or bucket == "8") and e[1] <= int(bucket)]
        for layer, head, number in chosen[0][2]:
            values = np.array([e[2][layer, head, number] for e in chosen])
            known = values[~np.isnan(values)]
            if not len(known):
                assert (bucket, layer, head, number) not in rows
                continue
            row = rows[bucket, layer, head, number]
            expected = {"count": len(known), "mean": known.mean(), "standard_deviation": known.std(ddof=1),
                        "standard_error": stats.sem(known), "smallest": known.min(), "largest": known.max()}
            for column, value in expected.items():
                assert math.isclose(float(row[column]), value, rel_tol=1e-9, abs_tol=1e-12), (bucket, layer, head, number, column, row[column], value)
            for end, at in (("smallest_example", np.nanargmin(values)), ("largest_example", np.nanargmax(values))):
                found = next(i for i, e in enumerate(chosen) if e[0] == row[end])
                assert math.isclose(values[found], values[at], rel_tol=1e-9), (number, row[end], chosen[at][0])
            if len(known) > 30:  # the bootstrap and the normal interval are not far apart
                reach = 1.96 * stats.sem(known)
                assert abs(float(row["lower"]) - known.mean() + reach) < .35 * reach + 1e-12, (row, reach)
                assert abs(float(row["upper"]) - known.mean() - reach) < .35 * reach + 1e-12, (row, reach)
            width = {"entropies": 1 / 8, "mean_distance": known.max() / 4}.get(number, 1 / 64)
            for column, share in (("q05", .05), ("median", .5), ("q95", .95)):
                exact = np.quantile(known, share, method="inverted_cdf")
                assert abs(float(row[column]) - exact) <= width + 1e-12, (row, exact)
            checked += 1
    print(checked, "rows of heads.csv agree")


def check_partial(folder):
    """The sums of a partial, read without the library."""
    data = (folder / "one/shard-1-of-1.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    nodes = json.loads(header["__metadata__"]["nodes"])

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        kind = {"F64": "<f8", "U32": "<u4", "U64": "<u8"}[header[name]["dtype"]]
        return np.frombuffer(data[8 + size + begin:8 + size + end], kind).reshape(header[name]["shape"])

    parts = [f"{node['first']}/{bucket['length']}/self/entropies/" for node in nodes for bucket in node["buckets"]]
    counts = [tensor(part + "count") for part in parts]
    mean = sum(n * tensor(part + "mean") for n, part in zip(counts, parts)) / sum(counts)
    report = json.loads((folder / "one/report.json").read_text())
    said = report["stacks"]["self"]["numbers"]["entropies"]["all"]
    assert np.allclose(mean, said["mean"], rtol=1e-12) and np.array_equal(sum(counts), said["count"])
    assert np.array_equal(sum(tensor(part + "histogram").sum(0) for part in parts), sum(counts))
    print("a partial of", len(nodes), "nodes reads in Python")


def check_killed(folder):
    """Killed again and again, a run ends with the same bytes, and reads no more than a block again each time."""
    shard = folder / "killed/shard-1-of-1.running.safetensors"
    kills = 0
    for _ in range(200):
        process = subprocess.Popen([CORPUS, "dumps/*", "--block", "4", "--out", "killed", "--no-figures"], cwd=folder, stdout=subprocess.DEVNULL)
        before = shard.stat().st_mtime_ns if shard.exists() else 0
        while process.poll() is None and not (shard.exists() and shard.stat().st_mtime_ns != before):
            time.sleep(.0005)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert process.returncode == 0, process.returncode
    for name in ("report.json", "heads.csv", "roles.csv"):
        assert (folder / "killed" / name).read_bytes() == (folder / "one" / name).read_bytes(), name
    left = sorted(p.name for p in (folder / "killed").iterdir() if not p.name.startswith(".attnscope"))
    assert left == ["figures", "heads.csv", "report.json", "roles.csv", "shard-1-of-1.safetensors"], left
    print("the same after", kills, "kills")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, 60, np.random.default_rng(5))
        run("dumps/*", "--block", 4, "--out", "one", "--no-figures", folder=folder)
        check_tables(folder)
        check_partial(folder)
        check_killed(folder)


if __name__ == "__main__":
    main()
