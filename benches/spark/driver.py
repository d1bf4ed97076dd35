"""A Spark driver with one contender in it: `driver.py CONTENDER CORES MODELS PICTURES FEW`. For bench.py.

Reads `round`, `few`, `features` and `memory`, a line each, and answers each with a line of JSON.
"""

import json
import os
import pathlib
import sys
import threading
import time

from pyspark.sql import SparkSession

import contenders


def children(parent):
    """The processes below a process."""
    found = []
    for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            below = [int(pid) for pid in task.read_text().split()]
        except OSError:
            continue
        for pid in below:
            found += [pid, *children(pid)]
    return found


def workers():
    """Spark's Python processes below this one: the daemon, and the workers that it forks."""
    found = []
    for pid in children(os.getpid()):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"pyspark.daemon" in command or b"pyspark/daemon" in command:
            found.append(pid)
    return found


def resident():
    """What Spark's Python processes hold, in MB: pages that several of them share count once in `pss`, and for each in `rss`."""
    total = {"pss": 0.0, "rss": 0.0, "processes": 0}
    for pid in workers():
        try:
            lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = dict(line.split(":", 1) for line in lines[1:])
        total["processes"] += 1
        for key in "pss", "rss":
            total[key] += int(sizes[key.capitalize()].split()[0]) * 1024 / 1e6
    return total


def main():
    name, cores, models, pictures, few = sys.argv[1:]
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .appName(f"bench-{name}")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    spark.sparkContext.addPyFile(contenders.__file__)
    features = contenders.CONTENDERS[name](spark, pathlib.Path(models))("content")

    def job(folder):
        return spark.read.format("binaryFile").load(folder).select("path", features.alias("features"))

    def seconds(folder):
        begin = time.perf_counter()
        job(folder).write.format("noop").mode("overwrite").save()
        return time.perf_counter() - begin

    def memory():
        """The most that is resident while the few pictures are worked on."""
        most, done = resident(), threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.2):
                most = max(most, resident(), key=lambda now: now["pss"])

        watcher = threading.Thread(target=watch)
        watcher.start()
        seconds(few)
        done.set()
        watcher.join()
        return most

    answers = {
        "round": lambda: seconds(pictures),
        "few": lambda: seconds(few),
        "features": lambda: [row.features for row in job(few).orderBy("path").limit(8).collect()],
        "memory": memory,
    }
    for line in sys.stdin:
        print(json.dumps(answers[line.strip()]()), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
