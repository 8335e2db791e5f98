"""What went wrong, and what the library and the event loop say of it."""

from __future__ import annotations

import asyncio
import collections
import logging
from typing import Any

__all__ = ["Problems", "listen"]


class Problems:
    """What went wrong, each kind written once with its first case."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.first: dict[str, str] = {}

    def add(self, kind: str, detail: str) -> None:
        """Note a problem, and say so at once."""
        self.counts[kind] += 1
        if kind not in self.first:
            self.first[kind] = detail
            print(f"PROBLEM: {kind}: {detail}", flush=True)


class Errors(logging.Handler):
    """Takes what the library logs as an error for a problem: nothing here should be one."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        """Note the record."""
        self._problems.add(f"logged: {record.msg}", record.getMessage())


def listen(problems: Problems) -> None:
    """Take what the library logs as an error, and what the running loop finds unhandled, for problems."""
    logger = logging.getLogger("pusher_client")
    logger.addHandler(Errors(problems))
    logger.addHandler(logging.NullHandler())
    logger.propagate = False

    def complain(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        problems.add("unhandled", f"{context.get('message')}: {context.get('exception')!r}")

    asyncio.get_running_loop().set_exception_handler(complain)
