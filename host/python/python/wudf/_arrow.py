"""Between Python's values, pyarrow and the module: pyarrow is used where it is
there, and imported when it is first needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from ._errors import Error
from ._wudf import Array, ChunkedArray, Function


def pyarrow() -> Any:
    """pyarrow, or ``None`` where it is not installed."""
    try:
        import pyarrow

        return pyarrow
    except ImportError:
        return None


def columns(function: Function, values: Iterable[Any]) -> list[Any]:
    """Columns as the module takes them."""
    values = list(values)
    if all(_is_arrow(value) for value in values):
        return values
    arguments = function.signature.arguments
    return [
        value
        if _is_arrow(value)
        else from_values(value, arguments[at] if at < len(arguments) else None)
        for at, value in enumerate(values)
    ]


def _is_arrow(value: Any) -> bool:
    return hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")


def from_values(values: Any, field: Any, **how: Any) -> Any:
    """An array of Python values, or of a NumPy array or a pandas Series: of the
    type that an argument declares, if all of them fit; otherwise of their own, for
    the runtime to cast, so that a value that does not fit costs its row alone."""
    if isinstance(values, (str, bytes, bytearray, memoryview, dict)) or not (
        hasattr(values, "__iter__") or hasattr(values, "__array__")
    ):
        kind = type(values).__name__
        raise TypeError(
            f"a column is Arrow data or a list of values, not one {kind}: put it in a list"
        )
    pa = pyarrow()
    if pa is None:
        kind = type(values).__name__
        raise TypeError(
            f"a {kind} is not Arrow data, and converting it needs pyarrow: pip install pyarrow"
        )
    if not hasattr(values, "__array__"):
        values = list(values)
    wanted = None if field is None else pa.field(field).type
    if wanted is not None and pa.types.is_null(wanted):
        wanted = None  # It takes any type.
    refused = (pa.ArrowException, OverflowError)
    try:
        return pa.array(values, type=wanted, **how)
    except refused as error:
        if wanted is not None:
            with contextlib.suppress(*refused):
                return pa.array(values, **how)
        place = "" if field is None else f"argument `{field.name}`: "
        raise Error(f"{place}{error}", "invalid-arguments") from error


def result(value: Array | ChunkedArray) -> Any:
    """What a call gives: pyarrow's where it is installed."""
    pa = pyarrow()
    if pa is None:
        return value
    if isinstance(value, Array):
        return pa.array(value)
    return pa.chunked_array(value)


def returns(function: Function) -> Any:
    """The type that a call gives, as pyarrow has it."""
    import pyarrow as pa

    return pa.field(function.returns).type
