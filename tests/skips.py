#!/usr/bin/env python3
"""Lists what a run of the tests has skipped, and why.

    skips.py FILE [ALLOWED]

FILE is what the environment variable WUDF_SKIPS named during the run: a line for each skip, test and reason with a tab between
them. Under CI (the environment variable is set and not empty) the exit status is 1 when a skip fits no pattern of ALLOWED, which
is `skips.allowed` beside this script unless another is named.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path


def read_skips(path: Path) -> list[tuple[str, str]]:
    """Test and reason of each skip, once."""
    lines = path.read_text().splitlines() if path.exists() else []
    found = set()
    for line in lines:
        test, tab, reason = line.partition("\t")
        if not tab:
            sys.exit(f"{path}: no line of a skip: {line!r}")
        found.add((test, reason))
    return sorted(found)


def read_allowed(path: Path) -> list[str]:
    """The patterns, each of which has to say why it is there."""
    patterns = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, bar, why = line.partition(" | ")
        if not (bar and why.strip()):
            sys.exit(f"{path}:{number}: want PATTERN | WHY")
        patterns.append(pattern.strip())
    return patterns


def main(file: str, allowed: str | None = None) -> int:
    skips = read_skips(Path(file))
    patterns = read_allowed(Path(allowed) if allowed else Path(__file__).with_name("skips.allowed"))

    def is_allowed(test: str, reason: str) -> bool:
        return any(fnmatchcase(f"{test}: {reason}", pattern) for pattern in patterns)

    by_reason = defaultdict(list)
    for test, reason in skips:
        by_reason[reason].append(test)
    print(f"not tested: {len(skips)}")
    for reason, tests in sorted(by_reason.items(), key=lambda group: (-len(group[1]), group[0])):
        print(f"{len(tests):4}  {reason}")
        for test in tests:
            print(f"        {test}")
    wrong = [skip for skip in skips if not is_allowed(*skip)]
    if wrong and os.environ.get("CI"):
        print(f"under CI these {len(wrong)} may not be skipped (tests/skips.allowed has what may):", file=sys.stderr)
        for test, reason in wrong:
            print(f"  {test}: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
