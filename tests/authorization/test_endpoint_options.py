"""The TLS context of an endpoint, and its options for a proxy and a transport."""

from __future__ import annotations

import asyncio
import ssl
import threading

import pytest

from pusher_client.authorization import endpoint_options
from pusher_client.authorization.endpoint_options import TrustedAuthorities, read_proxy_option, read_transport


@pytest.mark.parametrize(("plain", "loaded"), [(False, 1), (True, 0)])
async def test_authorities_are_read_once_off_the_loop(
    plain: bool, loaded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread, at the first request, once for all that wait; never for a plain endpoint (design.md 10)."""
    threads: list[threading.Thread] = []

    def load() -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(endpoint_options, "create_default_context", load)
    authorities = TrustedAuthorities(None, plain=plain)
    contexts = await asyncio.gather(*(authorities.context() for _ in range(5)))
    assert len({id(context) for context in [*contexts, await authorities.context()]}) == 1
    assert len(threads) == loaded
    assert threading.main_thread() not in threads


async def test_the_callers_context_is_used() -> None:
    """As it is (C4)."""
    context = ssl.create_default_context()
    assert await TrustedAuthorities(context, plain=False).context() is context


def test_options_that_are_not_given() -> None:
    """No proxy and no transport."""
    assert (read_proxy_option(True), read_proxy_option(None), read_transport(None)) == (None, None, None)
