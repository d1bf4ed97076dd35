"""pandas: Series in, a Series out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _arrow
from ._errors import Error

if TYPE_CHECKING:
    from ._udf import Udf


def series(function: Udf, columns: tuple[Any, ...]) -> Any:
    """The function over Series of one length."""
    import pandas as pd

    strangers = [type(column).__name__ for column in columns if not isinstance(column, pd.Series)]
    if strangers:
        raise TypeError(f"wants pandas Series, not {', '.join(strangers)}")
    opened = function._opened()
    if not columns:
        message = "a function without arguments has no Series to go by: call it with rows="
        raise Error(message, "invalid-arguments", function=function.name)
    arguments = opened.signature.arguments
    arrays = [
        _from_pandas(column, arguments[at] if at < len(arguments) else None)
        for at, column in enumerate(columns)
    ]
    values = function(*arrays)
    index = columns[0].index
    if isinstance(columns[0].dtype, pd.ArrowDtype):
        return pd.Series(values, index=index, name=function.name, dtype=pd.ArrowDtype(values.type))
    made = values.to_pandas(types_mapper=_nullable(values))
    if not isinstance(made, pd.Series):
        made = pd.Series(made, dtype=object)
    made.index = index
    made.name = function.name
    return made


def _from_pandas(column: Any, field: Any) -> Any:
    import pandas as pd

    if isinstance(column.dtype, pd.ArrowDtype):
        # In the engine's own layout, whatever that is; nothing is copied.
        return column.array.__arrow_array__()
    return _arrow.from_values(column, field, from_pandas=True)


def _nullable(values: Any) -> Any:
    """pandas' own types with nulls, where its plain ones would make numbers of
    another type out of them."""
    if not values.null_count:
        return None
    import pandas as pd
    import pyarrow as pa

    return {
        pa.bool_(): pd.BooleanDtype(),
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
    }.get
