"""What a function says of itself, and rows that fail, under each policy."""

from __future__ import annotations

import pickle

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_what_a_function_says(kit):
    substr = wudf.load(kit, "substr")
    assert str(substr.signature) == "substr(s: string, start: int64, length: int64) -> string"
    assert repr(substr) == f"<wudf.Udf kit:{substr.signature}>"
    assert [field.name for field in substr.signature.arguments] == ["s", "start", "length"]
    assert pa.field(substr.returns) == pa.field("substr", pa.string())
    assert substr.doc.startswith("`length` characters of a string")
    assert substr.name == "substr"
    assert substr.digest == wudf.inspect(kit).digest
    assert substr.signature.volatility == "immutable"
    assert wudf.load(kit, "random_and_time").signature.volatility == "volatile"


def test_inspect(kit):
    plugin = wudf.inspect(kit)
    assert plugin.name == "kit" and plugin.digest.startswith("sha256:") and plugin.size > 1000
    names = [function.name for function in plugin.functions]
    assert {"add_one", "substr", "panics"} <= set(names)
    assert repr(plugin).startswith("<wudf.Plugin kit: add_one, ")
    assert wudf.plugins() == ["image-features"]
    features = wudf.inspect("image-features").functions[0]
    assert features.models == ["resnet50"]
    assert "layer" in features.options["properties"]


def test_references(kit):
    assert wudf.load(f"{kit}:add_one")([1]).to_pylist() == [2]
    with pytest.raises(wudf.Error, match="choose one") as caught:
        wudf.load(kit)
    assert caught.value.kind == "unknown-function"
    with pytest.raises(wudf.Error, match="no function nothing_such"):
        wudf.load(kit, "nothing_such")
    with pytest.raises(wudf.Error, match="neither a file nor a plugin that ships with wudf") as caught:
        wudf.load("nothing-such")
    assert caught.value.kind == "unknown-plugin"
    with pytest.raises(TypeError, match="not bytes"):
        wudf.load(b"kit.wasm")
    with pytest.raises(TypeError, match="wudf.load makes"):
        wudf.Udf()


def test_a_file_that_is_no_plugin(tmp_path):
    path = tmp_path / "no.wasm"
    path.write_bytes(b"MZ")
    with pytest.raises(wudf.Error, match="not a WebAssembly file") as caught:
        wudf.load(path, "f")
    assert (caught.value.kind, caught.value.plugin) == ("invalid-plugin", "no")


def test_options(open_kit):
    sized = open_kit("sized_list", options={"size": 3})
    assert pa.field(sized.returns).type == pa.list_(
        pa.field("item", pa.float32(), nullable=False), 3
    )
    with pytest.raises(wudf.Error) as caught:
        open_kit("sized_list", options={"size": "three"})
    assert caught.value.kind == "invalid-options"
    with pytest.raises(wudf.Error, match="what JSON can say") as caught:
        open_kit("sized_list", options={"size": object()})
    assert caught.value.kind == "invalid-options"


def test_settings_that_are_none(open_kit, kit):
    with pytest.raises(wudf.Error, match="raise, null or record, not `ignore`"):
        open_kit("add_one", on_error="ignore")
    with pytest.raises(wudf.Error, match="there is no backend abacus"):
        open_kit("add_one", backend="abacus")
    with pytest.raises(ValueError, match="time_limit"):
        open_kit("add_one", time_limit=-1)
    with pytest.raises(OverflowError):
        open_kit("add_one", threads=-1)
    with pytest.raises(wudf.Error, match="cannot read the asset words") as caught:
        open_kit("asset_word", assets={"words": "/nowhere"})
    assert caught.value.kind == "asset"


def test_assets(open_kit, tmp_path):
    (tmp_path / "words.txt").write_text("zero\none\ntwo")
    function = open_kit("asset_word", assets={"words": tmp_path / "words.txt"})
    assert function([2, 0, 9]).to_pylist() == ["two", "zero", None]


def test_models(pictures):
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, backend="rten")
    assert embed.backend == "rten"
    out = embed(pictures + [None])
    assert [v and len(v) for v in out.to_pylist()] == [16] * len(pictures) + [None]
    stats = embed.stats
    assert stats["rows"] >= 5 and stats["model"] > 0 and stats["failures"] == 0
    with pytest.raises(wudf.Error, match="nothing says where that is") as caught:
        wudf.load("image-features")
    assert (caught.value.kind, caught.value.function) == ("model", "image_features")
    with pytest.raises(wudf.Error, match="NAME=SOURCE|settings are") as caught:
        wudf.load("image-features", models={"resnet50": "a.onnx,batch=2,speed=9"})
    assert caught.value.kind == "model"


def test_the_backend_of_the_environment(pictures):
    """ONNX Runtime is taken where it is installed, and found without being imported."""
    import importlib.util
    import sys

    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"})
    if importlib.util.find_spec("onnxruntime") is None:
        assert embed.backend is None
        pytest.skip("onnxruntime is not installed: only rten was tried")
    assert embed.backend == "onnxruntime"
    assert "onnxruntime" not in sys.modules
    other = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, backend="rten")
    for a, b in zip(embed(pictures).to_pylist(), other(pictures).to_pylist()):
        assert a == pytest.approx(b, abs=1e-3)


TROUBLE = {
    "fails": ("row", "13 is unlucky"),
    "panics": ("trap", "row with 13 in it"),
    "spins": ("timeout", "without an answer"),
    "hogs": ("memory", "memory"),
    "recurses": ("trap", "stack overflow"),
}


@pytest.mark.parametrize("function", TROUBLE)
def test_rows_that_fail(open_kit, function):
    kind, said = TROUBLE[function]
    limits = {"time_limit": 0.5} if function == "spins" else {"memory": 64 << 20}
    rows = pa.array([1, 13, None, 3])

    with pytest.raises(wudf.Error) as caught:
        open_kit(function, **limits)(rows)
    error = caught.value
    assert (error.kind, error.plugin, error.function, error.row) == (kind, "kit", function, 1)
    assert str(error).startswith(f"kit:{function}: row 1: ")
    assert said in error.message

    nulls = open_kit(function, on_error="null", **limits)(rows)
    assert nulls.to_pylist() == [1, None, None, 3]

    records = open_kit(function, on_error="record", **limits)(rows)
    assert records.type == pa.struct([("value", pa.int64()), ("error", pa.string())])
    values = records.to_pylist()
    assert [row["value"] for row in values] == [1, None, None, 3]
    assert [row["error"] is None for row in values] == [True, False, True, True]
    assert values[1]["error"] == error.message

    # The function goes on as if nothing had been.
    assert open_kit(function, **limits)([5]).to_pylist() == [5]


def test_rows_are_counted_over_chunks(open_kit):
    rows = pa.chunked_array([[1, 2, 3], [4, 13]])
    with pytest.raises(wudf.Error, match="row 4: ") as caught:
        open_kit("fails")(rows)
    assert caught.value.row == 4
    records = open_kit("fails", on_error="record")(rows)
    assert [r["error"] is None for r in records.to_pylist()] == [True] * 4 + [False]
    assert open_kit("fails", on_error="null")(rows).to_pylist() == [1, 2, 3, 4, None]


def test_errors_are_pickled(open_kit):
    with pytest.raises(wudf.Error) as caught:
        open_kit("fails")([13])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is wudf.Error and str(copy) == str(caught.value)
    for name in ("kind", "plugin", "function", "row", "message"):
        assert getattr(copy, name) == getattr(caught.value, name)


def test_failures_are_bounded(open_kit):
    rows = pa.array([1, 13, 2])
    fails = open_kit("fails", on_error="null", max_failures=1)
    assert fails(rows).null_count == 1
    for _ in range(2):
        with pytest.raises(wudf.Error, match="more than max_failures=1 allows: 13 is") as caught:
            fails(rows)
        assert (caught.value.kind, caught.value.function) == ("too-many-failures", "fails")
    # Who loads it again counts anew, and so does a pickle.
    assert open_kit("fails", on_error="null", max_failures=1)(rows).null_count == 1
    assert pickle.loads(pickle.dumps(fails))(rows).null_count == 1

    percent = open_kit("fails", on_error="record", max_failures="10%")
    assert len(percent(pa.array([13] * 500))) == 500
    with pytest.raises(wudf.Error, match="more than max_failures=10% allows"):
        percent(pa.chunked_array([[13] * 300, [1] * 300]))

    with pytest.raises(wudf.Error, match="as 100 or 2.5%"):
        open_kit("fails", on_error="null", max_failures="few")
    with pytest.raises(wudf.Error, match="raise stops at the first"):
        open_kit("fails", max_failures=1)


def test_statistics(open_kit):
    # Settings of its own: what is counted is all that was done with the same ones.
    fails = open_kit("fails", on_error="null", time_limit=58)
    fails(pa.array([1, 13, 2, 13]))
    stats = fails.stats
    assert (stats["rows"], stats["failures"], stats["bytes_in"]) == (4, 2, 32)
    assert sum(stats["failures_by_code"].values()) == 2
    assert stats["calls"] >= 1 and stats["instances_created"] >= 1
    assert stats["plugin"] > 0 and stats["queue_wait"] == 0
    fails(pa.array([1]))
    assert (stats["rows"], fails.stats["rows"]) == (4, 5), "a snapshot stays what it was"
