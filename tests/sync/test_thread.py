"""The threads of a synchronous client, without a client (design.md 10)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator

import pytest

from pusher_client import NotConnectedError
from pusher_client.sync.thread import ClientThread


@pytest.fixture
def thread() -> Generator[ClientThread]:
    """A started thread."""
    made = ClientThread()
    made.start()
    yield made
    made.stop()


def test_start_and_stop_can_be_repeated(thread: ClientThread) -> None:
    """A second start and a second stop have no effect, and a stopped thread can be started again."""
    first = thread.call(threading.get_ident)
    thread.start()
    assert thread.call(threading.get_ident) == first != threading.get_ident()
    thread.stop()
    thread.stop()
    assert not thread.running
    assert thread.call(threading.get_ident) == threading.get_ident()
    thread.start()
    assert thread.wait(asyncio.sleep, 0, 5) == 5


def test_stop_ends_what_waits(thread: ClientThread) -> None:
    """A call that waits when another thread stops the event loop raises ``NotConnectedError``; nothing hangs (R6)."""
    stopping = threading.Timer(0.02, thread.stop)
    stopping.start()
    with pytest.raises(NotConnectedError, match=r"disconnect\(\) was called"):
        thread.wait(asyncio.sleep, 60)
    stopping.join()
    with pytest.raises(NotConnectedError, match="call connect"):
        thread.wait(asyncio.sleep, 0)


def test_stopping_beside_many_calls_answers_each(thread: ClientThread) -> None:
    """Calls from many threads while the event loop stops and starts return a value or raise; none hangs (R6)."""
    answers: list[object] = []

    def ask() -> None:
        for number in range(50):
            assert thread.call(int, number) == number
            try:
                answers.append(thread.wait(asyncio.sleep, 0, number))
            except NotConnectedError:
                answers.append(None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for asking in threads:
        asking.start()
    for _ in range(10):
        thread.stop()
        thread.start()
    for asking in threads:
        asking.join()
    assert len(answers) == 200


async def test_a_handler_after_the_end_is_not_run() -> None:
    """An event that is handed out when the thread for handlers has ended is dropped, not an error."""
    calls: list[int] = []
    await ClientThread().handle(calls.append, 1)
    assert calls == []
