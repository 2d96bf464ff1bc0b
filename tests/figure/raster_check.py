#!/usr/bin/env python3
"""raster_check.py PROGRAM: what rsvg-convert makes of the figures of PROGRAM (render_example), pixel by pixel,
against colours computed here from the matrix alone. Needs numpy and rsvg-convert; exits 1 where a cell is more
than one grey level off."""
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

# Every fifth colour of viridis, as published; linear in between within one grey level.
VIRIDIS = """
44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a
3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d
20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac864
65cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725
"""
UNDEFINED = (170, 170, 170)


def palette(name):
    """The 256 colours [level, channel]."""
    position = np.arange(256) / 255
    if name == "viridis":
        anchors = np.frombuffer(bytes.fromhex(VIRIDIS), np.uint8).reshape(-1, 3)
        places = np.linspace(0, 1, len(anchors))
        return np.stack([np.interp(position, places, channel) for channel in anchors.T], axis=1)
    # De Casteljau's construction of the curve, where the library has the polynomial.
    white, middle, dark = np.array([[255, 255, 255], [85, 135, 210], [10, 30, 100]], float)
    t = position[:, None]
    return (1 - t) * ((1 - t) * white + t * middle) + t * ((1 - t) * middle + t * dark)


def expected(matrix, name, high):
    """The colours [row, column, channel] of a matrix on the scale from 0 to `high`."""
    high = np.nanmax(matrix) if high is None else high
    position = np.clip(matrix / (high if high > 0 else 1), 0, 1)
    level = np.floor(255 * np.nan_to_num(position) + 0.5).astype(int)
    colours = np.round(palette(name)[level])
    colours[np.isnan(matrix)] = UNDEFINED
    return colours


def read_png(data):
    """The pixels [y, x, channel] of a PNG of 8 bits a channel, without interlacing."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", chunk)
            channels = {2: 3, 6: 4}[colour]
            assert depth == 8 and interlace == 0
        elif kind == b"IDAT":
            packed += chunk
        at += length + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    pixels = np.zeros((height, width * channels), np.uint8)
    above = np.zeros(width * channels, np.uint8)
    for y, line in enumerate(lines):
        pixels[y] = above = unfilter(line[0], line[1:], above, channels)
    return pixels.reshape(height, width, channels)


def unfilter(kind, line, above, channels):
    if kind == 0:
        return line
    if kind == 1:  # the difference to the left
        return np.cumsum(line.reshape(-1, channels), axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:  # the difference to the line above
        return line + above
    out = [0] * channels + line.tolist()
    up = [0] * channels + above.tolist()
    for i in range(channels, len(out)):
        left, corner = out[i - channels], up[i - channels]
        if kind == 3:
            guess = (left + up[i]) // 2
        else:  # Paeth: whichever neighbour is nearest to left + up - corner
            target = left + up[i] - corner
            guess = min((left, up[i], corner), key=lambda value: abs(target - value))
        out[i] = (out[i] + guess) & 255
    return np.array(out[channels:], np.uint8)


def draw(program, folder, matrix, name, high):
    raw, svg = folder / "matrix.raw", folder / "figure.svg"
    raw.write_bytes(np.array(matrix.shape, "<i8").tobytes() + matrix.astype("<f8").tobytes())
    subprocess.run([program, raw, svg, name] + ([] if high is None else [str(high)]), check=True)
    return svg


def map_pixels(svg, rows, columns, zoom):
    """The pixels of the map alone [row, y, column, x, channel]: it is the first group of cells."""
    group = next(g for g in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}g") if "transform" in g.attrib)
    left, top, width, height = (zoom * float(n) for n in re.findall(r"[\d.]+", group.get("transform")))
    png = subprocess.run(["rsvg-convert", "--zoom", str(zoom), svg], check=True, capture_output=True).stdout
    pixels = read_png(png)
    corner = [int(top), int(left)]
    size = [int(rows * height), int(columns * width)]
    part = pixels[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1], :3]
    return part.reshape(rows, int(height), columns, int(width), 3).astype(float)


def check(program, folder, title, matrix, name, high=None, zoom=1):
    pixels = map_pixels(draw(program, folder, matrix, name, high), *matrix.shape, zoom)
    wrong = np.abs(pixels - expected(matrix, name, high)[:, None, :, None, :]).max(axis=(1, 3, 4))
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    verdict = "ok" if wrong.max() <= 1 else f"FAILED at row {row}, column {column}"
    print(f"{title}, {name}, zoom {zoom}: off by {wrong.max():.0f}: {verdict}", flush=True)
    return wrong.max() <= 1


def causal_softmax(random, size, spread):
    weights = np.tril(np.exp(random.normal(0, spread, (size, size))))
    return weights / weights.sum(axis=1, keepdims=True)


def main(program):
    random = np.random.default_rng(1)
    undefined = random.random((9, 14))
    undefined[random.random(undefined.shape) < 0.2] = np.nan
    cases = [
        ("ramp", np.arange(256.0).reshape(4, 64), None, 2),
        ("13 x 13", causal_softmax(random, 13, 1), None, 3),
        ("7 x 31", random.random((7, 31)), None, 2),
        ("undefined cells", undefined, None, 2),
        ("clipped", random.random((20, 20)), 0.3, 1),
        ("zeros", np.zeros((3, 5)), None, 1),
        ("one cell", np.full((1, 1), 0.25), None, 4),
        ("512 x 512", causal_softmax(random, 512, 1), None, 1),
        ("512 x 512 in all levels", causal_softmax(random, 512, 1), 0.01, 1),
    ]
    with tempfile.TemporaryDirectory() as folder:
        good = [
            check(program, pathlib.Path(folder), title, matrix, name, high, zoom)
            for title, matrix, high, zoom in cases
            for name in ("white_to_blue", "viridis")
        ]
    print(f"{good.count(True)} passed, {good.count(False)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
