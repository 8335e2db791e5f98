"""Print requirements read from pyproject.toml and the lock.

``locked``: every version of the lock, without hashes. ``lowest``: the same, but the lowest versions of what the package
itself, its extras and its examples ask for, and nothing about what only those bring along. ``test-group``: what the
tests need.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def locked() -> dict[str, str]:
    """Read the lock: name to version."""
    pins: dict[str, str] = {}
    for line in (ROOT / "requirements-dev.txt").read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            requirement = Requirement(line.rstrip("\\").strip())
            pins[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return pins


def group(document: dict[str, Any], name: str) -> list[str]:
    """List what a dependency group asks for, with that of the groups it includes."""
    return [
        requirement
        for entry in document["dependency-groups"][name]
        for requirement in ([entry] if isinstance(entry, str) else group(document, entry["include-group"]))
    ]


def lowest(document: dict[str, Any]) -> dict[str, str]:
    """Read the lower bounds of the package, its extras and its examples: name to version."""
    project, bounds = document["project"], dict[str, str]()
    for entries in (
        project["dependencies"],
        *project["optional-dependencies"].values(),
        group(document, "examples"),
    ):
        for requirement in map(Requirement, entries):
            name = canonicalize_name(requirement.name)
            if name != project["name"]:
                (bound,) = requirement.specifier
                bounds[name] = bound.version
    return bounds


def main() -> None:
    """Print what the first argument names."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    match sys.argv[1]:
        case "test-group":
            print(*group(document, "test"), sep="\n")
        case "locked":
            print(*(f"{name}=={version}" for name, version in locked().items()), sep="\n")
        case "lowest":
            groups = [Requirement(entry).name for entry in group(document, "test")]
            pins = {name: locked()[name] for name in map(canonicalize_name, groups)} | lowest(document)
            print(*(f"{name}=={version}" for name, version in pins.items()), sep="\n")
        case other:
            raise SystemExit(f"unknown: {other}")


if __name__ == "__main__":
    main()
