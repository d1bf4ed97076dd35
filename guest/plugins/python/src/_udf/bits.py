"""Bitmaps, the lowest bit first, and bytes of 0 and 1 with one for each bit. Whole bitmaps pass
through one number: a loop over bits would cost more than the user's function."""

from operator import and_

_TO_FLAGS = bytes.maketrans(b"01", b"\0\1")
_TO_DIGITS = bytes.maketrans(b"\0\1", b"01")


def unpack(bitmap, count):
    """The flags of a bitmap, which may be longer."""
    if not count:
        return b""
    number = int.from_bytes(bitmap[: (count + 7) // 8], "little") & ((1 << count) - 1)
    return format(number, f"0{count}b").encode()[::-1].translate(_TO_FLAGS)


def pack(flags):
    """The bitmap of flags."""
    if not flags:
        return b""
    digits = flags[::-1].translate(_TO_DIGITS)
    return int(digits, 2).to_bytes((len(flags) + 7) // 8, "little")


def both(one, other):
    """The flags that are set in both, where None has all set."""
    if one is None or other is None:
        return other if one is None else one
    return bytes(map(and_, one, other))
