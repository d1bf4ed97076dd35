"""Spark: ``arrow_udf`` from 4.1 on, ``pandas_udf`` before."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import _arrow
from ._errors import Error

if TYPE_CHECKING:
    from ._udf import Udf


def udf(function: Udf) -> Any:
    """A user-defined function of PySpark, to call with columns or to register."""
    try:
        from pyspark.sql import functions
    except ImportError as error:
        raise ImportError("pyspark is not installed: pip install pyspark pandas pyarrow") from error
    signature = function.signature
    if not signature.arguments:
        message = "Spark's vectorized functions need at least one argument, and this one takes none"
        raise Error(message, "unsupported", function=signature.name)
    # A task has one core, and Spark runs as many as there are.
    threads = function._spec.threads
    worker = function._with(threads=1 if threads is None else threads)
    returned = data_type(_arrow.returns(function._opened()))
    with warnings.catch_warnings():
        # They want type hints, which say the same thing at greater length.
        warnings.simplefilter("ignore", UserWarning)
        if hasattr(functions, "arrow_udf"):
            kind = functions.ArrowUDFType.SCALAR_ITER
            made = functions.arrow_udf(_OverArrow(worker, signature.name), returned, kind)
        else:
            kind = functions.PandasUDFType.SCALAR_ITER
            made = functions.pandas_udf(_OverPandas(worker, signature.name), returned, kind)
    return made.asNondeterministic() if signature.volatility == "volatile" else made


class _Batches:
    """What a worker is sent: an object of this module, so that its pickle is
    that of the function and no code."""

    def __init__(self, function: Udf, name: str) -> None:
        self.function = function
        self.__name__ = name
        self.__doc__ = f"{name}, by wudf"

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.function, self.__name__))


class _OverArrow(_Batches):
    """Arrow arrays in and out."""

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            yield self.function(*(batch if isinstance(batch, tuple) else (batch,)))


class _OverPandas(_Batches):
    """pandas Series in and out, as Arrow arrays in between."""

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            columns = batch if isinstance(batch, tuple) else (batch,)
            arguments = self.function.signature.arguments
            arrays = [
                _from_pandas(column, arguments[at] if at < len(arguments) else None)
                for at, column in enumerate(columns)
            ]
            # What came as objects is not needed while the function works.
            del batch, columns
            yield _to_pandas(self.function(*arrays))


def _from_pandas(column: Any, field: Any) -> Any:
    import pyarrow as pa

    if hasattr(column, "columns"):
        # A struct comes as a frame.
        return pa.Table.from_pandas(column, preserve_index=False).to_struct_array()
    return _arrow.from_values(column, field, from_pandas=True)


def _to_pandas(array: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_struct(array.type):
        # And goes as one.
        names = [field.name for field in array.type]
        return pd.DataFrame(
            {name: _to_pandas(part) for name, part in zip(names, array.flatten())},
            columns=names,
        )
    if pa.types.is_uint64(array.type):
        array = array.cast(pa.decimal128(20, 0))
    return array.to_pandas(integer_object_nulls=True)


def data_type(arrow: Any) -> Any:
    """Spark's type for an Arrow type. Unsigned numbers, which Spark has not,
    become the next larger ones. Everything may be null: what comes by way of
    pandas always may, and Spark wants the two to agree."""
    import pyarrow as pa
    from pyspark.sql import types as spark

    checks = pa.types
    simple = [
        (checks.is_boolean, spark.BooleanType),
        (checks.is_int8, spark.ByteType),
        (checks.is_int16, spark.ShortType),
        (checks.is_uint8, spark.ShortType),
        (checks.is_int32, spark.IntegerType),
        (checks.is_uint16, spark.IntegerType),
        (checks.is_int64, spark.LongType),
        (checks.is_uint32, spark.LongType),
        (checks.is_float16, spark.FloatType),
        (checks.is_float32, spark.FloatType),
        (checks.is_float64, spark.DoubleType),
        (checks.is_date, spark.DateType),
        (checks.is_string, spark.StringType),
        (checks.is_large_string, spark.StringType),
        (checks.is_binary, spark.BinaryType),
        (checks.is_large_binary, spark.BinaryType),
        (checks.is_fixed_size_binary, spark.BinaryType),
        (checks.is_duration, spark.DayTimeIntervalType),
    ]
    for check, made in simple:
        if check(arrow):
            return made()
    if checks.is_uint64(arrow):
        return spark.DecimalType(20, 0)
    if checks.is_decimal(arrow) and 0 <= arrow.scale <= arrow.precision:
        return spark.DecimalType(arrow.precision, arrow.scale)
    if checks.is_map(arrow):
        return spark.MapType(data_type(arrow.key_type), data_type(arrow.item_type))
    if checks.is_timestamp(arrow):
        return spark.TimestampNTZType() if arrow.tz is None else spark.TimestampType()
    if checks.is_list(arrow) or checks.is_large_list(arrow) or checks.is_fixed_size_list(arrow):
        return spark.ArrayType(data_type(arrow.value_type))
    if checks.is_struct(arrow):
        return spark.StructType(
            [spark.StructField(field.name, data_type(field.type)) for field in arrow]
        )
    raise Error(f"Spark has no type for {arrow}", "unsupported")
