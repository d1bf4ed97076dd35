"""Types of any length: str and bytes."""

from array import array
from itertools import accumulate, pairwise

from _udf import bits
from _udf.kinds import Kind, node


class Sized(Kind):
    """What is written as bytes one behind the other, between 32-bit offsets."""

    def cuts(self, node):
        """Where each value begins and ends among the bytes."""
        offsets = memoryview(node.buffers[1])[: 4 * (node.length + 1)].cast("i")
        return pairwise(offsets.tolist())

    def laid_out(self, lengths, data):
        """The nodes of values of these lengths."""
        lengths = list(lengths)
        offsets = array("i", accumulate(lengths, initial=0))
        return [node(len(lengths), offsets.tobytes(), data)]


class Text(Sized):
    name = "str"
    format = "u"
    blank = ""

    def read(self, nodes):
        node = next(nodes)
        data = node.buffers[2]
        present = bits.unpack(node.buffers[0], node.length) if node.null_count else None
        if data.isascii():
            # Decoded once, and then cut: characters are where bytes are.
            text = str(data, "ascii")
            values = [text[start:end] for start, end in self.cuts(node)]
        elif present is None:
            return [str(data[start:end], "utf-8") for start, end in self.cuts(node)]
        else:
            # What lies under a null may be no UTF-8.
            values = [str(data[start:end], "utf-8", "replace") for start, end in self.cuts(node)]
        if present is None:
            return values
        return [value if here else None for value, here in zip(values, present)]

    def write(self, values):
        text = "".join(values)
        if text.isascii():
            return self.laid_out(map(len, values), text.encode())
        encoded = [value.encode() for value in values]
        return self.laid_out(map(len, encoded), b"".join(encoded))

    def check(self, value):
        if not isinstance(value, str):
            raise self.unlike(value)
        # Half of a surrogate pair is no text, though Python has it in strings.
        value.encode()
        return value


class Binary(Sized):
    name = "bytes"
    format = "z"
    blank = b""

    def values(self, node):
        data = node.buffers[2]
        return [data[start:end] for start, end in self.cuts(node)]

    def write(self, values):
        if set(map(type, values)) - {bytes, bytearray}:
            values = [value if isinstance(value, (bytes, bytearray)) else bytes(self.check(value)) for value in values]
        return self.laid_out(map(len, values), b"".join(values))

    def check(self, value):
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise self.unlike(value)
        return bytes(value)
