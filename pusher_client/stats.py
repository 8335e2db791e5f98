"""The figures of a whole client: what became of the events of all its channels, and how the link does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from weakref import ref

from pusher_client.protocol.tally import Tally

__all__ = ["ClientStats", "Totals"]


@dataclass(frozen=True, slots=True)
class ClientStats:
    """How a client does. The counts only grow, also over reconnects, ``waiting`` and ``silence`` excepted.

    The first six are the sums of `ChannelStats` over all channels, those with no handle left included; ``received`` is
    the sum of the four counts after it.

    Attributes:
        received: Application events that arrived on subscribed channels.
        delivered: Accepted by every consumer there was, none included.
        dropped: Refused by a full queue, or discarded by ``unsubscribe()``.
        undecryptable: Ended as ``pusher:decryption_failure``.
        waiting: Held for a key.
        key_refreshes: Authorization requests made for a new key.
        connects: How often the connection came to stand: one more than there were reconnects.
        wanted: How many channels are to be subscribed now; one that was refused for good is not among them.
        subscribed: How many of them are.
        silence: Seconds since the server last sent anything, a pong included; infinite without a connection to it since
            ``connect()``.
    """

    received: int
    delivered: int
    dropped: int
    undecryptable: int
    waiting: int
    key_refreshes: int
    connects: int
    wanted: int
    subscribed: int
    silence: float


class Totals:
    """Sums the counts of owners that come and go, without keeping any of them alive.

    An owner may go at any moment and in any thread, wherever the garbage collector runs: that only notes it.
    """

    __slots__ = ("_gone", "_retired", "_tallies")

    def __init__(self) -> None:
        self._tallies: dict[ref[object], Tally] = {}
        self._gone: deque[ref[object]] = deque()
        self._retired = Tally()

    def watch(self, owner: object, tally: Tally) -> None:
        """Count these in; also when the owner is gone."""
        self._retire()
        self._tallies[ref(owner, self._gone.append)] = tally

    def sum(self) -> Tally:
        """Return the sums as they stand now."""
        self._retire()
        total = Tally()
        for tally in (self._retired, *self._tallies.values()):
            total.add(tally)
        return total

    def _retire(self) -> None:
        while self._gone:
            self._retired.add(self._tallies.pop(self._gone.popleft()))
