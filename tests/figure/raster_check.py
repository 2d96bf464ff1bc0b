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
# Every fifth colour of cividis, as published, and three more where it bends.
CIVIDIS = """
00224e002656002a5f002d68003070083370163770203a6f273e6e2e416d34456c3a486c3f4c6c
444f6c49536c4e566c535a6d575d6d5c616e60646f656870696b716d6f727272747676767a7a78
7e7d788381798885788d8878928c789690779b9476a09875a59c74aaa073afa471b5a86fbaac6d
bfb06bc4b468c9b965cfbd62d4c15fdac65bdfca57e5cf52ead34cf0d846f6dd3ffce236fee838
"""
CIVIDIS_BENDS = {23: "013271", 28: "123570", 252: "fee434"}
UNDEFINED = {"light": (170, 170, 170), "dark": (85, 85, 85)}
# Quadratic curves: where they start, bend and end.
BLUE = [(255, 255, 255), (85, 135, 210), (10, 30, 100)]
ARMS = {
    "blue_white_orange": (BLUE, [(255, 255, 255), (222, 118, 25), (68, 22, 0)]),
    "blue_black_orange": ([(22, 22, 26), (20, 90, 190), (150, 215, 255)], [(22, 22, 26), (150, 70, 10), (255, 200, 120)]),
}


def curve(points, t):
    # De Casteljau's construction, where the library has the polynomial.
    start, bend, end = np.array(points, float)
    t = t[:, None]
    return (1 - t) * ((1 - t) * start + t * bend) + t * ((1 - t) * bend + t * end)


def palette(name):
    """The 256 colours [level, channel]."""
    position = np.arange(256) / 255
    if name in ("viridis", "cividis"):
        published = np.frombuffer(bytes.fromhex(VIRIDIS if name == "viridis" else CIVIDIS), np.uint8).reshape(-1, 3)
        anchors = {5 * i: colour for i, colour in enumerate(published)}
        if name == "cividis":
            anchors |= {level: np.frombuffer(bytes.fromhex(code), np.uint8) for level, code in CIVIDIS_BENDS.items()}
        levels = sorted(anchors)
        channels = np.array([anchors[level] for level in levels]).T
        return np.stack([np.interp(np.arange(256), levels, channel) for channel in channels], axis=1)
    if name in ARMS:
        below, above = (curve(arm, np.arange(128) / 127) for arm in ARMS[name])
        return np.concatenate([below[::-1], above])
    return curve(BLUE, position)


def signed_root(x):
    return np.sign(x) * np.sqrt(np.abs(x))


def expected(matrix, palette="white_to_blue", high=None, scale="linear", theme="light", pool=1, view="heatmap", heads=1):
    """The colours [row, column, channel] of a matrix; of a grid those of its maps one below the other."""
    if view == "cross":
        matrix = matrix.reshape(heads, -1, matrix.shape[1]).mean(axis=0)
    if view == "patches":
        matrix = matrix.reshape(2, -1)
    signed = palette in ARMS
    defined = matrix[~np.isnan(matrix)]
    if high is None:
        high = (np.abs(defined) if signed else defined).max()
        high = high if high > 0 else 1
    low = -high if signed else 0
    if scale == "logarithmic":
        low = max(defined[defined > 0].min(), 1e-4 * high)
    if pool > 1:
        padded = np.full([-(-n // pool) * pool for n in matrix.shape], np.nan)
        padded[: matrix.shape[0], : matrix.shape[1]] = matrix
        squares = padded.reshape(padded.shape[0] // pool, pool, -1, pool).swapaxes(1, 2)
        squares = squares.reshape(*squares.shape[:2], -1)
        filled = np.where(np.isnan(squares), 0 if signed else -np.inf, squares)
        best = (np.abs(filled) if signed else filled).argmax(axis=-1)[..., None]
        matrix = np.take_along_axis(filled, best, -1)[..., 0]
        matrix = np.where(np.isnan(squares).all(axis=-1), np.nan, matrix)
    spread = {"linear": lambda x: x, "square_root": signed_root, "logarithmic": np.log}[scale]
    shown = np.clip(np.nan_to_num(matrix, nan=low), low, high)
    position = (spread(shown) - spread(low)) / (spread(high) - spread(low))
    shades = 51 if view == "model" else 255
    level = np.floor(shades * position + 0.5).astype(int) * (255 // shades)
    colours = np.round(globals()["palette"](palette)[level])
    colours[np.isnan(matrix)] = UNDEFINED[theme]
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


def draw(program, folder, matrix, options):
    raw, svg = folder / "matrix.raw", folder / "figure.svg"
    raw.write_bytes(np.array(matrix.shape, "<i8").tobytes() + matrix.astype("<f8").tobytes())
    subprocess.run([program, raw, svg] + [f"{key}={value}" for key, value in options.items()], check=True)
    return svg


def rasterised(svg, zoom):
    return read_png(subprocess.run(["rsvg-convert", "--zoom", str(zoom), svg], check=True, capture_output=True).stdout)


def groups_of_cells(svg):
    """Left, top, and the width and height of a cell, of each map and of the colour bar."""
    groups = ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}g")
    return [[float(n) for n in re.findall(r"[\d.]+", g.get("transform"))] for g in groups if "shape-rendering" in g.attrib]


def map_pixels(svg, rows, columns, zoom, heads):
    """The pixels of the maps alone [row, y, column, x, channel], one below the other."""
    pixels = rasterised(svg, zoom)
    maps = []
    for group in groups_of_cells(svg)[:heads]:
        left, top, width, height = (int(zoom * number) for number in group)
        part = pixels[top : top + rows * height, left : left + columns * width, :3]
        maps.append(part.reshape(rows, height, columns, width, 3).astype(float))
    return np.concatenate(maps)


def check(program, folder, title, matrix, zoom=1, **options):
    colours = expected(matrix, **options)
    svg = draw(program, folder, matrix, options)
    maps = options.get("heads", 1) if options.get("view") == "grid" else 1
    pixels = map_pixels(svg, colours.shape[0] // maps, colours.shape[1], zoom, maps)
    if options.get("view") == "metric":  # its cells have numbers in their middle
        pixels = pixels[:, : 4 * zoom, :, : 4 * zoom]
    wrong = np.abs(pixels - colours[:, None, :, None, :]).max(axis=(1, 3, 4))
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    verdict = "ok" if wrong.max() <= 1 else f"FAILED at row {row}, column {column}"
    print(f"{title}, {options}, zoom {zoom}: off by {wrong.max():.0f}: {verdict}", flush=True)
    return verdict == "ok"


def check_rows_touch(program, folder, size, zoom):
    """No pixel of the background shows between rows of cells that end within pixels."""
    svg = draw(program, folder, np.linspace(0.5, 1, 64).reshape(64, 1), {"cell_size": size})
    left, top, width, height = groups_of_cells(svg)[0]
    pixels = rasterised(svg, zoom)[int(top * zoom) + 1 : int((top + 64 * height) * zoom) - 1, int((left + width / 2) * zoom), :3]
    gaps = int((pixels == 255).all(axis=1).sum())
    print(f"rows of {size} px, zoom {zoom}: {gaps} gaps: {'FAILED' if gaps else 'ok'}", flush=True)
    return gaps == 0


# Size and zoom: without an overlap rsvg-convert leaves a row of the background in each.
ROWS_THAT_END_WITHIN_PIXELS = [(3.5605, 2), (4.1229, 2), (5.0368, 2), (4.3338, 1.25)]


def causal_softmax(random, size, spread):
    weights = np.tril(np.exp(random.normal(0, spread, (size, size))))
    return weights / weights.sum(axis=1, keepdims=True)


def main(program):
    random = np.random.default_rng(1)
    undefined = random.random((9, 14))
    undefined[random.random(undefined.shape) < 0.2] = np.nan
    signed = random.normal(0, 1, (16, 24))
    signed[2, 3:9] = np.nan
    cases = [
        ("ramp", np.arange(256.0).reshape(4, 64), 2, {}),
        ("13 x 13", causal_softmax(random, 13, 1), 3, {}),
        ("7 x 31", random.random((7, 31)), 2, {}),
        ("undefined cells", undefined, 2, {}),
        ("clipped", random.random((20, 20)), 1, {"high": 0.3}),
        ("zeros", np.zeros((3, 5)), 1, {}),
        ("one cell", np.full((1, 1), 0.25), 4, {}),
        ("512 x 512", causal_softmax(random, 512, 1), 1, {}),
        ("512 x 512 in all levels", causal_softmax(random, 512, 1), 1, {"high": 0.01}),
        ("square root", causal_softmax(random, 40, 2), 1, {"scale": "square_root"}),
        ("logarithm", causal_softmax(random, 40, 2), 1, {"scale": "logarithmic"}),
        ("pooled", causal_softmax(random, 50, 2), 1, {"pool": 4}),
        ("pooled, undefined cells", undefined, 2, {"pool": 2, "theme": "dark"}),
        ("grid", undefined, 2, {"view": "grid", "heads": 3}),
        ("cross-attention", undefined, 2, {"view": "cross", "heads": 3}),
        ("metric map", undefined, 2, {"view": "metric"}),
        ("patches", random.random((1, 26)), 1, {"view": "patches"}),
        ("model view", causal_softmax(random, 34, 2), 1, {"view": "model", "scale": "square_root"}),
    ]
    diverging = [
        ("signed", signed, 2, {"palette": "blue_white_orange"}),
        ("signed, root", signed, 1, {"palette": "blue_white_orange", "scale": "square_root"}),
        ("signed, pooled", signed, 1, {"palette": "blue_white_orange", "pool": 3}),
        ("signed, dark", signed, 1, {"palette": "blue_black_orange", "theme": "dark"}),
    ]
    with tempfile.TemporaryDirectory() as folder:
        tell = lambda title, matrix, zoom, options: check(program, pathlib.Path(folder), title, matrix, zoom, **options)
        good = [
            tell(title, matrix, zoom, {"palette": name, **options})
            for title, matrix, zoom, options in cases
            for name in ("white_to_blue", "viridis", "cividis")
        ]
        good += [tell(*case) for case in diverging]
        good += [check_rows_touch(program, pathlib.Path(folder), *case) for case in ROWS_THAT_END_WITHIN_PIXELS]
    print(f"{good.count(True)} passed, {good.count(False)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
