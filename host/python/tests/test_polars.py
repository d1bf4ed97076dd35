"""Polars: ``frame.with_columns(features=udf.polars("content"))``."""

from __future__ import annotations

import pickle

import pytest
import wudf

pl = pytest.importorskip("polars", reason="polars is not installed")


def test_expressions(open_kit):
    frame = pl.DataFrame({"n": [1, None, 3], "w": [0.5, 1.5, None]})
    out = frame.with_columns(m=open_kit("add_one").polars("n"))
    assert out["m"].to_list() == [2, None, 4] and out["m"].dtype == pl.Int64
    out = frame.select(open_kit("add_one").polars(pl.col("n") * 10))
    assert out.to_dict(as_series=False) == {"n": [11, None, 31]}
    weighed = frame.select(x=open_kit("weigh").polars(pl.col("n").cast(pl.Int32), "w"))
    assert weighed["x"].to_list() == [0.5, None, None]
    # Literals are columns, too, and the same column may come twice.
    words = pl.DataFrame({"s": ["abcdef", "ghijkl"]})
    assert words.select(open_kit("substr").polars("s", pl.lit(1), pl.lit(2)))["s"].to_list() == [
        "bc",
        "hi",
    ]


def test_lazy_frames(open_kit):
    frame = pl.LazyFrame({"n": list(range(1000)), "g": [n % 2 for n in range(1000)]})
    plan = frame.with_columns(m=open_kit("add_one").polars("n")).filter(pl.col("m") > 990)
    assert plan.collect_schema()["m"] == pl.Int64
    wanted = list(range(991, 1001))
    assert plan.collect()["m"].to_list() == wanted
    assert plan.collect(engine="streaming")["m"].sort().to_list() == wanted
    grouped = frame.group_by("g").agg(m=open_kit("add_one").polars("n").sum()).sort("g")
    assert grouped.collect()["m"].to_list() == [sum(range(1, 1001, 2)), sum(range(2, 1001, 2))]


def test_layouts(open_kit):
    # Polars' strings are views; empty, sliced, in chunks, and in categories.
    words = pl.Series("s", ["short", None, "a string that is longer than twelve bytes", "x"])
    upper = open_kit("upper")
    wanted = [w and w.upper() for w in words.to_list()]
    assert words.to_frame().select(upper.polars("s"))["s"].to_list() == wanted
    assert words[1:3].to_frame().select(upper.polars("s"))["s"].to_list() == wanted[1:3]
    assert words[:0].to_frame().select(upper.polars("s"))["s"].to_list() == []
    chunks = pl.concat([words, words], rechunk=False)
    assert chunks.n_chunks() == 2
    assert chunks.to_frame().select(upper.polars("s"))["s"].to_list() == wanted * 2
    categories = words.cast(pl.Categorical).to_frame()
    assert categories.select(upper.polars("s"))["s"].to_list() == wanted
    assert upper(words).to_pylist() == wanted
    sized = open_kit("sized_list", options={"size": 2})
    out = pl.DataFrame({"n": [1, None]}).select(sized.polars("n"))
    assert out["n"].dtype == pl.Array(pl.Float32, 2) and out["n"].null_count() == 1


def test_pictures(pictures):
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, on_error="null")
    frame = pl.DataFrame({"content": pictures + [b"no picture", None]})
    out = frame.with_columns(features=embed.polars("content"))["features"]
    assert out.dtype == pl.Array(pl.Float32, 16)
    assert out.is_null().to_list() == [False] * len(pictures) + [True, True]


def test_rows_that_fail(open_kit):
    frame = pl.DataFrame({"n": [1, 13, 2]})
    with pytest.raises(
        (pl.exceptions.ComputeError, wudf.Error), match="kit:fails: row 1: "
    ) as caught:
        frame.select(open_kit("fails").polars("n"))
    assert "This error occurred in the following expression" in str(caught.value)
    assert frame.select(open_kit("fails", on_error="null").polars("n"))["n"].to_list() == [
        1,
        None,
        2,
    ]
    records = frame.select(open_kit("fails", on_error="record").polars("n"))["n"]
    assert records.dtype == pl.Struct({"value": pl.Int64, "error": pl.String})
    assert records.struct.field("value").to_list() == [1, None, 2]
    assert records.struct.field("error").is_null().to_list() == [True, False, True]
    with pytest.raises((pl.exceptions.ComputeError, wudf.Error), match="kit:panics: row 1: "):
        frame.select(open_kit("panics").polars("n"))
    with pytest.raises((pl.exceptions.ComputeError, wudf.Error), match="kit:spins: row 1: "):
        frame.select(open_kit("spins", time_limit=0.3).polars("n"))
    few = open_kit("fails", on_error="null", max_failures=2)
    many = pl.DataFrame({"n": [13] * 3})
    with pytest.raises(
        (pl.exceptions.ComputeError, wudf.Error), match="more than max_failures=2 allows"
    ):
        many.select(few.polars("n"))
    # The process and the function go on.
    assert frame.select(open_kit("panics", on_error="null").polars("n"))["n"].to_list() == [
        1,
        None,
        2,
    ]


def test_what_does_not_fit(open_kit):
    frame = pl.DataFrame({"s": ["x"]})
    with pytest.raises((pl.exceptions.ComputeError, wudf.Error), match="argument `x` is int64"):
        frame.select(open_kit("add_one").polars("s"))
    with pytest.raises(wudf.Error, match="takes 2 arguments, not 1"):
        open_kit("weigh").polars("s")
    with pytest.raises(wudf.Error, match="this takes none"):
        open_kit("answer").polars()


def test_plans_are_pickled_without_code(open_kit):
    pytest.importorskip(
        "cloudpickle", reason="cloudpickle, by which Polars pickles, is not installed"
    )
    expression = open_kit("add_one").polars("n")
    assert len(pickle.dumps(expression)) < 8192
    plan = pickle.loads(pickle.dumps(expression))
    assert pl.DataFrame({"n": [1]}).select(plan)["n"].to_list() == [2]


def test_volatile_functions_see_all_rows(open_kit):
    # Equal rows, too.
    frame = pl.DataFrame({"s": ["a", "a"]})
    udf = open_kit("prints")
    before = udf.stats["rows"]
    assert frame.select(udf.polars("s"))["s"].to_list() == [True, True]
    assert udf.stats["rows"] == before + 2
