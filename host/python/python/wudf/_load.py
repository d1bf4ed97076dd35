"""``wudf.load``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Literal

from . import _places
from ._errors import Error
from ._udf import Spec, Udf
from ._wudf import split


def load(
    plugin: str | os.PathLike[str],
    function: str | None = None,
    models: Mapping[str, str | os.PathLike[str]] | None = None,
    options: Mapping[str, Any] | None = None,
    on_error: Literal["raise", "null", "record"] = "raise",
    backend: str | None = None,
    assets: Mapping[str, str | os.PathLike[str]] | None = None,
    threads: int | None = None,
    memory: int | None = None,
    time_limit: float | None = None,
    max_failures: int | str | None = None,
    inline: bool = False,
    digest: str | None = None,
    policy: str | os.PathLike[str] | None = None,
    lock: str | os.PathLike[str] | None = None,
    locked: bool = False,
    offline: bool = False,
    plain_http: bool = False,
) -> Udf:
    """Opens a function of a plugin.

    :param plugin: a ``.wasm`` file, the name of a plugin that ships with wudf, or one in
        a registry, ``oci://HOST/NAME:TAG``; ``PLUGIN:FUNCTION`` names the function, too.
    :param function: the function; without it the only one, or the one named
        like the plugin.
    :param models: where the models are that the function runs, by name: a path,
        ``https://...#sha256=HEX``, ``oci://HOST/NAME:TAG`` or ``seeded:resnet50``, and
        settings behind it as on the command line (``"r50.onnx,device=gpu"``). A plugin
        from a registry may bring its own.
    :param options: the function's options; ``wudf.inspect`` lists them.
    :param on_error: what a row that fails does: ``"raise"`` fails the call,
        ``"null"`` gives a null, ``"record"`` gives structs of ``value`` and
        ``error``.
    :param backend: what runs the models that do not say: ``"rten"``, which is
        always there, ``"onnxruntime"`` or ``"openvino"``. Without it that is ONNX Runtime if
        this environment has it (``pip install wudf[onnxruntime]``), and
        otherwise rten.
    :param assets: files that the plugin may read, by name.
    :param threads: threads that work on one batch; one a core, but one alone
        inside Spark's workers.
    :param memory: bytes of memory for each running copy of the plugin.
    :param time_limit: seconds that the plugin may work without an answer.
    :param max_failures: how many rows may fail under ``"null"`` or ``"record"``
        before calls do, with an error of the kind ``"too-many-failures"``: a
        number, or a percentage like ``"2%"``, which is judged from 1,000 rows
        on. Rows are counted in each process, from when the function is opened
        there.
    :param inline: whether a pickle of the function has the plugin's bytes in
        it, for workers that cannot read the file.
    :param digest: the plugin's digest, ``sha256:HEX``; another one is refused.
    :param policy: the file that says whose signatures count; without it the one
        that ``WUDF_POLICY`` names, else the user's or the machine's.
    :param lock: the lock file that pins references, as ``wudf update`` writes it.
    :param locked: whether what the lock file does not pin is refused.
    :param offline: whether registries are left alone, and the local store is
        all there is.
    :param plain_http: whether registries on other machines may be spoken to
        without TLS.
    :raises wudf.Error: what stands in the way.

    >>> embed = wudf.load(
    ...     "image-features",
    ...     models={"resnet50": "seeded:tiny"},
    ...     options={"layer": "features"},
    ...     on_error="null",
    ... )
    >>> embed
    <wudf.Udf image-features:image_features(image: binary) -> fixed_size_list<float32, 16>>
    """
    name = os.fspath(plugin)
    if not isinstance(name, str):
        raise TypeError("plugin is a path or a name, not bytes")
    if function is None:
        name, function = split(name)
    place = _places.plugin(name)
    library = _places.onnxruntime()
    if backend is None and library is not None:
        backend = "onnxruntime"
    try:
        text = json.dumps(dict(options), separators=(",", ":")) if options else "null"
    except (TypeError, ValueError) as error:
        raise Error(f"options are what JSON can say: {error}", "invalid-options") from error
    spec = Spec(
        plugin=place,
        function=function,
        models={key: _places.model(key, os.fspath(entry)) for key, entry in (models or {}).items()},
        options=text,
        on_error=on_error,
        backend=backend,
        assets={key: _places.absolute(os.fspath(path)) for key, path in (assets or {}).items()},
        threads=threads,
        memory=memory,
        time_limit=time_limit,
        max_failures=None if max_failures is None else str(max_failures),
        digest=digest,
        bytes=_read(place) if inline else None,
        signatures=_signatures(place) if inline else [],
        policy=_place(policy),
        lock=_place(lock),
        locked=locked,
        offline=offline,
        plain_http=plain_http,
    )
    return Udf._load(spec)


def _read(place: str) -> bytes | None:
    place = _places.separate_plugin(place) or place
    # What is no file is shipped, and so on every worker.
    if not os.path.isfile(place):
        return None
    try:
        with open(place, "rb") as file:
            return file.read()
    except OSError as error:
        raise Error(f"{place}: {error.strerror}", "io") from error


def _signatures(place: str) -> list[str]:
    # As `wudf sign FILE` leaves them.
    place = _places.separate_plugin(place) or place
    try:
        with open(place + ".sig", encoding="ascii") as file:
            return file.read(1 << 20).splitlines()
    except (OSError, ValueError):
        return []


def _place(path: str | os.PathLike[str] | None) -> str | None:
    return None if path is None else _places.absolute(os.fspath(path))
