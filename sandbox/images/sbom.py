"""Print the software bill of materials of this root file system: CycloneDX 1.5, JSON. Runs inside it, alone.

One component per Debian package, in the order of their names: name, version, package URL, home page, source package and
the SHA-256 of its copyright file, which holds its licences.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
from pathlib import Path

_FIELDS = ("Package", "Version", "Architecture", "source:Package", "source:Version", "Homepage")


def components() -> list[dict[str, object]]:
    """Return the components, from dpkg's own data."""
    wanted = "\\t".join(f"${{{field}}}" for field in _FIELDS) + "\\n"
    command = ["/usr/bin/dpkg-query", "--show", f"--showformat={wanted}"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [_component(*line.split("\t")) for line in sorted(listed.splitlines())]


def _component(
    name: str, version: str, architecture: str, source: str, source_version: str, home: str
) -> dict[str, object]:
    url = f"pkg:deb/debian/{name.replace('+', '%2B')}@{version.replace('+', '%2B')}?arch={architecture}&distro=bookworm"
    properties = [{"name": "debian:source", "value": f"{source} {source_version}"}]
    copyright_file = Path("/usr/share/doc", name, "copyright")
    if copyright_file.is_file():
        found = hashlib.sha256(copyright_file.read_bytes()).hexdigest()
        properties.append({"name": "debian:copyright:sha256", "value": found})
    component: dict[str, object] = {
        "type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, "properties": properties,
    }  # fmt: skip
    if home:
        component["externalReferences"] = [{"type": "website", "url": home}]
    return component


def main() -> None:
    """Print it."""
    parts = components()
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        # The same content has the same number: nothing here depends on when it was built.
        "serialNumber": f"urn:uuid:{uuid.UUID(digest[:32])}",
        "version": 1,
        "metadata": {"component": {"type": "operating-system", "name": "solvent-sandbox", "version": digest[:16]}},
        "components": parts,
    }
    json.dump(bill, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
