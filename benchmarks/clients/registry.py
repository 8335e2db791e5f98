"""The clients that are measured, and the environments in which other clients are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["BARE", "BARE_CHANNELS", "CLIENTS", "OURS", "Environments", "MeasuredClient", "chosen"]

ROOT = Path(__file__).parents[2]
INSTALL_SECONDS = 600.0

HERE = "here"
NODE = "node"
REQUIREMENTS = {
    "sockudo": ["sockudo-python==2.2.0", "uvloop"],
    "asyncpusher": ["asyncpusher==0.2.5", "PyNaCl", "uvloop"],
    "pysher": ["Pysher==1.0.8"],
    NODE: ["pusher-js@8.6.0"],
}


@dataclass(frozen=True)
class MeasuredClient:
    """One way of reading events, as it stands in a table.

    Attributes:
        title: What it is called there.
        program: The program below ``clients``.
        environment: Where it is installed.
        reader: Which of the program's ways of reading.
        encrypted: Whether it can read encrypted channels.
        asynchronous: Whether it runs in asyncio's event loop, so that uvloop may take its place.
        uvloop: Whether uvloop has taken its place.
    """

    title: str
    program: str
    environment: str = HERE
    reader: str = ""
    encrypted: bool = True
    asynchronous: bool = True
    uvloop: bool = False

    @property
    def key(self) -> str:
        """The application's key that it uses, by which the server knows it."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title)

    def with_uvloop(self) -> MeasuredClient:
        """Return the same in uvloop's event loop."""
        return replace(self, title=f"{self.title}, uvloop", uvloop=True)


OURS = MeasuredClient("ours, bound handler", "this_client", reader="handler")
BARE = MeasuredClient("bare, bytes and msgspec", "bare_loop", reader="msgspec")
BARE_CHANNELS = replace(BARE, title="bare, a dict of channels", reader="dict")
CLIENTS = [
    OURS,
    MeasuredClient("ours, iterator", "this_client", reader="iterator"),
    BARE,
    MeasuredClient("bare, json and SecretBox", "bare_loop", reader="json"),
    MeasuredClient("sockudo-python 2.2.0", "sockudo_client", "sockudo"),
    MeasuredClient("asyncpusher 0.2.5", "asyncpusher_client", "asyncpusher"),
    MeasuredClient("Pysher 1.0.8", "pysher_client", "pysher", encrypted=False, asynchronous=False),
    MeasuredClient("pusher-js 8.6.0, Node.js", "pusher_js_client", NODE, asynchronous=False),
    MeasuredClient("reading the bytes alone", "bare_loop", reader="bytes"),
]


def chosen(words: list[str] | None) -> list[MeasuredClient]:
    """Return those whose titles contain one of the words; all without any."""
    return [one for one in CLIENTS if not words or any(word.lower() in one.title.lower() for word in words)]


class Environments:
    """The environments of the other clients, each made when it is first needed and kept for the next time.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def command(self, client: MeasuredClient) -> list[str]:
        """Return the command that runs a client, after installing what it needs."""
        name, program = client.environment, client.program
        if name == NODE:
            self._install(name, ["npm", "install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund"])
            return ["node", str(ROOT / "benchmarks" / "clients" / f"{program}.js")]
        python = sys.executable
        if name != HERE:
            python = str(self._folder / name / "bin" / "python")
            self._install(name, [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        return [python, "-m", f"benchmarks.clients.{program}"]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables for all clients."""
        return {**os.environ, "NODE_PATH": str(self._folder / NODE / "node_modules")}

    def _install(self, name: str, command: list[str]) -> None:
        folder, wanted = self._folder / name, REQUIREMENTS[name]
        marker = folder / "installed.txt"
        if marker.is_file() and marker.read_text(encoding="utf-8").split() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"installing {', '.join(wanted)}", file=sys.stderr)
        if name != NODE:
            venv.create(folder, with_pip=True)
        installed = subprocess.run(
            [*command, *wanted], cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if installed.returncode:
            raise SystemExit(f"{' '.join(wanted)} cannot be installed:\n{installed.stderr.strip()}")
        marker.write_text("\n".join(wanted), encoding="utf-8")
