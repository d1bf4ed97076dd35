"""Threads, forks, interrupts and memory."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import wudf

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def onnxruntime() -> None:
    """Skips where it is not installed; importing it is for nobody."""
    if importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("onnxruntime is not installed")


def script(body: str, *arguments: str, **how) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        **how,
    )


def test_many_threads(kit):
    udf = wudf.load(kit, "substr", threads=2)
    wrong = []

    def work(n: int) -> None:
        for m in range(20):
            rows = 1 + (n * 37 + m * 11) % 300
            out = udf([f"{n}-{m}-text"] * rows, [0] * rows, [5] * rows)
            if out.to_pylist() != [f"{n}-{m}-text"[:5]] * rows:
                wrong.append((n, m))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_interpreter_is_free_meanwhile(kit):
    """Another thread runs while a plugin spins."""
    udf = wudf.load(kit, "spins", time_limit=1.0, threads=1)
    ticks = 0
    done = threading.Event()

    def work() -> None:
        with pytest.raises(wudf.Error):
            udf([13])
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.01):
        ticks += 1
    thread.join()
    assert ticks > 5


FORK = """
    import gc, os, sys, traceback
    import wudf
    kit, backend = sys.argv[1:]
    add_one = wudf.load(kit, "add_one")
    spins = wudf.load(kit, "spins", time_limit=0.5)
    embed = wudf.load("image-features", models={"resnet50": "seeded:tiny"}, backend=backend, on_error="raise")
    import struct, zlib
    def png(w, h):
        def chunk(k, d): return struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
        rows = b"".join(b"\\0" + bytes(x * y & 255 for x in range(w) for _ in range(3)) for y in range(h))
        return (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    pictures = [png(60 + n, 50) for n in range(8)]
    # Used, so that all threads are there that there will be.
    wanted = embed(pictures).to_pylist()
    assert add_one([1] * 100_000).to_pylist() == [2] * 100_000

    def child():
        assert add_one([1] * 100_000).to_pylist() == [2] * 100_000
        # The clock runs here, too.
        try:
            spins([13])
        except wudf.Error as error:
            assert error.kind == "timeout", error
        else:
            raise SystemExit("a row that never ends has ended")
        assert embed(pictures).to_pylist() == wanted
        # And what is opened here.
        assert wudf.load(kit, "upper")(["a"]).to_pylist() == ["A"]
        # A model that the parent has not loaded; rten says that it cannot.
        other = {"resnet50": "seeded:tiny,batch=3"}
        try:
            more = wudf.load("image-features", models=other, backend=backend)
            assert backend == "onnxruntime" and more(pictures).to_pylist() == wanted
        except wudf.Error as error:
            assert backend == "rten" and "load it before the fork" in str(error), error

    def forked(work):
        # The work ends well in a child.
        pid = os.fork()
        if pid:
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            return
        try:
            work()
        except SystemExit:
            # That of a grandchild, which is a copy of this one.
            raise
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        # With all that is done at exit, too.
        sys.exit(0)

    def with_a_grandchild():
        child()
        forked(child)
        # What the parent opened is dropped here.
        globals().pop("embed"), globals().pop("add_one"), globals().pop("spins")
        gc.collect()

    forked(with_a_grandchild)
    assert embed(pictures).to_pylist() == wanted
    print("good")
"""


@pytest.mark.parametrize("cache", ["cached", "compiled"])
@pytest.mark.parametrize("backend", ["rten", "onnxruntime"])
def test_forks(kit, backend, cache, tmp_path):
    if backend == "onnxruntime":
        onnxruntime()
    environment = dict(os.environ)
    if cache == "compiled":
        # No cache folder can be made here: a child compiles for itself.
        blocked = tmp_path / "blocked"
        blocked.write_text("")
        environment["XDG_CACHE_HOME"] = str(blocked)
        environment["HOME"] = str(blocked)
    ran = script(FORK, kit, backend, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "good"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools(kit, method):
    body = f"""
        import multiprocessing, sys, wudf
        from concurrent.futures import ProcessPoolExecutor
        if __name__ == "__main__":
            udf = wudf.load({kit!r}, "add_one")
            udf([1])
            with ProcessPoolExecutor(2, multiprocessing.get_context({method!r})) as pool:
                out = list(pool.map(udf, [[1], [2, None], []]))
                print([x.to_pylist() for x in out])
                failing = wudf.load({kit!r}, "fails")
                try:
                    list(pool.map(failing, [[13]]))
                except wudf.Error as error:
                    print(error.kind, error.row)
    """
    ran = script(body)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["[[2], [3, None], []]", "row 0"]


def test_onnxruntime_leaves_nothing_of_its_own(tmp_path, pictures):
    """No number of the device, no database of events for its makers."""
    onnxruntime()
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "a.png").write_bytes(pictures[0])
    body = """
        import sys, wudf
        models = {"resnet50": "seeded:tiny"}
        embed = wudf.load("image-features", models=models, backend="onnxruntime")
        assert len(embed([open(sys.argv[1], "rb").read()])[0]) == 16
    """
    environment = {
        k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    ran = script(body, str(tmp_path / "a.png"), env={**environment, "HOME": str(home)})
    assert ran.returncode == 0, ran.stderr
    left = sorted(str(p.relative_to(home)) for p in home.glob(".*/*"))
    assert set(left) <= {".cache/wudf"}, left


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupt_is_not_lost(large, tmp_path):
    body = """
        import sys, wudf
        from pathlib import Path
        tensors = wudf.load("image-features", "image_tensor", on_error="null")
        rows = [Path(sys.argv[1]).read_bytes()] * 2_000
        print("ready", flush=True)
        try:
            tensors(rows)
        except KeyboardInterrupt:
            # And the function is as it was.
            assert tensors(rows[:2]).null_count == 0
            print("interrupted", flush=True)
    """
    file = tmp_path / "large.png"
    file.write_bytes(large)
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert out == "interrupted\n", err
    assert process.returncode == 0, err


def test_large_batches_are_cut_by_bytes(kit):
    """What Spark hands over at once may be a gigabyte of pictures: beside it
    there is never more than a few chunks."""
    body = """
        import resource, sys
        import pyarrow as pa
        import wudf
        udf = wudf.load(sys.argv[1], "blob_len", threads=1)
        blob, rows = 1 << 20, 400
        offsets = pa.array([n * blob for n in range(rows + 1)], pa.int32())
        column = pa.Array.from_buffers(
            pa.binary(), rows, [None, offsets.buffers()[1], pa.py_buffer(b"x" * (rows * blob))]
        )
        udf(column.slice(0, 4))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert udf(column).to_pylist() == [blob] * rows
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    ran = script(body, kit)
    assert ran.returncode == 0, ran.stderr
    grown = int(ran.stdout) >> 10
    assert grown < 100, f"{grown} MiB beside a batch of 400 MiB"
