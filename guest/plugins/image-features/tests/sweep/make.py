#!/usr/bin/env python3
"""Draws the pictures of this folder, one of each kind of file, and writes reference.json: what Pillow makes of each.

    pip install -r requirements.txt
    python make.py            # draws the pictures again and writes reference.json
    python make.py --check    # draws nothing; fails where the files no longer give what reference.json says

reference.json holds for each file the mode that Pillow opens it in, its size, and the digest (SHA-256) of the pixels of
`Image.open(file).convert("RGB")`.
"""

import argparse
import hashlib
import io
import json
import pathlib
import struct
import sys
import zlib

import PIL
from PIL import Image

from writers import bmp, gif, icon, packbits, packed, png, pnm, reversed_bits, tga, tiff

FOLDER = pathlib.Path(__file__).resolve().parent
W, H = 21, 13


def channel(x, y, which, bits):
    """Slopes across, down and aslant, a disc, and a mask: 0 to 2^bits - 1."""
    disc = (x - 7) ** 2 + (y - 6) ** 2 < 20
    slope = [x / (W - 1), y / (H - 1), (x + y) / (W + H - 2), ((x * 5 + y * 3) % 16) / 15][which]
    value = 1 - slope if disc and which < 3 else slope
    return round(value * ((1 << bits) - 1))


def rows(channels, bits):
    """Rows of pixels as tuples of samples; `channels` such as "rgb" or "ga"."""
    order = ["rgba".index(c) if c in "rgba" else 2 for c in channels]
    if channels[0] == "g" and len(channels) < 3:
        order[0] = 2
    return [[tuple(channel(x, y, c, bits) for c in order) for x in range(W)] for y in range(H)]


def indices(colours):
    return [[(x * 3 + y * 5) % colours for x in range(W)] for y in range(H)]


def colours(count):
    return [(i * 37 % 256, 255 - i * 3 % 256, i * 101 % 256) for i in range(count)]


def rgb():
    return Image.frombytes("RGB", (W, H), bytes(v for row in rows("rgb", 8) for pixel in row for v in pixel))


def rgba():
    return Image.frombytes("RGBA", (W, H), bytes(v for row in rows("rgba", 8) for pixel in row for v in pixel))


def saved(picture, kind, **how):
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def pngs():
    kinds = [(0, "g", [1, 2, 4, 8, 16]), (2, "rgb", [8, 16]), (4, "ga", [8, 16]), (6, "rgba", [8, 16])]
    for interlaced in (False, True):
        how = "-interlaced" if interlaced else ""
        for colour_type, channels, depths in kinds:
            for bits in depths:
                yield f"png-{channels}{bits}{how}.png", png(rows(channels, bits), colour_type, bits, interlaced)
        for bits in (1, 2, 4, 8):
            picture = [[(v,) for v in row] for row in indices(1 << bits)]
            table = bytes(v for c in colours(1 << bits) for v in c)
            yield f"png-palette{bits}{how}.png", png(picture, 3, bits, interlaced, [(b"PLTE", table)])
            alpha = [(b"PLTE", table), (b"tRNS", bytes(range(1 << bits))[:200])]
            yield f"png-palette{bits}-transparent{how}.png", png(picture, 3, bits, interlaced, alpha)
        for colour_type, channels, depths in kinds[:2]:
            for bits in depths:
                one = b"".join(struct.pack(">H", v) for v in rows(channels, bits)[3][4])
                chunks = [(b"tRNS", one)]
                yield f"png-{channels}{bits}-transparent{how}.png", png(rows(channels, bits), colour_type, bits, interlaced, chunks)
    table = bytes(v for c in colours(10) for v in c)
    picture = [[(v,) for v in row] for row in indices(16)]
    yield "png-palette4-short.png", png(picture, 3, 4, False, [(b"PLTE", table)])
    suggested = [(b"PLTE", bytes(range(30))), (b"bKGD", bytes(6)), (b"gAMA", struct.pack(">I", 45455))]
    yield "png-rgb8-suggested-palette.png", png(rows("rgb", 8), 2, 8, False, suggested)
    yield "png-animated.png", saved(rgb(), "PNG", save_all=True, append_images=[rgb().rotate(180)], duration=100)


def bmps():
    for bits in (1, 4, 8):
        count = 1 << bits
        for header in (12, 40, 64, 108, 124):
            if bits == 4 or header in (12, 40):
                yield f"bmp-palette{bits}-{header}.bmp", bmp(indices(count), bits, header=header, colours=colours(count))
    yield "bmp-palette8-short.bmp", bmp(indices(20), 8, colours=colours(20))
    yield "bmp-palette8-grey.bmp", bmp(indices(256), 8, colours=[(i, i, i) for i in range(256)])
    yield "bmp-palette1-grey.bmp", bmp(indices(2), 1, colours=[(0, 0, 0), (255, 255, 255)])
    yield "bmp-palette1-white-first.bmp", bmp(indices(2), 1, colours=[(255, 255, 255), (0, 0, 0)])
    yield "bmp-palette4-top-down.bmp", bmp(indices(16), 4, colours=colours(16), top_down=True)
    five = [[r << 10 | g << 5 | b for r, g, b in row] for row in rows("rgb", 5)]
    yield "bmp-555.bmp", bmp(five, 16)
    yield "bmp-555-fields.bmp", bmp(five, 16, compression=3, masks=[0x7C00, 0x3E0, 0x1F])
    six = [[r << 11 | g << 6 | b for r, g, b in row] for row in rows("rgb", 5)]
    yield "bmp-565-fields.bmp", bmp(six, 16, compression=3, masks=[0xF800, 0x7E0, 0x1F])
    yield "bmp-565-fields-v4.bmp", bmp(six, 16, header=108, compression=3, masks=[0xF800, 0x7E0, 0x1F, 0])
    eight = [[r << 16 | g << 8 | b for r, g, b in row] for row in rows("rgb", 8)]
    yield "bmp-rgb.bmp", bmp(eight, 24)
    yield "bmp-rgb-core.bmp", bmp(eight, 24, header=12)
    yield "bmp-rgb-top-down.bmp", bmp(eight, 24, header=124, top_down=True)
    alpha = [[a << 24 | r << 16 | g << 8 | b for r, g, b, a in row] for row in rows("rgba", 8)]
    yield "bmp-rgbx.bmp", bmp(alpha, 32)
    masks = [0xFF0000, 0xFF00, 0xFF, 0xFF000000]
    yield "bmp-rgba-v4.bmp", bmp(alpha, 32, header=108, compression=3, masks=masks)
    yield "bmp-rgba-v5.bmp", bmp(alpha, 32, header=124, compression=3, masks=masks)
    yield "bmp-rgb-fields.bmp", bmp(alpha, 32, compression=3, masks=masks[:3])
    swapped = [[a << 24 | b << 16 | g << 8 | r for r, g, b, a in row] for row in rows("rgba", 8)]
    yield "bmp-bgra-v4.bmp", bmp(swapped, 32, header=108, compression=3, masks=[0xFF, 0xFF00, 0xFF0000, 0xFF000000])
    yield "bmp-rle8.bmp", bmp(indices(256), 8, compression=1, colours=colours(256), data=rle8())
    yield "bmp-rle4.bmp", bmp(indices(16), 4, compression=2, colours=colours(16), data=rle4())


def rle8():
    """Runs, literals of odd length, a jump, and the ends of rows and of the picture."""
    line = bytes([10, 7, 0, 5, 1, 2, 3, 4, 5, 0, 6, 9, 0, 0])
    jump = bytes([4, 200, 0, 2, 3, 0, 14, 33, 0, 0])
    return line * 6 + jump + line * 6 + b"\0\1"


def rle4():
    line = bytes([9, 0x4F, 0, 7, 0x12, 0x34, 0x56, 0x70, 5, 0x31, 0, 0])
    return line * 12 + bytes([21, 0x8A]) + b"\0\0\0\1"


def gifs():
    for count in (2, 4, 16, 256):
        yield f"gif-{count}.gif", gif(W, H, [(0, 0, indices(count), None, False, None)], colours=colours(count))
    whole = [(0, 0, indices(64), None, True, None)]
    yield "gif-interlaced.gif", gif(W, H, whole, colours=colours(64), version=b"87a")
    yield "gif-local-palette.gif", gif(W, H, [(0, 0, indices(32), colours(32), False, None)], colours=colours(2))
    yield "gif-no-palette.gif", gif(W, H, [(0, 0, indices(256), None, False, None)])
    yield "gif-grey.gif", gif(W, H, [(0, 0, indices(256), None, False, None)], colours=[(i, i, i) for i in range(256)])
    part = [row[:9] for row in indices(16)[:7]]
    yield "gif-offset.gif", gif(W, H, [(5, 4, part, None, False, None)], colours=colours(16), background=3)
    yield "gif-offset-transparent.gif", gif(W, H, [(5, 4, part, None, True, 7)], colours=colours(16), background=3)
    yield "gif-beyond-screen.gif", gif(W, H, [(17, 9, part, None, False, None)], colours=colours(16))


def webps():
    yield "webp-lossy.webp", saved(rgb(), "WEBP", quality=60)
    yield "webp-lossy-alpha.webp", saved(rgba(), "WEBP", quality=60, alpha_quality=50)
    yield "webp-lossless.webp", saved(rgb(), "WEBP", lossless=True)
    yield "webp-lossless-alpha.webp", saved(rgba(), "WEBP", lossless=True, exact=True)
    yield "webp-lossless-palette.webp", saved(rgb().quantize(5).convert("RGB"), "WEBP", lossless=True)
    frames = [rgba().rotate(180)]
    yield "webp-animated-alpha.webp", saved(rgba(), "WEBP", save_all=True, append_images=frames, lossless=True)


def jpegs():
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            how = "-progressive" if progressive else ""
            picture = saved(rgb(), "JPEG", quality=85, subsampling=sampling, progressive=progressive)
            yield f"jpeg-{sampling.replace(':', '')}{how}.jpg", picture
    yield "jpeg-grey.jpg", saved(rgb().convert("L"), "JPEG", quality=85)
    yield "jpeg-cmyk.jpg", saved(rgb().convert("CMYK"), "JPEG", quality=85)
    yield "jpeg-cmyk-420.jpg", saved(rgb().convert("CMYK"), "JPEG", quality=85, subsampling="4:2:0")
    yield "jpeg-cmyk-progressive.jpg", saved(rgb().convert("CMYK"), "JPEG", quality=85, progressive=True)
    yield "jpeg-rgb.jpg", saved(rgb(), "JPEG", quality=85, keep_rgb=True)
    yield "jpeg-restarts.jpg", saved(rgb(), "JPEG", quality=85, restart_marker_rows=1)


def pnms():
    bits = packed_rows(rows("g", 1), 1)
    text = "\n".join(" ".join(str(v) for (v,) in row) for row in rows("g", 1)).encode()
    yield "pnm-bitmap.pbm", pnm(b"P4", W, H, bits)
    yield "pnm-bitmap-plain.pbm", pnm(b"P1", W, H, text, comment=b"# drawn\n")
    dense = "".join(str(v) for row in rows("g", 1) for (v,) in row).encode()
    yield "pnm-bitmap-plain-dense.pbm", pnm(b"P1", W, H, dense)
    for name, magic, plain, channels in (("grey", b"P5", b"P2", "g"), ("rgb", b"P6", b"P3", "rgb")):
        suffix = "ppm" if name == "rgb" else "pgm"
        for maxval in (1, 100, 255, 256, 1000, 65535):
            values = [[tuple(v * maxval // 65535 for v in pixel) for pixel in row] for row in rows(channels, 16)]
            size = 8 if maxval < 256 else 16
            yield f"pnm-{name}{maxval}.{suffix}", pnm(magic, W, H, packed_rows(values, size), maxval)
            text = "\n".join(" ".join(str(v) for pixel in row for v in pixel) for row in values).encode()
            yield f"pnm-{name}{maxval}-plain.{suffix}", pnm(plain, W, H, text + b"\n", maxval, comment=b"# one\n# two\n")
    beyond = packed_rows([[(v * 2,) for (v,) in row] for row in rows("g", 7)], 8)
    yield "pnm-grey100-beyond.pgm", pnm(b"P5", W, H, beyond, 100)
    floats = [x * 13.7 - y * 4.3 for y in range(H) for x in range(W)]
    yield "pnm-float.pfm", pnm(b"Pf", W, H, struct.pack(f"<{W * H}f", *floats), -1.0)
    yield "pnm-float-big-endian.pfm", pnm(b"Pf", W, H, struct.pack(f">{W * H}f", *floats), 1.0)
    cmyk = rgb().convert("CMYK").tobytes()
    yield "pnm-cmyk.ppm", pnm(b"P0CMYK", W, H, cmyk, 255)


def packed_rows(pixels, bits):
    return b"".join(packed([v for pixel in row for v in pixel], bits) for row in pixels)


def tgas():
    def little(value, size):
        return value.to_bytes(size, "little")

    five = [[little(a << 15 | r << 10 | g << 5 | b, 2) for (r, g, b), (a,) in zip(c, m)] for c, m in zip(rows("rgb", 5), rows("a", 1))]
    kinds = {
        "grey": (3, 8, [[bytes(p) for p in row] for row in rows("g", 8)]),
        "grey-alpha": (3, 16, [[bytes(p) for p in row] for row in rows("ga", 8)]),
        "555": (2, 16, five),
        "rgb": (2, 24, [[bytes([b, g, r]) for r, g, b in row] for row in rows("rgb", 8)]),
        "rgba": (2, 32, [[bytes([b, g, r, a]) for r, g, b, a in row] for row in rows("rgba", 8)]),
    }
    for name, (kind, bits, pixels) in kinds.items():
        yield f"tga-{name}.tga", tga(pixels, kind, bits)
        flat = [[pixel if x % 7 < 3 else row[0] for x, pixel in enumerate(row)] for row in pixels]
        yield f"tga-{name}-rle.tga", tga(flat, kind + 8, bits)
    for name, origin in (("bottom", 0), ("right", 0x30), ("bottom-right", 0x10)):
        yield f"tga-rgb-{name}.tga", tga(kinds["rgb"][2], 2, 24, origin=origin, label=b"drawn")
        yield f"tga-rgb-{name}-rle.tga", tga(kinds["rgb"][2], 10, 24, origin=origin)
    picture = [[bytes([v]) for v in row] for row in indices(40)]
    tables = {
        16: [little((r >> 3) << 10 | (g >> 3) << 5 | b >> 3, 2) for r, g, b in colours(40)],
        24: [bytes([b, g, r]) for r, g, b in colours(40)],
        32: [bytes([b, g, r, i * 6]) for i, (r, g, b) in enumerate(colours(40))],
    }
    for bits, table in tables.items():
        yield f"tga-palette-{bits}.tga", tga(picture, 1, 8, colours=table, colour_bits=bits)
    yield "tga-palette-rle.tga", tga(picture, 9, 8, colours=tables[24])
    shifted = [[bytes([v[0] + 10]) for v in row] for row in picture]
    yield "tga-palette-from-10.tga", tga(shifted, 1, 8, colours=tables[24], first=10)
    bilevel = [[packed([v for pixel in row for v in pixel], 1) for row in rows("g", 1)]]
    yield "tga-bilevel.tga", tga(kinds["grey"][2], 3, 8)[:12] + struct.pack("<HHBB", W, H, 1, 0x20) + b"".join(bilevel[0])


def icons():
    small = [row[:16] for row in indices(16)] + indices(16)[:3]

    def picture(bits, values, table=(), header=40):
        mask = b"".join(packed([(x + y) % 5 == 0 for x in range(16)] + [0] * 16, 1) for y in range(16))
        # The height of a picture and its mask.
        dib = bytearray(bmp(values, bits, header=header, colours=table, file=False))
        dib[8:12] = struct.pack("<i", 32)
        return bytes(dib) + mask

    deep = [[r << 16 | g << 8 | b for r, g, b in row[:16]] for row in (rows("rgb", 8) + rows("rgb", 8))[:16]]
    deepest = [[a << 24 | r << 16 | g << 8 | b for r, g, b, a in row[:16]] for row in (rows("rgba", 8) + rows("rgba", 8))[:16]]
    two = [[v % 2 for v in row] for row in small]
    pictures = {1: (two, colours(2)), 4: (small, colours(16)), 8: (small, colours(256)), 24: (deep, ()), 32: (deepest, ())}
    for bits, (values, table) in pictures.items():
        body = picture(bits, values, table)
        yield f"ico-{bits}.ico", icon([(16, 16, bits, len(table) % 256, body)])
        yield f"cur-{bits}.cur", icon([(16, 16, bits, len(table) % 256, body)], kind=2)
    inside = saved(rgba(), "PNG")
    yield "ico-png.ico", icon([(W, H, 32, 0, inside)])
    yield "ico-png-palette.ico", icon([(W, H, 8, 0, saved(rgb().quantize(30), "PNG"))])
    few, many = picture(4, small, colours(16)), picture(24, deep)
    yield "ico-several.ico", icon([(16, 16, 4, 16, few), (W, H, 32, 0, inside), (16, 16, 24, 0, many)])
    yield "ico-several-depths.ico", icon([(16, 16, 24, 0, many), (16, 16, 4, 16, few)])
    yield "cur-several.cur", icon([(16, 16, 4, 16, few), (16, 16, 24, 0, many)], kind=2)


def qois():
    yield "qoi-rgb.qoi", saved(rgb(), "QOI")
    yield "qoi-rgba.qoi", saved(rgba(), "QOI")
    yield "qoi-flat.qoi", saved(rgb().quantize(6).convert("RGB"), "QOI")
    pixel = b"qoif" + struct.pack(">IIBB", 3, 2, 3, 0)
    yield "qoi-index-first.qoi", pixel + bytes([0x05, 0xC1, 0xFE, 9, 8, 7, 0x6A, 0xA5, 0x47]) + b"\0" * 7 + b"\1"


def tiffs():
    base = {258: (3, [8]), 259: (3, [1]), 277: (3, [1]), 278: (4, [H])}

    def grey(bits, values, photometric=1, **more):
        tags = {**base, 258: (3, [bits]), 262: (3, [photometric])}
        return tiff(W, H, tags, [values], **more)

    for order, name in (("<", ""), (">", "-big-endian")):
        for bits in (1, 2, 4, 8):
            data = packed_rows(rows("g", bits), bits)
            yield f"tiff-grey{bits}{name}.tif", grey(bits, data, order=order)
            yield f"tiff-grey{bits}-white-is-zero{name}.tif", grey(bits, data, 0, order=order)
            table = colours(1 << bits)
            tags = {**base, 258: (3, [bits]), 262: (3, [3]), 320: (3, [c[i] * 257 for i in range(3) for c in table])}
            values = packed_rows([[(v,) for v in row] for row in indices(1 << bits)], bits)
            yield f"tiff-palette{bits}{name}.tif", tiff(W, H, tags, [values], order=order)
        sixteen = b"".join(struct.pack(order + "H", v) for row in rows("g", 9) for (v,) in row)
        yield f"tiff-grey16{name}.tif", grey(16, sixteen, order=order)
        deep = b"".join(struct.pack(order + "H", v) for row in rows("rgb", 16) for p in row for v in p)
        tags = {**base, 258: (3, [16] * 3), 277: (3, [3]), 262: (3, [2])}
        yield f"tiff-rgb16{name}.tif", tiff(W, H, tags, [deep], order=order)
        deep = b"".join(struct.pack(order + "H", v) for row in rows("rgba", 16) for p in row for v in p)
        tags = {**base, 258: (3, [16] * 4), 277: (3, [4]), 262: (3, [2]), 338: (3, [2])}
        yield f"tiff-rgba16{name}.tif", tiff(W, H, tags, [deep], order=order)
        floats = struct.pack(f"{order}{W * H}f", *[x * 13.7 - y * 4.3 for y in range(H) for x in range(W)])
        tags = {**base, 258: (3, [32]), 262: (3, [1]), 339: (3, [3])}
        yield f"tiff-float{name}.tif", tiff(W, H, tags, [floats], order=order)
        signed = struct.pack(f"{order}{W * H}i", *[x * 17 - y * 9 for y in range(H) for x in range(W)])
        yield f"tiff-signed32{name}.tif", tiff(W, H, {**tags, 339: (3, [2])}, [signed], order=order)
        # Pillow reads no others.
        if order == "<":
            yield "tiff-unsigned32.tif", tiff(W, H, {**tags, 339: (3, [1])}, [signed])
        signed = struct.pack(f"{order}{W * H}h", *[x * 17 - y * 9 for y in range(H) for x in range(W)])
        yield f"tiff-signed16{name}.tif", tiff(W, H, {**tags, 258: (3, [16]), 339: (3, [2])}, [signed], order=order)

    three = {**base, 258: (3, [8] * 3), 277: (3, [3]), 262: (3, [2])}
    four = {**three, 258: (3, [8] * 4), 277: (3, [4])}
    data, alpha = rgb().tobytes(), rgba().tobytes()
    yield "tiff-rgb.tif", tiff(W, H, three, [data])
    for name, extra in (("", 2), ("-premultiplied", 1), ("-unspecified", 0)):
        yield f"tiff-rgba{name}.tif", tiff(W, H, {**four, 338: (3, [extra])}, [alpha])
    yield "tiff-cmyk.tif", tiff(W, H, {**four, 262: (3, [5])}, [rgb().convert("CMYK").tobytes()])
    two = {**base, 258: (3, [8] * 2), 277: (3, [2]), 262: (3, [1]), 338: (3, [2])}
    yield "tiff-grey-alpha.tif", tiff(W, H, two, [rgba().convert("LA").tobytes()])
    planes = [bytes(data[i::3]) for i in range(3)]
    yield "tiff-planes.tif", tiff(W, H, {**three, 284: (3, [2])}, planes)
    planes = [bytes(alpha[i::4]) for i in range(4)]
    yield "tiff-planes-alpha.tif", tiff(W, H, {**four, 284: (3, [2]), 338: (3, [2])}, planes)
    strips = [data[i : i + W * 3 * 4] for i in range(0, len(data), W * 3 * 4)]
    yield "tiff-strips.tif", tiff(W, H, {**three, 278: (4, [4])}, strips)
    yield "tiff-strips-packbits.tif", tiff(W, H, {**three, 278: (4, [4]), 259: (3, [32773])}, [packbits(s) for s in strips])
    yield "tiff-strips-deflate.tif", tiff(W, H, {**three, 278: (4, [4]), 259: (3, [8])}, [zlib.compress(s) for s in strips])
    yield "tiff-strips-old-deflate.tif", tiff(W, H, {**three, 278: (4, [4]), 259: (3, [32946])}, [zlib.compress(s) for s in strips])
    for compression, code in (("", 1), ("-deflate", 8)):
        tiles = []
        for top in (0, 16):
            for left in (0, 16):
                if top < H:
                    tile = rgb().crop((left, top, left + 16, top + 16)).tobytes()
                    tiles.append(zlib.compress(tile) if code == 8 else tile)
        tags = {k: v for k, v in three.items() if k != 278} | {322: (4, [16]), 323: (4, [16]), 259: (3, [code])}
        yield f"tiff-tiles{compression}.tif", tiff(W, H, tags, tiles, tiled=True)
    for bits in (1, 2, 4, 8):
        values = packed_rows(rows("g", bits), bits)
        tags = {**base, 258: (3, [bits]), 262: (3, [1]), 266: (3, [2])}
        yield f"tiff-grey{bits}-reversed-bits.tif", tiff(W, H, tags, [reversed_bits(values)])
        packed_values = packbits(values)
        yield f"tiff-grey{bits}-reversed-bits-packbits.tif", tiff(W, H, {**tags, 259: (3, [32773])}, [reversed_bits(packed_values)])
    sixteen = b"".join(struct.pack("<H", v) for row in rows("g", 9) for (v,) in row)
    tags = {**base, 258: (3, [16]), 262: (3, [1]), 266: (3, [2])}
    yield "tiff-grey16-reversed-bits.tif", tiff(W, H, tags, [reversed_bits(sixteen)])
    for how in ("group4", "tiff_lzw"):
        picture = saved(rgb().convert("1"), "TIFF", compression=how, tiffinfo={266: 2})
        yield f"tiff-pillow-{how.replace('tiff_', '')}-reversed-bits.tif", picture
    yield "tiff-rgb-reversed-bits.tif", tiff(W, H, {**three, 266: (3, [2])}, [reversed_bits(data)])
    yield "tiff-rgb-reversed-bits-deflate.tif", tiff(W, H, {**three, 266: (3, [2]), 259: (3, [8])}, [reversed_bits(zlib.compress(data))])
    yield "tiff-orientation-6.tif", tiff(W, H, {**three, 274: (3, [6])}, [data])
    lab = rgb().convert("YCbCr")
    yield "tiff-ycbcr.tif", tiff(W, H, {**three, 262: (3, [6]), 530: (3, [1, 1])}, [lab.tobytes()])
    yield "tiff-lab.tif", tiff(W, H, {**three, 262: (3, [8])}, [data])
    twelve = packed_rows(rows("g", 12), 12)
    yield "tiff-grey12.tif", grey(12, twelve)
    for how in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "lzma", "zstd"):
        name = how.replace("tiff_", "")
        yield f"tiff-pillow-{name}.tif", saved(rgb(), "TIFF", compression=how)
        yield f"tiff-pillow-{name}-grey.tif", saved(rgb().convert("L"), "TIFF", compression=how)
    yield "tiff-pillow-jpeg-cmyk.tif", saved(rgb().convert("CMYK"), "TIFF", compression="jpeg")
    for how in ("group3", "group4", "tiff_ccitt", "packbits", "tiff_lzw"):
        name = how.replace("tiff_", "")
        yield f"tiff-pillow-{name}-bilevel.tif", saved(rgb().convert("1"), "TIFF", compression=how)
    for how in ("tiff_lzw", "tiff_deflate"):
        for mode in ("RGB", "RGBA", "L"):
            picture = rgba().convert(mode)
            yield f"tiff-predictor-{how[5:]}-{mode.lower()}.tif", saved(picture, "TIFF", compression=how, tiffinfo={317: 2})


def pictures():
    for group in (pngs, bmps, gifs, webps, jpegs, pnms, tgas, icons, qois, tiffs):
        yield from group()


def reference(files):
    facts = {}
    for name, data in sorted(files.items()):
        picture = Image.open(io.BytesIO(data))
        mode = picture.mode
        pixels = picture.convert("RGB")
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        facts[name] = {"mode": mode, "width": pixels.width, "height": pixels.height, "rgb_sha256": digest}
    return {"made_with": {"pillow": PIL.__version__}, "files": facts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="draw and write nothing; compare with reference.json")
    check = parser.parse_args().check
    place = FOLDER / "reference.json"
    if check:
        then = json.loads(place.read_text())
        now = reference({name: (FOLDER / "files" / name).read_bytes() for name in then["files"]})
        wrong = [name for name in now["files"] if now["files"][name] != then["files"][name]]
        sys.exit(f"these files differ: {', '.join(wrong)}" if wrong else 0)
    (FOLDER / "files").mkdir(exist_ok=True)
    for old in (FOLDER / "files").iterdir():
        old.unlink()
    files = dict(pictures())
    for name, data in files.items():
        (FOLDER / "files" / name).write_bytes(data)
    place.write_text(json.dumps(reference(files), indent=1) + "\n")


if __name__ == "__main__":
    main()
