"""Polars: an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import Error

if TYPE_CHECKING:
    from ._udf import Udf


def expression(function: Udf, columns: tuple[Any, ...]) -> Any:
    """The function over columns, by name or as expressions."""
    import polars as pl

    opened = function._opened()
    wanted = len(opened.signature.arguments)
    if not wanted:
        message = "Polars' functions over columns take one at least, and this takes none"
        raise Error(message, "unsupported", function=function.name)
    if len(columns) != wanted:
        message = f"takes {wanted} arguments, not {len(columns)}: {opened.signature}"
        raise Error(message, "invalid-arguments", function=function.name)
    inputs = [pl.col(column) if isinstance(column, str) else column for column in columns]
    one = inputs[0]
    if len(inputs) > 1:
        # Fields have names of their own, and are taken in their order; the
        # result is named after the first column, as with one.
        one = pl.struct([column.alias(f"{at}") for at, column in enumerate(inputs)])
        name = inputs[0].meta.output_name(raise_if_undetermined=False)
        one = one if name is None else one.alias(name)
    # Polars knows best what it calls the type: it is asked with no rows.
    returned = pl.Series(opened.empty()).dtype
    return one.map_batches(
        _Batch(function),
        return_dtype=returned,
        # In any pieces and order, so long as equal rows give equal values.
        is_elementwise=opened.signature.volatility != "volatile",
    )


class _Batch:
    """What Polars calls, and pickles with a plan."""

    def __init__(self, function: Udf) -> None:
        self.function = function

    def __call__(self, series: Any) -> Any:
        import polars as pl

        return pl.Series(series.name, self.function._call([series]))
