"""A standalone Spark cluster on loopback: what only shows where driver and
workers are processes with folders of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent / "examples" / "spark_images.py"
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def run(cluster):
    """Runs a program as a driver of the cluster."""

    def start(command: list[str]) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(command, env=cluster.environment(), capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr[-8000:]}"
        return ran

    return start


DRIVER = """
import io, json, os, pathlib, sys, textwrap, traceback
from pyspark.sql import SparkSession
import wudf
spark = SparkSession.builder.master(os.environ["MASTER"]).getOrCreate()
spark.sparkContext.setLogLevel("OFF")
talk, sys.stdout = sys.stdout, sys.stderr

def numbers(*values, slices=2):
    rows = spark.sparkContext.parallelize([(x,) for x in values], slices)
    return spark.createDataFrame(rows, "x bigint")

def column(frame):
    return [row[0] for row in frame.collect()]

def failure(frame):
    try:
        frame.collect()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no failure"

for line in sys.stdin:
    body, arguments = json.loads(line)
    answer = {}
    try:
        exec(textwrap.dedent(body), {**globals(), "arguments": arguments, "answer": answer})
    except BaseException:
        answer["trouble"] = traceback.format_exc()
    print(json.dumps(answer), file=talk, flush=True)
spark.stop()
"""


@pytest.fixture(scope="module")
def drive(cluster, tmp_path_factory):
    """Runs lines in one driver of the cluster, which has a session ``spark``;
    what they put into ``answer`` comes back."""
    log = tmp_path_factory.mktemp("driver") / "log"
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            env=cluster.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def start(body: str, *arguments: object) -> dict:
        print(json.dumps([body, list(map(str, arguments))]), file=process.stdin, flush=True)
        line = process.stdout.readline()
        assert line, f"the driver ended:\n{log.read_text()[-8000:]}"
        answer = json.loads(line)
        assert "trouble" not in answer, answer["trouble"]
        return answer

    try:
        yield start
        process.stdin.close()
        process.wait(60)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def photos(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, picture in enumerate(pictures):
        (folder / f"{number}.png").write_bytes(picture)
    return folder


@pytest.fixture(scope="module")
def program():
    """The program wudf of the same build, which writes model files."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = Path(os.environ.get("WUDF") or target / "release/wudf")
    if not path.is_file():
        pytest.skip(f"there is no program {path}, which writes model files: cargo build --release --workspace")
    return path


@pytest.fixture(scope="module")
def seeded(program, tmp_path_factory):
    """Writes a network with weights from a seed."""

    def write(name: str, path: Path | None = None) -> Path:
        path = path or tmp_path_factory.mktemp("models") / f"{name}.onnx"
        subprocess.run([program, "model", "seed", name, "-o", path], check=True, capture_output=True)
        return path

    return write


def is_the_story(printed: str, folder: Path, photos: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert "[CONTEXT_ONLY_VALID_ON_DRIVER]" in printed
    assert "SPARK-5063" in printed
    assert "4 pictures, features of 2048" in printed
    table = pq.read_table(folder)
    vectors = table["features"]
    assert vectors.type.value_type == pa.float32()
    assert [len(vector) for vector in vectors] == [2048] * 4
    assert len({str(vector) for vector in vectors.to_pylist()}) == 4
    names = {Path(path).name for path in table["path"].to_pylist()}
    assert names == {path.name for path in photos.iterdir()}


@pytest.mark.parametrize("where", ["cluster", "local"])
def test_the_story(run, photos, seeded, where, tmp_path):
    master = ["--master", "local[2]"] if where == "local" else []
    model = seeded("resnet50")
    ran = run([sys.executable, str(EXAMPLE), "--photos", str(photos), "--model", str(model), "--out", str(tmp_path / "out"), *master])
    is_the_story(ran.stdout, tmp_path / "out", photos)


def test_each_policy(drive, kit):
    answer = drive(
        """
        kit, = arguments
        frame = numbers(1, 13, 3)
        load = lambda policy: wudf.load(kit, "fails", on_error=policy).spark
        answer["raise"] = failure(frame.select(load("raise")("x")))
        answer["null"] = column(frame.select(load("null")("x")))
        answer["record"] = [row.asDict() for row in column(frame.select(load("record")("x")))]
        spark.udf.register("careful", load("null"))
        frame.createOrReplaceTempView("numbers")
        answer["sql"] = column(spark.sql("SELECT careful(x) FROM numbers"))
        """,
        kit,
    )
    # Spark's own error, with the worker's in it.
    assert "wudf" in answer["raise"] and "Error" in answer["raise"]
    assert "fails: row " in answer["raise"] and "13 is unlucky" in answer["raise"]
    assert answer["null"] == answer["sql"] == [1, None, 3]
    assert answer["record"][1] == {"value": None, "error": "13 is unlucky"}
    assert answer["record"][2] == {"value": 3, "error": None}


def test_a_trap_and_a_plugin_that_never_ends(drive, kit):
    """They cost their row; the executors go on."""
    answer = drive(
        """
        kit, = arguments
        frame = numbers(1, 13, 3)
        answer["trap"] = column(frame.select(wudf.load(kit, "panics", on_error="null").spark("x")))
        spins = wudf.load(kit, "spins", on_error="null", time_limit=1)
        answer["spins"] = column(frame.select(spins.spark("x")))
        answer["raised"] = failure(frame.select(wudf.load(kit, "panics").spark("x")))
        answer["after"] = column(frame.select(wudf.load(kit, "add_one").spark("x")))
        """,
        kit,
    )
    assert answer["trap"] == answer["spins"] == [1, None, 3]
    assert "row" in answer["raised"] and "panics" in answer["raised"]
    assert answer["after"] == [2, 14, 4]


def test_ways_of_a_plugin_to_the_workers(drive, kit, tmp_path):
    for way in "path", "file", "inline", "nowhere":
        shutil.copy(kit, tmp_path / f"{way}.wasm")
    # The driver goes on to read what it sends.
    (tmp_path / "driver").mkdir()
    shutil.copy(kit, tmp_path / "driver/file.wasm")
    answer = drive(
        """
        folder = pathlib.Path(arguments[0])
        frame = numbers(1, 2, 3)
        load = lambda way, **how: wudf.load(folder / f"{way}.wasm", "add_one", **how).spark("x")
        answer["path"] = column(frame.select(load("path")))

        sent = load("file")
        spark.sparkContext.addFile(str(folder / "driver/file.wasm"))
        (folder / "file.wasm").unlink()
        answer["file"] = column(frame.select(sent))

        inline = load("inline", inline=True)
        (folder / "inline.wasm").unlink()
        answer["inline"] = column(frame.select(inline))

        nowhere = load("nowhere")
        (folder / "nowhere.wasm").unlink()
        answer["nowhere"] = failure(frame.select(nowhere))
        """,
        tmp_path,
    )
    assert answer["path"] == answer["file"] == answer["inline"] == [2, 3, 4]
    assert "addFile" in answer["nowhere"] and "inline=True" in answer["nowhere"]


def test_ways_of_a_model_to_the_workers(drive, photos, seeded, tmp_path):
    (tmp_path / "driver").mkdir()
    for way in "path", "file", "driver/file", "nowhere":
        seeded("tiny", tmp_path / f"{way}.onnx")
    answer = drive(
        """
        folder, photos = map(pathlib.Path, arguments)
        frame = spark.read.format("binaryFile").load(str(photos)).orderBy("path")
        def vectors(way):
            embed = wudf.load("image-features", models={"resnet50": folder / f"{way}.onnx"})
            return frame.select(embed.spark("content")), embed
        path, embed = vectors("path")
        files = sorted(photos.iterdir())
        here = embed([file.read_bytes() for file in files]).to_pylist()
        answer["path"] = column(path) == here

        sent, _ = vectors("file")
        spark.sparkContext.addFile(str(folder / "driver/file.onnx"))
        (folder / "file.onnx").unlink()
        answer["file"] = column(sent) == here

        nowhere, _ = vectors("nowhere")
        (folder / "nowhere.onnx").unlink()
        answer["nowhere"] = failure(nowhere)
        """,
        tmp_path,
        photos,
    )
    assert answer["path"] and answer["file"]
    assert "nowhere.onnx" in answer["nowhere"]


def test_another_plugin_is_refused(drive, kit, tmp_path):
    """What a worker finds under the path is not what the driver has loaded."""
    (tmp_path / "driver").mkdir()
    for name in "plugin.wasm", "sent.wasm", "driver/sent.wasm":
        shutil.copy(kit, tmp_path / name)
    answer = drive(
        """
        folder = pathlib.Path(arguments[0])
        frame = numbers(1, 2, 3)
        def replace(path):
            # Still a plugin that would run: a custom section is behind it.
            path.write_bytes(path.read_bytes() + b"\\0\\5\\4more")
        plugin = wudf.load(folder / "plugin.wasm", "add_one")
        replace(folder / "plugin.wasm")
        answer["path"] = failure(frame.select(plugin.spark("x")))
        answer["digest"] = plugin.digest
        answer["changed"] = column(frame.select(wudf.load(folder / "plugin.wasm", "add_one").spark("x")))

        sent = wudf.load(folder / "sent.wasm", "add_one")
        replace(folder / "driver/sent.wasm")
        spark.sparkContext.addFile(str(folder / "driver/sent.wasm"))
        (folder / "sent.wasm").unlink()
        answer["file"] = failure(frame.select(sent.spark("x")))
        """,
        tmp_path,
    )
    for way in "path", "file":
        assert "the plugin here is sha256:" in answer[way]
        assert answer["digest"] in answer[way]
    assert answer["changed"] == [2, 3, 4]


def test_workers_open_a_plugin_once(drive, kit):
    """Each task unpickles the function. If it opened it too, the counts of its
    process would start again."""
    answer = drive(
        """
        import pyarrow as pa
        kit, = arguments
        embed = wudf.load(kit, "add_one", threads=1)
        def probe(batches):
            for batch in batches:
                embed(batch.column(0))
            yield pa.RecordBatch.from_pydict({"process": [os.getpid()], "rows": [int(embed.stats["rows"])]})
        frame = numbers(*range(80), slices=8).mapInArrow(probe, "process bigint, rows bigint")
        answer["tasks"] = [row.asDict() for row in frame.collect()]
        """,
        kit,
    )
    counts: dict[int, list[int]] = {}
    for task in answer["tasks"]:
        counts.setdefault(task["process"], []).append(task["rows"])
    assert sum(map(len, counts.values())) == 8
    # 10 rows a task: 10, 20, 30, ... in each process.
    for process, rows in counts.items():
        assert sorted(rows) == [10 * (n + 1) for n in range(len(rows))], counts
    assert len(counts) <= 2, "one Python process for each of the two executors"


def test_the_cluster_ends(spark_cluster):
    """With its processes and its files, also when what runs on it fails."""
    try:
        with pytest.raises(ZeroDivisionError):
            with spark_cluster.Cluster(workers=1) as running:
                groups = [daemon.process.pid for daemon in running._daemons]
                assert len(groups) == 2
                1 / 0
    except spark_cluster.Missing as missing:
        pytest.skip(str(missing))
    assert not running.folder.exists()
    # The system may take a moment to bury them.
    end = time.monotonic() + 20
    while any(map(exists, groups)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(exists, groups))


def exists(group: int) -> bool:
    """Whether a process group has members."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
