"""What the tests share. They run on the installed wheel, never on the source
tree; ``make test`` builds it, and sets ``WUDF_TEST_KIT`` to the path of the plugin
that has rows that fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
import struct
import sys
import zlib
from pathlib import Path

import pytest
import wudf

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

assert HERE.parent not in Path(wudf.__file__).resolve().parents, (
    f"the tests want the installed wheel, not {wudf.__file__}"
)


def record_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Appends a skip to the file that ``WUDF_SKIPS`` names, as the Rust tests do: tests/support/src/skips.rs."""
    file = os.environ.get("WUDF_SKIPS")
    if not (report.skipped and file):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = " ".join(reason.removeprefix("Skipped: ").split())
    test = f"pytest {Path(sys.prefix).name} {report.nodeid}"
    with open(file, "a") as skips:
        skips.write(f"{test}\t{reason}\n")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    record_skip(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    record_skip(report)


def pytest_report_header() -> str:
    return f"wudf {wudf.__version__} from {Path(wudf.__file__).parent}"


@pytest.fixture(scope="session")
def kit() -> str:
    """The path of the plugin for tests."""
    path = os.environ.get("WUDF_TEST_KIT", "")
    assert os.path.isfile(path), "WUDF_TEST_KIT names the plugin kit.wasm; make test sets it"
    return path


@pytest.fixture(scope="session")
def open_kit(kit):
    """Opens a function of the kit."""

    def load(function: str, **how):
        return wudf.load(kit, function, **how)

    return load


def png(width: int, height: int, shade: int = 0) -> bytes:
    """A picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(
        b"\0" + bytes((x * y + shade) & 255 for x in range(width) for _ in range(3))
        for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 1))
        + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="session")
def pictures() -> list[bytes]:
    """A few pictures."""
    return [png(90 + 7 * n, 80 + 3 * n, 31 * n) for n in range(4)]


@pytest.fixture(scope="session")
def large() -> bytes:
    """A picture that takes its time."""
    return png(1500, 1500)


@pytest.fixture(scope="session")
def spark():
    """A Spark session on this machine."""
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip("Spark needs Java, which is not installed")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # Not whatever `python3` is.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .appName("wudf tests")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "1000")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark_cluster():
    """The module beside this one, which is no package."""
    spec = importlib.util.spec_from_file_location("spark_cluster", HERE / "spark_cluster.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def cluster(spark_cluster):
    """A master and two workers: one cluster for all tests that want one."""
    try:
        running = spark_cluster.running_or_new()
    except spark_cluster.Missing as missing:
        pytest.skip(str(missing))
    with running:
        yield running
