"""Looks for known vulnerabilities in what is installed: `make advisories`.

With the network, pip-audit asks PyPI. Without, give it a copy of the advisories of OSV for PyPI
(https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip), as ADVISORIES=path: the zip, or
a folder of such JSON files. pip-audit has no such mode. It ends with 0 when it looked and found
nothing, with 1 when it found something, and with 3 when it could not look, which is no good news.
"""

import argparse
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

FOUND, COULD_NOT_LOOK = 1, 3
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_AUDIT_MAY_TAKE_S = 600


class Advisory(NamedTuple):
    """A vulnerability of a pinned package."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    summary: str


def pinned_in(requirements: str) -> dict[str, str]:
    """Return the version of each package that a requirements file pins, by normalised name."""
    return {_normal(name): version for name, version in _PINNED.findall(requirements)}


def find_advisories(pinned: Mapping[str, str], records: Iterator[Any]) -> list[Advisory]:
    """Return which OSV records are about a pinned version (https://ossf.github.io/osv-schema/)."""
    found = []
    for record in records:
        if "withdrawn" in record:
            continue
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            name = _normal(package.get("name", ""))
            version = pinned.get(name)
            if package.get("ecosystem") != "PyPI" or version is None:
                continue
            if _is_affected(version, affected):
                aliases = tuple(record.get("aliases", ()))
                summary = record.get("summary") or record.get("details", "")[:80]
                found.append(Advisory(name, version, record["id"], aliases, summary))
    return sorted(set(found))


def read_records(path: Path) -> Iterator[Any]:
    """Give the records of a zip or a folder.

    Raises:
        OSError, ValueError, zipfile.BadZipFile: it cannot be read.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            yield json.loads(file.read_text(encoding="utf-8"))
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503


def _is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    if version in affected.get("versions", ()):
        return True
    try:
        pinned = Version(version)
        return any(
            _is_between(pinned, each.get("events", ()))
            for each in affected.get("ranges", ())
            if each.get("type") == "ECOSYSTEM"
        )
    except InvalidVersion:
        return True  # what cannot be compared is looked at by a person


def _is_between(pinned: Version, events: Any) -> bool:
    inside = False
    for event in events:
        ((kind, text),) = event.items()
        at = Version(text)
        if kind == "introduced":
            inside = inside or pinned >= at
        elif kind == "fixed":
            inside = inside and pinned < at
        elif kind == "last_affected":
            inside = inside and pinned <= at
    return inside


def _look_offline(lock: Path, database: Path) -> int:
    pinned = pinned_in(lock.read_text(encoding="utf-8"))
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for record in read_records(database):
            count += 1
            yield record

    try:
        found = find_advisories(pinned, counted())
    except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
        return _could_not_look(f"{database} cannot be read: {error}")
    if not count:
        return _could_not_look(f"{database} holds no advisories")
    for advisory in found:
        aliases = f" ({', '.join(advisory.aliases)})" if advisory.aliases else ""
        told = f"{advisory.package} {advisory.version}: {advisory.id}{aliases}"
        print(f"{told} {advisory.summary}")
    print(f"{lock}: {len(pinned)} packages against {count} advisories, {len(found)} found.")
    return FOUND if found else 0


def _look_online(lock: Path) -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip"]
    command += ["--no-deps", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_AUDIT_MAY_TAKE_S, check=False
        )
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError, subprocess.TimeoutExpired):
        return _could_not_look("pip-audit got no answer from PyPI")
    found = [(each, one) for each in told for one in each.get("vulns", ())]
    for each, one in found:
        print(f"{each['name']} {each['version']}: {one['id']} ({', '.join(one['aliases'])})")
    skipped = [each["name"] for each in told if "skip_reason" in each]
    if skipped:
        few = f"{', '.join(skipped[:3])}{' …' if skipped[3:] else ''}"
        told_of = f"{len(skipped)} of {len(told)} packages ({few})"
        return _could_not_look(f"PyPI, as this machine reaches it, tells nothing of {told_of}")
    print(f"{lock}: {len(told)} packages asked about at PyPI, {len(found)} advisories found.")
    return FOUND if found else 0


def _could_not_look(why: str) -> int:
    print(f"COULD NOT LOOK: {why}.", file=sys.stderr)
    print(
        "Nothing is known about advisories. Without the network: make advisories", file=sys.stderr
    )
    print("ADVISORIES=all.zip (see docs/operating.md).", file=sys.stderr)
    return COULD_NOT_LOOK


def main() -> int:
    """Look, and return how to end."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("lock", type=Path)
    reader.add_argument("--database", type=Path)
    given = reader.parse_args()
    if given.database is not None:
        return _look_offline(given.lock, given.database)
    return _look_online(given.lock)


if __name__ == "__main__":
    sys.exit(main())
