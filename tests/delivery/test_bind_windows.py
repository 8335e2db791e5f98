from __future__ import annotations

import asyncio
import gc

from pusher_client.delivery.bind_windows import TURNS, BindWindows


class Owner:
    """Counts its open windows."""

    def __init__(self) -> None:
        self.windows = 0

    def open_window(self) -> None:
        self.windows += 1

    def close_window(self) -> None:
        self.windows -= 1


async def turns(count: int = TURNS + 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_window_closes_some_turns_after_the_call() -> None:
    """It is open during the call and for some turns of the event loop after it (R5)."""
    windows, owner = BindWindows(), Owner()
    number = windows.start_call(owner)
    await turns()
    assert owner.windows == 1
    windows.finish_call(number, owner)
    await turns(TURNS - 1)
    assert owner.windows == 1
    await turns(2)
    assert owner.windows == 0


async def test_a_window_waits_for_the_calls_that_were_pending() -> None:
    """As gather() does; a call that starts later does not keep it open (R6)."""
    windows, early, slow, late = BindWindows(), Owner(), Owner(), Owner()
    first, second = windows.start_call(early), windows.start_call(slow)
    windows.finish_call(first, early)
    third = windows.start_call(late)
    await turns()
    assert early.windows == 1
    windows.finish_call(second, slow)
    await turns()
    assert (early.windows, slow.windows, late.windows) == (0, 1, 1)
    windows.finish_call(third, late)
    await turns()
    assert (slow.windows, late.windows) == (0, 0)


async def test_windows_that_close_one_after_another() -> None:
    """Each is open for as many turns of the event loop as the others."""
    windows, first, second = BindWindows(), Owner(), Owner()
    windows.finish_call(windows.start_call(first), first)
    await turns(TURNS // 2)
    windows.finish_call(windows.start_call(second), second)
    await turns(TURNS // 2 + 1)
    assert (first.windows, second.windows) == (0, 1)
    await turns(TURNS // 2)
    assert second.windows == 0


async def test_the_end_of_the_client_closes_all() -> None:
    """The windows of calls that have returned close at once, those of pending calls after these (R6)."""
    windows, ended, pending = BindWindows(), Owner(), Owner()
    number = windows.start_call(pending)
    windows.finish_call(windows.start_call(ended), ended)
    windows.finish_call(windows.start_call(ended), ended)
    windows.close_all()
    assert (ended.windows, pending.windows) == (0, 1)
    windows.finish_call(number, pending)
    windows.close_all()
    windows.close_all()
    await turns()
    assert pending.windows == 0


def test_a_call_that_ends_without_its_event_loop() -> None:
    """The next call, in another event loop, closes its window too (R6)."""
    windows, lost, owner = BindWindows(), Owner(), Owner()
    windows.finish_call(windows.start_call(lost), lost)
    assert lost.windows == 1

    async def call() -> None:
        windows.finish_call(windows.start_call(owner), owner)
        await turns(1)

    asyncio.run(call())
    asyncio.run(call())
    assert owner.windows == 2

    async def wait() -> None:
        await call()
        await turns()

    asyncio.run(wait())
    assert (lost.windows, owner.windows) == (0, 0)


async def test_a_window_does_not_keep_the_channel_alive() -> None:
    """A channel without references is freed, window or not (R6)."""
    windows, owner = BindWindows(), Owner()
    windows.finish_call(windows.start_call(owner), owner)
    del owner
    gc.collect()
    await turns()
    assert not windows._closing
