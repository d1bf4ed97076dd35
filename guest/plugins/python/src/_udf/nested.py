"""Types made of others: lists, maps, and structs, which are TypedDicts or dataclasses."""

from array import array
from itertools import accumulate, chain, pairwise

from _udf import bits
from _udf.kinds import MISSING, Kind, Slot, node
from wit_world.imports.arrow import Field


def cuts(node):
    """Where each value's items begin and end."""
    offsets = memoryview(node.buffers[1])[: 4 * (node.length + 1)].cast("i")
    return pairwise(offsets.tolist())


def offsets(values):
    return array("i", accumulate(map(len, values), initial=0)).tobytes()


class Items(Kind):
    format = "+l"
    blank = ()

    def __init__(self, item: Slot):
        self.item = item
        self.name = f"list[{item.spelt()}]"
        finish = item.finished()
        if finish is not None:
            self.finish = lambda items: list(map(finish, items))

    def fields(self, name, nullable):
        return [Field(name, self.format, nullable, 1, []), *self.item.fields()]

    def read(self, nodes):
        own = next(nodes)
        items = self.item.kind.read(nodes)
        values = [items[start:end] for start, end in cuts(own)]
        return with_nulls(own, values)

    def write(self, values):
        # Anything else that has items would be taken apart: a str, a dict.
        if set(map(type, values)) - {list, tuple}:
            raise TypeError
        items = list(chain.from_iterable(values))
        return [node(len(values), offsets(values)), *self.item.write(items)]

    def check(self, value):
        if isinstance(value, (str, bytes, bytearray, dict)) or not hasattr(value, "__iter__"):
            raise self.unlike(value)
        return [self.item.check(item) for item in value]


class Pairs(Kind):
    format = "+m"

    def __init__(self, key: Slot, value: Slot):
        self.key = key
        self.value = value
        self.blank = {}
        self.name = f"dict[{key.spelt()}, {value.spelt()}]"
        keys, values = key.finished(), value.finished()
        if keys or values:
            keys, values = keys or same, values or same
            self.finish = lambda pairs: {keys(key): values(value) for key, value in pairs.items()}

    def fields(self, name, nullable):
        pair = [Field("entries", "+s", False, 2, [])]
        key = self.key.kind.fields("key", False)
        return [Field(name, self.format, nullable, 1, []), *pair, *key, *self.value.fields("value")]

    def read(self, nodes):
        own = next(nodes)
        next(nodes)
        pairs = list(zip(self.key.kind.read(nodes), self.value.kind.read(nodes)))
        values = [dict(pairs[start:end]) for start, end in cuts(own)]
        return with_nulls(own, values)

    def write(self, values):
        if set(map(type, values)) - {dict}:
            raise TypeError
        keys = list(chain.from_iterable(values))
        items = list(chain.from_iterable(value.values() for value in values))
        return [
            node(len(values), offsets(values)),
            node(len(keys)),
            *self.key.write(keys),
            *self.value.write(items),
        ]

    def check(self, value):
        if not isinstance(value, dict):
            raise self.unlike(value)
        return {self.key.check(key): self.value.check(item) for key, item in value.items()}


# In the place of a struct that is null, whose fields are then null, too.
ABSENT = object()


class Struct(Kind):
    """Fields by name; what has them is up to who inherits this."""

    format = "+s"
    blank = ABSENT

    def __init__(self, type, slots):
        self.type = type
        self.name = type.__name__
        self.slots = slots
        finishes = [slot.finished() for slot in slots]
        if any(finishes):
            finishes = {slot.name: finish or same for slot, finish in zip(slots, finishes)}
            self.finish = lambda value: {name: finishes[name](item) for name, item in value.items()}

    def fields(self, name, nullable):
        below = chain.from_iterable(slot.fields() for slot in self.slots)
        return [Field(name, self.format, nullable, len(self.slots), []), *below]

    def read(self, nodes):
        own = next(nodes)
        columns = [slot.kind.read(nodes) for slot in self.slots]
        names = [slot.name for slot in self.slots]
        values = [dict(zip(names, row)) for row in zip(*columns)]
        return with_nulls(own, values)

    def write(self, values):
        rows = [None if value is ABSENT else self.row(value) for value in values]
        nodes = [node(len(values))]
        for at, slot in enumerate(self.slots):
            nodes += slot.write([MISSING if row is None else row[at] for row in rows])
        return nodes

    def row(self, value):
        """The fields' values, in order."""
        raise NotImplementedError

    def check(self, value):
        for slot, item in zip(self.slots, self.row(value)):
            try:
                slot.check(item)
            except (TypeError, ValueError) as error:
                raise TypeError(f"{self.name} whose {slot.name} is {error}") from None
        return self.checked(value)

    def checked(self, value):
        """The value with its fields checked."""
        raise NotImplementedError


class Keys(Struct):
    """A TypedDict: a dict of these names and no others."""

    def row(self, value):
        if not isinstance(value, dict):
            raise self.unlike(value)
        row = [value.get(slot.name) for slot in self.slots]
        if len(value) != len(row) or any(slot.name not in value for slot in self.slots):
            self.check_names(value)
        return row

    def check_names(self, value):
        """Refuses names that the type has not: their values would be lost. Those that may be None
        may be left out."""
        names = {slot.name: slot for slot in self.slots}
        for name in value:
            if name not in names:
                raise TypeError(f"a dict with {name!r}, which {self.name} does not have")

    def checked(self, value):
        return {slot.name: slot.check(value.get(slot.name)) for slot in self.slots}


class Attributes(Struct):
    """A dataclass. Its constructor is the user's code, and so is called when a row's turn has come."""

    def __init__(self, type, slots):
        super().__init__(type, slots)
        inner = self.finish or same
        self.finish = lambda value: type(**inner(value))

    def row(self, value):
        if not isinstance(value, self.type):
            raise self.unlike(value)
        return [getattr(value, slot.name) for slot in self.slots]

    def checked(self, value):
        # Made anew: a field may have to be written as another value, such as a generator's items.
        made = self.type.__new__(self.type)
        for slot in self.slots:
            object.__setattr__(made, slot.name, slot.check(getattr(value, slot.name)))
        return made


def with_nulls(own, values):
    if not own.null_count:
        return values
    present = bits.unpack(own.buffers[0], own.length)
    return [value if here else None for value, here in zip(values, present)]


def same(value):
    return value
