"""A local Channels server for development and tests. Never give it production keys.

::

    async with LocalServer() as server:     # in this event loop
        ...
    with LocalServer() as server:           # on a thread of its own
        ...

Requires the extra ``server``.
"""

from __future__ import annotations

from pusher_client.server.running import LocalServer

__all__ = ["LocalServer"]
