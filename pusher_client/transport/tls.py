"""TLS contexts: which objects are one, and the default one, made once and outside the event loop (promise C4)."""

from __future__ import annotations

import asyncio
import ssl

__all__ = ["DefaultContext", "is_context"]


def is_context(value: object) -> bool:
    """Return whether a value is an ``SSLContext``.

    ``ssl.SSLContext`` may have been replaced since the context was made, as ``truststore.inject_into_ssl()`` does, so
    the class alone does not decide.
    """
    return isinstance(value, ssl.SSLContext) or (
        not isinstance(value, type) and callable(getattr(value, "wrap_bio", None))
    )


class DefaultContext:
    """The default TLS context of one client; to load the system's authorities takes tens of milliseconds."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> ssl.SSLContext:
        """Return the context; the first call makes it in a thread.

        Raises:
            OSError: The authorities cannot be loaded.
        """
        async with self._lock:
            context = self._context
            if context is None:
                context = self._context = await asyncio.to_thread(ssl.create_default_context)
            return context
