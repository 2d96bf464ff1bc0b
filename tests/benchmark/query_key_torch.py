#!/usr/bin/env python3
"""Times PyTorch on the statistics of query_key_benchmark.cpp, from the whole matrix of weights, and compares the numbers.

    python3 tests/benchmark/query_key_torch.py BENCH_QUERY_KEY [--openblas LIBOPENBLAS.SO] [--tokens N ...] [--repeats N]

needs torch and numpy. One thread on either side, and both take turns. PyTorch runs with the BLAS that it is linked to and,
in a process of its own, with OpenBLAS preloaded; what either multiplies at most is measured (sgemm of 1024 x 1024). Times
are medians of processor time without making the inputs; PyTorch's distances and mask are made before, too. It needs some
2 GB at 8,192 tokens.
"""

import time

import torch_peer

DIM, WINDOW = 64, 3
NAMES = ["entropy", "largest weight", "mass in the window", "mean distance", "mass on the first key"]


def made_vectors(torch, tokens, first):
    return torch.from_numpy(torch_peer.made_numbers(tokens * DIM, first)).reshape(tokens, DIM) * 2.5


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


def answer(torch, words):
    tokens, mask = int(words[0]), words[1]
    queries, keys = (made_vectors(torch, tokens, first) for first in (0, 0x80000000))
    place = torch.arange(tokens)
    hidden = place[None, :] > place[:, None] if mask == "causal" else None
    distances = (place[None, :] - place[:, None]).abs().float()
    start = time.process_time()
    numbers, received = torch_statistics(torch, queries, keys, hidden, distances)
    return {"seconds": time.process_time() - start, "numbers": numbers, "received": received.tolist()}


def timed_ours(program, tokens, mask):
    name = f"--benchmark_filter=^statistics/{mask}/{tokens}/"
    result = torch_peer.run_ours(program, name, "--benchmark_min_time=0.1", "--benchmark_format=json")["benchmarks"][0]
    return {"seconds": result["real_time"] / 1000, "of_peak": result["of_peak"], "peak": result["peak_GFLOP/s"]}


def compare(ours, theirs):
    received = [f"received by key {j}" for j in range(len(ours["received"]))]
    return max(torch_peer.largest_difference(names, ours[part], theirs[part])
               for names, part in ((NAMES, "numbers"), (received, "received")))


def report(program, peers, tokens, mask, repeats):
    ours, theirs = [], {name: [] for name in peers}
    for _ in range(repeats):
        ours.append(timed_ours(program, tokens, mask))
        for name, peer in peers.items():
            theirs[name].append(peer.ask(tokens, mask))
    numbers = torch_peer.run_ours(program, "--numbers", tokens, mask)
    worst = max(compare(numbers, runs[0]) for runs in theirs.values())
    seconds, of_peak, peak = (torch_peer.median_of(ours, key) for key in ("seconds", "of_peak", "peak"))
    text = f"{tokens} {mask}: ours {1000 * seconds:.1f} ms, {of_peak:.3f} of the peak of {peak:.0f} GFLOP/s"
    print(f"{text}{torch_peer.ratios(theirs, seconds)}; numbers differ by {worst:.0e} at most", flush=True)


def main():
    parser = torch_peer.parser_of(__doc__, "BENCH_QUERY_KEY")
    parser.add_argument("--tokens", type=int, nargs="+", default=[2048, 4096, 8192], choices=[512, 2048, 4096, 8192])
    options = parser.parse_args()
    peers = torch_peer.start_peers(options.openblas)
    for tokens in options.tokens:
        for mask in "full", "causal":
            report(options.program, peers, tokens, mask, options.repeats)
    for peer in peers.values():
        peer.close()


torch_peer.run(main, answer)
