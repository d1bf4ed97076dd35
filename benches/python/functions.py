"""Functions of Python source in wudf's sandbox beside the same functions in this Python, on one thread.

    python benches/python/functions.py [--rounds N] [--rows N]

Needs pyarrow and the wheel in this Python, and the plugin `python` (`make python-plugin`). Both sides get the same rows and take turns; each
round gives one ratio. The native side is a list comprehension over Python strings that are there already: what it leaves out, and wudf does, is
reading the column and writing the result.
"""

import argparse
import platform
import random
import statistics
import string
import time

import pyarrow as pa
import wudf

FUNCTIONS = {
    "words": "def words(title: str) -> int:\n    return len(title.split())",
    "vowels": (
        "def vowels(title: str) -> int:\n    n = 0\n    for c in title:\n        if c in 'aeiou':\n            n += 1\n    return n"
    ),
    "slug": "def slug(title: str) -> str:\n    return '-'.join(title.lower().split())",
    "add": "def add(x: int) -> int:\n    return x + 1",
    "label": "def label(x: int, title: str | None) -> str | None:\n    return title and f'{x}: {title}'",
}


def titles(rows, alphabet):
    draw = random.Random(1)
    return ["".join(draw.choices(alphabet, k=draw.randrange(16, 48))) for _ in range(rows)]


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=200_000)
    arguments = parser.parse_args()
    rows = arguments.rows
    ascii = titles(rows, string.ascii_lowercase + "     ")
    columns = {
        "words": [ascii],
        "words, one in ten not ASCII": [[t + "é" if n % 10 == 0 else t for n, t in enumerate(ascii)]],
        "vowels": [ascii],
        "slug": [ascii],
        "add": [list(range(rows))],
        "label": [list(range(rows)), [None if n % 5 == 0 else t for n, t in enumerate(ascii)]],
    }
    print(f"Python {platform.python_version()}, {platform.machine()}; {rows} rows of 16 to 47 characters, {arguments.rounds} rounds")
    print(f"{'':32} {'wudf rows/s':>12} {'native rows/s':>14} {'native / wudf':>14}")
    for name, values in columns.items():
        function = name.partition(",")[0]
        namespace = {}
        exec(FUNCTIONS[function], namespace)
        native = namespace[function]
        udf = wudf.python(FUNCTIONS[function], threads=1)
        arrays = [pa.array(column) for column in values]
        wanted = [native(*row) for row in zip(*values)]
        assert udf(*arrays).to_pylist() == wanted, name
        sandbox, beside = [], []
        for _ in range(arguments.rounds):
            sandbox.append(timed(lambda: udf(*arrays)))
            if len(values) == 1:
                (column,) = values
                beside.append(timed(lambda: [native(value) for value in column]))
            else:
                beside.append(timed(lambda: [native(*row) for row in zip(*values)]))
        ratio = statistics.median(s / b for s, b in zip(sandbox, beside))
        wudf_rate, native_rate = (rows / statistics.median(times) for times in (sandbox, beside))
        print(f"{name:32} {wudf_rate:12,.0f} {native_rate:14,.0f} {ratio:14.2f}")


if __name__ == "__main__":
    main()
