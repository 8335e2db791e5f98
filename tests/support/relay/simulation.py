"""Several relays, one publisher and one engine in simulated time: every schedule of faults that a seed draws."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from pusher_client.relay.channel_relay import ChannelRelay, Command
from pusher_client.relay.memory_engine import MemoryStream
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Entry, Kind, Put, RelaySettings

STEP = 0.02
SETTINGS = RelaySettings(batch=8)


@dataclass
class Outcome:
    """What is in the engine at the end: lost without a marker, twice, out of order; and how many were marked."""

    sent: int
    lost: int
    twice: int
    inverted: int
    marked: int
    gaps: int


@dataclass
class Node:
    """One relay as a process with a link, a link to the engine, and a clock that is off by ``skew`` seconds."""

    name: str
    skew: float
    relay: ChannelRelay | None = None
    linked: bool = False
    paused_until: float = 0.0
    link_up_at: float = 0.0
    starts_at: float = 0.0
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    heard: float = 0.0
    next_tick: float = 0.0
    reply: tuple[float, Command] | None = None
    instance: int = 0
    last_step: float = 0.0


class Simulation:
    """A publisher that sends numbered events, and relays that fail.

    Args:
        seed: Draws the schedule.
        relays: How many relays there are.
        plain: Whether the events have no id.
    """

    def __init__(self, seed: int, relays: int, *, plain: bool = False, settings: RelaySettings = SETTINGS) -> None:
        self.draw = random.Random(seed)
        self.settings = settings
        self.plain = plain
        self.stream = MemoryStream(window=60.0)
        self.engine_down_until = 0.0
        self.now = 1000.0
        self.sent: list[float] = []
        self.unreadable: dict[tuple[str, int], None] = {}
        self.nodes = [Node(chr(97 + index), self.draw.uniform(-0.1, 0.1)) for index in range(relays)]
        for index, node in enumerate(self.nodes):
            node.starts_at = self.now if index == 0 else self.now + self.draw.uniform(0, 3)

    def run(self, seconds: float = 30.0, *, faults: int = 6) -> Outcome:
        """Run a schedule with faults, then let everything end."""
        start, end = self.now, self.now + seconds
        times = sorted(self.draw.uniform(start + 1, end) for _ in range(faults))
        next_event = start
        while self.now < end + 30:
            self.now += STEP
            while times and times[0] <= self.now:
                times.pop(0)
                self.fault()
            while next_event <= self.now < end:
                self.publish(next_event)
                next_event += self.draw.expovariate(20)
            for node in self.nodes:
                self.step(node)
        return self.outcome()

    # -- the world --------------------------------------------------------------------------------------------------

    def publish(self, at: float) -> None:
        number = len(self.sent)
        self.sent.append(at)
        for node in self.nodes:
            if node.linked:
                arrival = max(at + self.draw.uniform(0.005, 0.15), max((time for time, _ in node.arrivals), default=0))
                node.arrivals.append((arrival, number))

    def fault(self) -> None:
        node = self.draw.choice(self.nodes)
        match self.draw.randrange(7):
            case 0:
                self.kill(node, self.draw.uniform(0, 8))
            case 1:
                self.drop(node, self.draw.uniform(0, 5))
            case 2:
                for each in self.nodes:
                    self.drop(each, self.draw.uniform(0, 3))
            case 3:
                for each in self.nodes:
                    self.kill(each, self.draw.uniform(0, 6))
            case 4:
                node.paused_until = self.now + self.draw.uniform(0.2, 12)
            case 5:
                self.engine_down_until = self.now + self.draw.uniform(0.1, 8)
            case _:
                self.drop(node, 0.0)

    def kill(self, node: Node, seconds: float) -> None:
        node.relay = node.reply = None
        node.linked = False
        node.arrivals.clear()
        node.starts_at = self.now + seconds

    def drop(self, node: Node, seconds: float) -> None:
        if node.relay is not None and node.paused_until <= self.now:
            node.relay.lost()
            node.linked = False
            node.arrivals.clear()
            node.link_up_at = self.now + seconds

    # -- one relay --------------------------------------------------------------------------------------------------

    def step(self, node: Node) -> None:
        if self.now < node.starts_at or self.now < node.paused_until:
            return
        now = self.now + node.skew
        relay = node.relay
        if relay is None:
            node.instance += 1
            relay = node.relay = ChannelRelay(
                node.name,
                "channel",
                self.settings,
                lambda _id, hole: f"{hole.start} {hole.end}",
                take=lambda _size: True,
                give=lambda _size: None,
                instance=str(node.instance),
            )
            node.last_step = self.now
            node.link_up_at = self.now
        if self.now - node.last_step > 0.1:
            relay.stalled(now)
        node.last_step = self.now
        if not node.linked and self.now >= node.link_up_at:
            node.linked = True
            node.heard = self.now
            relay.joined(now)
        while node.arrivals and node.arrivals[0][0] <= self.now:
            _, number = node.arrivals.pop(0)
            relay.received(self.entry(number, now))
        self.talk(node, relay, now)

    def entry(self, number: int, now: float) -> Entry:
        content = str(number)
        return Entry(now, None if self.plain else content, content, Kind.EVENT, content)

    def talk(self, node: Node, relay: ChannelRelay, now: float) -> None:
        """Exchange records, and carry out one command at a time, each with a delay on the way there and back."""
        down = self.now < self.engine_down_until
        if self.now >= node.next_tick:
            node.next_tick = self.now + self.settings.tick
            if node.linked:
                relay.heard(now)
            if not down:
                relay.exchanged(self.stream.exchange(relay.record(), now), now)
        if node.reply is not None and self.now >= node.reply[0]:
            command = node.reply[1]
            node.reply = None
            if down:
                relay.failed()
            elif isinstance(command, Put):
                result = self.stream.put(node.name, command, now)
                if self.draw.random() < 0.01:
                    relay.failed()  # carried out, but the answer was lost
                else:
                    relay.done(result, now)
            else:
                relay.settled(self.stream.settle(node.name, command), now)
        if node.reply is None:
            following = relay.command(now)
            if following is not None:
                node.reply = (self.now + self.draw.uniform(0.001, 0.1), following)

    # -- the verdict ------------------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        first = next((entry for entry in self.stream.entries if entry.kind is Kind.EVENT), None)
        begun = int(first.body) if first is not None else len(self.sent)
        gaps = [Span(*map(float, entry.body.split())) for entry in self.stream.entries if entry.kind is Kind.GAP]
        numbers = [int(entry.body) for entry in self.stream.entries if entry.kind is Kind.EVENT]
        counts = Counter(numbers)
        missing = [number for number in range(begun, len(self.sent)) if number not in counts]
        lost = [
            number
            for number in missing
            if not any(gap.start - 0.3 <= self.sent[number] <= gap.end + 0.3 for gap in gaps)
        ]
        inverted = sum(later < earlier for earlier, later in pairwise(numbers))
        twice = sum(count - 1 for count in counts.values())
        return Outcome(len(self.sent), len(lost), twice, inverted, len(missing) - len(lost), len(gaps))
