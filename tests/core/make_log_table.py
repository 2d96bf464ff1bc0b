#!/usr/bin/env python3
"""Prints the numbers of log_parts() in include/attnscope/core/simd/lanes.inc: the tables of 1 / c and log2 c, and the
polynomials that are nearest to log2(1 + r) / r, relatively, whose constant term is log2 e.

    python3 tests/core/make_log_table.py
"""
import numpy as np
from scipy.optimize import linprog


def table():
    """Within each thirty-second of 1 .. 2 its middle, but 1 and 2 at the ends, where logarithms vanish."""
    centres = 1 + (np.arange(32) + 0.5) / 32
    centres[0], centres[-1] = 1, 2
    inverses = np.float32(1 / centres)
    return inverses, np.float32(-np.log2(inverses.astype(float)) + 0.0)


def nearest(low, high, degree):
    """Coefficients, highest first, and the largest relative error, by linear programming."""
    r = np.linspace(low, high, 6001)
    r = r[np.abs(r) > 1e-7]
    constant = float(np.float32(np.log2(np.e)))
    rest = np.log2(1 + r) / r - constant
    powers = np.stack([r**k for k in range(1, degree + 1)], 1)
    scale, ones = 1e6, np.ones((len(r), 1))
    found = linprog([0] * degree + [1], A_ub=np.block([[powers * scale, -ones], [-powers * scale, -ones]]),
                    b_ub=np.concatenate([rest, -rest]) * scale, bounds=[(None, None)] * degree + [(0, None)])
    error = np.abs(powers @ found.x[:degree] - rest).max() / constant
    return [*found.x[:degree][::-1], constant], error


if __name__ == "__main__":
    for name, numbers in zip(("inverses", "logarithms"), table()):
        print(name, ", ".join(f"{x:.9g}" for x in numbers))
    for low, high, degree in ((-1 / 64, 1 / 32, 2), (-0.25, 0.5, 8)):
        coefficients, error = nearest(low, high, degree)
        print(f"{low} .. {high}:", ", ".join(f"{x:.9g}" for x in coefficients), f"within {error:.1e}")
