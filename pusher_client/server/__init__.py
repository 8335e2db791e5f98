"""A local Channels server for development and tests. Never give it production keys.

::

    async with LocalServer() as server:     # in this event loop
        ...
    with LocalServer() as server:           # on a thread of its own
        ...

Requires the extra ``server``.
"""

from __future__ import annotations

try:
    import starlette.applications
    import uvicorn

    # Imported first, so that a missing extra is reported before a module that needs it fails.
    _needed: tuple[object, ...] = (starlette.applications.Starlette, uvicorn.Server)
except ModuleNotFoundError as _missing:
    _package = str(_missing.name).partition(".")[0]
    _message = f"pusher_client.server needs {_package}: pip install 'pusher-channels-client[server]'"
    raise ModuleNotFoundError(_message, name=_missing.name) from None

from pusher_client.server.running import LocalServer

__all__ = ["LocalServer"]
