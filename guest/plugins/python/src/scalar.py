"""The interface `scalar` of the contract: the exported resource `function`, in a module of its
interface's name, where componentize-py looks for it."""

import json

from _udf.bound import Bound, Refused
from componentize_py_types import Err
from wit_world.exports import scalar
from wit_world.imports.arrow import Field
from wit_world.imports.types import Problem

# What its one function is called until the options say what is in the source.
NAME = "python"

VOLATILITIES = ["immutable", "stable", "volatile"]

OPTIONS = {
    "type": "object",
    "properties": {
        "source": {"type": "string", "description": "Python source with the function in it"},
        "function": {
            "type": "string",
            "description": "The function's name; may be left out where the source has one",
        },
        "returns": {
            "type": "string",
            "description": "What the result's annotation leaves open: int8 to int64, uint8 to uint64, "
            "float32, float64, decimal(P,S), or a datetime's zone",
        },
        "volatility": {
            "enum": VOLATILITIES,
            "default": VOLATILITIES[0],
            "description": "Whether equal arguments give equal results: always, within a query, never",
        },
    },
    "required": ["source"],
    "additionalProperties": False,
}

DOC = """A function of Python source.

The option `source` holds the source, and the function's annotations say what it takes and returns."""


def signatures():
    return [
        scalar.Signature(
            name=NAME,
            doc=DOC,
            arguments=[[Field("arguments", "*", True, 0, [])]],
            returns=[Field("", "*", True, 0, [])],
            options=json.dumps(OPTIONS),
            models=[],
            assets=[],
            properties=[("variadic", "true"), ("named-by", "function"), ("volatility", "volatile")],
        )
    ]


class Function(scalar.Function):
    def __init__(self, bound, volatility):
        self.bound = bound
        self.volatility = volatility

    @classmethod
    def open(cls, name, options, arguments):
        if name != NAME:
            raise refusal("function", f"there is no function {name}, only {NAME}")
        options = checked(options)
        try:
            bound = Bound(options["source"], options.get("function"), options.get("returns"))
        except Refused as refused:
            raise refusal(refused.code, str(refused)) from None
        if arguments and len(arguments) != len(bound.parameters):
            takes = f"{bound.name} takes {len(bound.parameters)} arguments, not {len(arguments)}"
            raise refusal("arguments", takes)
        return cls(bound, options.get("volatility", VOLATILITIES[0]))

    def signature(self):
        bound = self.bound
        # Rows that are null whatever the function would say need not come here.
        skips = not any(slot.optional for slot in bound.parameters)
        return scalar.Signature(
            name=bound.name,
            doc=bound.doc,
            arguments=[slot.kind.fields(slot.name, True) for slot in bound.parameters],
            returns=bound.returns.kind.fields("", True),
            options=json.dumps(OPTIONS),
            models=bound.models,
            assets=bound.assets,
            properties=[("volatility", self.volatility), ("nulls", "skip" if skips else "see")],
        )

    def call(self, rows, arguments):
        values, failures = self.bound.call(rows, arguments)
        return scalar.Output(values, [scalar.Failure(*failure) for failure in failures])


def refusal(code, message):
    return Err(Problem(code, message, []))


def checked(text):
    """The options, each of the type that the schema gives it."""
    try:
        options = json.loads(text)
    except ValueError as error:
        raise refusal("options", f"the options are not JSON: {error}") from None
    known = OPTIONS["properties"]
    if not isinstance(options, dict):
        raise refusal("options", "the options are not an object")
    for name, value in options.items():
        if name not in known:
            raise refusal("options", f"there is no option {name}; there are {', '.join(known)}")
        if not isinstance(value, str):
            raise refusal("options", f"the option {name} is a string")
    if "source" not in options:
        raise refusal("options", "the option `source` is missing: Python source with a function")
    if options.get("volatility", VOLATILITIES[0]) not in VOLATILITIES:
        raise refusal("options", f"the option volatility is one of {', '.join(VOLATILITIES)}")
    return options
