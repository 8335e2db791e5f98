"""The documentation shows code that runs: every Python block of the README and of the guides is executed here."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
import textwrap
from collections.abc import AsyncGenerator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

import pusher_client
from docs.pages import ROOT, diagram, on_page_markdown
from pusher_client import ConnectionState, HTTPAuthorizer
from pusher_client.protocol.states import CONNECTION_TRANSITIONS
from pusher_client.testing import PusherServer

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```python\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
SNIPPET = re.compile(r'--8<-- "(.+)"\n')
CHANNEL = "private-encrypted-orders"
SECONDS = 60


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page."""
    return [textwrap.dedent(code) for _, code in FENCE.findall(page.read_text(encoding="utf-8"))]


def fragments(page: Path) -> list[str]:
    """Return the blocks that are neither an example from its file nor a test."""
    return [code for code in blocks(page) if not SNIPPET.match(code) and not is_test(code) and not is_program(code)]


def is_test(code: str) -> bool:
    """Return whether a block is a test for pytest."""
    return "def test_" in code


def is_program(code: str) -> bool:
    """Return whether a block is a whole program, as the README's first."""
    return "asyncio.run(" in code


def name(page: Path) -> str:
    """Return the path of a page within the repository."""
    return page.relative_to(ROOT).as_posix()


def compiled(code: str, page: Path) -> CodeType:
    """Compile a block, in which ``await`` is allowed outside of functions."""
    result = compile(code, name(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    assert isinstance(result, CodeType)
    return result


@contextlib.asynccontextmanager
async def publishing(server: PusherServer) -> AsyncGenerator[None]:
    """Create orders until the end of the block."""

    async def publish() -> None:
        number = 0
        while True:
            number += 1
            await server.trigger(CHANNEL, "order-created", {"id": number})
            await asyncio.sleep(0.01)

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("page", [page for page in PAGES if fragments(page)], ids=name)
async def test_fragments_run(page: Path, pusher_server: PusherServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, with a client that is connected, the server in the environment, and events published."""
    settings = {"KEY": pusher_server.key, "HOST": pusher_server.host, "PORT": str(pusher_server.port), "TLS": "false"}
    for setting, value in (settings | {"AUTH_URL": pusher_server.auth_url}).items():
        monkeypatch.setenv(f"PUSHER_{setting}", value)
    async with asyncio.timeout(SECONDS), pusher_server.client() as client, publishing(pusher_server):
        names: dict[str, Any] = {public: getattr(pusher_client, public) for public in pusher_client.__all__}
        for code in fragments(page):
            authorizer = HTTPAuthorizer(pusher_server.auth_url)
            names |= {"asyncio": asyncio, "client": client, "authorizer": authorizer, "server": pusher_server}
            running = eval(compiled(code, page), names)  # noqa: S307 -- the code is the documentation's own
            if running is not None:
                await running


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_test, blocks(page)))], ids=name)
def test_tests_pass(page: Path, pytester: pytest.Pytester) -> None:
    """Each as a separate file."""
    tests = [code for code in blocks(page) if is_test(code)]
    for number, code in enumerate(tests):
        pytester.makepyfile(**{f"test_{number}": code})
    arguments = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function", "--strict-markers")
    pytester.runpytest_subprocess(*arguments, "-Werror").assert_outcomes(passed=len(tests))


def test_examples_are_shown_from_their_files() -> None:
    """What is included exists and is run in test_examples.py; each example is shown somewhere."""
    included = {path for page in PAGES for path in SNIPPET.findall(page.read_text(encoding="utf-8"))}
    examples = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*.py")}
    tests = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "project").glob("test_example*.py"))]
    assert included <= examples
    assert [path for path in examples if not any(Path(path).stem in text for text in tests)] == []
    listed = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert [path for path in examples if f"`{Path(path).name}`" not in listed] == []


def test_the_readmes_program_is_the_example() -> None:
    """The README's first Python code is ``examples/quickstart.py``, verbatim (design.md 2)."""
    first = blocks(ROOT / "README.md")[0]
    assert first == (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    assert [code for page in PAGES for code in blocks(page) if is_program(code)] == [first]


def test_what_shows_a_guarantee_is_there() -> None:
    """Every file that a command in the table of guarantees names exists."""
    table = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:tests|benchmarks)/[\w/.]+\w", table)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_diagrams_are_the_transition_tables() -> None:
    """Every arrow, and no other."""
    drawn = diagram(ConnectionState.INITIALIZED, CONNECTION_TRANSITIONS)
    arrows = {(str(state), str(target)) for state, targets in CONNECTION_TRANSITIONS.items() for target in targets}
    assert set(re.findall(r"^    (\w+) --> (\w+)$", drawn, re.MULTILINE)) == arrows
    assert "    [*] --> initialized" in drawn


def test_pages_get_their_parts() -> None:
    """No placeholder is left."""
    for page in PAGES[1:]:
        assert "<!--" not in on_page_markdown(page.read_text(encoding="utf-8"))
    assert "## 9 Threat model" in on_page_markdown((ROOT / "docs" / "protocol-notes.md").read_text(encoding="utf-8"))
