"""What a type is here: how its values are read from a column, and written to one.

A column is written in one piece where all values fit. Only where that fails is each value looked at,
so that a value that does not fit costs its row and nothing else.
"""

from itertools import compress

from _udf import bits
from wit_world.imports.arrow import Field, Node


class Missing:
    """In the place of a value whose row has been answered for: it failed, or an argument is null."""


MISSING = Missing()


class Kind:
    """A type. Values that are read are Python's own; `finish` makes of one what the user is given,
    where that can fail or is the user's code, and is None where nothing is left to do."""

    # As the user writes it, for messages.
    name = ""
    # The Arrow type, as the contract spells it.
    format = ""
    finish = None
    # What is written under a null.
    blank = None

    def fields(self, name, nullable):
        """The schema of a column of that name."""
        return [Field(name, self.format, nullable, 0, [])]

    def read(self, nodes):
        """The values of the next array of an iterator over nodes, None for nulls."""
        node = next(nodes)
        values = self.values(node)
        if not node.null_count:
            return values
        present = bits.unpack(node.buffers[0], node.length)
        return [value if here else None for value, here in zip(values, present)]

    def values(self, node):
        """The values of a node without children, whatever lies under nulls among them."""
        raise NotImplementedError

    def write(self, values):
        """The nodes of values of which none is null.

        Raises whatever it likes when a value does not fit."""
        raise NotImplementedError

    def check(self, value):
        """The value, as `write` takes it.

        Raises TypeError or ValueError, saying what is wrong with it."""
        raise NotImplementedError

    def unlike(self, value):
        """The error for a value of another type."""
        return TypeError(f"{type(value).__name__}, not {self.name}")


class Slot:
    """A place that a type is annotated for: a parameter, a result, an item, a field."""

    def __init__(self, kind, optional, name=""):
        self.kind = kind
        self.optional = optional
        self.name = name

    def fields(self, name=None):
        """The schema within another type."""
        return self.kind.fields(self.name if name is None else name, self.optional)

    def spelt(self):
        return f"{self.kind.name} | None" if self.optional else self.kind.name

    def finished(self):
        """What makes a value that was read the user's; None where nothing is left to do."""
        finish = self.kind.finish
        if finish is None:
            return None
        return lambda value: None if value is None else finish(value)

    def check(self, value):
        """As `Kind.check`; None is kept where it is allowed."""
        if value is not None:
            return self.kind.check(value)
        if self.optional:
            return None
        raise TypeError(f"None, where {self.kind.name} is annotated")

    def write(self, values):
        """The nodes of values; None and `MISSING` become nulls.

        Raises when a value does not fit."""
        kind = self.kind
        try:
            return kind.write(values)
        except MemoryError:
            raise
        except Exception:
            # A null is among them, or something worse, which then fails once more.
            absent = bytes([value is None or value is MISSING for value in values])
            if not any(absent):
                raise
        if not self.optional and any(value is None for value in compress(values, absent)):
            raise TypeError(f"None, where {kind.name} is annotated")
        nodes = kind.write([kind.blank if gone else value for value, gone in zip(values, absent)])
        present = absent.translate(_INVERT)
        nodes[0].null_count = absent.count(1)
        nodes[0].buffers[0] = bits.pack(present)
        return nodes

    def write_rows(self, values):
        """The nodes of a result, and the rows whose values do not fit with the reasons."""
        try:
            return self.write(values), []
        except MemoryError:
            raise
        except Exception:
            pass
        checked, misfits = [], []
        for row, value in enumerate(values):
            if value is not MISSING:
                try:
                    value = self.check(value)
                except MemoryError:
                    raise
                except Exception as error:
                    misfits.append((row, error))
                    value = MISSING
            checked.append(value)
        return self.write(checked), misfits


_INVERT = bytes.maketrans(b"\0\1", b"\1\0")


def node(count, *buffers):
    """A node without nulls."""
    return Node(count, 0, [b"", *buffers])
