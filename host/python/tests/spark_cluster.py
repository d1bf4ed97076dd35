"""A real Spark cluster on this machine's loopback: a master and two workers, each a process of its own, started with ``spark-class``.

In tests the fixture ``cluster`` gives it. By hand, with the Python that has pyspark:

    python host/python/tests/spark_cluster.py python host/python/examples/spark_images.py --photos DIR --out DIR

starts a cluster, runs the command with ``MASTER`` set to its address, and ends it. With ``--for-tests`` before the command the
cluster is for the tests that the command runs: the environment variable ``WUDF_TEST_SPARK`` names it, and they start none of
their own. Where there is no Spark or no Java the command then runs without.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASS = "org.apache.spark.deploy"
"""Where Spark's daemons are."""


SHARED = "WUDF_TEST_SPARK"
"""Names a cluster that is running: its folder of Spark, which tells versions apart, and its address."""


class Missing(Exception):
    """What a cluster needs and this machine does not have."""


def spark_home() -> Path:
    """The Spark that this Python's pyspark brings."""
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise Missing(f"pyspark is not installed in {sys.prefix}")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise Missing("Spark needs Java, which is not installed")
    return Path(found.submodule_search_locations[0])


def environment() -> dict[str, str]:
    """This process's, without what would lead to another Spark, and all of it on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPARK_", "PYSPARK_"))}
    kept.update(
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_DRIVER_PYTHON=sys.executable,
        # Daemons by Spark's scripts would go to the background.
        SPARK_NO_DAEMONIZE="1",
    )
    return kept


class Daemon:
    """One process of the cluster, in a process group with all that it starts."""

    def __init__(self, home: Path, folder: Path, name: str, *arguments: str) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        variables = dict(environment(), SPARK_HOME=str(home), SPARK_LOCAL_DIRS=str(folder / "local"))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(home / "bin/spark-class"), *arguments],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """The first place in the log that fits the pattern."""
        end = time.monotonic() + seconds
        while True:
            text = self.log.read_text(errors="replace")
            if found := re.search(pattern, text):
                return found
            if self.process.poll() is not None:
                raise RuntimeError(f"the {self.name} ended with status {self.process.returncode}:\n{text[-4000:]}")
            if time.monotonic() > end:
                raise TimeoutError(f"the {self.name} has not said `{pattern}` in {seconds} s:\n{text[-4000:]}")
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


class Running:
    """A cluster that something else has started, and ends."""

    url: str
    """The master's address, ``spark://127.0.0.1:PORT``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def environment(self) -> dict[str, str]:
        """What a driver of this cluster is started with."""
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": "512m",
            "spark.sql.shuffle.partitions": "2",
            # What fails here fails again.
            "spark.task.maxFailures": "1",
        }
        flags = " ".join(f"--conf {name}={value}" for name, value in settings.items())
        return dict(environment(), MASTER=self.url, PYSPARK_SUBMIT_ARGS=f"{flags} pyspark-shell")

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Cluster(Running):
    """A master and workers of one core each, as a context manager: what it started ends with it, whatever happens."""

    def __init__(self, workers: int = 2, memory: str = "1g") -> None:
        self.home = spark_home()
        self.folder = Path(tempfile.mkdtemp(prefix="wudf-spark-"))
        self._daemons: list[Daemon] = []
        try:
            self._start(workers, memory)
        except BaseException:
            self.stop()
            raise

    def _start(self, workers: int, memory: str) -> None:
        # Ports of 0 are any that are free: what they became is in the log.
        address = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        master = Daemon(self.home, self.folder, "master", f"{CLASS}.master.Master", *address)
        self._daemons.append(master)
        self.url = master.wait_for(r"spark://127\.0\.0\.1:\d+", 90)[0]
        for number in range(1, workers + 1):
            own = ["-c", "1", "-m", memory, "--work-dir", str(self.folder / f"work-{number}")]
            arguments = [f"{CLASS}.worker.Worker", *address, *own, self.url]
            self._daemons.append(Daemon(self.home, self.folder, f"worker-{number}", *arguments))
        for worker in self._daemons[1:]:
            worker.wait_for("Successfully registered with master", 90)

    def logs(self) -> str:
        """What workers and executors have written, for those who look for a failure."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("work-*/*/*/std*")]
        return "\n".join(f"== {file.relative_to(self.folder)}\n{file.read_text(errors='replace')}" for file in sorted(files))

    def stop(self) -> None:
        """Ends all processes and removes what they wrote. A second time does nothing."""
        # Workers first: asked to end, they end their executors.
        for daemon in reversed(self._daemons):
            daemon.signal(signal.SIGTERM)
        for daemon in self._daemons:
            try:
                daemon.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
            daemon.signal(signal.SIGKILL)
            daemon.process.wait()
        self._daemons.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, *_: object) -> None:
        self.stop()


def running_or_new() -> Running:
    """The cluster for tests, where one of this Spark is running; a new one elsewhere."""
    home, _, url = os.environ.get(SHARED, "").partition("=")
    return Running(url) if url and home == str(spark_home()) else Cluster()


def for_tests(command: list[str]) -> int:
    try:
        cluster = Cluster()
    except Missing as missing:
        print(f"note: no Spark cluster for the tests: {missing}", file=sys.stderr)
        return subprocess.call(command)
    with cluster:
        return subprocess.call(command, env=dict(os.environ, **{SHARED: f"{cluster.home}={cluster.url}"}))


def main() -> int:
    if sys.argv[1:2] == ["--for-tests"] and len(sys.argv) > 2:
        return for_tests(sys.argv[2:])
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} [--for-tests] COMMAND...")
    try:
        with running_or_new() as cluster:
            print(f"a cluster of two workers at {cluster.url}", file=sys.stderr)
            return subprocess.call(sys.argv[1:], env=cluster.environment())
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    sys.exit(main())
