"""DuckDB: ``SELECT embed(content) FROM ...``."""

from __future__ import annotations

import pytest
import wudf

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def test_queries(connection, open_kit):
    open_kit("add_one").register(connection)
    open_kit("substr").register(connection, "part")
    open_kit("answer").register(connection, "answer")
    sql = connection.sql
    assert sql("SELECT add_one(n) FROM (VALUES (1), (NULL), (3)) t(n)").fetchall() == [
        (2,),
        (None,),
        (4,),
    ]
    assert sql("SELECT part('abcdef', 2, 3)").fetchall() == [("cde",)]
    assert sql("SELECT part(s, 0, n) FROM (VALUES ('abc', 1), ('def', 2)) t(s, n)").fetchall() == [
        ("a",),
        ("de",),
    ]
    assert sql("SELECT answer() FROM range(3)").fetchall() == [(42,)] * 3
    assert sql("SELECT add_one(range) FROM range(0)").fetchall() == []
    assert sql("SELECT sum(add_one(range)) FROM range(100_000)").fetchall() == [
        (sum(range(1, 100_001)),)
    ]
    # Casts are DuckDB's.
    assert sql("SELECT add_one('7'::INTEGER)").fetchall() == [(8,)]
    with pytest.raises(duckdb.BinderException, match="No function matches"):
        sql("SELECT add_one([1])").fetchall()


def test_nulls_reach_the_plugin(connection, open_kit):
    open_kit("echo_option_string").register(connection, "echo")
    assert connection.sql("SELECT echo(s) FROM (VALUES ('a'), (NULL)) t(s)").fetchall() == [
        ("a",),
        (None,),
    ]


def test_types(connection, open_kit):
    for name, literal, wanted in [
        ("echo_bool", "true", True),
        ("echo_i8", "-8::TINYINT", -8),
        ("echo_u64", "18446744073709551615::UBIGINT", 2**64 - 1),
        ("echo_f32", "0.5::FLOAT", 0.5),
        ("echo_bytes", "'ab'::BLOB", b"ab"),
        ("echo_list_string", "['a', 'b']", ["a", "b"]),
    ]:
        open_kit(name).register(connection)
        assert connection.sql(f"SELECT {name}({literal})").fetchall() == [(wanted,)]
    for name in ("echo_date", "echo_timestamp", "echo_timestamp_utc"):
        open_kit(name).register(connection)
        literal = "DATE '2026-11-24'" if name == "echo_date" else "TIMESTAMP '2026-11-24 12:30:00'"
        assert connection.sql(f"SELECT {name}({literal}) = {literal}").fetchall() == [(True,)]
    open_kit("echo_struct").register(connection)
    point = "{'name': 'p', 'x': 1.5::DOUBLE, 'y': NULL::DOUBLE, 'tags': ['a']}"
    assert connection.sql(f"SELECT echo_struct({point})").fetchall() == [
        ({"name": "p", "x": 1.5, "y": None, "tags": ["a"]},)
    ]
    open_kit("sized_list", options={"size": 2}).register(connection)
    assert connection.sql("SELECT typeof(sized_list(1))").fetchall() == [("FLOAT[2]",)]


def test_pictures(connection, pictures):
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, on_error="null")
    embed.register(connection, "embed")
    connection.execute("CREATE TABLE pictures (content BLOB)")
    connection.executemany(
        "INSERT INTO pictures VALUES (?)", [[p] for p in [*pictures, b"no picture", None]]
    )
    out = connection.sql("SELECT embed(content) FROM pictures").fetchall()
    assert [v and len(v) for (v,) in out] == [16] * len(pictures) + [None, None]
    assert [list(v) for (v,) in out[:-2]] == embed(pictures).to_pylist()


def test_rows_that_fail(connection, open_kit):
    for function in ("fails", "panics"):
        open_kit(function).register(connection)
        open_kit(function, on_error="null").register(connection, f"{function}_null")
        open_kit(function, on_error="record").register(connection, f"{function}_record")
        with pytest.raises(duckdb.InvalidInputException, match=f"kit:{function}: row 13: "):
            connection.sql(f"SELECT {function}(range) FROM range(20)").fetchall()
        out = connection.sql(f"SELECT {function}_null(range) FROM range(20)").fetchall()
        assert out == [(None if n == 13 else n,) for n in range(20)]
        out = connection.sql(
            f"SELECT r.value, r.error IS NULL FROM (SELECT {function}_record(range) r FROM range(20))"
        ).fetchall()
        assert out == [(None, False) if n == 13 else (n, True) for n in range(20)]
    open_kit("fails", on_error="null", max_failures=2).register(connection, "few")
    with pytest.raises(duckdb.InvalidInputException, match="more than max_failures=2 allows"):
        connection.sql("SELECT few(x) FROM (VALUES (13), (13), (13), (13)) AS t(x)").fetchall()
    open_kit("spins", time_limit=0.3).register(connection)
    with pytest.raises(duckdb.InvalidInputException, match="kit:spins: row 13: "):
        connection.sql("SELECT spins(range) FROM range(20)").fetchall()
    assert connection.sql("SELECT fails_null(1)").fetchall() == [(1,)]


def test_volatile_functions_are_not_folded(connection, open_kit):
    udf = open_kit("prints")
    udf.register(connection)
    before = udf.stats["rows"]
    connection.sql("SELECT prints('a') FROM range(10)").fetchall()
    assert udf.stats["rows"] == before + 10


def test_names(connection, open_kit):
    open_kit("add_one").register(connection)
    with pytest.raises(duckdb.Error, match="add_one"):
        open_kit("add_one").register(connection)
    with pytest.raises(
        TypeError, match="expected a DuckDB connection or a Spark session, not builtins.int"
    ):
        open_kit("add_one").register(1)
