"""The table of conditions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pusher_client.events import ConnectionState
from pusher_client.protocol.conditions import OpenFailure, Retry, authorization_condition, conditions_table
from pusher_client.protocol.outputs import OpenWebSocket
from tests.support.core.scripted_core import Core

DESIGN = Path(__file__).parents[2] / "docs" / "design.md"


def test_the_design_has_the_table_that_the_code_reads() -> None:
    """``docs/design.md`` says what the code does (R2, R3)."""
    begin, end = "<!-- conditions -->", "<!-- /conditions -->"
    block = DESIGN.read_text(encoding="utf-8").split(begin)[1].split(end)[0]
    assert block.strip() == conditions_table()


def test_the_statuses_of_a_refusal_are_asked_once_more() -> None:
    """A second 401 or 403 is final; every other status is retried after the first success (R3)."""
    assert [status for status in range(1000) if authorization_condition(status).later is Retry.ONCE_MORE] == [401, 403]


def opening(**settings: Any) -> Core:
    """Return a core that opens its first connection."""
    core = Core(**settings)
    core.connection.connect(core.now)
    core.drain()
    return core


def fail(core: Core, failure: OpenFailure, status: int | None = None, retry_after: float | None = None) -> None:
    """Let the attempt fail."""
    core.connection.open_failed(failure, status, "no", core.now, retry_after=retry_after)
    core.drain()


@pytest.mark.parametrize("retry_initial", [False, True])
@pytest.mark.parametrize("status", [301, 401, 403, 404, 407])
def test_retry_initial_retries_statuses_that_are_final_at_first(status: int, *, retry_initial: bool) -> None:
    """For those who start before their server (design.md R2)."""
    core = opening(retry_initial=retry_initial)
    fail(core, OpenFailure.HTTP, status)
    expected = ConnectionState.CONNECTING if retry_initial else ConnectionState.FAILED
    assert core.connection.state is expected


@pytest.mark.parametrize(("code", "final"), [(4004, False), (4001, True), (4000, True), (4009, True)])
def test_retry_initial_retries_close_codes_that_are_final_at_first(code: int, *, final: bool) -> None:
    """A code that is always final stays so (design.md R2)."""
    core = opening(retry_initial=True)
    core.connection.websocket_opened(core.now)
    core.lose(code)
    assert core.connection.state is (ConnectionState.FAILED if final else ConnectionState.CONNECTING)


def test_a_certificate_that_is_not_yet_valid_is_retried() -> None:
    """The clock of a machine that has just started may be wrong for a while (design.md R2)."""
    core = opening()
    fail(core, OpenFailure.NOT_YET_VALID)
    assert core.connection.state is ConnectionState.CONNECTING


@pytest.mark.parametrize(("asked", "least", "most"), [(6.0, 6.0, 7.5), (10_000.0, 60.0, 75.0), (0.0, 0.0, 1.0)])
@pytest.mark.parametrize("lots", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_of_a_refused_upgrade_is_honoured(
    status: int, lots: float, asked: float, least: float, most: float
) -> None:
    """Up to the cap, and with jitter (R2)."""
    core = opening(lots=lots)
    before = core.now
    fail(core, OpenFailure.HTTP, status, asked)
    core.until(OpenWebSocket)
    assert least <= core.now - before <= most


def test_retry_initial_is_true_or_false() -> None:
    """Another value is a mistake of the caller (design.md 2.1)."""
    with pytest.raises(TypeError, match="retry_initial"):
        Core(retry_initial=1)
