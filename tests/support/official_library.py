"""The official server library, pointed at a local server."""

from __future__ import annotations

from typing import Any

import pusher

from pusher_client.server import LocalServer


def library(server: LocalServer) -> Any:
    """Return the official server library for the local server."""
    return pusher.Pusher(
        server.app_id, server.key, server.secret, ssl=False, host=server.host, port=server.port, proxies={"http": ""}
    )
