"""Tensors of pictures, bit for bit Pillow's and torchvision's, in every engine that is installed: of the repository's small
pictures of every format, and of the photographs beside the repository, in ``../shared``, where there are some."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "tests" / "pictures"


@dataclass
class Samples:
    """A folder of pictures, their bytes and the digests of their tensors, by name."""

    folder: Path
    glob: str
    contents: list[bytes]
    digests: list[str]


@pytest.fixture(scope="module", params=["pictures", "photos"])
def samples(request) -> Samples:
    if request.param == "pictures":
        # By the last letters of their names: not the script, and not the reference.
        folder, glob = PICTURES, "*[fgp]"
        recipe = json.loads((folder / "reference.json").read_text())["recipes"]["default"]
        digests = recipe["tensor_sha256"]
    else:
        folder, glob = ROOT.parent / "shared" / "photos", "*.jpg"
        if not (folder / "reference.json").is_file():
            pytest.skip("more samples: ../shared/photos with a reference.json is missing")
        photos = json.loads((folder / "reference.json").read_text())["photos"]
        digests = {name: facts["tensor_sha256"] for name, facts in photos.items()}
    names = sorted(digests)
    assert names == sorted(path.name for path in folder.glob(glob))
    contents = [(folder / name).read_bytes() for name in names]
    return Samples(folder, glob, contents, [digests[name] for name in names])


@pytest.fixture(scope="module")
def tensor() -> wudf.Udf:
    return wudf.load("image-features", "image_tensor")


def check(vectors, wanted: list[str]) -> None:
    import numpy as np

    digests = [hashlib.sha256(np.asarray(v, dtype="<f4").tobytes()).hexdigest() for v in vectors]
    assert digests == wanted


def test_arrow(samples, tensor):
    out = tensor(pa.array(samples.contents))
    check((out[n].values for n in range(len(out))), samples.digests)


@pytest.mark.parametrize("recipe", ["normalise-half", "exif-orientation", "lanczos-24"])
def test_options(recipe):
    """Options from Python are the plugin's: lists, truth values, names and numbers."""
    reference = json.loads((PICTURES / "reference.json").read_text())["recipes"][recipe]
    digests = reference["tensor_sha256"]
    names = sorted(digests)
    tensor = wudf.load("image-features", "image_tensor", options=reference["options"])
    out = tensor(pa.array([(PICTURES / name).read_bytes() for name in names]))
    check((out[n].values for n in range(len(out))), [digests[name] for name in names])


def test_pandas(samples, tensor):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    check(pd.Series(samples.contents).pipe(tensor.pandas), samples.digests)


def test_polars(samples, tensor):
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame({"content": samples.contents})
    check(frame.select(tensor.polars("content"))["content"], samples.digests)


def test_duckdb(samples, tensor):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    with duckdb.connect() as connection:
        tensor.register(connection, "tensor")
        table = pa.table({"content": samples.contents})
        connection.register("samples", table)
        out = connection.sql("SELECT tensor(content) AS t FROM samples").arrow().read_all()
    column = out["t"].combine_chunks()
    check((column[n].values for n in range(len(column))), samples.digests)


def test_spark(samples, tensor, spark):
    frame = spark.read.format("binaryFile").option("pathGlobFilter", samples.glob).load(str(samples.folder))
    rows = frame.orderBy("path").select(tensor.spark("content")).collect()
    check((row[0] for row in rows), samples.digests)
