"""PyTorch as a peer that takes turns with our programs: it answers requests in a process of its own, on one thread, with the
BLAS that it is linked to or with OpenBLAS preloaded."""

import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

AGREEMENT = 1e-4
OPENBLAS = "/usr/lib/*/openblas*/libopenblas.so.0", "/usr/lib/*/libopenblas.so.0", "/usr/lib64/libopenblas*.so.0"


def made_numbers(count, first):
    """made::number(first), made::number(first + 1), ... of made.hpp, in -1 .. 1."""
    import numpy

    x = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32(first)
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    x = x ^ (x >> numpy.uint32(16))
    return (x >> numpy.uint32(8)).astype(numpy.float32) * numpy.float32(2.0**-23) - 1


# ------------------------------------------------------------------ in the peer's process


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


def answer_requests(answer):
    """Each line of the input is a request, each line of the output is JSON: what answer(torch, words) gives."""
    import torch

    torch.set_num_threads(1)
    about = {"torch": torch.__version__, "blas": loaded_blas(), "sgemm": sgemm_gflops(torch)}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(torch, line.split())), flush=True)


# ------------------------------------------------------------------ beside it


class Peer:
    def __init__(self, preload):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        if preload:
            environment["LD_PRELOAD"] = preload
        command = [sys.executable, sys.argv[0], "--answer-requests"]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def start_peers(openblas):
    openblas = openblas or next((path for pattern in OPENBLAS for path in sorted(glob.glob(pattern))), None)
    peers = {"PyTorch": Peer(None)}
    if openblas:
        peers["PyTorch with OpenBLAS"] = Peer(os.path.abspath(openblas))
    else:
        print("no OpenBLAS found: --openblas names one (Debian: libopenblas0-pthread)")
    for name, peer in peers.items():
        about = peer.about
        print(f"{name}: torch {about['torch']}, BLAS {about['blas']}, sgemm {about['sgemm']:.1f} GFLOP/s", flush=True)
    return peers


def run_ours(program, *arguments):
    command = [program, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def largest_difference(names, ours, theirs):
    """Relative; ends the program where it is too large."""
    worst = 0.0
    for name, a, b in zip(names, ours, theirs, strict=True):
        difference = abs(a - b) / max(abs(b), 1e-30)
        if not difference <= AGREEMENT:
            sys.exit(f"{name}: ours {a}, PyTorch's {b}")
        worst = max(worst, difference)
    return worst


def median_of(runs, key):
    return statistics.median(run[key] for run in runs)


def ratios(answers, seconds):
    """answers: {peer: [answer]}; seconds: ours."""
    text = ""
    for name, runs in answers.items():
        theirs = median_of(runs, "seconds")
        text += f"; {name} {1000 * theirs:.4g} ms, ratio {theirs / seconds:.3g}"
    return text


def parser_of(about, program):
    parser = argparse.ArgumentParser(description=about.split("\n", 1)[0])
    parser.add_argument("program", metavar=program)
    parser.add_argument("--openblas", help="the library to preload; looked for where distributions put it by default")
    parser.add_argument("--repeats", type=int, default=5)
    return parser


def run(main, answer):
    """A script is itself and, started again by start_peers(), the process that answers it."""
    if sys.argv[1:] == ["--answer-requests"]:
        answer_requests(answer)
    else:
        main()
