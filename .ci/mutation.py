"""Run the mutation tests, and fail when a mutant survives that mutants.toml beside this file does not explain.

Without arguments everything that pyproject.toml names is mutated from the start; with the names of modules of
``pusher_client/protocol/`` only those are. Needs the dependency groups ``test`` and ``mutation``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
MUTMUT = Path(sysconfig.get_path("scripts")) / "mutmut"
PREFIX = "pusher_client.protocol."
DETECTED = {"killed", "timeout"}


class Mutation(NamedTuple):
    """One change, named by its place and its text, for numbers move with every edit."""

    function: str
    original: str
    mutant: str


def mutmut(*arguments: str) -> str:
    """Run a command of mutmut and return what it printed."""
    return subprocess.run([MUTMUT, *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def run(modules: list[str]) -> None:
    """Make the mutants and run the tests on each of them."""
    if not modules:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    # One process: a survivor must not be a test that ran out of time. Module-level code has no mutants.
    names = [f"{PREFIX}{module}.*" for module in modules]
    subprocess.run([MUTMUT, "run", "--max-children", "1", *names], cwd=ROOT, check=True)


def undetected(modules: list[str]) -> set[Mutation]:
    """Return the mutants that no test noticed."""
    found: set[Mutation] = set()
    for line in mutmut("results").splitlines():
        name, _, status = line.strip().partition(": ")
        if status not in DETECTED and concerns(name.removeprefix(PREFIX), modules):
            found.add(read(name, mutmut("show", name)))
    return found


def read(name: str, diff: str) -> Mutation:
    """Return the mutation that a unified diff shows."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    original, mutant = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)).strip() for sign in ("-", "+")
    )
    function = re.sub(r"__mutmut_\d+$", "", name).removeprefix(PREFIX)
    return Mutation(re.sub(r"\.xǁ|ǁ|\.x_", ".", function), original, mutant)


def explained(modules: list[str]) -> set[Mutation]:
    """Return the mutants of which somebody has said why nothing can notice them."""
    entries = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    listed = {Mutation(entry["function"], entry["original"], entry["mutant"]) for entry in entries if entry["because"]}
    return {mutation for mutation in listed if concerns(mutation.function, modules)}


def concerns(name: str, modules: list[str]) -> bool:
    """Return whether a name in ``protocol/`` is in one of the modules; in any, if none are named."""
    return not modules or name.partition(".")[0] in modules


def main() -> None:
    """Run, compare with the list, and say what differs."""
    modules = sys.argv[1:]
    run(modules)
    survivors, known = undetected(modules), explained(modules)
    for title, mutations in (("unexplained", survivors - known), ("explained, but detected", known - survivors)):
        for mutation in sorted(mutations):
            print(f"{title}: {mutation.function}\n  - {mutation.original}\n  + {mutation.mutant}")
    print(f"{len(survivors)} mutants survived, {len(survivors & known)} of them explained")
    raise SystemExit(survivors != known)


if __name__ == "__main__":
    main()
