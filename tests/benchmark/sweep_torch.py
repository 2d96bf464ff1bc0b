#!/usr/bin/env python3
"""Times PyTorch on what sweep_benchmark.cpp does with stored attention, and compares the numbers.

    python3 tests/benchmark/sweep_torch.py BENCH_SWEEP [--openblas LIBOPENBLAS.SO] [--tokens N ...] [--repeats N]

needs torch and numpy. The functions are those that notebooks show, on one batch element of 12 heads: entropies, cosines and
diversity of heads; locality, with loops over the pairs and without; sharpness, coverage and monotonicity of an alignment;
sum |A dA|; and the Jensen-Shannon distances of all pairs of heads. One thread on either side, and both take turns. PyTorch
runs with the BLAS that it is linked to and, in a process of its own, with OpenBLAS preloaded. Times are medians of
processor time in single precision, without making the inputs. Our numbers must be those of the same functions in double
precision: in single, norms and products of millions of weights lose digits. How many is printed.
"""

import itertools
import time

import torch_peer

HEADS, WINDOW, EPSILON = 12, 3, 1e-10
GRADIENT = 0x80000000


# ------------------------------------------------------------------ the functions: weights are [head, query, key]


def mean_entropy(torch, weights):
    return -(weights * torch.log(weights + EPSILON)).sum(-1).mean().item()


def diversity(torch, weights):
    entropies = [mean_entropy(torch, head) for head in weights]
    heads = weights.reshape(len(weights), -1)
    unit = heads / heads.norm(dim=1, keepdim=True)
    cosines = (unit @ unit.T).numpy()
    others = (cosines.sum() - cosines.trace()) / (len(heads) * (len(heads) - 1))
    return [*entropies, *cosines.ravel().tolist(), float(1 - others)]


def locality_with_loops(torch, weights):
    mean = weights.mean(0).numpy()
    near = total = 0.0
    for i in range(len(mean)):
        for j in range(len(mean)):
            total += mean[i, j]
            if abs(i - j) <= WINDOW:
                near += mean[i, j]
    return [float(near / total)]


def locality(torch, weights):
    mean = weights.mean(0)
    place = torch.arange(len(mean))
    near = (place[:, None] - place[None, :]).abs() <= WINDOW
    return [(mean[near].sum() / mean.sum()).item()]


def alignment(torch, weights):
    mean = weights.mean(0)
    covered = (mean.amax(0) > 0.1).float().mean().item()
    best = mean.argmax(-1)
    return [mean_entropy(torch, mean), covered, (best[1:] >= best[:-1]).float().mean().item()]


def importance(torch, weights, gradient):
    return (weights * gradient).abs().sum((1, 2)).tolist()


def distance(torch, weights):
    def entropy(rows):
        return -(rows * torch.log(rows)).sum(-1).mean().item()

    own = [entropy(head) for head in weights]
    all_pairs = [[0.0] * len(own) for _ in own]
    for g, h in itertools.combinations(range(len(own)), 2):
        mixed = entropy((weights[g] + weights[h]) / 2)
        all_pairs[g][h] = all_pairs[h][g] = mixed - (own[g] + own[h]) / 2
    return list(itertools.chain(*all_pairs))


# [name] PyTorch's function, and what our program calls the same
CASES = {
    "diversity": (diversity, "diversity"),
    "locality with loops": (locality_with_loops, "locality"),
    "locality": (locality, "locality"),
    "alignment": (alignment, "alignment"),
    "importance": (importance, "importance"),
    "distance": (distance, "distance"),
}


# ------------------------------------------------------------------ both sides


def made_inputs(torch, function, tokens):
    def made(first):
        return torch.from_numpy(torch_peer.made_numbers(HEADS * tokens**2, first)).reshape(HEADS, tokens, tokens)

    weights = torch.softmax(8 * made(0), -1)
    return [weights, made(GRADIENT)] if function is importance else [weights]


def timed(run):
    """Processor time a run, of as many as fill a tenth of a second; the first one warms up, unless it takes that long."""
    start = time.process_time()
    numbers = run()
    first = time.process_time() - start
    if first >= 0.1:
        return {"seconds": first, "numbers": numbers}
    runs, start = 0, time.process_time()
    while time.process_time() - start < 0.1:
        run()
        runs += 1
    return {"seconds": (time.process_time() - start) / runs, "numbers": numbers}


def answer(torch, words):
    """words: tokens, time or check, name; a check adds the numbers in double precision."""
    function = CASES[" ".join(words[2:])][0]
    inputs = made_inputs(torch, function, int(words[0]))
    result = timed(lambda: function(torch, *inputs))
    if words[1] == "check":
        result["exact"] = function(torch, *(numbers.double() for numbers in inputs))
    return result


def rounding(answer):
    return max(abs(a - b) / max(abs(b), 1e-30) for a, b in zip(answer["numbers"], answer["exact"], strict=True))


def report(program, peers, tokens, name, repeats):
    ours, theirs = [], {peer: [] for peer in peers}
    for repeat in range(repeats):
        ours.append(torch_peer.run_ours(program, "--time", CASES[name][1], tokens))
        for peer_name, peer in peers.items():
            theirs[peer_name].append(peer.ask(tokens, "time" if repeat else "check", name))
    numbers = ours[0]["numbers"]
    names = [f"{name}, {tokens} tokens, number {i}" for i in range(len(numbers))]
    firsts = [runs[0] for runs in theirs.values()]
    worst = max(torch_peer.largest_difference(names, numbers, first["exact"]) for first in firsts)
    seconds = torch_peer.median_of(ours, "seconds")
    text = f"{name} {tokens}: ours {1000 * seconds:.4g} ms{torch_peer.ratios(theirs, seconds)}"
    text += f"; of the exact numbers ours differ by {worst:.0e} at most, PyTorch's by "
    print(text + ", ".join(f"{rounding(first):.0e}" for first in firsts), flush=True)


def main():
    parser = torch_peer.parser_of(__doc__, "BENCH_SWEEP")
    parser.add_argument("--tokens", type=int, nargs="+", default=[64, 128, 256, 512, 2048])
    options = parser.parse_args()
    peers = torch_peer.start_peers(options.openblas)
    for name in CASES:
        for tokens in options.tokens:
            report(options.program, peers, tokens, name, options.repeats)
    for peer in peers.values():
        peer.close()


torch_peer.run(main, answer)
