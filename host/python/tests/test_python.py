"""Functions of Python source: `wudf.python` and `@wudf.udf`, held against the same source run by this
interpreter, and what becomes of rows that misbehave."""

from __future__ import annotations

import dataclasses
import datetime
import math
import os
import pickle
import re
import string
import subprocess
import sys
from decimal import Decimal
from typing import Optional, TypedDict

import pytest
import wudf
from wudf import _wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
if _wudf.separate()["python"] is None:
    pytest.skip("python.wasm is not built: make python-plugin", allow_module_level=True)

UTC = datetime.timezone.utc


def native(source: str, name: str = "f"):
    """The function, run by this interpreter."""
    namespace: dict = {"__name__": "source"}
    exec(source, namespace)
    return namespace[name]


def errors(source: str, *columns, **settings) -> list[str | None]:
    """The failures of rows."""
    udf = wudf.python(source, on_error="record", **settings)
    return [row["error"] for row in udf(*columns).to_pylist()]


def refusal(source: str, *more, **settings) -> wudf.Error:
    with pytest.raises(wudf.Error) as caught:
        wudf.python(source, *more, **settings)
    return caught.value


TEXTS = ["", "a", "to be or not", " two  spaces ", "über", "日本語 テキスト", "😀 e\u0301", "x" * 3000, "\0"]
WHOLE = [0, 1, -1, 2**31, -(2**63), 2**63 - 1]
MOMENTS = [
    datetime.datetime(1970, 1, 1),
    datetime.datetime(1, 1, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 2, 29, 12, 30, 15, 123456),
]

SAME = {
    "words": ("def f(x: str) -> int: return len(x.split())", pa.string(), TEXTS),
    "text": ("def f(x: str) -> str: return x[::-1] + x.upper()", pa.string(), TEXTS),
    "encode": ("def f(x: str) -> bytes: return x.encode('utf-16')", pa.string(), TEXTS),
    "decode": ("def f(x: bytes) -> str: return x.decode('latin-1')", pa.binary(), [b"", b"\xff\0a", bytes(range(256))]),
    "bytes": ("def f(x: bytes) -> bytes: return x + bytearray(b'!')", pa.binary(), [b"", b"\xff", b"abc"]),
    "even": ("def f(x: int) -> bool: return x % 2 == 0", pa.int64(), list(range(-9, 300))),
    "not": ("def f(x: bool) -> bool: return not x", pa.bool_(), [True, False, True] * 7),
    "halves": ("def f(x: int) -> float: return x / 2", pa.int64(), WHOLE),
    "int as float": ("def f(x: int) -> float: return x", pa.int64(), [0, 1, -7]),
    "whole": ("def f(x: float) -> int: return int(x)", pa.float64(), [0.0, -2.5, 1e15]),
    "float": ("def f(x: float) -> float: return x * 3", pa.float64(), [0.0, -0.0, 1.5, math.inf]),
    "date": (
        "from datetime import date, timedelta\ndef f(x: date) -> date: return x + timedelta(1)",
        pa.date32(),
        [datetime.date(1970, 1, 1), datetime.date(2024, 2, 28), datetime.date(1, 1, 1)],
    ),
    "datetime": ("from datetime import datetime\ndef f(x: datetime) -> datetime: return x", pa.timestamp("us"), MOMENTS),
    "year": ("from datetime import datetime\ndef f(x: datetime) -> int: return x.year", pa.timestamp("us"), MOMENTS),
    "time": (
        "from datetime import time\ndef f(x: time) -> time: return x.replace(hour=3)",
        pa.time64("us"),
        [datetime.time(), datetime.time(23, 59, 59, 999999)],
    ),
    "timedelta": (
        "from datetime import timedelta\ndef f(x: timedelta) -> timedelta: return -x",
        pa.duration("us"),
        [datetime.timedelta(), datetime.timedelta(days=-3, microseconds=5)],
    ),
    "decimal": (
        "from decimal import Decimal\ndef f(x: Decimal) -> Decimal: return x * 2",
        pa.decimal128(20, 4),
        [Decimal("0"), Decimal("-1.2345"), Decimal("9999999999999999.9999")],
    ),
    "list": ("def f(x: list[int]) -> list[str]: return [str(y) for y in x]", pa.list_(pa.int64()), [[], [1, 2], [-3]]),
    "nested": ("def f(x: list[list[str]]) -> list[list[str]]: return x[::-1]", pa.list_(pa.list_(pa.string())), [[], [["a"], [], ["ü", ""]]]),
    "items": ("def f(x: list[int | None]) -> list[int | None]: return [*x, None]", pa.list_(pa.int64()), [[], [1, None]]),
    "map": ("def f(x: dict[str, int]) -> dict[str, int]: return {k.upper(): v for k, v in x.items()}", pa.map_(pa.string(), pa.int64()), [{}, {"a": 1, "b": 2}]),
    "typed dict": (
        "from typing import TypedDict\nclass P(TypedDict):\n    x: int\n    y: str | None\n"
        "def f(p: P) -> P: return {'x': p['x'] + 1, 'y': None if p['y'] else 'q'}",
        pa.struct({"x": pa.int64(), "y": pa.string()}),
        [{"x": 1, "y": "a"}, {"x": 2, "y": None}],
    ),
    "structs in structs": (
        "from typing import TypedDict\nclass A(TypedDict):\n    x: int\nclass B(TypedDict):\n    a: A | None\n"
        "def f(b: B) -> B: return b",
        pa.struct({"a": pa.struct({"x": pa.int64()})}),
        [{"a": {"x": 1}}, {"a": None}, {"a": {"x": 3}}],
    ),
    "json": ("import json\ndef f(x: str) -> list[int]: return json.loads(x)", pa.string(), ["[]", "[1, 2]"]),
    "unicode": ("import unicodedata\ndef f(x: str) -> str: return unicodedata.normalize('NFC', x)", pa.string(), TEXTS),
    "hash": ("import hashlib\ndef f(x: str) -> str: return hashlib.sha256(x.encode()).hexdigest()", pa.string(), TEXTS),
    "codec": ("def f(x: bytes) -> str: return x.decode('cp1252')", pa.binary(), [b"\x80 \xfc"]),
    "re": ("import re\nW = re.compile(r'\\w+')\ndef f(x: str) -> list[str]: return W.findall(x)", pa.string(), TEXTS),
}


def python_values(array) -> list:
    values = array.to_pylist()
    if not pa.types.is_map(array.type):
        return values
    return [None if value is None else dict(value) for value in values]


@pytest.mark.parametrize("name", SAME)
def test_values_are_those_of_this_interpreter(name):
    source, type, values = SAME[name]
    wanted = [native(source)(value) for value in values]
    wanted = [bytes(value) if isinstance(value, bytearray) else value for value in wanted]
    f = wudf.python(source)
    given = pa.array([list(v.items()) for v in values] if pa.types.is_map(type) else values, type)
    assert python_values(f(given)) == wanted
    # With nulls between, which nothing is asked of, and in slices.
    mixed = [value for pair in zip(given.to_pylist(), [None] * len(values)) for value in pair]
    found = f(pa.array(mixed, type).slice(1))
    assert found.null_count == len(values)
    assert [value for value in python_values(found) if value is not None] == wanted[1:]
    assert f(pa.array([], type)).to_pylist() == []


def test_many_rows_of_all_lengths():
    source = "def f(x: str, n: int) -> str: return x[:n] + str(n)"
    texts = [(string.ascii_letters * 3)[n % 97 : n % 131] + ("é" if n % 7000 == 6999 else "") for n in range(40_000)]
    numbers = list(range(40_000))
    wanted = list(map(native(source), texts, numbers))
    for threads in (1, 2):
        assert wudf.python(source, threads=threads)(texts, numbers).to_pylist() == wanted


def test_signatures():
    udf = wudf.python(
        "def f(a: str, b: int | None, c: list[float] = ()) -> bytes | None:\n    'Doc.'\n    return None",
        returns=None,
    )
    assert str(udf.signature) == "f(a: string, b: int64) -> binary"
    assert (udf.name, udf.doc, udf.signature.volatility) == ("f", "Doc.", "immutable")
    assert udf(["a", None, "c"], [1, None, None]).to_pylist() == [None] * 3
    narrow = wudf.python("def f(x: int) -> int: return x", returns="int16", on_error="null")
    assert narrow.returns.name == "f" and pa.field(narrow.returns).type == pa.int16()
    assert narrow([1, 2**15]).to_pylist() == [1, None]
    annotated = wudf.python(
        "from typing import Annotated\nfrom decimal import Decimal\nfrom datetime import datetime\n"
        "def f(x: Annotated[int, 'uint8'], y: Annotated[Decimal, 'decimal(10,2)']) -> Annotated[datetime, 'UTC']:\n"
        "    return datetime.fromisoformat('2024-01-01T00:00:00+00:00')"
    )
    arguments = [pa.field(field).type for field in annotated.signature.arguments]
    assert arguments == [pa.uint8(), pa.decimal128(10, 2)]
    assert annotated([1], [Decimal("1.25")]).to_pylist() == [datetime.datetime(2024, 1, 1, tzinfo=UTC)]
    assert wudf.python("def f(x: int) -> int: return x", volatility="volatile").signature.volatility == "volatile"


def test_nulls_reach_only_those_that_want_them():
    source = "def f(a: str | None, b: int) -> str: return f'{a} {b}'"
    found = wudf.python(source)(["x", None, "y", None], [1, 2, None, None])
    assert found.to_pylist() == ["x 1", "None 2", None, None]
    assert errors("def f(a: str) -> int: return None", ["a"]) == ["returned None, where int is annotated"]


def test_one_of_several_functions():
    source = "def _h(x): return x\ndef f(x: int) -> int: return _h(x)\ndef g(x: int) -> int: return -x"
    assert wudf.python(source, "g")([1]).to_pylist() == [-1]
    assert wudf.load("python:f", options={"source": source})([1]).to_pylist() == [1]
    assert "say which by the option `function`: there is f, g" in refusal(source).message
    gone = refusal(source, "h")
    assert "the source has no function `h`; there is f, g" in gone.message


def test_exceptions_are_failures_of_rows_with_their_lines():
    source = """
        import json

        def f(x: str) -> int:
            if x == "exit":
                raise SystemExit(3)
            if x == "stop":
                next(iter([]))
            if x == "deep":
                return f(x)
            if x == "odd":
                return "text"
            return int(x)
    """
    rows = ["1", "x", "exit", "stop", "deep", "odd", str(2**63), "7"]
    found = errors(source, rows)
    assert found[0] is None and found[7] is None
    assert found[1] == "ValueError: invalid literal for int() with base 10: 'x' (line 13: return int(x))"
    assert found[2] == "SystemExit: 3 (line 6: raise SystemExit(3))"
    assert found[3].startswith("RuntimeError: StopIteration") or found[3].startswith("StopIteration")
    assert found[4].startswith("RecursionError: ") and "(line 10: return f(x))" in found[4]
    assert found[5] == "returned str, not int"
    assert found[6] == f"returned {2**63}, which int64 does not hold"
    # A failure is of its row, whatever the chunk.
    many = ["1"] * 20_000
    many[12_345] = "x"
    assert [row for row, why in enumerate(errors(source, many)) if why] == [12_345]


@pytest.mark.parametrize(
    "returns, value, why",
    [
        ("int", "1.5", "returned float, not int"),
        ("str", "b'a'", "returned bytes, not str"),
        ("str", "chr(0xd800)", "surrogates not allowed"),
        ("bytes", "'a'", "returned str, not bytes"),
        ("bool", "2", "returned 2, which is neither True nor False"),
        ("list[str]", "'ab'", "returned str, not list[str]"),
        ("list[int]", "[1, None]", "returned None, where int is annotated"),
        ("dict[str, int]", "{1: 1}", "returned int, not str"),
        ("dt.date", "dt.datetime(2024, 1, 1, 5)", "returned datetime, not date"),
        ("dt.datetime", "dt.datetime.now(dt.timezone.utc)", "where datetimes are without a zone"),
        ("dt.timedelta", "dt.timedelta.max", "which the column does not hold"),
        ("Decimal", "Decimal('1e30')", "which decimal(38,18) does not hold"),
        ("Decimal", "Decimal('NaN')", "which decimal(38,18) does not hold"),
        ("Decimal", "1.5", "returned float, not Decimal"),
        ("P", "{'x': 1, 'z': 2}", "'z', which P does not have"),
        ("P", "{}", "P whose x is None, where int is annotated"),
        ("D", "{'x': 1}", "returned dict, not D"),
        ("D", "D('a')", "D whose x is str, not int"),
    ],
)
def test_results_of_other_types_fail_their_rows(returns, value, why):
    source = (
        "import datetime as dt\nfrom decimal import Decimal\nfrom typing import TypedDict\nfrom dataclasses import dataclass\n"
        f"class P(TypedDict):\n    x: int\n@dataclass\nclass D:\n    x: int\n"
        f"def f(x: int) -> {returns} | None:\n    return {value} if x == 1 else None"
    )
    found = errors(source, [0, 1, 0])
    assert found[0] is None and found[2] is None
    assert why in found[1]


def test_what_counts_as_what():
    found = wudf.python("def f(x: int) -> list[int]: return (y for y in range(x))")([0, 3])
    assert found.to_pylist() == [[], [0, 1, 2]]
    assert wudf.python("def f(x: int) -> list[int]: return {x}")([5]).to_pylist() == [[5]]
    thirds = wudf.python("from decimal import Decimal\ndef f(x: int) -> Decimal: return Decimal(x) / 3", returns="decimal(10,2)")
    assert thirds([1, 2]).to_pylist() == [Decimal("0.33"), Decimal("0.67")]


def test_values_out_of_pythons_range_fail_their_rows():
    far = pa.array([0, 10**7, -(10**7)], pa.int32()).cast(pa.date32())
    found = errors("from datetime import date\ndef f(x: date) -> int: return x.year", far)
    assert found[0] is None and all("year" in why or "ordinal" in why for why in found[1:])


def test_dataclasses():
    source = """
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: int
            tags: list[str]

            def __post_init__(self):
                if self.x < 0:
                    raise ValueError("below zero")

        def f(p: Point, q: Point | None) -> Point:
            return Point(p.x + (q.x if q else 0), p.tags * 2)
    """
    type = pa.struct({"x": pa.int64(), "tags": pa.list_(pa.string())})
    p = pa.array([{"x": 1, "tags": ["a"]}, {"x": -1, "tags": []}, None, {"x": 4, "tags": []}], type)
    q = pa.array([{"x": 2, "tags": []}, None, None, None], type)
    found = wudf.python(source, on_error="record")(p, q).to_pylist()
    assert [row["value"] for row in found] == [{"x": 3, "tags": ["a", "a"]}, None, None, {"x": 4, "tags": []}]
    assert found[1]["error"] == "ValueError: below zero (line 11: raise ValueError(\"below zero\"))"


def test_sources_that_do_not_do():
    for source, why in [
        ("def f(x: int) -> int", "invalid Python source: expected ':' (line 1: def f(x: int) -> int)"),
        ("x = 1", "the source has 0 functions"),
        ("1 / 0\ndef f(x: int) -> int: return x", "the source fails: ZeroDivisionError: division by zero (line 1: 1 / 0)"),
        ("import numpy\ndef f(x: int) -> int: return x", "No module named 'numpy'; the standard library is all there is"),
        ("def f(x) -> int: return x", "does not say what x is"),
        ("def f(x: int): return x", "does not say what it returns"),
        ("def f(x: Gone) -> int: return x", "the annotations of f cannot be read"),
        ("def f(x: list) -> int: return x", "does not say of what"),
        ("def f(x: int | str) -> int: return x", "several types"),
        ("def f(x: object) -> int: return x", "is not a supported type"),
        ("def f(*x: int) -> int: return x", "any number of arguments"),
        ("def f() -> int: return 1", "takes no arguments"),
        ("async def f(x: int) -> int: return x", "is async"),
        ("def f(x: dict[str | None, int]) -> int: return x", "keys that may be None"),
    ]:
        error = refusal(source)
        assert why in error.message and error.kind == "invalid-options", error
    assert "is one of" in refusal("def f(x: int) -> int: return x", returns="int7").message
    assert "volatility" in refusal("def f(x: int) -> int: return x", volatility="never").message


HOSTILE = {
    "loop": ("while True: pass", "stopped after more than"),
    "loop that catches": ("\n        while True:\n            try:\n                while True: pass\n            except BaseException: pass", "stopped after more than"),
    "memory": ("return len('x' * 300_000_000)", "memory"),
    "memory bit by bit": ("a = []\n        while True: a.append(bytes(1_000_000))", "memory"),
    "raised": ("raise MemoryError", "MemoryError"),
    "socket": ("import socket; socket.create_connection(('localhost', 1))", "standard library is all there is"),
    "subprocess": ("import os; os.system('true')", "AttributeError"),
    "file": ("open('/etc/passwd')", "FileNotFoundError"),
    "write": ("open('/tmp/x', 'w')", "Error"),
    "exit": ("import os; os._exit(0)", "exit status 0"),
    "deep": ("a = []\n        for _ in range(100_000): a = [a]\n        return repr(a)", "stack overflow"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_rows_that_misbehave_fail_alone(name):
    what, why = HOSTILE[name]
    source = f"def f(x: int) -> int:\n    if x == 1:\n        {what}\n    return x"
    found = errors(source, [0, 1, 2], memory=256 << 20, time_limit=1.0, threads=1)
    assert found[0] is None and found[2] is None
    assert why in found[1], found[1]


def test_a_string_of_a_gigabyte_fails_alone():
    found = errors("def f(x: int) -> str: return 'x' * x", [3, 10**9, 5])
    assert found[0] is None and found[2] is None and found[1]


def test_results_that_fill_the_memory_together_are_tried_alone():
    # 200 rows of 4 MB are more than an instance has; each for itself is not.
    found = wudf.python("def f(x: int) -> int: return len('x' * 4_000_000)", memory=256 << 20)([1] * 200)
    assert found.to_pylist() == [4_000_000] * 200


def test_no_row_sees_what_another_made_of_a_constant(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    f = wudf.python("def f(x: int, y: list[int]) -> int:\n    y.append(x)\n    return len(y)")
    connection = duckdb.connect()
    f.register(connection)
    assert connection.sql("SELECT f(i, [1, 2]) FROM range(3) t(i)").fetchall() == [(3,)] * 3


def test_models_and_assets(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("one two")
    source = "import wudf\nW = set(wudf.asset('words').decode().split())\ndef f(x: str) -> bool: return x in W"
    f = wudf.python(source, assets={"words": words})
    assert f.signature.assets == ["words"] and f(["one", "three"]).to_pylist() == [True, False]
    assert "words" in refusal(source).message
    model = """
        import wudf

        def f(x: float) -> list[float]:
            net = wudf.model("net")
            (name, (type, dimensions)), = net.inputs.items()
            pixels = wudf.Tensor.of([x] * (3 * 224 * 224), type, [1, 3, 224, 224])
            (output,) = net.run(pixels).values()
            assert output.shape[0] == 1
            return output.tolist()[0]
    """
    f = wudf.python(model, models={"net": "seeded:tiny"})
    assert f.signature.models == ["net"]
    once, again = f([0.5, 0.5]).to_pylist()
    assert once == again and len(once) > 1
    assert refusal(model).kind == "model"


STOP = {"a", "the"}
WORD = re.compile(r"\w+")


@dataclasses.dataclass
class Counted:
    words: int
    longest: Optional[str]


class Pair(TypedDict):
    a: int
    b: int


def known(text: str) -> list[str]:
    return [word for word in WORD.findall(text) if word not in STOP]


@wudf.udf(on_error="null")
def counted(title: str) -> Counted:
    """Counts words."""
    words = known(title)
    return Counted(len(words), max(words, key=len, default=None))


@wudf.udf
def summed(pair: Pair, when: "datetime.date") -> int:
    return pair["a"] + pair["b"] + when.year + math.floor(0.5)


def test_a_function_of_this_file():
    assert isinstance(counted, wudf.Udf) and counted.name == "counted" and counted.doc == "Counts words."
    found = counted(["the cat and a dog", "", None]).to_pylist()
    assert found == [{"words": 3, "longest": "cat"}, {"words": 0, "longest": None}, None]
    pairs = pa.array([{"a": 1, "b": 2}], pa.struct({"a": pa.int64(), "b": pa.int64()}))
    assert summed(pairs, [datetime.date(2000, 1, 1)]).to_pylist() == [2003]


def test_what_has_no_source_is_named():
    n = 3
    with pytest.raises(wudf.Error, match="uses `n` of the function around it"):

        @wudf.udf
        def around(x: int) -> int:
            return x + n

    with pytest.raises(wudf.Error, match="uses the package pyarrow"):

        @wudf.udf
        def package(x: int) -> int:
            return pa.array([x])

    with pytest.raises(wudf.Error, match="uses `nothing_like_it`, which is defined nowhere"):

        @wudf.udf
        def undefined(x: int) -> int:
            return nothing_like_it  # noqa: F821

    with pytest.raises(wudf.Error, match="uses `counted`, a Udf"):

        @wudf.udf
        def other(x: int) -> int:
            return counted(x)

    with pytest.raises(wudf.Error, match="write it with `def`"):
        wudf.udf(lambda x: x)
    with pytest.raises(TypeError, match="not for a int"):
        wudf.udf(3)


def test_a_pickle_is_the_source_and_no_code():
    data = pickle.dumps(counted)
    assert len(data) < 4096 and b"def counted" in data
    again = subprocess.run(
        [sys.executable, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer)(['a b']).to_pylist())"],
        input=data,
        capture_output=True,
        timeout=120,
    )
    assert again.stdout.decode().strip() == "[{'words': 1, 'longest': 'b'}]", again.stderr.decode()


def test_the_file_is_found_by_one_rule(tmp_path):
    code = (
        "import sys, wudf\n"
        "try: print(wudf.python('def f(x: int) -> int: return x').digest)\n"
        "except wudf.Error as error: print(error.kind, error.message)"
    )

    def run(**variables):
        kept = {k: v for k, v in os.environ.items() if k not in ("WUDF_PLUGINS", "XDG_DATA_HOME")}
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **variables}, timeout=120)
        return ran.stdout.strip()

    nothing = str(tmp_path / "nothing")
    said = run(WUDF_PLUGINS=nothing, XDG_DATA_HOME=nothing)
    if "unknown-plugin" in said:
        assert nothing in said and f"{nothing}/wudf/plugins" in said and "WUDF_PLUGINS" in said
    file = os.fspath(_wudf.separate()["python"])
    folder = tmp_path / "data/wudf/plugins"
    folder.mkdir(parents=True)
    os.symlink(file, folder / "python.wasm")
    digest = counted.digest
    assert run(XDG_DATA_HOME=str(tmp_path / "data")) == digest
    assert run(WUDF_PLUGINS=str(folder)) == digest


def test_inline_brings_the_plugin_along(tmp_path):
    udf = wudf.python("def f(x: int) -> int: return x + 1", inline=True)
    data = pickle.dumps(udf)
    assert len(data) > 5_000_000
    environment = {k: v for k, v in os.environ.items() if k != "WUDF_PLUGINS"}
    ran = subprocess.run(
        [sys.executable, "-c", "import pickle, sys; print(pickle.load(sys.stdin.buffer)([1]).to_pylist())"],
        input=data,
        capture_output=True,
        timeout=120,
        env={**environment, "XDG_DATA_HOME": str(tmp_path)},
    )
    assert ran.stdout.decode().strip() == "[2]", ran.stderr.decode()


def test_every_engine_gives_the_same(spark):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    titles = ["the cat", "", None, "über den Wolken"]
    words = wudf.python("def words(title: str) -> int: return len(title.split())")
    wanted = [2, 0, None, 3]
    assert words(titles).to_pylist() == wanted
    frame = spark.createDataFrame([(title,) for title in titles], "title string").repartition(1)
    found = frame.select("title", words.spark("title").alias("n")).collect()
    assert {row.title: row.n for row in found} == dict(zip(titles, wanted))
    longest = frame.select("title", counted.spark("title").alias("c")).collect()
    assert {row.title: row.c and row.c.words for row in longest}["the cat"] == 1
    words.register(spark, "words")
    assert spark.sql("SELECT words('a b') AS n").collect()[0].n == 2
    assert pandas.Series(titles).pipe(words.pandas).tolist()[:2] == wanted[:2]
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    connection = duckdb.connect()
    words.register(connection)
    connection.register("titles", pa.table({"title": titles}))
    assert connection.sql("SELECT words(title) FROM titles").fetchall() == [(n,) for n in wanted]
    polars = pytest.importorskip("polars", reason="polars is not installed")
    series = polars.DataFrame({"title": titles}).with_columns(n=words.polars("title"))["n"]
    assert series.to_list() == wanted and series.dtype == polars.Int64
