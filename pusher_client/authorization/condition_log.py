"""Logs a condition once, and then how often it occurred (docs/design.md 10)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence

from pusher_client.protocol.repeated_conditions import RepeatedConditions, Repetition

__all__ = ["ConditionLog"]


class ConditionLog:
    """Writes warnings of conditions that concern many items: the first one whole, then counts per interval.

    Args:
        logger: Gets the warnings.
        summary: Returns the text for what was not logged. Its ``condition`` is None where too many were told apart.
    """

    __slots__ = ("_conditions", "_logger", "_summary", "_timer")

    def __init__(self, logger: logging.Logger, summary: Callable[[Repetition], str]) -> None:
        self._logger = logger
        self._summary = summary
        self._conditions = RepeatedConditions()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, condition: Hashable, message: str, *arguments: object) -> None:
        """Log a message, unless the condition was logged a short time ago; then it is counted.

        Args:
            condition: What is counted together.
            message: The message, in the form of `logging`.
            arguments: The values for it.
        """
        loop = asyncio.get_running_loop()
        if self._conditions.occurred(condition, loop.time()):
            self._logger.warning(message, *arguments)
        if self._timer is None:
            self._start_timer(loop)

    def end(self) -> None:
        """Log what was counted so far, and forget every condition. To be called when the connection ends."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._log(self._conditions.end(asyncio.get_running_loop().time()))

    def _start_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        deadline = self._conditions.deadline()
        self._timer = None if deadline is None else loop.call_at(deadline, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._log(self._conditions.due(loop.time()))
        self._start_timer(loop)

    def _log(self, repetitions: Sequence[Repetition]) -> None:
        for repetition in repetitions:
            self._logger.warning("%s", self._summary(repetition))
