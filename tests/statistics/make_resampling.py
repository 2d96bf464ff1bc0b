#!/usr/bin/env python3
"""Prints the numbers of resampling_test.cpp, divergence_test.cpp and top_k_test.cpp.

    python3 tests/statistics/make_resampling.py        needs numpy and scipy

The generator is the standard's mt19937_64, written down here again.
"""

import itertools

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

X = np.array([.1, .9, .4, .3, .8, .6, .2, .7])
Y = np.array([.2, .7, .5, .1, .9, .3, .4, .8])


def mt19937_64(seed):
    """Matsumoto and Nishimura's recurrence on 312 words."""
    mask = 2 ** 64 - 1
    state = [seed]
    for i in range(1, 312):
        state.append((6364136223846793005 * (state[-1] ^ state[-1] >> 62) + i) & mask)
    while True:
        for i in range(312):
            high = state[i] & ~0x7FFFFFFF & mask | state[(i + 1) % 312] & 0x7FFFFFFF
            state[i] = state[(i + 156) % 312] ^ high >> 1 ^ (0xB5026F5AA96619E9 if high & 1 else 0)
        for word in state:
            word ^= word >> 29 & 0x5555555555555555
            word ^= word << 17 & 0x71D67FFFEDA60000
            word ^= word << 37 & 0xFFF7EEE000000000
            yield (word ^ word >> 43) & mask


def below(generator, n):
    while True:
        drawn = next(generator)
        if drawn >= 2 ** 64 % n:
            return drawn % n


def rho(x, y):
    return stats.spearmanr(x, y).statistic if len(set(x)) > 1 and len(set(y)) > 1 else np.nan


def permutation_test(x, y, permutations, seed):
    generator, shuffled, far = mt19937_64(seed), list(y), 0
    for _ in range(permutations):
        for left in range(len(y), 1, -1):
            other = below(generator, left)
            shuffled[left - 1], shuffled[other] = shuffled[other], shuffled[left - 1]
        far += abs(rho(x, shuffled)) >= abs(rho(x, y)) - 1e-12
    return (1 + far) / (1 + permutations)


def bootstrap(x, y, resamples, seed, confidence):
    generator, drawn = mt19937_64(seed), []
    for _ in range(resamples):
        chosen = [below(generator, len(x)) for _ in x]
        drawn.append(rho(x[chosen], y[chosen]))
    drawn = np.array(drawn)
    drawn = drawn[~np.isnan(drawn)]
    return len(drawn), *np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])


def main():
    generator = mt19937_64(5489)
    print("10000th of mt19937_64:", [next(generator) for _ in range(10000)][-1], "(the standard: 9981545732273789042)")
    generator = mt19937_64(7)
    print("below 10:", [below(generator, 10) for _ in range(12)])
    print(f"rho {rho(X, Y):.12g}, p of 499 permutations, seed 3: {permutation_test(X, Y, 499, 3):.12g}")
    every = [abs(rho(X[:6], np.array(order))) >= abs(rho(X[:6], Y[:6])) - 1e-12 for order in itertools.permutations(Y[:6])]
    print(f"the first six: rho {rho(X[:6], Y[:6]):.12g}, p of all orders {np.mean(every):.12g}")
    print("interval of 500 resamples, seed 4, confidence .9:", *(f"{v:.12g}" for v in bootstrap(X, Y, 500, 4, .9)))
    print("of three, 200 resamples, seed 1, .95:", *(f"{v:.12g}" for v in bootstrap(X[:3], Y[:3], 200, 1, .95)))
    p, q = X / X.sum(), Y / Y.sum()
    print(f"divergences of X and Y: {abs(p - q).sum() / 2:.12g} {jensenshannon(p, q) ** 2:.12g} {stats.entropy(p, q):.12g}")


if __name__ == "__main__":
    main()
