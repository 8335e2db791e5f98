"""A client outside asyncio, and after a fork (design.md 10)."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap

import pytest

from pusher_client import PusherClient


def test_another_library_than_asyncio() -> None:
    """Under Trio no asyncio loop runs: the error names it and the synchronous client (design.md 10)."""
    call = PusherClient("key", cluster="eu").connect()
    with pytest.raises(RuntimeError, match=r"asyncio event loop.* Trio.* pusher_client\.sync"):
        call.send(None)


async def test_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the fork of a connected process sees (design.md 10)."""
    client = PusherClient("key", host="127.0.0.1", port=9, tls=False)
    connecting = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 0)
        with pytest.raises(RuntimeError, match=r"connected in process .*fork"):
            await client.disconnect()
        with pytest.raises(RuntimeError, match=r"connected in process .*fork"):
            client.bind("e", print)
    connecting.cancel()
    await asyncio.wait((connecting,))


PROGRAM = """
    import asyncio, os, warnings
    from pusher_client import PusherClient

    warnings.simplefilter("ignore")

    async def main():
        client = PusherClient("key", host="127.0.0.1", port=9, tls=False)
        connecting = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0)
        child = os.fork()
        if child == 0:
            for call in (client.connect, client.disconnect, client.wait_closed, lambda: client.subscribe("orders")):
                try:
                    asyncio.run(call())
                except RuntimeError as error:
                    print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        connecting.cancel()
        await asyncio.wait((connecting,))
        print("parent", client.state, os.getpid(), flush=True)

    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_a_fork_of_a_connected_process() -> None:
    """Every call names the fork and the cure, and the connection of the parent is untouched (design.md 10, R6)."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(PROGRAM), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await program.communicate()
    *refusals, last = output.decode().splitlines()
    parent = last.split()[-1]
    assert last.startswith("parent disconnected")
    assert len(refusals) == 4
    assert all(f"connected in process {parent}" in line and "after the fork" in line for line in refusals)
