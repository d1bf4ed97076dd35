"""What goes to workers, and what they make of it."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import shutil
import subprocess
import sys
import textwrap

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def worker(data: bytes, body: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Unpickles in another process, and runs the body."""
    code = "import pickle, sys\nudf = pickle.load(sys.stdin.buffer)\n" + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        capture_output=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_pickle_is_small_and_holds_no_code(kit, tmp_path):
    models = {}
    for n in range(8):
        models[f"model{n}"] = str(tmp_path / f"model{n}.onnx") + ",batch=2"
    embed = wudf.load(
        "image-features",
        models={"resnet50": "seeded:tiny", **models},
        options={"layer": "features"},
        backend="rten",
        threads=2,
        memory=512 << 20,
        time_limit=9.5,
        on_error="null",
    )
    data = pickle.dumps(embed)
    assert len(data) < 4096
    # Text and numbers, and one function of this package to put them together.
    names = [
        arg
        for op, arg, _ in pickletools.genops(data)
        if op.name in ("GLOBAL", "STACK_GLOBAL", "INST")
    ]
    texts = [arg for _, arg, _ in pickletools.genops(data) if isinstance(arg, str)]
    assert len(names) == 1 and "wudf._udf" in texts and "_unpickle" in texts
    assert embed.digest in texts
    assert not any(
        op.name.startswith(("BINBYTES", "SHORT_BINBYTES")) for op, _, _ in pickletools.genops(data)
    )
    copy = pickle.loads(data)
    assert "not opened yet" in repr(copy)
    assert copy.digest == embed.digest
    assert "not opened yet" in repr(copy), "the digest is known without opening it"
    assert str(copy.signature) == str(embed.signature)


def test_a_worker_computes_the_same(kit, pictures):
    tensor = wudf.load("image-features", "image_tensor")
    data = pickle.dumps(pa.array(pictures))
    ran = worker(
        pickle.dumps((tensor, pa.array(pictures))),
        """
        udf, column = udf
        print(udf(column).to_pylist())
        """,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == tensor(pickle.loads(data)).to_pylist()


def test_relative_places_are_made_absolute(kit, tmp_path, monkeypatch):
    shutil.copy(kit, tmp_path / "mine.wasm")
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(wudf.load("mine.wasm", "add_one"))
    monkeypatch.chdir("/")
    assert pickle.loads(data)([1]).to_pylist() == [2]


def test_another_plugin_is_refused(kit, tmp_path):
    path = tmp_path / "mine.wasm"
    shutil.copy(kit, path)
    data = pickle.dumps(wudf.load(path, "add_one"))
    shutil.copy(wudf_bytes(tmp_path), path)
    ran = worker(data, "udf([1])")
    assert ran.returncode == 1
    assert b"wudf.Error" in ran.stderr or b"_errors.Error" in ran.stderr
    assert b"the plugin here is sha256:" in ran.stderr
    with pytest.raises(wudf.Error) as caught:
        pickle.loads(data)([1])
    assert caught.value.kind == "refused"
    with pytest.raises(wudf.Error) as caught:
        wudf.load(kit, "add_one", digest="sha256:" + "0" * 64)
    assert caught.value.kind == "refused"


def wudf_bytes(folder):
    """Another plugin than the kit: any bytes will do."""
    path = folder / "other.wasm"
    path.write_bytes(b"\0asm\x0d\0\x01\0")
    return path


def test_a_plugin_that_is_gone(kit, tmp_path):
    path = tmp_path / "mine.wasm"
    shutil.copy(kit, path)
    data = pickle.dumps(wudf.load(path, "add_one"))
    path.unlink()
    with pytest.raises(
        wudf.Error, match="SparkContext.addFile, or load it with inline=True"
    ) as caught:
        pickle.loads(data)([1])
    assert caught.value.kind == "unknown-plugin"


def test_inline(kit, tmp_path):
    path = tmp_path / "mine.wasm"
    shutil.copy(kit, path)
    udf = wudf.load(path, "add_one", inline=True)
    data = pickle.dumps(udf)
    path.unlink()
    assert len(data) > os.path.getsize(kit)
    ran = worker(data, "print(udf([1]).to_pylist(), udf.name, udf.signature)")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(b"[2] add_one add_one(")
    # What is shipped is everywhere.
    tensor = wudf.load("image-features", "image_tensor", inline=True)
    assert len(pickle.dumps(tensor)) < 4096


def test_files_that_were_sent(kit, tmp_path):
    """Spark brings files into a folder of each worker's own."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    sent = tmp_path / "sent"
    sent.mkdir()
    path = tmp_path / "mine.wasm"
    shutil.copy(kit, path)
    (tmp_path / "words.txt").write_text("zero\none")
    udf = wudf.load(path, "asset_word", assets={"words": tmp_path / "words.txt"})
    data = pickle.dumps(udf)
    path.rename(sent / "mine.wasm")
    (tmp_path / "words.txt").rename(sent / "words.txt")
    ran = worker(
        data,
        f"""
        from pyspark import SparkFiles
        SparkFiles._root_directory = {str(sent)!r}
        SparkFiles._is_running_on_worker = True
        print(udf([1]).to_pylist())
        """,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == b"['one']"


def test_models_that_were_sent(tmp_path):
    from wudf import _places

    pytest.importorskip("pyspark", reason="pyspark is not installed")
    from pyspark import SparkFiles

    (tmp_path / "m.onnx").write_bytes(b"")
    root, running = SparkFiles._root_directory, SparkFiles._is_running_on_worker
    SparkFiles._root_directory, SparkFiles._is_running_on_worker = str(tmp_path), True
    try:
        assert _places.found_model("m", "/nowhere/m.onnx,batch=2") == f"{tmp_path}/m.onnx,batch=2"
        assert _places.found_model("m", "/nowhere/n.onnx") == "/nowhere/n.onnx"
        assert _places.found_model("m", "seeded:tiny") == "seeded:tiny"
    finally:
        SparkFiles._root_directory, SparkFiles._is_running_on_worker = root, running


def test_pickles_of_other_versions():
    from wudf._udf import _unpickle

    with pytest.raises(wudf.Error, match="another version of wudf, with colour") as caught:
        _unpickle({"plugin": "image-features", "colour": "red"})
    assert caught.value.kind == "unsupported"


def test_opened_once(kit):
    """Copies share the plugin and its counters in a process."""
    udf = wudf.load(kit, "add_one", memory=(1 << 30) + 1)
    copies = [pickle.loads(pickle.dumps(udf)) for _ in range(3)]
    before = udf.stats["rows"]
    for copy in copies:
        copy([1, 2])
    assert copies[0].stats["rows"] == before + 6
