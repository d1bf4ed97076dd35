"""Spark on this machine: ``df.withColumn("features", udf.spark("content"))``."""

from __future__ import annotations

import datetime
import os
import shutil

import pytest
import wudf

pytest.importorskip("pyspark", reason="pyspark is not installed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed")

import pyspark  # noqa: E402

OVER_ARROW = tuple(int(n) for n in pyspark.__version__.split(".")[:2]) >= (4, 1)


def column(frame, expression) -> list:
    return [row[0] for row in frame.select(expression).collect()]


def failure(frame, expression) -> str:
    with pytest.raises(Exception) as caught:
        frame.select(expression).collect()
    assert type(caught.value).__name__ in ("PythonException", "Py4JJavaError"), caught.value
    return str(caught.value)


def test_the_form_that_this_spark_has(spark, open_kit):
    from pyspark.sql.udf import PythonEvalType

    udf = open_kit("add_one").spark
    form = "SQL_SCALAR_ARROW_ITER_UDF" if OVER_ARROW else "SQL_SCALAR_PANDAS_ITER_UDF"
    assert udf.evalType == getattr(PythonEvalType, form)
    assert udf.returnType.simpleString() == "bigint"
    assert udf.deterministic
    assert not open_kit("prints").spark.deterministic
    assert open_kit("add_one").spark is not udf
    features = wudf.load("image-features", models={"resnet50": "seeded:tiny"})
    assert features.spark is features.spark
    assert features.spark.returnType.simpleString() == "array<float>"
    assert (
        open_kit("fails", on_error="record").spark.returnType.simpleString()
        == "struct<value:bigint,error:string>"
    )


def test_columns(spark, open_kit):
    frame = spark.createDataFrame([(1, "a"), (None, None), (3, "c")], "n long, s string")
    assert column(frame, open_kit("add_one").spark("n")) == [2, None, 4]
    assert column(frame, open_kit("add_one").spark(frame.n * 10)) == [11, None, 31]
    assert column(frame, open_kit("upper").spark("s")) == ["A", None, "C"]
    from pyspark.sql import functions as F

    part = open_kit("substr").spark("s", F.lit(0).cast("long"), F.col("n"))
    assert column(frame, part) == ["a", None, "c"]
    assert column(frame.filter("false"), open_kit("add_one").spark("n")) == []
    # Two in one query, one over the other, and in a filter.
    add_one = open_kit("add_one").spark
    both = frame.select(add_one("n"), open_kit("upper").spark("s"), add_one(add_one("n")))
    assert [tuple(row) for row in both.collect()] == [(2, "A", 3), (None, None, None), (4, "C", 5)]
    assert frame.filter(add_one("n") > 2).count() == 1


def test_large_values_in_batches(spark, open_kit):
    frame = spark.range(5000, numPartitions=3)
    assert column(frame, open_kit("add_one").spark("id")) == list(range(1, 5001))


def test_types(spark, open_kit):
    for name, ddl, value, wanted in [
        ("echo_bool", "boolean", True, True),
        ("echo_i8", "tinyint", -8, -8),
        ("echo_i16", "smallint", -300, -300),
        ("echo_f32", "float", 0.5, 0.5),
        ("echo_f64", "double", 0.25, 0.25),
        ("echo_bytes", "binary", bytearray(b"ab"), b"ab"),
        ("echo_date", "date", datetime.date(2026, 11, 24), datetime.date(2026, 11, 24)),
        ("echo_list_string", "array<string>", ["a", "b"], ["a", "b"]),
    ]:
        frame = spark.createDataFrame([(value,), (None,)], f"v {ddl}")
        assert column(frame, open_kit(name).spark("v")) == [wanted, None], name
    # Unsigned numbers, which Spark has not: bytes go in as such from nowhere,
    # and come out as the next larger.
    assert open_kit("echo_u8").spark.returnType.simpleString() == "smallint"
    assert open_kit("echo_u64").spark.returnType.simpleString() == "decimal(20,0)"
    assert (
        open_kit("sized_list", options={"size": 2}).spark.returnType.simpleString()
        == "array<float>"
    )
    numbers = spark.createDataFrame([(1,), (None,)], "n long")
    sized = open_kit("sized_list", options={"size": 2})
    out = column(numbers, sized.spark("n"))
    assert [v and list(v) for v in out] == [sized([1]).to_pylist()[0], None]
    points = spark.createDataFrame(
        [(("p", 1.5, None, ["a"]),)], "v struct<name:string,x:double,y:double,tags:array<string>>"
    )
    (point,) = column(points, open_kit("echo_struct").spark("v"))
    assert (point["name"], point["x"], point["y"], list(point["tags"])) == ("p", 1.5, None, ["a"])


def test_unsigned_results(spark, tmp_path, kit):
    plain = os.environ.get("WUDF_TEST_PLAIN", "")
    assert os.path.isfile(plain), "WUDF_TEST_PLAIN names the plugin plain.wasm; make test sets it"
    length = wudf.load(plain, "length_of")
    frame = spark.createDataFrame([("abc",), (None,)], "s string")
    assert length.spark.returnType.simpleString() == "bigint"
    assert column(frame, length.spark("s"))[0] == 3


def test_sql(spark, open_kit):
    open_kit("add_one").register(spark, "add_one_1")
    spark.udf.register("add_one_2", open_kit("add_one").spark)
    out = spark.sql("SELECT add_one_1(id), add_one_2(id) FROM range(3)").collect()
    assert [tuple(row) for row in out] == [(1, 1), (2, 2), (3, 3)]


def test_pictures(spark, pictures, tmp_path):
    for n, picture in enumerate(pictures):
        (tmp_path / f"{n}.png").write_bytes(picture)
    (tmp_path / "9.png").write_bytes(b"no picture")
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, on_error="null")
    frame = spark.read.format("binaryFile").load(str(tmp_path)).orderBy("path")
    out = column(frame, embed.spark("content"))
    assert [v and list(v) for v in out] == embed([*pictures, b"no picture"]).to_pylist()


def test_rows_that_fail(spark, open_kit):
    frame = spark.range(20, numPartitions=1)
    for function in ("fails", "panics"):
        said = failure(frame, open_kit(function).spark("id"))
        assert "_errors.Error" in said and f"kit:{function}: row 13: " in said
        nulls = column(frame, open_kit(function, on_error="null").spark("id"))
        assert nulls == [None if n == 13 else n for n in range(20)]
        records = column(frame, open_kit(function, on_error="record").spark("id"))
        assert [r["value"] for r in records] == nulls
        assert [n for n, r in enumerate(records) if r["error"] is not None] == [13]
    said = failure(frame, open_kit("spins", time_limit=0.3).spark("id"))
    assert "kit:spins: row 13: " in said


def test_sent_files(spark, kit, tmp_path):
    """The plugin is gone from where it was loaded; ``addFile`` has brought it."""
    path = tmp_path / "sent-to-workers.wasm"
    shutil.copy(kit, path)
    udf = wudf.load(path, "add_one")
    (tmp_path / "elsewhere").mkdir()
    # Spark reads it when a job runs, and whenever one does.
    spark.sparkContext.addFile(str(path.rename(tmp_path / "elsewhere" / path.name)))
    assert column(spark.range(3, numPartitions=1), udf.spark("id")) == [1, 2, 3]


def test_plugins_in_the_pickle(spark, kit, tmp_path):
    path = tmp_path / "in-the-pickle.wasm"
    shutil.copy(kit, path)
    udf = wudf.load(path, "add_one", inline=True)
    path.unlink()
    assert column(spark.range(3, numPartitions=1), udf.spark("id")) == [1, 2, 3]


def test_workers_that_find_another_plugin(spark, kit, tmp_path):
    path = tmp_path / "changed.wasm"
    shutil.copy(kit, path)
    udf = wudf.load(path, "add_one")
    path.write_bytes(b"\0asm\x0d\0\x01\0")
    said = failure(spark.range(3, numPartitions=1), udf.spark("id"))
    assert "the plugin here is sha256:" in said
    path.unlink()
    said = failure(spark.range(3, numPartitions=1), udf.spark("id"))
    assert "send it with SparkContext.addFile, or load it with inline=True" in said


def test_what_workers_are_sent(spark, open_kit):
    from pyspark.cloudpickle import dumps

    udf = open_kit("add_one", models={"unused": "seeded:tiny"}).spark
    assert len(dumps((udf.func, udf.returnType))) < 4096
    assert b'"threads"' not in dumps(udf.func) and udf.func.function._spec.threads == 1
    assert open_kit("add_one", threads=3).spark.func.function._spec.threads == 3


def test_functions_without_arguments(open_kit):
    with pytest.raises(wudf.Error, match="this one takes none") as caught:
        open_kit("answer").spark
    assert caught.value.kind == "unsupported"


@pytest.mark.skipif(
    OVER_ARROW, reason="this Spark takes Arrow arrays; the way over pandas is for older ones"
)
def test_large_numbers_survive_pandas(spark, open_kit):
    frame = spark.createDataFrame([(2**62,), (None,)], "n long").coalesce(1)
    assert column(frame, open_kit("add_one").spark("n")) == [2**62 + 1, None]
