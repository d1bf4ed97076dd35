"""``wudf.Udf``: a function, as engines take it."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from . import _places
from ._errors import Error
from ._wudf import Field, Function, Signature

if TYPE_CHECKING:
    import pandas
    import polars


@dataclasses.dataclass(frozen=True)
class Spec:
    """All that makes a function: what is pickled of it."""

    plugin: str
    function: str | None = None
    models: dict[str, str] = dataclasses.field(default_factory=dict)
    options: str = "null"
    on_error: str = "raise"
    backend: str | None = None
    assets: dict[str, str] = dataclasses.field(default_factory=dict)
    threads: int | None = None
    memory: int | None = None
    time_limit: float | None = None
    max_failures: str | None = None
    digest: str | None = None
    bytes: bytes | None = dataclasses.field(default=None, repr=False)
    signatures: list[str] = dataclasses.field(default_factory=list)
    policy: str | None = None
    lock: str | None = None
    locked: bool = False
    offline: bool = False
    plain_http: bool = False

    def open(self) -> Function:
        """The function, wherever its files are on this machine."""
        name = self.plugin
        if self.bytes is None:
            name = _places.found_plugin(name)
        else:
            name = os.path.splitext(os.path.basename(name))[0]
        assets = {
            key: _places.found(path)
            for key, path in self.assets.items()
        }
        if self.models:
            _places.keep_to_itself()
        function = Function(
            name,
            bytes=self.bytes,
            signatures=self.signatures,
            function=self.function,
            digest=self.digest,
            options=self.options,
            models={key: _places.found_model(key, entry) for key, entry in self.models.items()},
            backend=self.backend,
            onnxruntime=_places.onnxruntime() if self.backend == "onnxruntime" else None,
            openvino=_places.openvino() if self.backend == "openvino" else None,
            assets=assets,
            on_error=self.on_error,
            threads=self.threads,
            memory=self.memory,
            time_limit=self.time_limit,
            max_failures=self.max_failures,
            policy=_places.found(self.policy),
            lock=_places.found(self.lock),
            locked=self.locked,
            offline=self.offline,
            plain_http=self.plain_http,
        )
        try:
            # Opens it.
            function.digest
        except Error as error:
            explained = _places.explain(error, name)
            raise explained from (None if explained is error else error)
        return function


class Udf:
    """A function of a plugin with its options, models and policy. ``wudf.load``
    makes it; any number of threads may call it.

    A pickle of it holds the plugin's digest, places, options and the names of
    models, never code (unless ``inline=True``), sessions or weights. Whoever
    unpickles it opens the function with the first call, once in a process, and
    refuses a plugin with another digest.
    """

    __slots__ = ("_spec", "_function", "_spark", "__weakref__")

    _spec: Spec
    _function: Function | None
    _spark: Any

    def __init__(self) -> None:
        raise TypeError("wudf.load makes a Udf")

    @classmethod
    def _of(cls, spec: Spec) -> Udf:
        udf = cls.__new__(cls)
        udf._spec = spec
        udf._function = None
        udf._spark = None
        return udf

    @classmethod
    def _load(cls, spec: Spec) -> Udf:
        function = spec.open()
        # From now on it is this plugin and no other: a tag may move.
        spec = dataclasses.replace(
            spec,
            plugin=function.reference or spec.plugin,
            digest=function.digest,
            function=function.signature.name,
        )
        udf = cls._of(spec)
        udf._function = function
        return udf

    def _opened(self) -> Function:
        function = self._function
        if function is None:
            function = self._function = self._spec.open()
        return function

    def _with(self, **changes: Any) -> Udf:
        """The same function with changes to its spec, not yet opened."""
        return Udf._of(dataclasses.replace(self._spec, **changes))

    def __reduce__(self) -> tuple[Any, ...]:
        state = {
            field.name: value
            for field in dataclasses.fields(self._spec)
            if (value := getattr(self._spec, field.name)) not in (None, {}, [], False)
        }
        return (_unpickle, (state,))

    def __call__(self, *columns: Any, rows: int | None = None) -> Any:
        """Computes a value for each row.

        Columns are Arrow arrays, streams and chunked arrays of any library, or
        lists where pyarrow is installed. A single struct or table stands for
        all arguments. The result is a pyarrow ``Array``, or a ``ChunkedArray``
        if a column came in chunks; without pyarrow it is an object with
        ``__arrow_c_array__`` or ``__arrow_c_stream__``.

        :param rows: how many rows, for functions without arguments.
        :raises wudf.Error: for a row that failed under ``on_error="raise"``, and
            for calls that failed as a whole.

        >>> import pyarrow
        >>> tensors = wudf.load("image-features:image_tensor", on_error="record")
        >>> tensors(pyarrow.array([b"no picture"]))[0]["error"].as_py()
        'not a JPEG, PNG, GIF, WebP, BMP, TIFF, PPM, TGA, ICO or QOI file'
        """
        from . import _arrow

        return _arrow.result(self._call(columns, rows))

    def _call(self, columns: Any, rows: int | None = None) -> Any:
        """As a call, but the result is the module's own."""
        from . import _arrow

        function = self._opened()
        return function.call(_arrow.columns(function, columns), rows)

    @property
    def name(self) -> str:
        """The function's name."""
        return self._opened().signature.name

    @property
    def signature(self) -> Signature:
        """What the function takes and returns, under its options."""
        return self._opened().signature

    @property
    def digest(self) -> str:
        """The plugin's digest: ``sha256:HEX``."""
        return self._spec.digest or self._opened().digest

    @property
    def returns(self) -> Field:
        """What a call gives, under ``on_error``; ``pyarrow.field`` takes it."""
        return self._opened().returns

    @property
    def doc(self) -> str:
        """What the function does."""
        return self._opened().signature.doc

    @property
    def backend(self) -> str | None:
        """What runs the models that do not say; ``None`` is rten."""
        return self._spec.backend

    @property
    def stats(self) -> dict[str, Any]:
        """What has been done in this process, by all functions that were
        loaded with the same arguments:

        - ``rows``, ``failures``, and ``failures_by_code``, a dict;
        - ``bytes_in`` and ``bytes_out``, of values;
        - ``calls`` into the sandbox, and ``instances_created``, ``_reused``
          and ``_evicted``;
        - seconds in the ``plugin``, in ``model`` runs, of these in
          ``queue_wait`` for other runs, and at the ``boundary``;
        - ``batch_runs`` of models that join rows, with ``batch_rows`` in them.
        """
        return self._opened().stats

    @property
    def spark(self) -> Any:
        """The function for Spark: an ``arrow_udf`` where PySpark has them (4.1
        on), and a ``pandas_udf`` before.

        ``df.withColumn("features", embed.spark("content"))``, or
        ``spark.udf.register("embed", embed.spark)`` for SQL. One thread works
        on a batch unless ``threads`` is given: Spark has one task a core.
        """
        from . import _spark

        if self._spark is None:
            self._spark = _spark.udf(self)
        return self._spark

    def polars(self, *columns: Any) -> polars.Expr:
        """An expression for Polars, over names of columns or expressions.

        >>> import polars
        >>> tensors = wudf.load("image-features:image_tensor", on_error="null")
        >>> frame = polars.DataFrame({"content": [b"no picture"]})
        >>> frame.with_columns(tensor=tensors.polars("content"))["tensor"].null_count()
        1
        """
        from . import _polars

        return _polars.expression(self, columns)

    def pandas(self, *columns: pandas.Series) -> pandas.Series:
        """The function over pandas Series: ``series.pipe(embed.pandas)``. The
        result has the first one's index.

        >>> import pandas
        >>> tensors = wudf.load("image-features:image_tensor", on_error="null")
        >>> pandas.Series([b"no picture"]).pipe(tensors.pandas).isna().sum()
        np.int64(1)
        """
        from . import _pandas

        return _pandas.series(self, columns)

    def register(self, connection: Any, name: str | None = None) -> Any:
        """Gives a DuckDB connection or a Spark session the function under a
        name: its own, if none is given.

        >>> import duckdb
        >>> connection = duckdb.connect()
        >>> tensors = wudf.load("image-features:image_tensor", on_error="null")
        >>> _ = tensors.register(connection, "tensor")
        >>> connection.sql("SELECT tensor('no picture'::BLOB) IS NULL").fetchall()
        [(True,)]
        """
        from . import _register

        return _register.register(self, connection, name or self.name)

    def __repr__(self) -> str:
        if self._function is None:
            return f"<wudf.Udf {self._spec.plugin}:{self._spec.function}, not opened yet>"
        return f"<wudf.Udf {self._function.plugin}:{self._function.signature}>"


def _unpickle(state: dict[str, Any]) -> Udf:
    unknown = state.keys() - {field.name for field in dataclasses.fields(Spec)}
    if unknown:
        message = f"pickled by another version of wudf, with {', '.join(sorted(unknown))}"
        raise Error(message, "unsupported")
    return Udf._of(Spec(**state))
