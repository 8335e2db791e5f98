"""The client for programs without asyncio: the same names, blocking, on a thread of the client's own.

::

    from pusher_client.sync import PusherClient

    with PusherClient.from_env() as client:
        for event in client.subscribe("orders"):
            print(event.name, event.data)

Values, errors, policies and authorizers are those of `pusher_client`. What differs from the asyncio client:

- Every call that waits blocks the calling thread, and may be made from any thread. Ctrl-C ends the wait at once.
- Handlers are plain functions. They run one after another on a thread of their own, so they may block and may call the
  client. A slow handler delays the handlers of other channels too.
- Authorizers may be plain functions.
"""

from __future__ import annotations

from pusher_client.sync.channel import Channel, PresenceChannel
from pusher_client.sync.client import PusherClient
from pusher_client.sync.stream import EventStream
from pusher_client.sync.user import User

__all__ = ["Channel", "EventStream", "PresenceChannel", "PusherClient", "User"]
