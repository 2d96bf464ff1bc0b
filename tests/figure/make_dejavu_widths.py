#!/usr/bin/env python3
"""Writes data/dejavu_widths.txt: how far DejaVu Sans advances for each character that it has, in em.

    python3 tests/figure/make_dejavu_widths.py [DejaVuSans.ttf]

A line is a first code point (hex) and the advances of it and of those that follow it without a gap. Needs fontTools.
"""
import pathlib
import sys

from fontTools.ttLib import TTFont

path = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
font = TTFont(path)
advances = {code: font["hmtx"][name][0] / font["head"].unitsPerEm for code, name in font.getBestCmap().items()}

lines = []
for code in sorted(code for code in advances if code >= 0x20 and not 0xE000 <= code < 0xF900):
    if code - 1 not in advances or code % 32 == 0 or not lines:
        lines.append(f"{code:x}")
    lines[-1] += f" {advances[code]:.4g}"
target = pathlib.Path(__file__).parent / "data" / "dejavu_widths.txt"
target.write_text("\n".join(lines) + "\n")
