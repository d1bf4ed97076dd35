"""The tensors of real photographs, bit for bit Pillow's and torchvision's, in
every engine that is installed. The photographs lie beside the repository, in
``../shared``, where there is one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

PHOTOS = Path(__file__).resolve().parents[4] / "shared" / "photos"


@pytest.fixture(scope="module")
def photos() -> list[tuple[bytes, str]]:
    reference = PHOTOS / "reference.json"
    if not reference.is_file():
        pytest.skip("there is no ../shared/photos with a reference.json beside the repository")
    facts = json.loads(reference.read_text())["photos"]
    return [((PHOTOS / name).read_bytes(), facts[name]["tensor_sha256"]) for name in sorted(facts)]


@pytest.fixture(scope="module")
def tensor() -> wudf.Udf:
    return wudf.load("image-features", "image_tensor")


def check(vectors, photos) -> None:
    import numpy as np

    digests = [hashlib.sha256(np.asarray(v, dtype="<f4").tobytes()).hexdigest() for v in vectors]
    assert digests == [wanted for _, wanted in photos]


def test_arrow(photos, tensor):
    out = tensor(pa.array([content for content, _ in photos]))
    check((out[n].values for n in range(len(out))), photos)


def test_pandas(photos, tensor):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    check(pd.Series([content for content, _ in photos]).pipe(tensor.pandas), photos)


def test_polars(photos, tensor):
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame({"content": [content for content, _ in photos]})
    check(frame.select(tensor.polars("content"))["content"], photos)


def test_duckdb(photos, tensor, tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as connection:
        tensor.register(connection, "tensor")
        table = pa.table({"content": [content for content, _ in photos]})
        connection.register("photos", table)
        out = connection.sql("SELECT tensor(content) AS t FROM photos").arrow().read_all()
    column = out["t"].combine_chunks()
    check((column[n].values for n in range(len(column))), photos)


def test_spark(photos, tensor, spark):
    frame = spark.read.format("binaryFile").option("pathGlobFilter", "*.jpg").load(str(PHOTOS))
    rows = frame.orderBy("path").select(tensor.spark("content")).collect()
    check((row[0] for row in rows), photos)
