"""Headless Chromium, controlled through its debugging protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import websockets

__all__ = ["CHROMIUM", "SECONDS", "Page", "opened"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 60


class Page:
    """A page in a browser."""

    def __init__(self, websocket: websockets.ClientConnection) -> None:
        self._websocket = websocket
        self._number = 0

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the debugging protocol and return its result."""
        self._number += 1
        await self._websocket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        async with asyncio.timeout(SECONDS):
            while True:
                message = json.loads(await self._websocket.recv())
                if message.get("id") == self._number:
                    result: dict[str, Any] = message["result"]
                    return result

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression holds."""
        async with asyncio.timeout(SECONDS):
            while not await self.evaluate(
                f"document.URL !== 'about:blank' && document.readyState === 'complete' && Boolean({expression})"
            ):
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def opened(url: str, *options: str) -> AsyncGenerator[Page]:
    """Open a page in a new browser, with further options of the command line."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,760"]
        arguments += ["--remote-debugging-port=0", "--no-proxy-server", f"--user-data-dir={profile}", *options, url]
        browser = await asyncio.create_subprocess_exec(CHROMIUM, *arguments, stdout=DEVNULL, stderr=PIPE)
        try:
            async with asyncio.timeout(SECONDS):
                address = await _debugger(browser)
                async with httpx.AsyncClient(trust_env=False) as http:
                    targets = (await http.get(f"http://{address}/json")).json()
            (target,) = [target for target in targets if target["type"] == "page"]
            async with websockets.connect(target["webSocketDebuggerUrl"], proxy=None, max_size=None) as websocket:
                yield Page(websocket)
        finally:
            with contextlib.suppress(ProcessLookupError):
                browser.terminate()
            await browser.communicate()


async def _debugger(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr is not None
    while line := (await browser.stderr.readline()).decode():
        if match := re.search(r"DevTools listening on ws://([^/]+)/", line):
            return match[1]
    raise AssertionError("the browser ended at once")
