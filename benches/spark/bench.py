"""Pictures to ResNet-50 features in Spark, three ways side by side: pictures a second, and memory for each core.

    python benches/spark/bench.py [--rounds N] [--pictures N] [--photos FOLDER] [--contenders NAME...] [--json FILE]

Each contender has a driver of its own in local[2]. All stay warm and take turns over the same pictures, and each round gives a ratio.
See README.md beside this file for what is measured, and how. Needs Java, and the packages of requirements.txt and wudf in this Python.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from importlib import metadata

import prepare

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CORES = 2
LABELS = {
    "torch": "broadcast torch model, udf row by row",
    "pandas": "iterator pandas_udf, onnxruntime",
    "kept": "the same, session kept, one by one",
    "wudf": "wudf, onnxruntime",
    "bf16": "wudf, openvino in bf16",
}
OURS = "wudf", "bf16"


class Driver:
    """A Spark driver with one contender in it, which computes a round for each line that it reads."""

    def __init__(self, contender, cores, places):
        environment = dict(os.environ, OMP_NUM_THREADS="1", SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
        environment.pop("SPARK_HOME", None)
        self.name = contender
        self.log = tempfile.NamedTemporaryFile("w+", prefix=f"bench-spark-{contender}-", suffix=".log")
        command = [sys.executable, str(HERE / "driver.py"), contender, str(cores), *map(str, places)]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True
        )

    def ask(self, what):
        try:
            print(what, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            sys.exit(f"{self.log.read()}\n{self.name}: the driver ended with status {self.process.wait()}; above is its log")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def find_photos(folder):
    folders = [folder] if folder else [ROOT / "shared/photos", ROOT.parent / "shared/photos"]
    return next((f for f in folders if any(f.glob("*.jp*g"))), folders[-1])


def quartiles(values):
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def record(bench, case, **figure):
    """Appends a figure to the file that WUDF_RESULTS names, for benches/results.py."""
    if file := os.environ.get("WUDF_RESULTS"):
        with open(file, "a", encoding="utf-8") as results:
            results.write(json.dumps({"bench": bench, "case": case, **figure}) + "\n")


def measure(names, places, rounds, say):
    """Seconds of each round, memory on one core and on two, and features, by contender."""
    seconds, memory, features = {name: [] for name in names}, {name: {} for name in names}, {}
    drivers = []
    try:
        for name in names:
            say(f"{name}: starting, warming up")
            drivers.append(Driver(name, CORES, places))
            features[name] = drivers[-1].ask("features")
            drivers[-1].ask("few")
        for number in range(rounds):
            # Forwards and backwards in turn, so that nobody always comes after the same.
            for driver in drivers if number % 2 == 0 else reversed(drivers):
                seconds[driver.name].append(driver.ask("round"))
            say(f"round {number + 1} of {rounds}: " + ", ".join(f"{name} {seconds[name][-1]:.1f} s" for name in names))
        for driver in drivers:
            memory[driver.name][CORES] = driver.ask("memory")
    finally:
        for driver in drivers:
            driver.close()
    for name in names:
        say(f"{name}: memory on one core")
        driver = Driver(name, 1, places)
        try:
            driver.ask("few")
            memory[name][1] = driver.ask("memory")
        finally:
            driver.close()
    return seconds, memory, features


def differences(features):
    """For each contender but the first, the largest difference from the first one's features, beside its largest feature."""
    (_, first), *others = features.items()
    largest = max(abs(x) for row in first for x in row)

    def difference(other):
        pairs = ((a, b) for mine, theirs in zip(first, other, strict=True) for a, b in zip(mine, theirs, strict=True))
        return max(abs(a - b) for a, b in pairs) / largest

    return {name: difference(other) for name, other in others}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=124)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "target/bench-spark", help="where weights and pictures are kept")
    parser.add_argument("--contenders", nargs="+", choices=list(LABELS), default=["torch", "pandas", "wudf"])
    parser.add_argument("--json", type=pathlib.Path, help="write all that was measured")
    arguments = parser.parse_args()

    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        sys.exit("Spark needs Java, which is not installed")

    def say(what):
        print(what, file=sys.stderr, flush=True)

    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    say("weights and pictures")
    prepare.weights(folder)
    photos = find_photos(arguments.photos)
    # Spark makes a task of 31 such files: two for each core, and one for each.
    places = folder, *(prepare.pictures(folder, photos, number) for number in (arguments.pictures, 31 * CORES))
    names = arguments.contenders
    seconds, memory, features = measure(names, places, arguments.rounds, say)

    packages = ["pyspark", "torch", "torchvision", "onnxruntime", "openvino", "pillow", "numpy", "pandas", "pyarrow"]
    print(f"Python {platform.python_version()}, " + ", ".join(f"{package} {metadata.version(package)}" for package in packages))
    print(f"local[{CORES}], {arguments.rounds} rounds of {arguments.pictures} pictures")
    for name, difference in differences(features).items():
        print(f"{name}'s features differ from {names[0]}'s by {difference:.0e} of the largest")
    more = {name: {kind: (sizes[CORES][kind] - sizes[1][kind]) / (CORES - 1) for kind in ("pss", "rss")} for name, sizes in memory.items()}
    print(f"\n{'':38} pictures/s   MB, 1 core   MB, one core more (RSS)")
    for name in names:
        rate = arguments.pictures / statistics.median(seconds[name])
        print(f"{LABELS[name]:38} {rate:10.1f} {memory[name][1]['pss']:12.0f} {more[name]['pss']:20.0f} ({more[name]['rss']:.0f})")
        record("spark", name, unit="pictures/s", value=rate)
        record("spark", f"memory, {name}", unit="MB", value=more[name]["pss"])
    record("versions", "pyspark", value=metadata.version("pyspark"))
    record("versions", "torch", value=metadata.version("torch"))
    for ours in OURS:
        for name in names:
            if ours in names and name not in OURS:
                ratios = [other / own for own, other in zip(seconds[ours], seconds[name])]
                share = more[ours]["pss"] / more[name]["pss"]
                low, middle, high = quartiles(ratios)
                print(f"{ours} / {name}: {middle:.3f} (quartiles {low:.3f} to {high:.3f}) times as fast; {share:.2f} of the memory for one core more")
                record("spark", f"{ours} / {name}", unit="ratio", value=middle, low=low, high=high, rounds=len(ratios))
                record("spark", f"memory, {ours} / {name}", unit="ratio", value=share)
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": seconds, "memory": memory}))


if __name__ == "__main__":
    main()
