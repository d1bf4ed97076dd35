"""The compiled module: functions, and Arrow columns in and out."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, final

__version__: str

def plugins() -> list[str]:
    """The names of the plugins that the module brings."""

def separate() -> dict[str, PathLike[str] | None]:
    """The names of the plugins that come as files of their own, with the files, or
    ``None`` where they are not installed."""

def split(reference: str) -> tuple[str, str | None]:
    """Takes ``PLUGIN[:FUNCTION]`` apart."""

def inspect(
    plugin: str,
    *,
    policy: str | PathLike[str] | None = None,
    lock: str | PathLike[str] | None = None,
    locked: bool = False,
    offline: bool = False,
    plain_http: bool = False,
) -> Plugin:
    """What a plugin offers."""

def model_source(name: str, entry: str) -> tuple[PathLike[str] | None, str]:
    """Takes a model's entry apart: the path of its file, or ``None`` when it is
    none, and the rest of the entry."""

@final
class Field:
    """A named type, as an object with ``__arrow_c_schema__``."""

    @property
    def name(self) -> str:
        """The name."""
    @property
    def nullable(self) -> bool:
        """Whether values may be null."""
    def __arrow_c_schema__(self) -> object: ...

@final
class Array:
    """Values in one piece, as an object with ``__arrow_c_array__``."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

@final
class ChunkedArray:
    """Values in pieces, as an object with ``__arrow_c_stream__``."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

@final
class Signature:
    """What a function is called, takes and returns."""

    @property
    def name(self) -> str:
        """The function's name."""
    @property
    def doc(self) -> str:
        """What the function does; the first line stands alone."""
    @property
    def arguments(self) -> list[Field]:
        """The arguments."""
    @property
    def returns(self) -> Field:
        """The result, before a policy for failed rows."""
    @property
    def volatility(self) -> str:
        """``immutable``, ``stable`` or ``volatile``."""
    @property
    def models(self) -> list[str]:
        """The models that it runs, by name."""
    @property
    def assets(self) -> list[str]:
        """The assets that it reads, by name."""
    @property
    def options(self) -> dict[str, Any]:
        """Its options, as a JSON Schema."""

@final
class Plugin:
    """What a plugin is and offers."""

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def digest(self) -> str:
        """``sha256:`` and the digest of its bytes."""
    @property
    def size(self) -> int:
        """The size of its file in bytes."""
    @property
    def imports(self) -> list[str]:
        """The interfaces that it asks the host for."""
    @property
    def functions(self) -> list[Signature]:
        """Its functions."""

@final
class Function:
    """A function with its options, models and policy."""

    def __new__(
        cls,
        plugin: str,
        *,
        bytes: bytes | None = None,
        signatures: Sequence[str] = (),
        function: str | None = None,
        digest: str | None = None,
        options: str = "null",
        models: Mapping[str, str] = {},
        backend: str | None = None,
        onnxruntime: str | PathLike[str] | None = None,
        openvino: str | PathLike[str] | None = None,
        assets: Mapping[str, str | PathLike[str]] = {},
        on_error: str = "raise",
        threads: int | None = None,
        memory: int | None = None,
        time_limit: float | None = None,
        max_failures: str | None = None,
        policy: str | PathLike[str] | None = None,
        lock: str | PathLike[str] | None = None,
        locked: bool = False,
        offline: bool = False,
        plain_http: bool = False,
    ) -> Function: ...
    @property
    def digest(self) -> str:
        """The plugin's digest."""
    @property
    def reference(self) -> str | None:
        """What the plugin is in its registry, by digest; None when it comes from none."""
    @property
    def plugin(self) -> str:
        """The plugin's name."""
    @property
    def signature(self) -> Signature:
        """The signature under the function's options."""
    @property
    def returns(self) -> Field:
        """What a call gives, under the policy for failed rows."""
    @property
    def stats(self) -> dict[str, Any]:
        """What has been done so far in this process; times in seconds."""
    def empty(self) -> Array:
        """What a call gives of no rows, without a call."""
    def call(self, columns: Sequence[object], rows: int | None = None) -> Array | ChunkedArray:
        """Computes a value for each row of the columns."""
