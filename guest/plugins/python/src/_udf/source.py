"""Source text: run once, and its function found; what its exceptions are called."""

import ast
import itertools
import linecache
import sys
import textwrap
import types

import wudf

_numbers = itertools.count()


class Refused(Exception):
    """Why a function cannot be opened, with a code of the contract."""

    def __init__(self, message, code="options"):
        super().__init__(message)
        self.code = code


class Source:
    def __init__(self, text, name=None):
        # As it stands within SQL, or within other source.
        text = textwrap.dedent(text)
        self.lines = text.splitlines()
        # Not to be mistaken for a file; unique, since a function may be opened twice.
        self.file = f"<source {next(_numbers)}>"
        try:
            tree = ast.parse(text, self.file)
            code = compile(tree, self.file, "exec")
        except SyntaxError as error:
            raise Refused(f"invalid Python source: {error.msg}{self.line(error.lineno)}") from None
        except ValueError as error:
            raise Refused(f"invalid Python source: {error}") from None
        self.models = calls(tree, "model")
        self.assets = calls(tree, "asset")
        self.name = choose(tree, name)
        self.function = self.run(code)

    def run(self, code):
        module = types.ModuleType(self.file)
        # Where dataclasses and hints look their names up, and exceptions their lines.
        sys.modules[self.file] = module
        linecache.cache[self.file] = (0, None, [line + "\n" for line in self.lines], self.file)
        try:
            exec(code, module.__dict__)
        except MemoryError:
            raise
        except BaseException as error:
            code, message = self.explain(error)
            raise Refused(f"the source fails: {message}", "options" if code == "invalid-input" else code) from None
        function = getattr(module, self.name, None)
        if not callable(function):
            raise Refused(f"`{self.name}` is no function once the source has run")
        return function

    def explain(self, error):
        """The code and the text of an exception: its type, what it says, and the line that raised it."""
        code = getattr(error, "code", None) if isinstance(error, wudf.Error) else None
        try:
            said = str(error)
        except Exception as worse:
            said = f"(and its text raises {type(worse).__name__})"
        kind = type(error).__name__
        text = said if code else f"{kind}: {said}" if said else kind
        if isinstance(error, ModuleNotFoundError):
            text += "; the standard library is all there is, without files, processes and sockets"
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.file:
                line = trace.tb_lineno
            trace = trace.tb_next
        return code or "invalid-input", text + self.line(line)

    def line(self, number):
        if number is None or not 0 < number <= len(self.lines):
            return ""
        return f" (line {number}: {self.lines[number - 1].strip()[:200]})"


def choose(tree, name):
    """The function that is meant: the one of that name, else the only one without `_` before its name."""
    nodes = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    names = list(dict.fromkeys(node.name for node in nodes))
    public = [name for name in names if not name.startswith("_")]
    there = f"there is {', '.join(public)}" if public else "there is none"
    if name is None:
        if len(public) != 1:
            which = f"; say which by the option `function`: {there}" if public else ": def f(title: str) -> int: ..."
            raise Refused(f"the source has {len(public)} functions{which}")
        (name,) = public
    elif name not in names:
        raise Refused(f"the source has no function `{name}`; {there}", "function")
    if any(node.name == name and isinstance(node, ast.AsyncFunctionDef) for node in nodes):
        raise Refused(f"`{name}` is async, and there is nothing to wait for")
    return name


def calls(tree, what):
    """The names that `wudf.model("...")` or `wudf.asset("...")` are called with in the source."""
    names = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == f"wudf.{what}"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]
    return list(dict.fromkeys(names))
