"""Writers of picture files, for the kinds that Pillow reads and does not write: Adam7, depths below eight bits, odd headers."""

import struct
import zlib


def packed(samples, bits):
    """A row of samples: most significant bit first, 16 bits big-endian, filled up to a byte."""
    if bits == 16:
        return b"".join(struct.pack(">H", v) for v in samples)
    if bits == 8:
        return bytes(samples)
    text = "".join(f"{v:0{bits}b}" for v in samples)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


ADAM7 = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]


def png(rows, colour_type, bits, interlaced=False, chunks=()):
    """`rows` of pixels, each a tuple of samples. All five filters take turns."""
    width, height = len(rows[0]), len(rows)
    distance = max(1, len(rows[0][0]) * bits // 8)
    data, turn = b"", 0
    for left, right, top, down in ADAM7 if interlaced else [(0, 1, 0, 1)]:
        above = None
        for row in rows[top::down]:
            line = packed([v for pixel in row[left::right] for v in pixel], bits)
            if not line:
                break
            data += bytes([turn % 5]) + filtered(line, above or bytes(len(line)), distance, turn % 5)
            above, turn = line, turn + 1
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )


def filtered(line, above, distance, filter):
    out = bytearray()
    for i, value in enumerate(line):
        left = line[i - distance] if i >= distance else 0
        corner = above[i - distance] if i >= distance else 0
        up = above[i]
        estimate = left + up - corner
        paeth = min([left, up, corner], key=lambda v: abs(estimate - v))
        out.append((value - [0, left, up, (left + up) // 2, paeth][filter]) % 256)
    return bytes(out)


def bmp(rows, bits, *, header=40, compression=0, masks=(), colours=(), top_down=False, data=None, file=True):
    """`rows` of integers; `masks` follow the header or are part of it. `data` is compressed rows."""
    width, height = len(rows[0]), len(rows)
    if data is None:
        data = b""
        for row in rows if top_down else rows[::-1]:
            if bits < 8:
                line = packed(row, bits)
            else:
                line = b"".join(v.to_bytes(bits // 8, "little") for v in row)
            data += line + bytes(-len(line) % 4)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
        palette = b"".join(bytes([b, g, r]) for r, g, b in colours)
    else:
        size = -height if top_down else height
        info = struct.pack("<IiiHHIIIIII", header, width, size, 1, bits, compression, len(data), 2835, 2835, len(colours), 0)
        info += b"".join(struct.pack("<I", mask) for mask in masks)
        info += bytes(max(0, header - len(info)))
        palette = b"".join(bytes([b, g, r, 0]) for r, g, b in colours)
    if not file:
        return info + palette + data
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def tga(rows, kind, bits, *, colours=(), colour_bits=24, first=0, origin=0x20, alpha=0, label=b""):
    """`rows` of pixels as bytes; kinds 9 to 11 are compressed, with a literal and a run by turns. 0x20: from the top, 0x10: from the right."""
    width, height = len(rows[0]), len(rows)
    if not origin & 0x20:
        rows = rows[::-1]
    if origin & 0x10:
        rows = [row[::-1] for row in rows]
    pixels = [pixel for row in rows for pixel in row]
    if kind & 8:
        data, at = b"", 0
        while at < len(pixels):
            run = 1
            while at + run < len(pixels) and run < 128 and pixels[at + run] == pixels[at]:
                run += 1
            if run > 1:
                data += bytes([127 + run]) + pixels[at]
            else:
                while at + run < len(pixels) and run < 5 and pixels[at + run] != pixels[at + run - 1]:
                    run += 1
                data += bytes([run - 1]) + b"".join(pixels[at : at + run])
            at += run
    else:
        data = b"".join(pixels)
    header = struct.pack(
        "<BBBHHBHHHHBB", len(label), bool(colours), kind, first, len(colours), colour_bits if colours else 0, 0, 0, width, height, bits, origin | alpha
    )
    return header + label + b"".join(colours) + data


def pnm(magic, width, height, body, maxval=None, comment=b""):
    head = magic + b"\n" + comment + f"{width} {height}\n".encode()
    if maxval is not None:
        head += f"{maxval}\n".encode()
    return head + body


def icon(frames, kind=1):
    """`frames` of (width, height, bits, colours, bytes)."""
    head, bodies, at = struct.pack("<HHH", 0, kind, len(frames)), b"", 6 + 16 * len(frames)
    for width, height, bits, colours, body in frames:
        head += struct.pack("<BBBBHHII", width % 256, height % 256, colours, 0, 1, bits, len(body), at + len(bodies))
        bodies += body
    return head + bodies


def tiff(width, height, tags, blocks, *, order="<", tiled=False):
    """A TIFF of one directory. `tags` has number: (type, values); the offsets of `blocks` are added."""
    sizes = {1: "B", 3: "H", 4: "I", 5: "I", 11: "f"}
    tags = {256: (4, [width]), 257: (4, [height]), **tags}
    offsets, counts = (324, 325) if tiled else (273, 279)
    tags[counts] = (4, [len(block) for block in blocks])
    tags[offsets] = (4, [0] * len(blocks))
    start = 8 + 2 + 12 * len(tags) + 4
    extra_bytes = sum(n for kind, values in tags.values() if (n := len(values) * struct.calcsize(sizes[kind])) > 4)
    at, places = start + extra_bytes, []
    for block in blocks:
        places.append(at)
        at += len(block)
    tags[offsets] = (4, places)
    directory, extra = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        value = b"".join(struct.pack(order + sizes[kind], v) for v in values)
        count = len(values) // (2 if kind == 5 else 1)
        if len(value) > 4:
            place = struct.pack(order + "I", start + len(extra))
            extra += value
        else:
            place = value.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, count) + place
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "I", 8) + struct.pack(order + "H", len(tags))
    return head + directory + struct.pack(order + "I", 0) + extra + b"".join(blocks)


def packbits(data):
    """Runs of three and more, and literals."""
    out, at = b"", 0
    while at < len(data):
        run = 1
        while at + run < len(data) and run < 128 and data[at + run] == data[at]:
            run += 1
        if run > 2:
            out += bytes([257 - run, data[at]])
        else:
            out += bytes([run - 1]) + data[at : at + run]
        at += run
    return out


def reversed_bits(data):
    return bytes(int(f"{v:08b}"[::-1], 2) for v in data)


def gif(width, height, frames, *, colours=None, background=0, screen=None, version=b"89a"):
    """`frames` of (left, top, rows of indices, colours or None, interlaced, transparent or None); codes are never compressed."""

    def table(colours):
        bits = max(1, (len(colours) - 1).bit_length())
        return bits - 1, b"".join(bytes(c) for c in colours) + bytes(3 * ((1 << bits) - len(colours)))

    flags, palette = table(colours) if colours else (0, b"")
    out = b"GIF" + version + struct.pack("<HHBBB", *(screen or (width, height)), (0x80 if colours else 0) | 0x70 | flags, background, 0) + palette
    for left, top, rows, own, interlaced, transparent in frames:
        if transparent is not None:
            out += b"\x21\xf9\x04" + struct.pack("<BHB", 1, 0, transparent) + b"\0"
        own_flags, own_palette = table(own) if own else (0, b"")
        flags = (0x80 if own else 0) | (0x40 if interlaced else 0) | own_flags
        out += b"\x2c" + struct.pack("<HHHHB", left, top, len(rows[0]), len(rows), flags) + own_palette
        if interlaced:
            rows = rows[0::8] + rows[4::8] + rows[2::4] + rows[1::2]
        out += lzw([v for row in rows for v in row], 8)
    return out + b"\x3b"


def lzw(indices, bits):
    """Codes of one width: the table is cleared before it would grow."""
    text, clear, width = [], 1 << bits, bits + 1
    for i, index in enumerate(indices):
        if i % (clear - 2) == 0:
            text.append(clear)
        text.append(index)
    text.append(clear + 1)
    number = sum(code << (width * i) for i, code in enumerate(text))
    data = number.to_bytes((width * len(text) + 7) // 8, "little")
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    return bytes([bits]) + blocks + b"\0"
