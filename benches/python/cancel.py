"""How long it takes for a call to end after Ctrl-C: of a plugin that spins, in Python.

Needs the Python package of this build; `python benches/python/cancel.py KIT`, where KIT is the tests' plugin.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time

import pyarrow as pa
import wudf

ROUNDS = 20
LIMIT = 0.1


def main() -> int:
    spins = wudf.load(f"{sys.argv[1]}:spins")
    column = pa.array([13], pa.int64())
    took = []
    for _ in range(ROUNDS):
        at = [0.0]

        def interrupt(at: list[float] = at) -> None:
            time.sleep(0.3)
            at[0] = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            spins(column)
        except KeyboardInterrupt:
            took.append(time.monotonic() - at[0])
        thread.join()
    median, worst = statistics.median(took), max(took)
    print(f"Ctrl-C in Python: {median * 1e3:.1f} ms, {worst * 1e3:.1f} ms at most in {len(took)} rounds")
    return 0 if len(took) == ROUNDS and worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
