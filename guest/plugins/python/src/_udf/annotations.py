"""From annotations to types."""

import dataclasses
import re
import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from _udf import flat, nested, text
from _udf.kinds import Slot

KNOWN = "str, bytes, bool, int, float, Decimal, date, datetime, time, timedelta, list[...], dict[..., ...], TypedDict, dataclass, ... | None"

# What stands for itself.
PLAIN = {
    str: text.Text,
    bytes: text.Binary,
    bool: flat.Bool,
    date: flat.dates,
    time: flat.times,
    timedelta: flat.durations,
}

_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")


class Unknown(Exception):
    """An annotation with a type that is not supported; says which and why."""


def slot(hint, name="", detail=None, within=()):
    """The place that a hint describes. `detail` is what a hint leaves open, as `Annotated` has it;
    `within` are the structs around it."""
    optional = False
    while True:
        origin = typing.get_origin(hint)
        if origin is typing.Annotated:
            details = [extra for extra in hint.__metadata__ if isinstance(extra, str)]
            detail = detail or (details[0] if details else None)
            hint = hint.__origin__
        elif origin in (typing.Union, types.UnionType):
            others = [other for other in typing.get_args(hint) if other is not type(None)]
            if len(others) != 1 or len(others) == len(typing.get_args(hint)):
                raise Unknown(f"{spelt(hint)} is several types, and a column has one")
            optional, hint = True, others[0]
        elif origin in (typing.NotRequired, typing.Required, typing.ReadOnly):
            optional = optional or origin is typing.NotRequired
            (hint,) = typing.get_args(hint)
        else:
            return Slot(kind(hint, detail, within), optional, name)


def kind(hint, detail, within):
    if hint is int:
        return number(detail or "int64", "int", flat.INTEGERS)
    if hint is float:
        return number(detail or "float64", "float", flat.FLOATS)
    if hint is Decimal:
        return exact(detail)
    if hint is datetime:
        return flat.datetimes(detail)
    if detail is not None:
        raise Unknown(f"{spelt(hint)} is one type, and cannot be {detail!r}")
    if hint in PLAIN:
        return PLAIN[hint]()
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return nested.Items(slot(*arguments, within=within))
    if origin is dict:
        key, value = (slot(argument, within=within) for argument in arguments)
        if key.optional:
            raise Unknown(f"{spelt(hint)} has keys that may be None, and a map does not")
        return nested.Pairs(key, value)
    if hint in (list, dict, typing.List, typing.Dict):
        raise Unknown(f"{spelt(hint)} does not say of what: write list[str] or dict[str, int]")
    if isinstance(hint, type) and (typing.is_typeddict(hint) or dataclasses.is_dataclass(hint)):
        return struct(hint, within)
    raise Unknown(f"{spelt(hint)} is not a supported type; use one of {KNOWN}")


def number(width, name, widths):
    if width not in widths:
        raise Unknown(f"{name} cannot be {width!r}; it is one of {', '.join(widths)}")
    return flat.Number(name, width, *widths[width])


def exact(detail):
    if detail is None:
        return flat.Exact()
    match = _DECIMAL.fullmatch(detail)
    precision, scale = map(int, match.groups()) if match else (0, 0)
    if not 0 < precision <= 38 or scale > precision:
        raise Unknown(f"Decimal cannot be {detail!r}; it is decimal(P,S), of up to 38 digits")
    return flat.Exact(precision, scale)


def struct(hint, within):
    if hint in within:
        raise Unknown(f"{hint.__name__} has itself inside, and no column has")
    names = [field.name for field in dataclasses.fields(hint)] if dataclasses.is_dataclass(hint) else None
    hints = resolved(hint)
    fields = []
    for name in hints if names is None else names:
        try:
            fields.append(slot(hints[name], name, within=(*within, hint)))
        except Unknown as unknown:
            raise Unknown(f"{hint.__name__}.{name}: {unknown}") from None
    if not fields:
        raise Unknown(f"{hint.__name__} has no fields")
    return (nested.Keys if names is None else nested.Attributes)(hint, fields)


def resolved(annotated):
    """The hints of a function or a class by name, texts evaluated."""
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except Exception as error:
        raise Unknown(f"the annotations of {annotated.__name__} cannot be read: {error}") from None


def spelt(hint):
    """A hint as it is written."""
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return hint.__name__
    return str(hint).replace("typing.", "")
