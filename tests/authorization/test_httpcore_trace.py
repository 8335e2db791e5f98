from __future__ import annotations

from typing import Any

import httpx
import pytest

from pusher_client.authorization.httpcore_trace import Trace

CANARY = b"canary-4711"


class Stream:
    """A connection as httpcore has it."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def begun(step: str) -> tuple[Trace, Stream]:
    trace, stream = Trace(), Stream()
    await trace("connection.connect_tcp.started", {"host": "proxy"})
    await trace("connection.connect_tcp.complete", {"return_value": stream})
    await trace(f"socks.{step}.started", {"stream": stream})
    return trace, stream


async def test_what_a_step_brought_is_withheld() -> None:
    """The answer's headers, or an error that quotes it, are taken out before httpcore logs them (C3)."""
    for outcome in ("complete", "failed"):
        info: dict[str, Any] = {"return_value": CANARY}
        await Trace()(f"http11.receive_response_headers.{outcome}", info)
        assert info == {}


async def test_what_a_step_starts_with_stays_in_use_but_hides_its_password() -> None:
    """A SOCKS proxy's password can be used and not be read in a log (C3)."""
    info: dict[str, Any] = {"host": "example.com", "auth": (b"user", CANARY)}
    await Trace()("socks.setup_socks5_connection.started", info)
    username, password = info["auth"]
    assert (username, password) == (b"user", CANARY)
    assert CANARY.decode() not in repr(info)
    info["auth"] = None
    await Trace()("socks.setup_socks5_connection.started", info)
    assert info == {"host": "example.com", "auth": None}


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError(CANARY)])
async def test_a_socks_proxy_that_is_none(error: Exception) -> None:
    """Whatever httpcore makes of it becomes an error of the proxy, and the connection is closed (R3, R6)."""
    trace, stream = await begun("setup_socks5_connection")
    with pytest.raises(httpx.ProxyError) as caught:
        await trace("socks.setup_socks5_connection.failed", {"exception": error})
    assert stream.closed == 1
    assert CANARY.decode() not in str(caught.value)


async def test_an_opening_that_is_cut_off() -> None:
    """The connection is closed, once, and the cancellation goes on as it was (R6)."""
    for step in ("setup_socks5_connection", "start_tls"):
        trace, stream = await begun(step)
        await trace(f"socks.{step}.failed", {"exception": KeyboardInterrupt()})
        await trace(f"socks.{step}.failed", {"exception": KeyboardInterrupt()})
        assert stream.closed == 1


async def test_nothing_to_close() -> None:
    """A connection that failed, or that serves, is left alone (R6)."""
    trace = Trace()
    await trace("connection.connect_tcp.failed", {"exception": OSError()})
    await trace("proxy.start_tls.failed", {"exception": OSError()})
    trace, stream = await begun("start_tls")
    await trace("socks.start_tls.complete", {"return_value": stream})
    await trace("http11.send_request_headers.failed", {"exception": OSError()})
    assert stream.closed == 0
