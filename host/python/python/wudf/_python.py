"""Functions of Python source, which the plugin ``python`` runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from ._load import load
from ._udf import Udf

PLUGIN = "python"


def python(
    source: str,
    function: str | None = None,
    *,
    returns: str | None = None,
    volatility: str | None = None,
    **settings: Any,
) -> Udf:
    """A function of Python source, which runs in the sandbox: with the standard library, without
    files and network, under limits of memory and time. Types are those of its annotations.

    :param source: the source.
    :param function: the function's name; may be left out where the source has one.
    :param returns: what the result's annotation leaves open: ``"int32"``, ``"float32"``,
        ``"decimal(10,2)"``.
    :param volatility: ``"immutable"``, the default, ``"stable"`` or ``"volatile"``.
    :param settings: those of ``wudf.load``: ``models``, ``assets``, ``on_error``, ``memory``,
        ``time_limit`` and the like.
    :raises wudf.Error: what is wrong with the source, or stands in the way.

    >>> words = wudf.python("def words(title: str) -> int: return len(title.split())")
    >>> words
    <wudf.Udf python:words(title: string) -> int64>
    >>> words(["to be or not", None]).to_pylist()
    [4, None]
    """
    options = {"source": source, "returns": returns, "volatility": volatility}
    given = {name: value for name, value in options.items() if value is not None}
    return load(PLUGIN, function, options=given, **settings)


@overload
def udf(function: Callable[..., Any], /) -> Udf: ...
@overload
def udf(**settings: Any) -> Callable[[Callable[..., Any]], Udf]: ...
def udf(function: Callable[..., Any] | None = None, /, **settings: Any) -> Any:
    """Makes a function of this file one of the sandbox, by its source: a decorator, with the
    keywords of ``wudf.python`` or without.

    Constants, functions and classes of its module that it uses, and modules of the standard library,
    are taken along, as they are now.

    :raises wudf.Error: where it uses what has no source, such as variables of a function around it.

    .. code-block:: python

        @wudf.udf(on_error="null")
        def words(title: str) -> int:
            return len(title.split())

        frame.withColumn("words", words.spark("title"))
    """
    if function is None:
        return lambda function: udf_of(function, settings)
    return udf_of(function, settings)


def udf_of(function: Callable[..., Any], settings: dict[str, Any]) -> Udf:
    # What it imports is for this alone.
    from ._source import source_of

    if not callable(function) or not hasattr(function, "__code__"):
        raise TypeError(f"@wudf.udf is for functions, not for a {type(function).__name__}")
    return python(source_of(function, udf), function.__name__, **settings)
