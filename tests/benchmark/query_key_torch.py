#!/usr/bin/env python3
"""Times PyTorch on the statistics of query_key_benchmark.cpp, from the whole matrix of weights, and compares the numbers.

    python3 tests/benchmark/query_key_torch.py BENCH_QUERY_KEY [--openblas LIBOPENBLAS.SO] [--tokens N ...] [--repeats N]

needs torch and numpy. One thread on either side, and both take turns. PyTorch runs with the BLAS that it is linked to and,
in a process of its own, with OpenBLAS preloaded; what either multiplies at most is measured (sgemm of 1024 x 1024). Times
are medians of processor time without making the inputs; PyTorch's distances and mask are made before, too. It needs some
2 GB at 8,192 tokens.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

DIM, WINDOW, AGREEMENT = 64, 3, 1e-4
NAMES = ["entropy", "largest weight", "mass in the window", "mean distance", "mass on the first key"]
OPENBLAS = "/usr/lib/*/openblas*/libopenblas.so.0", "/usr/lib/*/libopenblas.so.0", "/usr/lib64/libopenblas*.so.0"


# ------------------------------------------------------------------ PyTorch, in a process of its own


def made_vectors(tokens, first):
    import numpy

    x = numpy.arange(tokens * DIM, dtype=numpy.uint32) + numpy.uint32(first)
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    x = x ^ (x >> numpy.uint32(16))
    numbers = ((x >> numpy.uint32(8)).astype(numpy.float32) * numpy.float32(2.0**-23) - 1) * numpy.float32(2.5)
    return numbers.reshape(tokens, DIM)


def torch_statistics(torch, queries, keys, hidden, distances):
    """Numbers in the order of NAMES, and what each key receives."""
    scores = queries @ keys.T * DIM**-0.5
    if hidden is not None:
        scores.masked_fill_(hidden, float("-inf"))
    weights = torch.softmax(scores, -1)
    tokens = len(weights)
    numbers = [
        torch.special.entr(weights).sum(-1).mean(),
        weights.amax(-1).mean(),
        sum(weights.diagonal(offset).sum() for offset in range(-WINDOW, WINDOW + 1)) / tokens,
        (weights * distances).sum(-1).mean(),
        weights[:, 0].mean(),
    ]
    return [number.item() for number in numbers], weights.sum(0)


def sgemm_gflops(torch):
    a, b = torch.rand(1024, 1024), torch.rand(1024, 1024)
    times = []
    for _ in range(5):
        start = time.process_time()
        a @ b
        times.append(time.process_time() - start)
    return 2e-9 * 1024**3 / min(times)


def loaded_blas():
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if "blas" in line.rsplit("/", 1)[-1]}
    preloaded = sorted(path for path in paths if "openblas" in path)
    return (preloaded or sorted(paths) or ["none"])[0]


def answer_requests():
    """Each line of the input names tokens and mask, each line of the output is JSON: seconds and numbers."""
    import torch

    torch.set_num_threads(1)
    about = {"torch": torch.__version__, "blas": loaded_blas(), "sgemm": sgemm_gflops(torch)}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        tokens, mask = int(line.split()[0]), line.split()[1]
        queries, keys = (torch.from_numpy(made_vectors(tokens, first)) for first in (0, 0x80000000))
        place = torch.arange(tokens)
        hidden = place[None, :] > place[:, None] if mask == "causal" else None
        distances = (place[None, :] - place[:, None]).abs().float()
        start = time.process_time()
        numbers, received = torch_statistics(torch, queries, keys, hidden, distances)
        answer = {"seconds": time.process_time() - start, "numbers": numbers, "received": received.tolist()}
        print(json.dumps(answer), flush=True)


class Peer:
    def __init__(self, preload):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        if preload:
            environment["LD_PRELOAD"] = preload
        command = [sys.executable, __file__, "--answer-requests"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def ask(self, tokens, mask):
        self.process.stdin.write(f"{tokens} {mask}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# ------------------------------------------------------------------ ours, and both beside each other


def run_ours(program, *arguments):
    return json.loads(subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout)


def timed_ours(program, tokens, mask):
    name = f"--benchmark_filter=^statistics/{mask}/{tokens}/"
    result = run_ours(program, name, "--benchmark_min_time=0.1", "--benchmark_format=json")["benchmarks"][0]
    return {"seconds": result["real_time"] / 1000, "of_peak": result["of_peak"], "peak": result["peak_GFLOP/s"]}


def compare(ours, theirs):
    """The largest relative difference; ends the program where it is too large."""
    worst = 0.0
    received = [f"received by key {j}" for j in range(len(ours["received"]))]
    for names, part in (NAMES, "numbers"), (received, "received"):
        for name, a, b in zip(names, ours[part], theirs[part], strict=True):
            difference = abs(a - b) / max(abs(b), 1e-30)
            if not difference <= AGREEMENT:
                sys.exit(f"{name}: ours {a}, PyTorch's {b}")
            worst = max(worst, difference)
    return worst


def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def report(program, peers, tokens, mask, repeats):
    ours, theirs = [], {name: [] for name in peers}
    for _ in range(repeats):
        ours.append(timed_ours(program, tokens, mask))
        for name, peer in peers.items():
            theirs[name].append(peer.ask(tokens, mask))
    numbers = run_ours(program, "--numbers", str(tokens), mask)
    worst = max(compare(numbers, runs[0]) for runs in theirs.values())
    time_of_ours = median_of(ours, "seconds")
    text = f"{tokens} {mask}: ours {1000 * time_of_ours:.1f} ms, {median_of(ours, 'of_peak'):.3f} of the peak"
    text += f" of {median_of(ours, 'peak'):.0f} GFLOP/s"
    for name, runs in theirs.items():
        seconds = median_of(runs, "seconds")
        text += f"; {name} {1000 * seconds:.1f} ms, ratio {seconds / time_of_ours:.2f}"
    print(f"{text}; numbers differ by {worst:.0e} at most", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("program", metavar="BENCH_QUERY_KEY")
    parser.add_argument("--openblas", help="the library to preload; looked for where distributions put it by default")
    parser.add_argument("--tokens", type=int, nargs="+", default=[2048, 4096, 8192], choices=[512, 2048, 4096, 8192])
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def main():
    options = arguments()
    openblas = options.openblas or next((path for pattern in OPENBLAS for path in sorted(glob.glob(pattern))), None)
    peers = {"PyTorch": Peer(None)}
    if openblas:
        peers["PyTorch with OpenBLAS"] = Peer(os.path.abspath(openblas))
    else:
        print("no OpenBLAS found: --openblas names one (Debian: libopenblas0-pthread)")
    for name, peer in peers.items():
        about = peer.about
        print(f"{name}: torch {about['torch']}, BLAS {about['blas']}, sgemm {about['sgemm']:.1f} GFLOP/s")
    for tokens in options.tokens:
        for mask in "full", "causal":
            report(options.program, peers, tokens, mask, options.repeats)
    for peer in peers.values():
        peer.close()


if sys.argv[1:] == ["--answer-requests"]:
    answer_requests()
else:
    main()
