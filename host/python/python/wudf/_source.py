"""The source of a function that stands in a file: its own, and that of what it uses."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any

from ._errors import Error

# What a literal may take of the source that is sent.
_LITERAL = 64 << 10


def source_of(function: Callable[..., Any], ours: Callable[..., Any]) -> str:
    """Source that has the function when it has run: imports, constants, and the functions and
    classes of its module that it uses, which come before it. The decorator ``ours`` and those
    above it are left out.

    :raises wudf.Error: where it uses what has no source.
    """
    found = _Found(function, ours)
    found.add(function.__name__, function)
    return "\n".join([*found.imports, *found.constants, *found.definitions])


class _Found:
    """What has been found to be needed, each in the order in which it has to run."""

    def __init__(self, function: Callable[..., Any], ours: Callable[..., Any]) -> None:
        self.function = function
        self.ours = ours
        self.imports: dict[str, None] = {}
        self.constants: dict[str, None] = {}
        self.definitions: list[str] = []
        self.seen: set[str] = set()

    def add(self, name: str, value: Any) -> None:
        """The value that a name stands for. What it uses comes first."""
        if name in self.seen:
            return
        self.seen.add(name)
        if isinstance(value, types.ModuleType):
            self.add_import(name, value.__name__)
        elif (home := _library(value)) is not None:
            rename = "" if name == value.__name__ else f" as {name}"
            self.imports[f"from {home} import {value.__name__}{rename}"] = None
        elif isinstance(value, types.FunctionType) or isinstance(value, type):
            self.add_definition(name, value)
        else:
            self.add_constant(name, value)

    def add_import(self, name: str, module: str) -> None:
        root = module.partition(".")[0]
        if root not in sys.stdlib_module_names and root != "wudf":
            raise self.refusal(
                f"uses the package {root}, and in the sandbox there is the standard library only"
            )
        if name == root:
            # `import a.b` gives `a`; with it come the modules below that are used.
            self.imports[f"import {module}"] = None
        else:
            self.imports[f"import {module} as {name}"] = None

    def add_constant(self, name: str, value: Any) -> None:
        if isinstance(value, re.Pattern):
            self.constants[f"{name} = __import__('re').compile({value.pattern!r}, {value.flags})"] = None
            return
        text = repr(value)
        try:
            same = len(text) <= _LITERAL and ast.literal_eval(text) == value
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            same = False
        if not same:
            kind = type(value).__name__
            raise self.refusal(
                f"uses `{name}`, a {kind}, whose source is not known: make it within the function"
            )
        self.constants[f"{name} = {text}"] = None

    def add_definition(self, name: str, value: Any) -> None:
        if name == "<lambda>":
            raise self.refusal("has no name: write it with `def`")
        if name != value.__name__:
            raise self.refusal(f"uses `{name}`, which has no definition of that name")
        try:
            text = textwrap.dedent(inspect.getsource(value))
        except (OSError, TypeError):
            hint = "wudf.python takes its source as text"
            raise self.refusal(f"cannot be read: there is no file with `{name}`; {hint}") from None
        try:
            (node,) = ast.parse(text).body
        except (SyntaxError, ValueError):
            raise self.refusal(f"cannot be read: `{name}` is no `def` of its own") from None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            raise self.refusal(f"cannot be read: `{name}` is no `def` of its own")
        text = self.without_ours(value, text, node)
        for used, there in self.used(name, value, text, node):
            self.add(used, there)
        self.definitions.append(text)

    def without_ours(self, value: Any, text: str, node: Any) -> str:
        """The source from below the decorator of this package on."""
        names = _namespace(value)
        ours = [d for d in node.decorator_list if _evaluated(d, names) is self.ours]
        if not ours:
            return text
        lines = text.splitlines(keepends=True)
        return "".join(lines[ours[-1].end_lineno :])

    def used(self, name: str, value: Any, text: str, node: ast.AST) -> Iterator[tuple[str, Any]]:
        """The names that a definition has from outside, with what they stand for."""
        names = _namespace(value)
        closure = getattr(getattr(value, "__code__", None), "co_freevars", ())
        loaded = dict.fromkeys(_loaded(compile(text, name, "exec", dont_inherit=True)))
        loaded.update(dict.fromkeys(_in_texts(node)))
        for used in loaded:
            if used in closure:
                where = "of the function around it: pass it as an argument, or move it to the module"
                raise self.refusal(f"uses `{used}` {where}")
            if used == name or used.startswith("__"):
                continue
            if used in names:
                yield used, names[used]
            elif not hasattr(builtins, used):
                raise self.refusal(f"uses `{used}`, which is defined nowhere")

    def refusal(self, why: str) -> Error:
        name = self.function.__name__
        return Error(f"`{name}` {why}", "invalid-options", "python", name)


def _library(value: Any) -> str | None:
    """The module of the standard library, or of this package, that has a function or a class."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    if module.partition(".")[0] not in sys.stdlib_module_names or module == "__main__":
        return None
    # The compiled part of a module is the module's own.
    for home in (module.lstrip("_"), module):
        if getattr(sys.modules.get(home), name, None) is value:
            return home
    return None


def _namespace(value: Any) -> dict[str, Any]:
    if isinstance(value, type):
        return vars(sys.modules.get(value.__module__, builtins))
    return value.__globals__


def _evaluated(decorator: ast.expr, names: dict[str, Any]) -> Any:
    """What a decorator is, without its arguments, as far as its name tells."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    if isinstance(decorator, ast.Name):
        return names.get(decorator.id)
    if isinstance(decorator, ast.Attribute) and isinstance(decorator.value, ast.Name):
        return getattr(names.get(decorator.value.id), decorator.attr, None)
    return None


def _loaded(code: types.CodeType) -> Iterator[str]:
    """The names that code has from outside, in order."""
    stored = set()
    for step in dis.get_instructions(code):
        if step.opname == "STORE_NAME":
            stored.add(step.argval)
        elif step.opname in ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"):
            if step.argval not in stored:
                yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _loaded(constant)


def _in_texts(tree: ast.AST) -> Iterator[str]:
    """The names in annotations that are texts."""
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                with contextlib.suppress(SyntaxError):
                    yield from _loaded(compile(annotation.value, "annotation", "eval"))
