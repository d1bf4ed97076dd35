"""What a function may use of its host: models and assets, each by its name. Both are the caller's to
grant."""

import functools
import math
import struct

from componentize_py_types import Err
from wit_world.imports import assets as _assets
from wit_world.imports import graph as _graph
from wit_world.imports import models as _models
from wit_world.imports import tensor as _tensor
from wit_world.imports.errors import ErrorCode

__all__ = ["Error", "Model", "Tensor", "asset", "assets", "model"]


class Error(Exception):
    """What fails a row, under a code of the contract: `invalid-input`, `unsupported`, `too-large`,
    `model`, `asset`, or another."""

    def __init__(self, message, code="invalid-input"):
        super().__init__(message)
        self.code = code


# By the names of wasi:nn, which are those of its enumeration: how an element is called, and
# what the module `struct` calls it.
_TYPES = {
    "FP16": ("float16", "e"),
    "FP32": ("float32", "f"),
    "FP64": ("float64", "d"),
    "BF16": ("bfloat16", None),
    "U8": ("uint8", "B"),
    "I32": ("int32", "i"),
    "I64": ("int64", "q"),
}
_LETTERS = {name: letter for name, letter in _TYPES.values()}
_CODES = {name: _tensor.TensorType[code] for code, (name, _) in _TYPES.items()}
# As `models.describe` calls them.
_FORMATS = {"e": "float16", "f": "float32", "g": "float64", "bf16": "bfloat16", "C": "uint8", "i": "int32", "l": "int64"}


class Tensor:
    """Numbers of one type in a shape, the last dimension innermost."""

    def __init__(self, type, shape, data):
        """From bytes, little-endian. `Tensor.of` takes numbers."""
        self.type = type
        self.shape = tuple(shape)
        self.data = bytes(data)

    @classmethod
    def of(cls, values, type="float32", shape=None):
        """From numbers, or from lists of lists of them, whose shape it then has."""
        letter = _letter(type)
        if shape is None:
            shape, inner = [], values
            while isinstance(inner, (list, tuple)):
                shape.append(len(inner))
                inner = inner[0] if inner else None
            for _ in shape[1:]:
                values = [number for row in values for number in row]
        values = values if isinstance(values, (list, tuple)) else [values] if not shape else list(values)
        if len(values) != math.prod(shape):
            raise ValueError(f"{len(values)} numbers do not have the shape {tuple(shape)}")
        return cls(type, shape, struct.pack(f"<{len(values)}{letter}", *values))

    @property
    def values(self):
        """All numbers, in order."""
        letter = _letter(self.type)
        return list(struct.unpack(f"<{len(self.data) // struct.calcsize(letter)}{letter}", self.data))

    def tolist(self):
        """The numbers as lists of lists, as the shape has them."""
        values = self.values
        for size in reversed(self.shape[1:]):
            values = [values[at : at + size] for at in range(0, len(values), size)] if size else []
        return values if self.shape else values[0]

    def __repr__(self):
        return f"<wudf.Tensor {self.type} {self.shape}>"


def _letter(type):
    letter = _LETTERS.get(type)
    if letter is None:
        raise ValueError(f"numbers of the type {type} are not read or written here; data has their bytes")
    return letter


class Model:
    """A model of the host's, loaded. `wudf.model` gives it."""

    def __init__(self, name):
        self.name = name
        self._graph = _asked(lambda: _graph.load_by_name(name), name)
        self._context = _asked(self._graph.init_execution_context, name)

    @functools.cached_property
    def _description(self):
        return _asked(lambda: _models.describe(self.name), self.name)

    @property
    def inputs(self):
        """The inputs: names, with types and dimensions, of which None is any number."""
        return {one.name: (_FORMATS.get(one.format, one.format), one.dimensions) for one in self._description.inputs}

    @property
    def outputs(self):
        """The outputs, as `inputs`."""
        return {one.name: (_FORMATS.get(one.format, one.format), one.dimensions) for one in self._description.outputs}

    @property
    def properties(self):
        """What the host says of the model, such as its labels."""
        return dict(self._description.properties)

    def run(self, inputs):
        """Runs it. `inputs` are tensors, or lists of numbers, by name, or one of them for a model of
        one input; outputs are tensors by name."""
        if not isinstance(inputs, dict):
            inputs = {"": inputs}
        given = [(name, self._tensor(name, value)) for name, value in inputs.items()]
        outputs = _asked(lambda: self._context.compute(given), self.name)
        return {name: _read(output) for name, output in outputs}

    def _tensor(self, name, value):
        if not isinstance(value, Tensor):
            wanted = self.inputs
            type, _ = wanted.get(name) or next(iter(wanted.values()))
            value = Tensor.of(value, type)
        return _tensor.Tensor(list(value.shape), _CODES[value.type], value.data)

    def __repr__(self):
        return f"<wudf.Model {self.name}>"


def _read(output):
    with output:
        name, _ = _TYPES[output.ty().name]
        return Tensor(name, output.dimensions(), output.data())


def _asked(call, name):
    """What the host answers about a model, its errors as exceptions."""
    try:
        return call()
    except Err as error:
        why = error.value
        if hasattr(why, "message"):
            raise Error(f"the model {name}: {why.message}", "model") from None
        code = "timeout" if why.code() is ErrorCode.TIMEOUT else "model"
        raise Error(f"the model {name}: {why.data()}", code) from None


@functools.cache
def model(name):
    """The model of that name. Models that the source names in `wudf.model("...")` are loaded when the
    function is opened."""
    return Model(name)


@functools.cache
def asset(name):
    """The bytes of the asset of that name."""
    try:
        return _assets.read(name, 0, _assets.size(name))
    except Err as error:
        raise Error(f"the asset {name}: {error.value.message}", "asset") from None


def assets():
    """The names of the assets that were granted."""
    return _assets.names()
