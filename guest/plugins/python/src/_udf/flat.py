"""Types of one fixed width: bool, numbers, dates and times."""

from array import array
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from _udf import bits
from _udf.kinds import Kind, node


class Bool(Kind):
    name = "bool"
    format = "b"
    blank = False

    def values(self, node):
        return list(map(bool, bits.unpack(node.buffers[1], node.length)))

    def write(self, values):
        flags = bytes(values)
        if flags.translate(None, b"\0\1"):
            raise TypeError
        return [node(len(values), bits.pack(flags))]

    def check(self, value):
        if not isinstance(value, int):
            raise self.unlike(value)
        if value not in (0, 1):
            raise ValueError(f"{value}, which is neither True nor False")
        return bool(value)


class Number(Kind):
    """What the module `array` has a letter for."""

    blank = 0

    def __init__(self, name, width, format, code):
        self.name = name
        self.width = width
        self.format = format
        self.code = code
        self.size = array(code).itemsize

    def values(self, node):
        return memoryview(node.buffers[1])[: node.length * self.size].cast(self.code).tolist()

    def write(self, values):
        return [node(len(values), array(self.code, values).tobytes())]

    def check(self, value):
        try:
            array(self.code, (value,))
        except OverflowError:
            raise ValueError(f"{value}, which {self.width} does not hold") from None
        except TypeError:
            raise self.unlike(value) from None
        return value


INTEGERS = {
    "int8": ("c", "b"),
    "int16": ("s", "h"),
    "int32": ("i", "i"),
    "int64": ("l", "q"),
    "uint8": ("C", "B"),
    "uint16": ("S", "H"),
    "uint32": ("I", "I"),
    "uint64": ("L", "Q"),
}
FLOATS = {"float32": ("f", "f"), "float64": ("g", "d")}


class Exact(Kind):
    """Decimals: whole numbers of 128 bits, with a point before their last digits."""

    name = "Decimal"
    blank = Decimal()
    # Enough for any value; the default context would round to 28 digits.
    context = Context(prec=200, rounding=ROUND_HALF_EVEN)

    def __init__(self, precision=38, scale=18):
        self.format = f"d:{precision},{scale}"
        self.width = f"decimal({precision},{scale})"
        self.scale = scale
        self.step = Decimal(1).scaleb(-scale)
        self.limit = 10**precision

    def values(self, node):
        data, context, scale = node.buffers[1], self.context, -self.scale
        places = range(0, 16 * node.length, 16)
        numbers = (int.from_bytes(data[at : at + 16], "little", signed=True) for at in places)
        return [Decimal(number).scaleb(scale, context) for number in numbers]

    def write(self, values):
        numbers = [self.whole(value).to_bytes(16, "little", signed=True) for value in values]
        return [node(len(values), b"".join(numbers))]

    def whole(self, value):
        """The number without its point, after rounding to its last digit."""
        if not isinstance(value, Decimal):
            value = self.check(value)
        rounded = value.quantize(self.step, context=self.context)
        number = int(rounded.scaleb(self.scale, self.context))
        if abs(number) >= self.limit:
            raise ValueError(f"{value}, which {self.width} does not hold")
        return number

    def check(self, value):
        if isinstance(value, int):
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise self.unlike(value)
        try:
            self.whole(value)
        except (InvalidOperation, ValueError, OverflowError):
            raise ValueError(f"{value}, which {self.width} does not hold") from None
        return value


class Counted(Number):
    """Dates and times: counts of days or microseconds, of which Python does not hold all."""

    def __init__(self, blank, format, code, finish, number):
        self.type = type(blank)
        super().__init__(self.type.__name__, "the column", format, code)
        self.blank = blank
        self.finish = finish
        self.number = number

    def write(self, values):
        # No subclasses: a datetime is a date, and would lose its time.
        if values and set(map(type, values)) != {self.type}:
            raise TypeError
        return super().write(list(map(self.number, values)))

    def check(self, value):
        if type(value) is not self.type:
            raise self.unlike(value)
        super().check(self.number(value))
        return value


_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def dates():
    return Counted(
        _EPOCH.date(),
        "tdD",
        "i",
        finish=lambda days: date.fromordinal(days + _DAY),
        number=lambda value: value.toordinal() - _DAY,
    )


def datetimes(zone=None):
    """Points in time where there is a zone, given as UTC, and otherwise what clocks show."""
    epoch = _EPOCH if zone is None else _EPOCH.replace(tzinfo=timezone.utc)

    def number(value):
        if (value.tzinfo is None) != (zone is None):
            wanted = "without a zone" if zone is None else "with one"
            raise ValueError(f"{value.isoformat()}, where datetimes are {wanted}")
        return (value - epoch) // _MICROSECOND

    return Counted(
        epoch,
        f"tsu:{zone or ''}",
        "q",
        finish=lambda count: epoch + timedelta(microseconds=count),
        number=number,
    )


def times():
    def finish(count):
        if not 0 <= count < 86_400_000_000:
            raise ValueError(f"{count} microseconds is not a time of day")
        return (_EPOCH + timedelta(microseconds=count)).time()

    def number(value):
        if value.tzinfo is not None:
            raise ValueError("a time with a time zone, which is not supported")
        return (datetime.combine(_EPOCH, value) - _EPOCH) // _MICROSECOND

    return Counted(time(), "ttu", "q", finish, number)


def durations():
    return Counted(
        timedelta(),
        "tDu",
        "q",
        finish=lambda count: timedelta(microseconds=count),
        number=lambda value: value // _MICROSECOND,
    )
