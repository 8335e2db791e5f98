"""TLS contexts."""

from __future__ import annotations

import asyncio
import ssl
import threading

import pytest

from pusher_client.transport.tls import DefaultContext, is_context


async def test_the_default_context_is_made_once_and_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the system's authorities takes tens of milliseconds (R1)."""
    threads: list[str] = []
    create = ssl.create_default_context

    def noting() -> ssl.SSLContext:
        threads.append(threading.current_thread().name)
        return create()

    monkeypatch.setattr(ssl, "create_default_context", noting)
    default = DefaultContext()
    first, second = await asyncio.gather(default.get(), default.get())
    assert first is second is await default.get()
    assert len(threads) == 1
    assert threads != [threading.main_thread().name]


async def test_a_context_that_cannot_be_made_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of authorities may be missing for a while (R2)."""
    create = ssl.create_default_context

    def failing() -> ssl.SSLContext:
        raise FileNotFoundError

    default = DefaultContext()
    monkeypatch.setattr(ssl, "create_default_context", failing)
    with pytest.raises(FileNotFoundError):
        await default.get()
    monkeypatch.setattr(ssl, "create_default_context", create)
    assert isinstance(await default.get(), ssl.SSLContext)


async def test_a_caller_that_is_cancelled_does_not_end_the_wait_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The context belongs to the client, not to one attempt (R6)."""
    default = DefaultContext()
    cancelled, waiting = asyncio.ensure_future(default.get()), asyncio.ensure_future(default.get())
    await asyncio.sleep(0)
    cancelled.cancel()
    assert isinstance(await waiting, ssl.SSLContext)
    assert cancelled.cancelled()


def test_what_is_a_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """A context stays one when the class is replaced afterwards, as truststore does (design.md 2)."""
    context = ssl.create_default_context()
    for wrong in (None, 1, "yes", ssl.SSLContext, object()):
        assert not is_context(wrong)

    class Other(ssl.SSLContext):
        pass

    monkeypatch.setattr(ssl, "SSLContext", Other)
    assert is_context(context)
    assert is_context(Other(ssl.PROTOCOL_TLS_CLIENT))
