"""Node.js with the packages of ``tests/support/node/package.json``, installed once into the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NODE_FOLDER", "Node", "NodeUnavailableError", "install_node"]

NODE_FOLDER = Path(__file__).parents[1] / "node"

_SERVED_BY_SOKETI = frozenset({16, 18, 20})  # soketi's WebSocket library is compiled for these
_INSTALL = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save"]
_IN_SHORT = ["--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
_INSTALL_SECONDS = 600.0


class NodeUnavailableError(Exception):
    """Node.js that runs the packages is missing; the message says what is missing."""


@dataclass(frozen=True)
class Node:
    """An executable of Node.js whose ``require`` finds soketi and pusher-js."""

    executable: str

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line that runs a program, whose path may be relative to ``tests/support/node``."""
        return [self.executable, *map(str, arguments)]


def install_node() -> Node:
    """Install the packages unless they are there, and find the Node.js that runs them.

    Safe to be called by several test runs at a time: one installs, the others wait.

    Raises:
        NodeUnavailableError: Node.js or npm is missing, or the packages could not be installed.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeUnavailableError("node and npm are not on the PATH")
    extra = _substitute_for(_major_version(node))
    manifest = NODE_FOLDER / "package.json"
    modules = NODE_FOLDER / "node_modules"
    wanted = hashlib.sha256(manifest.read_bytes() + extra.encode()).hexdigest()
    marker = modules / ".installed"
    with manifest.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not marker.is_file() or marker.read_text() != wanted:
            marker.unlink(missing_ok=True)
            _run([npm, *_INSTALL, *_IN_SHORT, *([extra] if extra else [])])
            marker.write_text(wanted)
    return Node(str(modules / extra.partition("@")[0] / "bin" / "node") if extra else node)


def _major_version(node: str) -> int:
    return int(_run([node, "--version"]).removeprefix("v").partition(".")[0])


def _substitute_for(version: int) -> str:
    """Name the npm package with an older Node.js to install beside the others, or ``""`` when this one serves."""
    if version in _SERVED_BY_SOKETI:
        return ""
    architecture = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine())
    if platform.system() != "Linux" or architecture is None:
        raise NodeUnavailableError(f"Node.js {version} does not run soketi; put 16, 18 or 20 on the PATH")
    return f"node-linux-{architecture}@20"


def _run(command: Sequence[str]) -> str:
    name = " ".join([Path(command[0]).name, *command[1:2]])
    try:
        done = subprocess.run(
            command, cwd=NODE_FOLDER, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NodeUnavailableError(f"{name} failed: {error}") from error
    if done.returncode != 0:
        said = " / ".join(done.stderr.strip().splitlines()[:4])
        raise NodeUnavailableError(f"{name} failed with {done.returncode}: {said}")
    return done.stdout
