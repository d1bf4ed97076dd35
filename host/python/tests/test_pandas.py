"""pandas: ``series.pipe(udf.pandas)``."""

from __future__ import annotations

import pytest
import wudf

pd = pytest.importorskip("pandas", reason="pandas is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_series(open_kit):
    series = pd.Series([1, 2, 3], index=["a", "b", "c"], name="n")
    out = series.pipe(open_kit("add_one").pandas)
    assert (out.tolist(), out.index.tolist(), out.name) == ([2, 3, 4], ["a", "b", "c"], "add_one")
    assert out.dtype == "int64"
    # Sliced, reversed, and empty.
    assert series[::-1].pipe(open_kit("add_one").pandas).tolist() == [4, 3, 2]
    empty = series[:0].pipe(open_kit("add_one").pandas)
    assert (len(empty), empty.dtype) == (0, "int64")
    words = pd.Series(["a", None])
    assert words.pipe(open_kit("upper").pandas).fillna("null").tolist() == ["A", "null"]
    assert open_kit("substr").pandas(
        pd.Series(["abc"]), pd.Series([1]), pd.Series([1])
    ).tolist() == ["b"]


def test_nulls_do_not_change_numbers(open_kit):
    big = 2**62
    for series in (
        pd.Series([big, None], dtype="Int64"),
        pd.Series([big, None], dtype=object),
        pd.Series([big, None], dtype=pd.ArrowDtype(pa.int64())),
    ):
        out = series.pipe(open_kit("add_one").pandas)
        assert out[0] == big + 1 and out.isna().tolist() == [False, True], out.dtype


def test_arrow_stays_arrow(open_kit):
    for ty in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
    ):
        series = pd.Series(["a", None], index=[7, 8], dtype=pd.ArrowDtype(ty))
        out = series.pipe(open_kit("upper").pandas)
        assert out.dtype == pd.ArrowDtype(pa.string())
        assert (out.index.tolist(), out[7], out.isna().tolist()) == ([7, 8], "A", [False, True])


def test_pictures(pictures):
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, on_error="null")
    out = pd.Series([pictures[0], b"no picture", None]).pipe(embed.pandas)
    assert out[0].dtype == "float32" and out[0].shape == (16,)
    assert out.isna().tolist() == [False, True, True]


def test_rows_that_fail(open_kit):
    series = pd.Series([1, 13, 2])
    with pytest.raises(wudf.Error, match="kit:fails: row 1: "):
        series.pipe(open_kit("fails").pandas)
    assert series.pipe(open_kit("fails", on_error="null").pandas).isna().tolist() == [
        False,
        True,
        False,
    ]
    records = series.pipe(open_kit("fails", on_error="record").pandas)
    assert records[0] == {"value": 1, "error": None} and records[1]["value"] is None
    with pytest.raises(wudf.Error, match="kit:panics: row 1: ") as caught:
        series.pipe(open_kit("panics").pandas)
    assert caught.value.kind == "trap"
    with pytest.raises(wudf.Error) as caught:
        series.pipe(open_kit("spins", time_limit=0.3).pandas)
    assert caught.value.kind == "timeout"


def test_what_is_no_series(open_kit):
    with pytest.raises(TypeError, match="wants pandas Series, not list"):
        open_kit("add_one").pandas([1])
    with pytest.raises(wudf.Error, match="no Series to go by"):
        open_kit("answer").pandas()
    with pytest.raises(wudf.Error, match="argument `x`"):
        pd.Series(["x"]).pipe(open_kit("add_one").pandas)
