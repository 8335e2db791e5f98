"""What a relay needs of an engine."""

from __future__ import annotations

from typing import Protocol

from pusher_client.exceptions import PusherError
from pusher_client.relay.values import Exchange, Put, PutResult, Record, Settle, Settled

__all__ = ["Engine", "EngineError"]


class EngineError(PusherError):
    """The engine cannot be reached, refuses, or is not fit for a relay. The message says which, and the cure."""


class Engine(Protocol):
    """Stores streams, finds duplicates and keeps the relays' records. Each call is one atomic step.

    Every call raises `EngineError` if the engine cannot be reached or refuses; the step may have been carried out.
    """

    async def open(self) -> None:
        """Check that the engine is there and fit for a relay."""

    async def close(self) -> None:
        """Close the connections."""

    async def exchange(self, channel: str, record: Record) -> Exchange:
        """Store a relay's record; return those that were stored before."""
        ...

    async def put(self, channel: str, relay: str, put: Put) -> PutResult:
        """Write the entries that are new."""
        ...

    async def settle(self, channel: str, relay: str, settle: Settle) -> Settled:
        """Write the markers, unless a later moment is settled."""
        ...
