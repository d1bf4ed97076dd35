"""Writes the software bill of materials of what `make dist` builds, as CycloneDX JSON.

    sbom.py OUT PACKAGE...

The components are the crates that the packages link, as Cargo.lock pins them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"


def metadata() -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)


def checksums() -> dict[tuple[str, str], str]:
    lock = (ROOT / "Cargo.lock").read_text()
    entry = r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"'
    return {(name, version): digest for name, version, digest in re.findall(entry, lock)}


def linked(nodes: dict[str, dict], roots: list[str]) -> dict[str, set[str]]:
    """Packages that are linked, by what links them; build and test dependencies are not."""
    edges, todo = {}, list(roots)
    while todo:
        package = todo.pop()
        if package not in edges:
            edges[package] = {
                needed["pkg"]
                for needed in nodes[package]["deps"]
                if any(kind["kind"] is None for kind in needed["dep_kinds"])
            }
            todo.extend(edges[package])
    return edges


def main() -> None:
    out, names = Path(sys.argv[1]), sys.argv[2:]
    found = metadata()
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    digests, licences = checksums(), LicenseFactory()

    def component(package: dict) -> Component:
        name, version = package["name"], package["version"]
        digest = digests.get((name, version))
        # An older spelling of OR, which is not SPDX.
        licence = (package["license"] or "").replace("/", " OR ")
        return Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            bom_ref=f"{name}@{version}",
            purl=PackageURL("cargo", name=name, version=version) if digest else None,
            licenses=[licences.make_from_string(licence)] if licence else [],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
        )

    roots = [package["id"] for package in found["packages"] if package["name"] in names]
    version = packages[roots[0]]["version"]
    edges = linked(nodes, roots)
    components = {package: component(packages[package]) for package in sorted(edges)}

    # The same sources give the same file.
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    time = datetime.fromtimestamp(int(epoch), timezone.utc) if epoch else datetime.now(timezone.utc)
    bom = Bom(
        components=components.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"wudf {version} {' '.join(sorted(edges))}"),
    )
    bom.metadata.timestamp = time
    bom.metadata.component = Component(
        type=ComponentType.APPLICATION, name="wudf", version=version, bom_ref="wudf"
    )
    bom.register_dependency(bom.metadata.component, [components[root] for root in roots])
    for package, needed in edges.items():
        bom.register_dependency(components[package], [components[one] for one in sorted(needed)])
    writer = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6)
    out.write_text(writer.output_as_string(indent=2) + "\n")


if __name__ == "__main__":
    main()
