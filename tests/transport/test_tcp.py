"""TCP connections to hosts with several addresses."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest

from pusher_client.transport import tcp
from pusher_client.transport.tcp import Resolved, connect_to_first, resolve
from tests.support.listening_port import listening, refused_port

SILENT = ("192.0.2.1", 9)
"""An address that does not answer."""


def entry(address: tuple[Any, ...], family: int = socket.AF_INET) -> Resolved:
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let no connection to `SILENT` be made until the event is set."""
    answer = asyncio.Event()
    connect = tcp._connect

    async def connect_or_wait(address: Resolved) -> socket.socket:
        if address[4] != SILENT:
            return await connect(address)
        stream = socket.socket()
        try:
            await answer.wait()
        except asyncio.CancelledError:
            if not answer.is_set():
                stream.close()
                raise
        return stream

    monkeypatch.setattr(tcp, "_connect", connect_or_wait)
    monkeypatch.setattr(tcp, "ATTEMPT_DELAY", 0.001)
    return answer


async def hold(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_dead_first_address_costs_a_moment(black_hole: asyncio.Event) -> None:
    """The next address is tried beside it; the attempt that came second leaves nothing behind (R2, R6)."""
    async with listening(hold) as port:
        stream = await connect_to_first([entry(SILENT), entry(("127.0.0.1", port))])
        with stream:
            assert stream.getpeername() == ("127.0.0.1", port)
            assert not stream.getblocking()
    assert not black_hole.is_set()
    await asyncio.sleep(0)


async def test_an_attempt_that_succeeds_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is not taken any more is closed (R6)."""
    late, first = socket.socket(), socket.socket()

    async def connect(address: Resolved) -> socket.socket:
        if address[4] != SILENT:
            return first
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return late

    monkeypatch.setattr(tcp, "_connect", connect)
    monkeypatch.setattr(tcp, "ATTEMPT_DELAY", 0.001)
    assert await connect_to_first([entry(SILENT), entry(("127.0.0.1", 1))]) is first
    first.close()
    while late.fileno() >= 0:
        await asyncio.sleep(0)


async def test_a_slow_address_may_be_the_only_one_that_answers(
    black_hole: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last address refuses, and the first one is still waited for (R2)."""
    connecting = asyncio.ensure_future(connect_to_first([entry(SILENT), entry(("127.0.0.1", refused_port()))]))
    await asyncio.sleep(0.05)
    assert not connecting.done()
    black_hole.set()
    (await connecting).close()


async def test_a_name_is_looked_up() -> None:
    """The event loop's resolver is asked for TCP addresses alone."""
    assert {found[1] for found in await resolve("localhost", 80)} == {socket.SOCK_STREAM}


async def test_a_refusal_is_followed_at_once_by_the_next_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an address that does not answer costs the delay (R2)."""
    monkeypatch.setattr(tcp, "ATTEMPT_DELAY", 1000)
    async with listening(hold) as port:
        refused = [entry(("127.0.0.1", refused_port())) for _ in range(3)]
        stream = await connect_to_first([*refused, entry(("127.0.0.1", port))])
        stream.close()


async def test_the_first_error_counts() -> None:
    """The preferred address is the one whose error helps most."""
    with pytest.raises(ConnectionRefusedError):
        await connect_to_first([entry(("127.0.0.1", refused_port())), entry(("::1", 1), 9999)])
    with pytest.raises(OSError, match="no address"):
        await connect_to_first([])


async def test_a_cancelled_connect_leaves_nothing_behind(black_hole: asyncio.Event) -> None:
    """Its attempts are cancelled with it (R6)."""
    connecting = asyncio.ensure_future(connect_to_first([entry(SILENT)]))
    await asyncio.sleep(0)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.sleep(0)
    assert not black_hole.is_set()


async def test_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that is dead on this machine does not come first throughout (RFC 8305 4)."""
    four, six = socket.AF_INET, socket.AF_INET6
    addresses = [entry((f"::{n}", 1), six) for n in range(3)] + [entry((f"127.0.0.{n}", 1), four) for n in range(2)]

    async def look_up(host: str, port: int) -> list[Resolved]:
        assert (host, port) == ("a.example", 1)
        return addresses

    monkeypatch.setattr(tcp, "_look_up", look_up)
    found = await resolve("a.example", 1)
    assert [each[4][0] for each in found] == ["::0", "127.0.0.0", "::1", "127.0.0.1", "::2"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "fe80::1%1"])
async def test_an_address_needs_no_name_server(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read at once, without a thread."""
    monkeypatch.setattr(tcp, "_look_up", None)
    (found,) = await resolve(address, 80)
    assert found[4][0].partition("%")[0] == address.partition("%")[0]
