"""Messages for missing extras."""

from __future__ import annotations

import sys

import pytest
import typer

from pusher_client.cli.extras import require


def test_a_missing_module_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback."""
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(typer.Exit) as caught:
        require("serve", "server", "json", "starlette")
    assert caught.value.exit_code == 1
    assert (
        capsys.readouterr().err == "pusher-client serve needs starlette: pip install 'pusher-channels-client[server]'\n"
    )


def test_what_is_installed_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    """Installed modules cause no output."""
    require("serve", "server", "json")
    assert capsys.readouterr().err == ""
