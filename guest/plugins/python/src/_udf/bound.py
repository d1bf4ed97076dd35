"""A function of some source with its types: what calls it with columns."""

import inspect
import re
from copy import deepcopy
from itertools import compress

import wudf
from _udf import annotations, bits
from _udf.kinds import MISSING
from _udf.source import Refused, Source

__all__ = ["Bound", "Refused"]

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")
# A signature has a bound on what it says of itself.
_DOC = 8_000


class Bound:
    def __init__(self, text, name=None, returns=None):
        self.source = source = Source(text, name)
        self.name = source.name
        if not _NAME.fullmatch(self.name):
            raise Refused(f"`{self.name}` is not a valid function name: use a letter, then letters, digits and _")
        self.doc = (inspect.getdoc(source.function) or "")[:_DOC]
        self.models, self.assets = source.models, source.assets
        for model in self.models:
            # A model that is not there is an error of the function, not of each row.
            try:
                wudf.model(model)
            except wudf.Error as error:
                raise Refused(str(error), error.code) from None
        self.parameters, self.returns = typed(self.name, source.function, returns)
        self.function = finishing(source.function, self.parameters)

    def call(self, rows, arguments):
        """A value for each row, as nodes, and what failed: rows with codes and messages."""
        columns, called = self.columns(rows, arguments)
        count = rows if called is None else called.count(1)
        results, failures = self.run(columns, count)
        if called is not None:
            values = iter(results)
            results = [next(values) if here else MISSING for here in called]
            places = [row for row, here in enumerate(called) if here]
            failures = [(places[at], *why) for at, *why in failures]
        nodes, misfits = self.returns.write_rows(results)
        failures += [(row, "invalid-input", f"returned {why}") for row, why in misfits]
        return nodes, sorted(failures)

    def columns(self, rows, arguments):
        """The arguments' values for the rows that are called, and flags of these rows: None for all."""
        columns, called = [], None
        for slot, nodes in zip(self.parameters, arguments):
            values = slot.kind.read(iter(nodes))
            present = None
            if nodes[0].null_count and not slot.optional:
                present = bits.unpack(nodes[0].buffers[0], nodes[0].length)
            if len(values) != rows:
                # A constant. What a function changes in a row is no other row's.
                (value,) = values
                values = [deepcopy(value) if isinstance(value, (list, dict)) else value for _ in range(rows)]
                present = present and present * rows
            columns.append(values)
            called = bits.both(called, present)
        if called is not None:
            columns = [list(compress(values, called)) for values in columns]
        return columns, called

    def run(self, columns, count):
        """The function's values, with those of rows that fail missing, and the failures."""
        results, failures = [], []
        calls = map(self.function, *columns)
        while True:
            try:
                results.extend(calls)
                if len(results) == count:
                    return results, failures
                # It ended before its end.
                error = RuntimeError("StopIteration raised")
            except MemoryError:
                # Rows before may have filled the memory: the host tries each alone, and anew.
                raise
            except BaseException as raised:
                error = raised
            failures.append((len(results), *self.source.explain(error)))
            results.append(MISSING)
            # Its frames, and all that these hold.
            del error


def typed(name, function, returns):
    """The places of the parameters, and of the result."""
    try:
        hints = annotations.resolved(inspect.unwrap(function))
        parameters = inspect.signature(function).parameters.values()
    except (annotations.Unknown, TypeError, ValueError) as error:
        raise Refused(str(error)) from None
    slots = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise Refused(f"`{name}` takes any number of arguments (*{parameter.name}), and columns are so many")
        if parameter.default is not parameter.empty:
            # It keeps its default.
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            raise Refused(f"`{name}` takes {parameter.name} by its name alone, and columns come in order")
        if parameter.name not in hints:
            raise Refused(f"`{name}` does not say what {parameter.name} is: write `{parameter.name}: str`")
        slots.append(place(f"`{parameter.name}` of `{name}`", hints[parameter.name], parameter.name))
    if not slots:
        raise Refused(f"`{name}` takes no arguments, and a function of no columns is a constant")
    if "return" not in hints:
        raise Refused(f"`{name}` does not say what it returns: write `-> int` behind its arguments")
    return slots, place(f"what `{name}` returns", hints["return"], "", returns)


def place(what, hint, name, detail=None):
    try:
        return annotations.slot(hint, name, detail)
    except annotations.Unknown as unknown:
        raise Refused(f"{what}: {unknown}") from None


def finishing(function, slots):
    """The function over values as they are read."""
    finishes = [slot.finished() for slot in slots]
    if not any(finishes):
        return function
    if len(finishes) == 1:
        (finish,) = finishes
        return lambda value: function(finish(value))

    def call(*row):
        return function(*[value if finish is None else finish(value) for value, finish in zip(row, finishes)])

    return call
