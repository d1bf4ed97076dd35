#!/usr/bin/env python3
"""Makes resize_golden.json: digests of what Pillow 13.0.0 makes of a pattern, for many sizes.

    pip install pillow==13.0.0 && python3 resize_golden.py > resize_golden.json

The pattern is in resize_golden.rs too: sample i of the picture is the upper byte of a 32-bit
linear congruential generator (state * 1664525 + 1013904223) seeded with width * 65536 + height.
"""

import hashlib
import json

import PIL
from PIL import Image

assert PIL.__version__ == "13.0.0", PIL.__version__

FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


def pattern(width, height):
    state, out = (width * 65536 + height) & 0xFFFFFFFF, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(out))


def cases():
    # What Resize makes of photographs, and both sides of each rule for the order of the passes.
    for size in [(500, 375), (375, 500), (320, 640), (320, 641), (321, 640), (100, 150), (640, 427), (257, 700)]:
        short = min(size)
        yield size, tuple(256 if s == short else int(256 * s / short) for s in size)
    yield (100, 150), (64, 64)
    for width in (60, 61, 64, 68):
        for height in range(72, 92):
            yield (width, height), (60, 64)
    # Enlarged, one axis only, nothing, extremes.
    yield from [
        ((31, 17), (58, 32)), ((17, 31), (32, 58)), ((40, 40), (40, 40)), ((40, 50), (40, 20)),
        ((50, 40), (20, 40)), ((40, 20), (40, 50)), ((1, 1), (8, 8)), ((1, 9), (5, 45)), ((2, 300), (7, 5)),
        ((300, 2), (5, 7)), ((900, 3), (1, 1)), ((3, 900), (1, 1)), ((700, 600), (9, 8)), ((64, 64), (63, 65)),
    ]


def main():
    out, pictures = [], {}
    for size, to in cases():
        picture = pictures.setdefault(size, pattern(*size))
        for name in FILTERS:
            result = picture.resize(to, Image.Resampling[name.upper()])
            digest = hashlib.sha256(result.tobytes()).hexdigest()[:16]
            out.append([*size, *to, name, digest])
    print("[\n" + ",\n".join(json.dumps(row) for row in out) + "\n]")


main()
