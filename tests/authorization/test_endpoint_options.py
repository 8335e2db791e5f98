"""The TLS context of an endpoint, and its options for a proxy and a transport."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
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


FIRST_REQUEST = """
import asyncio, sys, threading

class Finder:
    found = []

    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            self.found.append(name)

async def endpoint(reader, writer):
    await reader.readuntil(b"private-x")
    body = b'{"auth":"KEY:s"}'
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    await writer.drain()
    writer.close()

async def main():
    import pusher_client
    assert "httpx" not in sys.modules
    async with await asyncio.start_server(endpoint, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        authorize = pusher_client.HTTPAuthorizer(f"http://127.0.0.1:{port}/")
        sys.meta_path.insert(0, Finder())
        await authorize("private-x", "1.2")
    print(*sorted({name.partition(".")[0] for name in Finder.found}))

asyncio.run(main())
"""


def test_the_first_request_imports_nothing_on_the_event_loop() -> None:
    """Httpx is not imported with the package, and httpcore and anyio in a thread (design.md 10, standing still)."""
    done = subprocess.run([sys.executable, "-c", FIRST_REQUEST], capture_output=True, text=True, check=True)
    assert not {"httpcore", "anyio", "h11", "certifi"} & set(done.stdout.split())


async def test_the_callers_context_is_used() -> None:
    """As it is (C4)."""
    context = ssl.create_default_context()
    assert await TrustedAuthorities(context, plain=False).context() is context


async def test_a_context_made_before_its_class_was_replaced_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by ``truststore.inject_into_ssl()``, before or after this package is imported (C4)."""
    context = ssl.create_default_context()

    class Other(ssl.SSLContext):
        pass

    monkeypatch.setattr(ssl, "SSLContext", Other)
    monkeypatch.setattr(endpoint_options, "SSLContext", Other)
    assert await TrustedAuthorities(context, plain=False).context() is context
    with pytest.raises(TypeError, match=r"ssl is an ssl\.SSLContext or None, not str"):
        TrustedAuthorities("yes", plain=False)


def test_options_that_are_not_given() -> None:
    """No proxy and no transport."""
    assert (read_proxy_option(True), read_proxy_option(None), read_transport(None)) == (None, None, None)
