"""A Channels server on this machine, for development and tests; never the place for keys of production.

::

    async with LocalServer() as server:     # in this event loop
        ...
    with LocalServer() as server:           # on a thread of its own
        ...

It needs the extra ``server``.
"""

from __future__ import annotations

from pusher_client.server.running import LocalServer

__all__ = ["LocalServer"]
