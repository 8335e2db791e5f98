"""A core in the hands of a hostile server, and what must hold whatever that has sent (promise R8)."""

from __future__ import annotations

from collections.abc import Callable

from pusher_client.events import SubscriptionState
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import Authorize, Purpose
from pusher_client.protocol.sign_in import SignInState
from pusher_client.protocol.signatures import UserAuthentication
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, frame, sealed
from tests.support.core.sign_in_core import USER_DATA, UserCore

CHANNELS = ["orders", CHANNEL, "presence-room"]


class Besieged(UserCore):
    """A core that wants a channel of each kind and a user, and can be brought back to rest."""

    def __init__(self, *, shortcut: bool = True) -> None:
        super().__init__(shortcut=shortcut, key_rotation=KeyRotationPolicy(backlog=4, fruitless_limit=2))

    def answer_all(self) -> None:
        """Let the endpoint grant everything that it is asked for."""
        requests = self.connection._requests
        while requests._call_of:
            number = next(iter(requests._call_of))
            request, socket_id = requests._requests[number], self.connection.socket_id
            if request.purpose is Purpose.SIGN_IN:
                authentication = UserAuthentication(f"key:{socket_id}", USER_DATA)
                self.connection.authorized(number, authentication, self.now)
                self.drain()
            else:
                key = OLD if request.requester.name == CHANNEL else None
                self.answer(key, Authorize(number, request.requester.name, socket_id or "", request.purpose))

    def held(self, channel: str) -> int:
        """Return how many application events of a channel wait for a key or an acknowledgement."""
        subscription = self.connection._channels.get(channel)
        if subscription is None:
            return 0
        early, encrypted = subscription._early, subscription.frames._encrypted
        waiting = 0 if encrypted is None else sum(item.application for item in encrypted.items)
        return waiting + (0 if early is None else len(early))

    def recover(self) -> None:
        """Be a good server and endpoint until everything is subscribed and nothing waits."""
        connection = self.connection
        for _ in range(60):
            if connection.socket_id is None:
                if connection.active:
                    self.back()
                else:
                    self.up()
            for channel in CHANNELS:
                if not connection.wanted(channel):
                    self.subscribe(channel)
            self.answer_all()
            if connection.sign_in.state is SignInState.SIGNING_IN:
                self.welcome()
                self.answer_all()
            for channel in CHANNELS:
                if connection.subscription_state(channel) is SubscriptionState.SUBSCRIBING:
                    self.acknowledge(channel)
            states = {connection.subscription_state(channel) for channel in CHANNELS}
            if states == {SubscriptionState.SUBSCRIBED} and not self.held(CHANNEL):
                return
            self.wait(1.0)
        raise AssertionError("the subscriptions never came to rest")

    def check_accounts(self) -> None:
        """What has arrived and not left is held, and no deadline has passed unheard (R5)."""
        for channel, counts in self.counts.items():
            assert counts.waiting == self.held(channel)
            assert min(counts.received, counts.delivered, counts.dropped, counts.undecryptable) >= 0
        due = self.connection.deadline()
        assert due is None or due >= self.now

    def check(self) -> None:
        """Nothing was lost, and the connection works as if nothing had been (R5, R7, R8)."""
        self.check_accounts()
        self.wait(0.0)
        self.recover()
        self.check_accounts()
        self.events.clear()
        for channel in CHANNELS:
            self.receive(frame("genuine", channel, sealed(OLD, "1") if channel == CHANNEL else "1"))
        self.answer_all()  # an answer before may have brought another key
        arrived = [(event.channel, event.data) for event in self.events if event.name == "genuine"]
        assert sorted(arrived) == [(channel, 1) for channel in sorted(CHANNELS)]


def opened(core: Besieged) -> None:
    """The first message is still to come."""
    core.connection.connect(core.now)
    core.drain()
    core.connection.websocket_opened(core.now)


def established(core: Besieged) -> None:
    """There is a link, and nothing on it."""
    core.up()


def subscribing(core: Besieged) -> None:
    """Everything is asked for, and nothing answered."""
    core.up()
    for channel in CHANNELS:
        core.subscribe(channel)
    core.sign_in()
    core.answer_all()


def subscribed(core: Besieged) -> None:
    """All is well."""
    subscribing(core)
    core.welcome()
    core.acknowledge("#server-to-user-7")
    for channel in CHANNELS:
        core.acknowledge(channel)


def refreshing(core: Besieged) -> None:
    """An event waits for a key."""
    subscribed(core)
    core.receive(frame("waiting", CHANNEL, sealed(NEW, "1")))


def subscribing_again(core: Besieged) -> None:
    """An event waits, and the link is another."""
    refreshing(core)
    core.lose(1006)
    core.back()
    core.answer_all()


STATES: list[Callable[[Besieged], None]] = [
    opened,
    established,
    subscribing,
    subscribed,
    refreshing,
    subscribing_again,
]
