"""Checks that builds of single packages give their dependencies the features of the
workspace, so that they share its build and nothing large is compiled twice.

host/workspace-hack lists those features, and its manifest says more.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What is built alone, by whom.
SELECTIONS = {
    "make demo": ["-p", "wudf-cli", "-p", "workspace-hack", "--no-default-features"],
    "maturin": ["-p", "wudf-python"],
    "make dist": ["-p", "wudf-cli", "-p", "wudf-capi", "-p", "wudf-python", "-p", "workspace-hack"],
}
OUR_OWN = "wudf-"


def features(cargo: str, selection: list[str]) -> dict[str, set[str]]:
    """The sets of features that each package is compiled with."""
    command = [cargo, "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", *selection]
    host = subprocess.run([cargo, "-vV"], capture_output=True, text=True, check=True).stdout
    triple = next(line.split()[1] for line in host.splitlines() if line.startswith("host:"))
    tree = subprocess.run(
        [*command, "--target", triple], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found = defaultdict(set)
    for line in tree.splitlines():
        package, bar, enabled = line.removesuffix(" (*)").partition("|")
        if bar:
            found[package.split(" (")[0]].add(enabled)
    return found


def main() -> int:
    cargo = sys.argv[1] if len(sys.argv) > 1 else "cargo"
    wrong = []
    # What is linked; and that with what runs in the build, whose features are others. Tests
    # select development dependencies, too, and with them their features.
    for edges in ("normal,no-proc-macro", "normal,build"):
        workspace = features(cargo, ["--workspace", "--edges", f"{edges},dev"])
        for who, selection in SELECTIONS.items():
            for package, sets in features(cargo, [*selection, "--edges", edges]).items():
                if package.startswith(OUR_OWN):
                    continue
                for enabled in sorted(sets - workspace.get(package, set())):
                    wanted = sorted(workspace.get(package, set()))
                    wrong.append(f"{who}: {package} has\n  {enabled}\nin the workspace it has")
                    wrong.extend(f"  {one}" for one in wanted or ["(not there)"])
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        print("change the features in host/workspace-hack/Cargo.toml", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
