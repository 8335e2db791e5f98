"""soketi, a Channels server of another project, as a process on loopback."""

from __future__ import annotations

import http.client
import json
import random
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.real.node import NODE_FOLDER, Node

__all__ = [
    "APP",
    "DISABLED_APP",
    "LIMITED_APP",
    "QUIET_APP",
    "SILENT_APP",
    "SINGLE_CONNECTION_APP",
    "USERS_APP",
    "App",
    "Soketi",
]

_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0
_START_ATTEMPTS = 3


@dataclass(frozen=True)
class App:
    """An application that the server knows."""

    id: str
    key: str
    secret: str

    def configuration(self, **overrides: Any) -> dict[str, Any]:
        """Describe it in soketi's words, without any rate limit."""
        unlimited = dict.fromkeys(
            ("maxConnections", "maxBackendEventsPerSecond", "maxClientEventsPerSecond", "maxReadRequestsPerSecond"), -1
        )
        named = {"id": self.id, "key": self.key, "secret": self.secret, "enabled": True, "webhooks": []}
        return named | {"enableClientMessages": True} | unlimited | overrides


APP = App("1001", "app-key", "app-secret")
DISABLED_APP = App("1002", "key-off", "secret-off")
SINGLE_CONNECTION_APP = App("1003", "key-one", "secret-one")
USERS_APP = App("1004", "key-user", "secret-user")
QUIET_APP = App("1005", "key-quiet", "secret-quiet")
LIMITED_APP = App("1006", "key-limited", "secret-limited")
SILENT_APP = App("1007", "key-silent", "secret-silent")


class Soketi:
    """One server; it keeps its ports when it is stopped and started again.

    Args:
        node: What it runs on.
        folder: Where its configuration and its log are written.
    """

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        self._configuration = folder / "soketi.json"
        self._log = folder / "soketi.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, and return when it serves."""
        for attempt in range(1 if self.port else _START_ATTEMPTS):
            if not self.port or attempt:
                self._choose_ports()
            if self._launch():
                return
        tail = self._log.read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"soketi did not start:\n{tail}")

    def stop(self) -> None:
        """Stop the process, and return when it is gone. Does nothing when there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()

    def _launch(self) -> bool:
        server = NODE_FOLDER / "node_modules" / "@soketi" / "soketi" / "bin" / "server.js"
        preload = NODE_FOLDER / "end_with_stdin.js"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._node.command("--require", preload, server, "start", f"--config={self._configuration}"),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={},  # soketi reads its settings from the environment too
            )
        deadline = time.monotonic() + _READY_SECONDS
        while self.running and time.monotonic() < deadline:
            if self._serves():
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def _serves(self) -> bool:
        request = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            request.request("GET", "/")
            return request.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            request.close()

    def _choose_ports(self) -> None:
        self.port, metrics_port, cluster_port = _free_ports(3)
        configuration = {
            "debug": False,
            "host": "127.0.0.1",
            "port": self.port,
            "metrics.host": "127.0.0.1",
            "metrics.port": metrics_port,
            "cluster.address": "127.0.0.1",
            "cluster.unicast": "127.0.0.1",
            "cluster.port": cluster_port,
            "httpApi.acceptTraffic.memoryThreshold": 100,
            "shutdownGracePeriod": 300,
            "appManager.array.apps": [
                APP.configuration(),
                DISABLED_APP.configuration(enabled=False),
                SINGLE_CONNECTION_APP.configuration(maxConnections=1),
                USERS_APP.configuration(enableUserAuthentication=True),
                QUIET_APP.configuration(maxClientEventsPerSecond=1),
                LIMITED_APP.configuration(maxClientEventsPerSecond=10, maxEventPayloadInKb=10),
                SILENT_APP.configuration(enableClientMessages=False),
            ],
        }
        self._configuration.write_text(json.dumps(configuration))


def _free_ports(count: int) -> list[int]:
    """Find free ports below the range from which the system takes those of outgoing connections.

    A client that knocks at a stopped server's port would otherwise, now and then, be given that port as its own, and
    so connect to itself.
    """
    free: list[int] = []
    for port in random.sample(range(20_000, 32_000), 1000):
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            try:
                stream.bind(("127.0.0.1", port))
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
        free.append(port)
        if len(free) == count:
            return free
    raise RuntimeError("no free port between 20000 and 32000")
