"""Where plugins, models and libraries are: here, and on a worker that has been
sent a function from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import sys

from ._errors import Error
from ._wudf import model_source, plugins, separate


def absolute(path: str) -> str:
    """The path as other processes of this machine may use it."""
    return os.path.abspath(os.path.expanduser(path))


def plugin(name: str) -> str:
    """A plugin that is a file, by its absolute path; another as it is."""
    return absolute(name) if os.path.isfile(os.path.expanduser(name)) else name


def model(name: str, entry: str) -> str:
    """A model's entry with the path in it absolute."""
    path, rest = model_source(name, entry)
    return rest if path is None else absolute(os.fspath(path)) + rest


def found_plugin(name: str) -> str:
    """Where a plugin is on this machine, if not where it was when it was loaded."""
    if name in plugins() or os.path.isfile(name):
        return name
    if name in separate():
        return separate_plugin(name) or sent(f"{name}.wasm") or name
    return sent(name) or name


def separate_plugin(name: str) -> str | None:
    """The file of a plugin that comes as a file of its own, if it is such a one and here."""
    file = separate().get(name)
    return None if file is None else os.fspath(file)


def found_model(name: str, entry: str) -> str:
    """A model's entry with the path that its file has on this machine."""
    path, rest = model_source(name, entry)
    if path is None or os.path.exists(path):
        return entry
    at = sent(os.fspath(path))
    return entry if at is None else at + rest


def found(path: str | None) -> str | None:
    """Where a file is on this machine, if not where it was."""
    if path is None or os.path.exists(path):
        return path
    return sent(path) or path


def sent(path: str) -> str | None:
    """The file that ``SparkContext.addFile`` has brought here under the path's
    last part."""
    if "pyspark" not in sys.modules:
        return None
    try:
        from pyspark import SparkFiles

        at = SparkFiles.get(os.path.basename(path))
    except Exception:
        # No context, or one that knows no files: then nothing was sent.
        return None
    return at if os.path.isfile(at) else None


def onnxruntime() -> str | None:
    """The folder of ONNX Runtime's library in this Python environment."""
    return _library("onnxruntime", "capi", "onnxruntime.")


def openvino() -> str | None:
    """The folder of OpenVINO's libraries in this Python environment."""
    return _library("openvino", "libs", "openvino_c.")


def _library(package: str, folder: str, file: str) -> str | None:
    """A folder of a package with a file whose name holds `file`. The package
    is not imported: that would cost more than all of this one."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        library = os.path.join(place, folder)
        if os.path.isdir(library) and any(file in name for name in os.listdir(library)):
            return library
    return None


def keep_to_itself() -> None:
    """Has ONNX Runtime report nothing to its makers, unless the user has said
    what it is to do. It looks when it is loaded, and has no other switch."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def explain(error: Error, name: str) -> Error:
    """An error of a worker that has no such plugin, with what to do about it."""
    if error.kind != "unknown-plugin":
        return error
    if os.path.isabs(name):
        here = "put it under that path on every worker, "
    elif name in separate():
        here = "on Spark's workers, "
    else:
        return error
    message = (
        f"{error.message}; {here}send it with SparkContext.addFile, or load it with inline=True"
    )
    return Error(message, error.kind, error.plugin, error.function, error.row)
