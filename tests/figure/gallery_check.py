#!/usr/bin/env python3
"""gallery_check.py FOLDER: every SVG of a folder is XML to a parser that is not ours, and rsvg-convert makes a PDF
of one page and a picture of its size of it. Exits 1 where one is not."""
import pathlib
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree


def converted(path, kind):
    return subprocess.run(["rsvg-convert", "-f", kind, path], check=True, capture_output=True).stdout


def wrong_with(path):
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        return f"no XML: {error}"
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        return f"no SVG: {root.tag}"
    ids = [child.tag.split("}")[1] for child in root[:2]]
    if ids != ["title", "desc"]:
        return f"starts with {ids}"
    try:
        pdf, png = converted(path, "pdf"), converted(path, "png")
    except subprocess.CalledProcessError as error:
        return error.stderr.decode()
    if not pdf.startswith(b"%PDF") or len(re.findall(rb"/Type /Page\b", pdf)) != 1:
        return "no PDF of one page"
    size = struct.unpack(">II", png[16:24])
    if any(abs(pixels - float(root.get(side))) > 1 for pixels, side in zip(size, ("width", "height"))):
        return f"a picture of {size}"
    return ""


def main(folder):
    paths = sorted(pathlib.Path(folder).glob("*.svg"))
    good = 0
    for path in paths:
        wrong = wrong_with(path)
        good += not wrong
        print(f"{path.name}: {wrong or 'ok'}")
    print(f"{good} of {len(paths)} passed")
    return 0 if paths and good == len(paths) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
