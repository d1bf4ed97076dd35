"""The exception of this package."""

from __future__ import annotations


class Error(Exception):
    """What went wrong, and where as far as that is known.

    Engines carry it between processes: it can be pickled.

    >>> import wudf
    >>> try:
    ...     wudf.load("no-such-plugin")
    ... except wudf.Error as error:
    ...     print(error.kind)
    unknown-plugin
    """

    message: str
    """What went wrong, without where."""
    kind: str
    """The kind of error: ``row``, ``trap``, ``timeout``, ``refused`` and the like;
    ``unknown`` where an engine (Polars does) makes the error anew from its text."""
    plugin: str | None
    """The plugin that it went wrong in."""
    function: str | None
    """The function that it went wrong in."""
    row: int | None
    """The row, counted from 0 in the columns of the call."""

    def __init__(
        self,
        message: str,
        kind: str = "unknown",
        plugin: str | None = None,
        function: str | None = None,
        row: int | None = None,
    ) -> None:
        super().__init__(message, kind, plugin, function, row)
        self.message = message
        self.kind = kind
        self.plugin = plugin
        self.function = function
        self.row = row

    def __str__(self) -> str:
        place = ":".join(part for part in (self.plugin, self.function) if part)
        where = f"{place}: " if place else ""
        if self.row is not None:
            where += f"row {self.row}: "
        return where + self.message
