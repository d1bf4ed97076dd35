"""Runs the benches and writes their figures into RESULTS.md and the README: no figure there is typed.

    python3 benches/results.py run [--machine NAME] [SECTION...]     run, keep figures in results/NAME.jsonl, render
    python3 benches/results.py render [--check]                      render from what is kept; --check only compares

`make results` builds what is needed and starts `run`. A bench appends its figures to the file that WUDF_RESULTS names, one JSON object a
line: bench, case, unit, value, and the quartiles low and high where there were rounds; criterion keeps its own, which are read from
CRITERION_HOME. results/NAME.jsonl has the machine in its first line and a figure in each further one; tables have a column for each
such file. Figures with a `source` were not written by a run. The text between `<!-- results:TABLE -->` and `<!-- /results -->` is rendered, everything else is written by hand.
"""

import argparse
import datetime
import difflib
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEPT = ROOT / "benches/results"
FILES = {ROOT / "benches/RESULTS.md", ROOT / "README.md"}
MARKED = re.compile(r"(<!-- results:([\w-]+) -->\n).*?(<!-- /results -->)", re.S)

PICTURES = "cargo bench --workspace --bench pictures -- end-to-end"
SECTIONS = {
    "pictures": [
        "python benches/python/preprocess.py --rounds 25",
        f"{PICTURES} --rounds 14 --threads 1 --backend onnxruntime",
        f"{PICTURES} --rounds 14 --threads 2 --backend onnxruntime",
        f"{PICTURES} --rounds 20 --threads 1 --backend openvino --precision bf16",
        f"{PICTURES} --rounds 20 --threads 2 --backend openvino --precision bf16",
        f"{PICTURES} --rounds 20 --threads 1 --backend openvino",
        "cargo bench --workspace --bench pictures -- preprocessing --rounds 25",
        "cargo bench --workspace --bench scale -- threads --model onnxruntime",
        "cargo bench --workspace --bench scale -- threads --model rten",
        "cargo bench --workspace --bench epochs -- --rounds 20",
    ],
    "boundary": [
        "make bench-peers BENCH='--rounds 200'",
        "cargo bench --workspace --bench boundary",
    ],
    "instances": [
        "cargo bench --workspace --bench start",
        "cargo bench --workspace --bench first_row",
        "cargo bench --workspace --bench batcher",
        "cargo bench --workspace --bench batcher -- --width 150528",
    ],
    "spark": ["make bench-spark BENCH='--contenders torch pandas kept wudf bf16 --rounds 6'"],
}
# glibc would give large blocks back to the kernel and fault them in again in each call.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
# Memory and start-up are measured with the C library's defaults.
AS_IT_IS = re.compile(r"--bench (start|first_row)\b|bench-spark")


# Figures.

class Machine:
    """What was measured on one machine."""

    def __init__(self, name, header, figures):
        self.name, self.header, self.figures = name, header, figures

    @classmethod
    def read(cls, path):
        header, *figures = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return cls(path.stem, header, {(f["bench"], f["case"]): f for f in figures})

    def write(self):
        KEPT.mkdir(exist_ok=True)
        lines = [self.header, *(self.figures[key] for key in sorted(self.figures))]
        path = KEPT / f"{self.name}.jsonl"
        path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")

    def get(self, bench, case):
        return self.figures.get((bench, case))


def machines():
    return [Machine.read(path) for path in sorted(KEPT.glob("*.jsonl"))]


UNITS = {"ratio": [(1, "")], "s": [(1, " s"), (1e-3, " ms"), (1e-6, " us"), (1e-9, " ns")], "ms": [(1, " ms")],
         "MB": [(1, " MB")], "%": [(1, " %")], "pictures/s": [(1, "")]}


def number(value, unit, digits=3):
    """The value with so many significant digits, in the unit that keeps it above 1."""
    factor, name = next(((f, n) for f, n in UNITS[unit] if value >= f), UNITS[unit][-1])
    value /= factor
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{value:.0f}"
    # Ratios keep what tells 1.32 from 1.3, and 9.60 from 9.6 where quartiles stand beside it.
    if unit == "ratio" and 1 <= value < (10 if digits > 2 else 2):
        text = f"{value:.2f}"
    return text + name


def span(figures, digits=2):
    """One figure or several of a kind, briefly: a value, or from the least to the most."""
    values = []
    for figure in figures:
        value = figure.get("range") or [figure.get("value")]
        values += [figure["low"], figure["high"]] if value == [None] else value
    unit = figures[0]["unit"]
    low, high = number(min(values), unit, digits), number(max(values), unit, digits)
    name = UNITS[unit][0][1] if len(UNITS[unit]) == 1 else ""
    return low if low == high else f"{low.removesuffix(name)} to {high}"


def cell(figure, aim=None):
    """A figure in full: value, quartiles, both rates, and whether an aim was missed."""
    if figure is None:
        return ""
    unit, value = figure["unit"], figure.get("value")
    low, high = figure.get("low"), figure.get("high")
    bold = "**" if unit == "ratio" else ""
    if value is None:
        text, value = f"{bold}{number(low, unit)} to {number(high, unit)}{bold}", low
    else:
        text = f"{bold}{number(value, unit)}{bold}"
        notes = [f"{number(low, unit)} to {number(high, unit)}"] if low is not None else []
        if "range" in figure:
            notes.append("{} to {} in {} runs".format(*(number(v, unit, 2) for v in figure["range"]), figure["runs"]))
        text += f" ({'; '.join(notes)})" if notes else ""
    if "first" in figure:
        text += f"; {figure['first']:.3g} and {figure['second']:.3g} {figure['per']}"
    if aim is not None:
        # More is better of ratios and shares, less of times and memory; an aim below 0 is a share to stay under.
        better = value >= aim if unit in ("ratio", "%") and aim > 0 else value <= abs(aim)
        text += "" if better else ", missed"
    return text


# Tables. A row is a label, an aim or None, and the (bench, case) of its figures.

OPENED = ["slug, slug opened", "image-features, image_tensor opened", "kit, answer opened"]
IDLE = ["slug", "image-features", "kit"]


def end_to_end(backend, precision, threads):
    return ("pictures", f"end to end / model, {backend}, {precision}, {threads} thread(s)")


ROWS = {
    "pictures": [
        ("preprocessing in the sandbox / Pillow + torchvision, native, one thread", 1.15, ("preprocess", "sandbox / Pillow + torchvision")),
        ("preprocessing in the sandbox / the same Rust code, native, one thread", None, ("pictures", "preprocessing, sandbox / native")),
        ("features end to end / ResNet-50 alone, ONNX Runtime, one thread", 0.94, end_to_end("onnxruntime", "f32", 1)),
        ("the same on two threads", 0.94, end_to_end("onnxruntime", "f32", 2)),
        ("the same, OpenVINO in bf16, one thread", 0.88, end_to_end("openvino", "bf16", 1)),
        ("the same, two threads", 0.88, end_to_end("openvino", "bf16", 2)),
        ("the same, OpenVINO in f32, one thread", None, end_to_end("openvino", "f32", 1)),
        ("two threads / one, features, ONNX Runtime: one call", 1.9, ("scale", "features, onnxruntime, one call on two threads")),
        ("two callers", 1.9, ("scale", "features, onnxruntime, two callers")),
        ("two threads / one, features, rten: one call", None, ("scale", "features, rten, one call on two threads")),
        ("two callers", None, ("scale", "features, rten, two callers")),
        ("two callers / one, preprocessing for a model that costs nothing", 1.9, ("scale", "a model that costs nothing, two callers")),
        ("two callers / one, tensors as results (602 kB a row)", None, ("scale", "tensors, two callers")),
        ("preprocessing with / without interruption checks", 0.926, ("epochs", "image_tensor")),
        ("`x + 1` with / without interruption checks", None, ("epochs", "add_one")),
    ],
    "alone": [
        ("empty call", None, ("boundary", "empty call, one row")),
        ("`x + 1`, 8,192 i64", 4.5e-6, ("boundary", "x + 1, 8192 i64")),
        ("length of 64 blobs of 150 kB", 0.3e-3, ("boundary", "length of 64 blobs of 150 kB")),
        ("`substr` of 8,192 strings, slices", None, ("boundary", "substr, 8192 strings")),
    ],
    "instances": [
        ("a new instance, its function opened: a plugin as `wudf new` writes it", 20e-6, ("new instance", OPENED[0])),
        ("image-features", 20e-6, ("new instance", OPENED[1])),
        ("the tests' `kit`, which imports all of WASI", 20e-6, ("new instance", OPENED[2])),
        ("1,000 idle instances that were never called, page tables included: a plugin as `wudf new` writes it", 100, ("start", "1,000 idle instances, slug")),
        ("image-features", 100, ("start", "1,000 idle instances, image-features")),
        ("`kit`", 100, ("start", "1,000 idle instances, kit")),
        ("`wudf run` from process start to its first row, caches warm: a trivial plugin", 25, ("first_row", "a trivial plugin")),
        ("picture to tensor (1.7 MB of text)", 150, ("first_row", "picture to tensor")),
        ("picture to features, by a network of 5 kB (`seeded:tiny`)", 150, ("first_row", "picture to features, tiny")),
        ("picture to features, by ResNet-50 on rten: loading and inference included", None, ("first_row", "picture to features, resnet50")),
        ("a runtime", None, ("start", "a runtime")),
        ("image-features compiled", None, ("start", "compile image-features")),
        ("image-features from the cache", None, ("start", "image-features from the cache")),
        ("ResNet-50 loaded by rten", None, ("load seeded:resnet50", "rten")),
        ("by ONNX Runtime", None, ("load seeded:resnet50", "onnxruntime")),
        ("by OpenVINO", None, ("load seeded:resnet50", "openvino")),
        ("single-row plugins on a simulated device that takes as long for 64 rows: share of its limit, rows of 64 bytes", 90, ("batcher", "of the device's limit, single rows, 16 numbers")),
        ("what that adds to a row that comes alone", -5, ("batcher", "added to a lone row's time, 16 numbers")),
        ("the same, rows of 602 kB, as a picture's tensor: share of its limit", None, ("batcher", "of the device's limit, single rows, 150528 numbers")),
        ("what that adds to a row that comes alone", None, ("batcher", "added to a lone row's time, 150528 numbers")),
    ],
}
PEERS = [
    ("empty call, one row", 4), ("`x + 1`, 8,192 i64", 4), ("length of 64 blobs of 150 kB", None), ("`substr`, 8,192 strings, slices", 3),
    ("`substr`, 8,192 strings, new strings", 3), ("a new instance and its first row", None),
]
CONTENDERS = [
    ("torch", "broadcast torch model, `udf` row by row", (2.4, 4)), ("pandas", "iterator `pandas_udf`, ONNX Runtime, as Spark's documentation has it", (1.4, None)),
    ("kept", "the same by an expert: session kept between tasks, pictures one by one", (None, None)), ("wudf", "wudf, ONNX Runtime", None), ("bf16", "wudf, OpenVINO in bf16", None),
]
README = [
    ("preprocessing in the sandbox / Pillow + torchvision, native, one thread", [[("preprocess", "sandbox / Pillow + torchvision")]]),
    ("features end to end / ResNet-50 alone (which takes most of the time): ONNX Runtime; OpenVINO in bf16; one thread", [[end_to_end("onnxruntime", "f32", 1)], [end_to_end("openvino", "bf16", 1)]]),
    ("two threads / one: features with ONNX Runtime; with rten; tensors as results", [[("scale", f"{what}, two callers")] for what in ("features, onnxruntime", "features, rten", "tensors")]),
    ("an empty call; `x + 1` on 8,192 integers; length of 64 blobs of 150 kB", [[("boundary", case)] for case in ("empty call, one row", "x + 1, 8192 i64", "length of 64 blobs of 150 kB")]),
    *((f"times as fast as {peer}: empty call; `x + 1`; blobs; `substr` by slices; by characters; new instance", [[("peers", f"{case}: {peer} / wudf")] for case, _ in PEERS]) for peer in ("arrow-udf-runtime", "extism")),
    ("a new instance; 1,000 idle ones that were never called (one that has preprocessed pictures holds about 4 MB)", [[("new instance", case) for case in OPENED], [("start", f"1,000 idle instances, {name}") for name in IDLE]]),
    ("`wudf run`, start to first row, caches warm: a trivial plugin; picture to features by a network of 5 kB (ResNet-50 adds its loading and inference, some 0.4 s)", [[("first_row", "a trivial plugin")], [("first_row", "picture to features, tiny")]]),
    ("Spark, `local[2]`, pictures/s: wudf / a broadcast torch `udf`; / the usual `pandas_udf`; / one that keeps its session", [[("spark", f"wudf / {name}")] for name in ("torch", "pandas", "kept")]),
    ("memory for one core more: wudf / the usual `pandas_udf`; / one that keeps its session", [[("spark", f"memory, wudf / {name}")] for name in ("pandas", "kept")]),
]


def table(*rows):
    heading, *rows = [[str(c) for c in row] for row in rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in (heading, ["---"] * len(heading), *rows))


def having(wanted, all_machines):
    return [m for m in all_machines if any(m.get(*key) for key in wanted)]


def by_machine(rows, all_machines):
    there = having([key for _, _, key in rows], all_machines)
    aims = any(aim for _, aim, _ in rows)
    lines = [["", *(m.header["name"] for m in there)] + ["aim"] * aims]
    for label, aim, key in rows:
        figure = next((m.get(*key) for m in there if m.get(*key)), None)
        shown = number(abs(aim), figure["unit"]) if aim and figure else ""
        cells = [cell(m.get(*key), aim) for m in there]
        lines.append([label, *(cells if any(cells) else ["not measured yet"] + cells[1:])] + [shown] * aims)
    return table(*lines)


def commands(section):
    return "\n```sh\n" + "".join(f"{line}\n" for line in SECTIONS[section]) + "```\n"


def render_machines(all_machines):
    lines = [["machine", "details", "versions", "measured", "how"]]
    for m in all_machines:
        dates = sorted({f["date"] for f in m.figures.values()})
        versions = ", ".join(f"{name} {version}" for name, version in m.header.get("versions", {}).items())
        days = dates[0] if len(dates) < 2 else f"{dates[0]} to {dates[-1]}"
        copied = sum("source" in f for f in m.figures.values())
        how = {0: "`make results`", len(m.figures): "copied from printouts of single runs, before `make results`"}
        how = how.get(copied, f"`make results`; {copied} of {len(m.figures)} figures copied from earlier printouts")
        lines.append([m.header["name"], m.header["details"], versions, days, how])
    return table(*lines)


def render_peers(all_machines):
    parts = []
    for m in having([("peers", f"{case}: extism / wudf") for case, _ in PEERS], all_machines):
        get = lambda case: m.get("peers", case)
        lines = [[m.header["name"], "wudf", "arrow-udf-runtime", "times wudf", "aim", "extism", "times wudf"]]
        for case, aim in PEERS:
            arrow = "arrow-udf-runtime"
            lines.append([case, cell(get(f"{case}: wudf")), cell(get(f"{case}: {arrow}")), cell(get(f"{case}: {arrow} / wudf"), aim), aim or "",
                          cell(get(f"{case}: extism")), cell(get(f"{case}: extism / wudf"))])
        parts.append(table(*lines))
    return "\n".join(parts)


def render_spark(all_machines):
    parts = []
    for m in having([("spark", "wudf")], all_machines):
        get = lambda case: m.get("spark", case)
        lines = [[m.header["name"], "pictures/s", "MB for one core more", "wudf / it", "aim", "wudf in bf16 / it", "aim", "memory, wudf / it"]]
        for name, label, aims in CONTENDERS:
            speed, memory = (span([f], 3) if f else "" for f in (get(name), get(f"memory, {name}")))
            ratios = ["", "", "", "", ""]
            if aims:
                ratios = [cell(get(f"wudf / {name}"), aims[0]), aims[0] or "", cell(get(f"bf16 / {name}"), aims[1]), aims[1] or "", cell(get(f"memory, wudf / {name}"))]
            lines.append([label, speed, memory.removesuffix(" MB"), *ratios])
        parts.append(table(*lines))
    return "\n".join(parts)


def render_readme(all_machines):
    there = having([key for _, groups in README for group in groups for key in group], all_machines)

    def brief(m, groups):
        found = [[m.get(*key) for key in group if m.get(*key)] for group in groups]
        return "; ".join(span(group) if group else "not measured" for group in found) if any(found) else ""

    return table(["", *(m.header["name"] for m in there)], *([label, *(brief(m, groups) for m in there)] for label, groups in README))


RENDER = {
    "machines": render_machines, "readme": render_readme,
    "pictures": lambda ms: by_machine(ROWS["pictures"], ms) + commands("pictures"),
    "peers": lambda ms: render_peers(ms),
    "alone": lambda ms: by_machine(ROWS["alone"], ms) + commands("boundary"),
    "instances": lambda ms: by_machine(ROWS["instances"], ms) + commands("instances"),
    "spark": lambda ms: render_spark(ms) + commands("spark"),
}


def render(check):
    kept, stale = machines(), 0
    for path in sorted(FILES):
        before = path.read_text(encoding="utf-8")
        after = MARKED.sub(lambda m: m[1] + RENDER[m[2]](kept) + m[3], before)
        if before != after and check:
            stale += 1
            print(f"{path.relative_to(ROOT)}: not what benches/results has; python3 benches/results.py render")
            print("".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "written", "rendered", n=0)), file=sys.stderr)
        elif before != after:
            path.write_text(after, encoding="utf-8")
            print(f"rendered {path.relative_to(ROOT)}")
    return 1 if stale else 0


# Running.

def processor():
    try:
        found = re.search(r"^model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
        return found[1].strip() if found else platform.machine()
    except OSError:
        return platform.machine()


def locked(package):
    text = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    return re.search(rf'name = "{package}"\nversion = "([^"]+)"', text)[1]


def versions():
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[1]
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {platform.system(): platform.release(), "wudf": revision or "unknown", "rustc": rustc, "wasmtime": locked("wasmtime"), "arrow": locked("arrow-array")}


def criterion(folder):
    """The medians of criterion's benches."""
    for path in sorted(folder.glob("**/new/benchmark.json")):
        names = json.loads(path.read_text())
        estimates = json.loads(path.with_name("estimates.json").read_text())
        yield {"bench": names["group_id"], "case": names["function_id"], "unit": "s", "value": estimates["median"]["point_estimate"] / 1e9}


def run(name, wanted, python):
    path = KEPT / f"{name}.jsonl"
    details = f"{processor()}, {os.cpu_count()} processors"
    # Name and details may be edited, and then stay as they are.
    machine = Machine.read(path) if path.exists() else Machine(name, {"name": processor(), "details": details}, {})
    failed, found, seen = [], {}, versions()
    with tempfile.TemporaryDirectory() as folder:
        results, medians = pathlib.Path(folder, "figures.jsonl"), pathlib.Path(folder, "criterion")
        environment = {**os.environ, "WUDF_RESULTS": str(results), "CRITERION_HOME": str(medians)}
        for command in (command for section in wanted for command in SECTIONS[section]):
            words = shlex.split(command)
            words[0] = python if words[0] == "python" else words[0]
            print(f"\n$ {command}", file=sys.stderr, flush=True)
            variables = {**({} if AS_IT_IS.search(command) else ALLOCATOR), **environment}
            if "bench-spark" in command:
                # It has a Python environment of its own, whose libraries are to be found.
                variables.pop("VIRTUAL_ENV", None)
            if subprocess.run(words, cwd=ROOT, env=variables).returncode:
                failed.append(command)
        lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        for figure in [*lines, *criterion(medians)]:
            if figure["bench"] == "versions":
                seen[figure["case"]] = figure["value"]
            else:
                found[figure["bench"], figure["case"]] = {**figure, "date": str(datetime.date.today())}
    # Versions of what was not measured again are still those of its figures.
    machine.header["versions"] = {**machine.header.get("versions", {}), **seen}
    old = len(set(machine.figures) - set(found))
    machine.figures.update(found)
    machine.write()
    render(check=False)
    print(f"{len(found)} figures measured, {old} kept of earlier runs")
    for command in failed:
        print(f"failed, and not measured: {command}")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    running = actions.add_parser("run")
    running.add_argument("--machine", default=re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-"), help="the name of the file of figures")
    running.add_argument("--python", default=sys.executable, help="a Python that has Pillow and torchvision")
    running.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; all when left out")
    rendering = actions.add_parser("render")
    rendering.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.action == "render":
        return render(arguments.check)
    for section in arguments.sections:
        if section not in SECTIONS:
            parser.error(f"there is no section {section}; there is {', '.join(SECTIONS)}")
    return run(arguments.machine, arguments.sections or list(SECTIONS), arguments.python)


if __name__ == "__main__":
    sys.exit(main())
