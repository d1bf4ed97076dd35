"""The wheel: its size, its import, its types, its documentation, and that it is
compiled from what the workspace is."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import wudf
from wudf import _wudf

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def wheel() -> Path:
    path = Path(os.environ.get("WUDF_TEST_WHEEL", ""))
    assert path.suffix == ".whl", "WUDF_TEST_WHEEL names the wheel; make test sets it"
    return path


def test_the_wheel_is_small(wheel):
    size = wheel.stat().st_size / 1e6
    assert size < 30, f"{size:.1f} MB"


def test_what_is_in_the_wheel(wheel):
    assert re.fullmatch(r"wudf-[\d.]+-cp310-abi3-\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
        metadata = file.read(next(n for n in names if n.endswith("METADATA"))).decode()
    assert {"wudf/py.typed", "wudf/_wudf.pyi", "wudf/__init__.py"} <= set(names)
    assert [n for n in names if n.endswith(".so")] == ["wudf/_wudf.abi3.so"]
    assert not [n for n in names if "test" in n]
    assert "Provides-Extra: onnxruntime" in metadata
    # Nothing is installed with it unless an extra asks for it.
    needs = re.findall(r"^Requires-Dist: (.*)$", metadata, re.M)
    assert needs and all("extra ==" in need for need in needs)
    assert f"Version: {wudf.__version__}" in metadata


def test_the_import_is_quick():
    """And imports nothing large. The best of several, on a machine that does
    other things too."""
    code = (
        "import sys, time; start = time.perf_counter(); import wudf; "
        "print(time.perf_counter() - start); "
        "print([m for m in ('pyarrow', 'numpy', 'pandas', 'polars', 'duckdb', 'pyspark', 'onnxruntime')"
        " if m in sys.modules])"
    )
    times = []
    for _ in range(7):
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        seconds, imported = ran.stdout.splitlines()
        assert imported == "[]"
        times.append(float(seconds))
    assert min(times) < 0.150, times


def test_documentation_runs(monkeypatch):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    wanted = {"polars", "pandas", "duckdb", "numpy"}
    missing = sorted(m for m in wanted if importlib.util.find_spec(m) is None)
    if _wudf.separate()["python"] is None:
        missing.append("python.wasm (make python-plugin)")
    if missing:
        pytest.skip(f"the documentation's examples want {', '.join(missing)}")
    modules = [
        importlib.import_module(m.name) for m in pkgutil.iter_modules(wudf.__path__, "wudf.")
    ]
    attempted = 0
    for module in [wudf, *modules]:
        result = doctest.testmod(module, extraglobs={"wudf": wudf})
        assert not result.failed, module.__name__
        attempted += result.attempted
    assert attempted > 15


def test_the_readme_runs(tmp_path, monkeypatch, pictures):
    for name in ("polars", "pandas", "duckdb", "pyarrow"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    (tmp_path / "cat.png").write_bytes(pictures[0])
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(HERE.parent / "README.md"), module_relative=False)
    assert result.attempted > 5 and not result.failed


def test_the_stub_is_the_module():
    """Everything in the stub is there, and everything there is in the stub."""
    stub = Path(wudf.__file__).parent / "_wudf.pyi"
    tree = ast.parse(stub.read_text())

    def names(nodes) -> dict[str, ast.AST]:
        found = {}
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found[node.name] = node
            elif isinstance(node, ast.AnnAssign):
                found[node.target.id] = node
        return found

    def public(thing) -> set[str]:
        kept = {"__len__", "__new__", "__version__"}
        return {
            n for n in vars(thing) if not n.startswith("_") or n.startswith("__arrow") or n in kept
        }

    top = names(tree.body)
    assert set(top) == public(_wudf) | {"__version__"}
    for name, node in top.items():
        if not isinstance(node, ast.ClassDef):
            continue
        cls = getattr(_wudf, name)
        members = names(node.body)
        assert set(members) == public(cls), name
        assert ast.get_docstring(node), name
        for member, inner in members.items():
            if isinstance(inner, ast.FunctionDef) and member == "call":
                assert [a.arg for a in inner.args.args] == list(
                    inspect.signature(cls.call).parameters
                )


def test_everything_public_is_documented():
    for name in wudf.__all__:
        thing = getattr(wudf, name)
        if name == "__version__":
            continue
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and not isinstance(value, (str, type(None))):
                    if type(value).__name__ != "member_descriptor":
                        assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


def test_the_wheel_is_compiled_from_what_the_workspace_is():
    """maturin builds one package; with other features below it than the whole
    workspace has, wasmtime and arrow would be compiled twice."""
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("there is no cargo to ask")

    def features(edges: str, *selection: str) -> set[str]:
        command = [cargo, "tree", "--locked", "-e", edges, "--prefix", "none", "-f", "{p} [{f}]"]
        ran = subprocess.run(
            [*command, *selection], cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        return {line.removesuffix(" (*)") for line in ran.stdout.splitlines()}

    told = []
    # What is in the module, and then what is run to build it.
    for edges in ("normal,no-proc-macro", "normal,build"):
        workspace = features(edges, "--workspace")
        for line in sorted(features(edges, "--package", "wudf-python") - workspace):
            there = sorted(w for w in workspace if w.split(" [")[0] == line.split(" [")[0])
            told.append(f"{line}\n  in the workspace: {', '.join(there)}")
    assert not told, "\n".join(
        ["give these the workspace's features in host/python/Cargo.toml:", *told]
    )
