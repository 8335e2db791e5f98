"""The two threads of a synchronous client: one for the event loop, one for handlers."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from pusher_client.exceptions import NotConnectedError

__all__ = ["ClientThread"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ClientThread:
    """Runs an asyncio client's event loop on a thread while it is started.

    All methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: ExitStack | None = None
        self._portal: BlockingPortal | None = None
        self._handlers: ThreadPoolExecutor | None = None
        self._loop_thread: int | None = None

    def start(self) -> None:
        """Start the event loop, unless it runs."""
        with self._lock:
            if self._portal is not None:
                return
            stack = ExitStack()
            portal = stack.enter_context(start_blocking_portal())
            self._loop_thread = portal.call(threading.get_ident)
            self._handlers = ThreadPoolExecutor(1, thread_name_prefix="pusher_client handlers")
            self._stack, self._portal = stack, portal

    def stop(self) -> None:
        """End the event loop, and wait for its thread. No effect when it does not run.

        Calls that other threads wait for end with `NotConnectedError`. A handler that blocks is not waited for.
        """
        with self._lock:
            stack, portal, handlers = self._stack, self._portal, self._handlers
            self._stack = self._portal = self._handlers = self._loop_thread = None
            if stack is None or portal is None or handlers is None:
                return
            handlers.shutdown(wait=False, cancel_futures=True)
            stopped = portal.start_task_soon(portal.stop, True)  # noqa: FBT003 - the portal's parameter is positional
        with stack:
            stopped.result()

    @property
    def running(self) -> bool:
        """Whether the event loop runs."""
        return self._portal is not None

    def wait(self, function: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call an async function in the event loop, and block until it returns.

        An exception in this thread, such as ``KeyboardInterrupt``, cancels the call.

        Raises:
            NotConnectedError: The event loop does not run, or was stopped before the call returned.
            RuntimeError: This is the event loop's own thread, which would wait for itself.
        """
        if threading.get_ident() == self._loop_thread:
            raise RuntimeError("a blocking call on the event loop's thread; make it in a handler or in another thread")

        async def called() -> _T:
            return await function(*args, **kwargs)

        future = self._submit(called)
        if future is None:
            raise NotConnectedError("not connected; call connect() first, or use 'with'")
        try:
            return future.result()
        except CancelledError:
            # The cause would be the cancellation inside the event loop, which says nothing to the caller.
            raise NotConnectedError("disconnect() was called while this call waited") from None
        except BaseException:
            future.cancel()
            raise

    def wait_within(
        self, timeout: float | None, function: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call an async function as `wait` does, for at most so many seconds; None for no limit.

        Raises:
            TimeoutError: It did not return in time.
        """

        async def limited() -> _T:
            async with asyncio.timeout(timeout):
                return await function(*args, **kwargs)

        return self.wait(limited)

    def call(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a plain function where nothing of the client runs meanwhile: in the event loop, if it runs."""

        async def called() -> _T:
            return function(*args, **kwargs)

        future = None if threading.get_ident() == self._loop_thread else self._submit(called)
        return function(*args, **kwargs) if future is None else future.result()

    def _submit(self, function: Callable[[], Awaitable[_T]]) -> Future[_T] | None:
        """Start an async function in the event loop; return None if the loop does not run.

        Under the lock, the event loop starts the function before it starts to stop, and so ends it in every case.
        """
        with self._lock:
            return None if self._portal is None else self._portal.start_task_soon(function)

    async def handle(self, callback: Callable[[Any], object], value: Any) -> None:
        """Run a handler on the thread for handlers; called in the event loop."""
        handlers = self._handlers
        if handlers is None:
            return
        await asyncio.get_running_loop().run_in_executor(handlers, _run_handler, callback, value)

    async def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking authorizer on a thread of the event loop's executor; called in the event loop."""
        answer: Any = await asyncio.get_running_loop().run_in_executor(None, function, *args)
        if inspect.isawaitable(answer):
            answer = await answer
        return answer


def _run_handler(callback: Callable[[Any], object], value: Any) -> None:
    try:
        callback(value)
    except Exception:
        raise
    except BaseException as error:  # noqa: BLE001 - such as SystemExit, which would end the event loop
        cause = error
    else:
        return
    raise RuntimeError(f"the handler raised {type(cause).__name__}, which ends no program from a thread") from cause
