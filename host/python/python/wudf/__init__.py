"""Wasm UDFs: one ``.wasm`` file that turns rows into values, in any engine.

>>> import wudf
>>> tensors = wudf.load("image-features:image_tensor", on_error="null")
>>> print(tensors.signature)
image_tensor(image: binary) -> fixed_size_list<float32, 150528>
>>> tensors([b"no picture", None]).null_count
2

A loaded function is called with anything that speaks the Arrow PyCapsule
interface (pyarrow, Polars, pandas, DuckDB, nanoarrow), or with lists where
pyarrow is installed. ``Udf.spark``, ``Udf.polars``, ``Udf.pandas`` and
``Udf.register`` bring it into engines. ``wudf.python`` and ``wudf.udf`` make functions of
Python source.
"""

from __future__ import annotations

import os

from ._errors import Error
from ._load import load
from ._python import python, udf
from ._udf import Udf
from ._wudf import Field, Plugin, Signature, __version__, plugins
from ._wudf import inspect as _inspect

__all__ = [
    "Error",
    "Field",
    "Plugin",
    "Signature",
    "Udf",
    "__version__",
    "inspect",
    "load",
    "plugins",
    "python",
    "udf",
]


def inspect(
    plugin: str | os.PathLike[str],
    *,
    policy: str | os.PathLike[str] | None = None,
    lock: str | os.PathLike[str] | None = None,
    locked: bool = False,
    offline: bool = False,
    plain_http: bool = False,
) -> Plugin:
    """What a plugin is and offers, without opening any of its functions. The
    keywords are those of ``wudf.load``.

    >>> wudf.inspect("image-features").functions[0].models
    ['resnet50']
    """
    return _inspect(
        os.fspath(plugin),
        policy=policy,
        lock=lock,
        locked=locked,
        offline=offline,
        plain_http=plain_http,
    )
