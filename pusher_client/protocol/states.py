"""The states of a connection and of a subscription, and which may follow which (protocol-notes 3.1 and 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pusher_client.events import ConnectionState, SubscriptionState

__all__ = ["CONNECTION_TRANSITIONS", "SUBSCRIPTION_TRANSITIONS", "check_transition"]

_State = TypeVar("_State", ConnectionState, SubscriptionState)

CONNECTION_TRANSITIONS: dict[ConnectionState, frozenset[ConnectionState]] = {
    ConnectionState.INITIALIZED: frozenset({ConnectionState.CONNECTING, ConnectionState.DISCONNECTED}),
    ConnectionState.CONNECTING: frozenset(
        {
            ConnectionState.CONNECTED,
            ConnectionState.UNAVAILABLE,
            ConnectionState.FAILED,
            ConnectionState.DISCONNECTED,
        }
    ),
    ConnectionState.CONNECTED: frozenset(
        {ConnectionState.CONNECTING, ConnectionState.FAILED, ConnectionState.DISCONNECTED}
    ),
    ConnectionState.UNAVAILABLE: frozenset(
        {ConnectionState.CONNECTED, ConnectionState.FAILED, ConnectionState.DISCONNECTED}
    ),
    ConnectionState.FAILED: frozenset({ConnectionState.CONNECTING, ConnectionState.DISCONNECTED}),
    ConnectionState.DISCONNECTED: frozenset({ConnectionState.CONNECTING}),
}

_ALL = frozenset(SubscriptionState)

SUBSCRIPTION_TRANSITIONS: dict[SubscriptionState, frozenset[SubscriptionState]] = {
    SubscriptionState.UNSUBSCRIBED: _ALL - {SubscriptionState.SUBSCRIBED},
    SubscriptionState.AUTHORIZING: _ALL - {SubscriptionState.SUBSCRIBED},
    SubscriptionState.SUBSCRIBING: _ALL,
    SubscriptionState.SUBSCRIBED: _ALL - {SubscriptionState.SUBSCRIBING},
    SubscriptionState.FAILED: frozenset({SubscriptionState.UNSUBSCRIBED}),
}
"""Unsubscribed also stands for a wanted channel that waits for a link."""


def check_transition(table: Mapping[_State, frozenset[_State]], previous: _State, state: _State) -> None:
    """Hold the table.

    Raises:
        RuntimeError: There is no way from one state to the other, which is a mistake in this library.
    """
    if state not in table[previous]:
        raise RuntimeError(f"there is no way from {previous} to {state}")
