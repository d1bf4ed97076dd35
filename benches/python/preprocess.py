"""Preprocessing in wudf's sandbox beside Pillow + torchvision, on one thread.

    python benches/python/preprocess.py [--rounds N] [--photos FOLDER] [-- COMMAND...]

Needs Pillow and torchvision in this Python, and cargo. The bench `pictures` is built and started once and stays warm; both sides then
take turns over the same photographs, and each round gives one ratio. COMMAND replaces
`cargo bench --workspace --bench pictures --`, which starts the bench.
"""

import argparse
import io
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = ["cargo", "bench", "--workspace", "--bench", "pictures", "--"]


def find_photos(folder):
    folders = [folder] if folder else [ROOT / "shared/photos", ROOT.parent / "shared/photos"]
    for folder in folders:
        files = sorted(f for f in folder.glob("*") if f.suffix in (".jpg", ".JPEG"))
        if files:
            return folder, [f.read_bytes() for f in files]
    sys.exit("no photographs (.jpg) in " + " or ".join(map(str, folders)) + "; name a folder with --photos")


class Sandbox:
    """The bench, which computes a round for each line that it reads."""

    def __init__(self, command, folder):
        command = [*command, "serve", "--photos", str(folder)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def round(self):
        print(file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the bench ended with status {self.process.wait()}")
        pictures, seconds = line.split()
        return int(pictures), float(seconds)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def record(bench, case, **figure):
    """Appends a figure to the file that WUDF_RESULTS names, for benches/results.py."""
    if file := os.environ.get("WUDF_RESULTS"):
        with open(file, "a", encoding="utf-8") as results:
            results.write(json.dumps({"bench": bench, "case": case, **figure}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("command", nargs="*", default=BENCH, help="what starts the bench")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    folder, files = find_photos(arguments.photos and arguments.photos.resolve())
    recipe = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    def native():
        begin = time.perf_counter()
        for data in files:
            recipe(Image.open(io.BytesIO(data)).convert("RGB"))
        return time.perf_counter() - begin

    sandbox = Sandbox(arguments.command, folder)
    for _ in range(3):  # to warm up
        pictures, _ = sandbox.round()
        native()
    if pictures != len(files):
        sys.exit(f"the bench has {pictures} photographs, this has {len(files)}")
    wudf, python = [], []
    for number in range(max(arguments.rounds, 2)):
        if number % 2:
            python.append(native())
        wudf.append(sandbox.round()[1])
        if not number % 2:
            python.append(native())
    sandbox.close()

    print(f"Pillow {PIL.__version__}, torchvision {torchvision.__version__}, torch {torch.__version__}, ", end="")
    print(f"Python {platform.python_version()}; {len(files)} photographs, {len(wudf)} rounds, one thread")
    first, second = (len(files) / statistics.median(times) for times in (wudf, python))
    print(f"wudf, in the sandbox   {first:7.1f} pictures/s, best {len(files) / min(wudf):7.1f}")
    print(f"Pillow + torchvision   {second:7.1f} pictures/s, best {len(files) / min(python):7.1f}")
    low, middle, high = statistics.quantiles([b / a for a, b in zip(wudf, python)], n=4)
    print(f"ratio: {middle:.3f} (quartiles {low:.3f} to {high:.3f}); of the fastest rounds {min(python) / min(wudf):.3f}")
    record("preprocess", "sandbox / Pillow + torchvision", unit="ratio", value=middle, low=low, high=high, rounds=len(wudf),
           first=first, second=second, per="pictures/s")
    for name, version in ("Pillow", PIL.__version__), ("torchvision", torchvision.__version__), ("Python", platform.python_version()):
        record("versions", name, value=version)


if __name__ == "__main__":
    main()
