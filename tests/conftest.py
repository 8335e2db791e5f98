"""Rules for every test: a time limit, nothing left behind, and Node.js only where it is installed."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import shutil
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Generator

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

UVLOOP = os.environ.get("PUSHER_CLIENT_UVLOOP") == "1"
EXECUTOR = ("uvloop_", "ThreadPoolExecutor-") if UVLOOP else ("asyncio_",)
"""How threads of an event loop's own executor are named; uvloop 0.21 has no name of its own for them."""

if UVLOOP:
    importlib.import_module("uvloop").install()

EAGER_TASKS = os.environ.get("PUSHER_CLIENT_EAGER_TASKS") == "1"
"""Whether every event loop, those of programs under test excepted, starts its tasks eagerly (Python 3.12 and newer)."""


def new_eager_loop(
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.events.new_event_loop,
) -> asyncio.AbstractEventLoop:
    """Make an event loop that runs a new task at once, up to its first suspension."""
    loop = new_event_loop()
    loop.set_task_factory(vars(asyncio)["eager_task_factory"])
    return loop


if EAGER_TASKS:
    # asyncio.run, asyncio.Runner and the pytest plugin look it up in either module.
    asyncio.events.__dict__["new_event_loop"] = asyncio.__dict__["new_event_loop"] = new_eager_loop

# A program that was started in the background of a shell, or under nohup, ignores SIGINT, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

REQUIRE_NODE = os.environ.get("PUSHER_CLIENT_REQUIRE_NODE") == "1"

# A slow machine is no reason to fail: examples have no deadline. The long profile has a hundred times as many examples:
# --hypothesis-profile=long, or the variable. A test with a number of its own
# has it from support/example_counts.py.
settings.register_profile("quick", parent=settings(), deadline=None, max_examples=100)
settings.register_profile("long", parent=settings.get_profile("quick"), max_examples=10_000, stateful_step_count=100)
settings.load_profile(os.environ.get("PUSHER_CLIENT_HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the guard of tasks around every asynchronous test, first in and last out."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
            item.fixturenames.insert(0, "no_task_left")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs Node.js where there is none."""
    if item.get_closest_marker("node") is not None:
        missing = [program for program in ("node", "npm") if shutil.which(program) is None]
        if missing:
            pytest.skip(f"needs {' and '.join(missing)} on the PATH")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped Node.js test a failure where such tests are required, whatever it was skipped for."""
    report = yield
    if REQUIRE_NODE and report.skipped and item.get_closest_marker("node") is not None:
        report.outcome = "failed"
        report.longrepr = f"PUSHER_CLIENT_REQUIRE_NODE=1, but this was skipped: {report.longreprtext}"
    return report


@pytest.fixture
async def no_task_left() -> AsyncGenerator[None]:
    """Fail a test that leaves a task on its event loop."""
    before = asyncio.all_tasks()
    yield
    # A task that was just cancelled or has just returned needs a turn of the loop to be gone.
    for _ in range(3):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"the test left {sorted(task.get_name() for task in left)}"


@pytest.fixture(autouse=True)
def no_thread_left() -> Generator[None]:
    """Fail a test that leaves a thread; sockets and processes left behind are warnings, and warnings are errors."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    left = [thread for thread in left if not thread.name.startswith(EXECUTOR)]
    assert not left, f"the test left {sorted(thread.name for thread in left)}"
