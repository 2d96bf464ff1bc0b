#!/usr/bin/env python3
"""Prints the numbers of assignment_test.cpp: scipy.optimize.linear_sum_assignment on made costs.

    python3 tests/core/make_assignment.py        needs scipy
"""

import numpy
from scipy.optimize import linear_sum_assignment


def made(rows, columns):
    i, j = numpy.ogrid[:rows, :columns]
    return ((i * i * 37 + j * j * 11 + i * j * 101 + 13 * i) % 997) / 16 - 20.0


for rows, columns in [(1, 1), (8, 8), (12, 12), (40, 40), (7, 15), (15, 7)]:
    cost = made(rows, columns)
    row, column = linear_sum_assignment(cost)
    print(rows, columns, cost[row, column].sum(), list(column) if rows <= 12 else "")
