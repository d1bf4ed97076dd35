"""Functions for SQL: DuckDB's connections and Spark's sessions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import _arrow
from ._errors import Error

if TYPE_CHECKING:
    from ._udf import Udf


# Items of an ARRAY in DuckDB.
_LARGEST = 100_000


def register(function: Udf, connection: Any, name: str) -> Any:
    """Gives the function to whatever engine the connection is of."""
    engine = type(connection).__module__.partition(".")[0]
    if engine in ("duckdb", "_duckdb"):
        return _duckdb(function, connection, name)
    if engine == "pyspark":
        return connection.udf.register(name, function.spark)
    kind = f"{type(connection).__module__}.{type(connection).__name__}"
    raise TypeError(f"expected a DuckDB connection or a Spark session, not {kind}")


def _duckdb(function: Udf, connection: Any, name: str) -> Any:
    pa = _arrow.pyarrow()
    if pa is None:
        raise ImportError("DuckDB's functions over Arrow need pyarrow: pip install pyarrow")
    opened = function._opened()
    signature = opened.signature

    returned = _arrow.returns(opened)
    known = _readable(returned)

    def call(*columns: Any) -> Any:
        # Without arguments DuckDB asks once, for a constant.
        values = function(*columns) if columns else function(rows=1)
        return values if known == returned else values.cast(known)

    # DuckDB counts the parameters.
    call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(f.name, inspect.Parameter.POSITIONAL_ONLY) for f in signature.arguments]
    )
    parameters = [sql_type(pa.field(argument).type) for argument in signature.arguments]
    connection.create_function(
        name,
        call,
        parameters,
        sql_type(known),
        type="arrow",
        # A null is the plugin's to answer.
        null_handling="special",
        # `on_error` has dealt with rows; the rest is an error of the query.
        exception_handling="default",
        side_effects=signature.volatility == "volatile",
    )
    return connection


def _readable(arrow: Any) -> Any:
    """The type as DuckDB reads it: lists for arrays that are larger than it has them,
    times in microseconds, no floats of 16 bits."""
    import pyarrow as pa

    if pa.types.is_float16(arrow):
        return pa.float32()
    if pa.types.is_time(arrow):
        return pa.time64("us")
    if pa.types.is_map(arrow):
        return pa.map_(_readable(arrow.key_type), _readable(arrow.item_type))

    if pa.types.is_fixed_size_list(arrow):
        item = arrow.value_field.with_type(_readable(arrow.value_type))
        return pa.list_(item) if arrow.list_size > _LARGEST else pa.list_(item, arrow.list_size)
    if pa.types.is_list(arrow):
        return pa.list_(arrow.value_field.with_type(_readable(arrow.value_type)))
    if pa.types.is_struct(arrow):
        return pa.struct([field.with_type(_readable(field.type)) for field in arrow])
    return arrow


def sql_type(arrow: Any) -> str:
    """DuckDB's type for an Arrow type."""
    import pyarrow as pa

    checks = pa.types
    simple = [
        (checks.is_boolean, "BOOLEAN"),
        (checks.is_int8, "TINYINT"),
        (checks.is_int16, "SMALLINT"),
        (checks.is_int32, "INTEGER"),
        (checks.is_int64, "BIGINT"),
        (checks.is_uint8, "UTINYINT"),
        (checks.is_uint16, "USMALLINT"),
        (checks.is_uint32, "UINTEGER"),
        (checks.is_uint64, "UBIGINT"),
        (checks.is_float16, "FLOAT"),
        (checks.is_float32, "FLOAT"),
        (checks.is_float64, "DOUBLE"),
        (checks.is_date, "DATE"),
        (checks.is_string, "VARCHAR"),
        (checks.is_large_string, "VARCHAR"),
        (checks.is_binary, "BLOB"),
        (checks.is_large_binary, "BLOB"),
        (checks.is_fixed_size_binary, "BLOB"),
        (checks.is_time, "TIME"),
        (checks.is_duration, "INTERVAL"),
    ]
    for check, name in simple:
        if check(arrow):
            return name
    if checks.is_timestamp(arrow):
        if arrow.tz is not None:
            return "TIMESTAMP WITH TIME ZONE"
        return {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}[
            arrow.unit
        ]
    if checks.is_decimal(arrow) and 0 <= arrow.scale <= arrow.precision:
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    if checks.is_map(arrow):
        return f"MAP({sql_type(arrow.key_type)}, {sql_type(arrow.item_type)})"
    if checks.is_list(arrow) or checks.is_large_list(arrow):
        return f"{sql_type(arrow.value_type)}[]"
    if checks.is_fixed_size_list(arrow):
        return f"{sql_type(arrow.value_type)}[{arrow.list_size}]"
    if checks.is_struct(arrow):
        fields = ", ".join(f"{_quoted(field.name)} {sql_type(field.type)}" for field in arrow)
        return f"STRUCT({fields})"
    raise Error(f"DuckDB has no type for {arrow}", "unsupported")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
