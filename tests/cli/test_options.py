"""The options that subcommands share."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from pusher_client.cli.commands import COMMANDS, app
from pusher_client.cli.listen import listen
from pusher_client.cli.options import SecretOptions, ServerOptions, with_option_groups

SUBSCRIBERS = ("listen", "doctor", "trigger")


def test_listen_has_all_options_of_the_contract() -> None:
    """``--key --cluster --host --port --path --tls --auth-url --header`` (design.md 6)."""
    named = set(inspect.signature(listen).parameters)
    assert named >= {"key", "cluster", "host", "port", "path", "tls", "auth_url", "header"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_is_an_argument(command: object) -> None:
    """The list of processes would show it; file names are allowed."""
    assert callable(command)
    names = inspect.signature(command).parameters
    assert not {"secret", "master_key", "password", "token"} & set(names)


def test_shared_options_are_the_same_everywhere() -> None:
    """One flag, one default, one help text."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    listen, *others = ({option.name: vars(option) for option in commands[name].params} for name in SUBSCRIBERS)
    shared = {field.name for group in (ServerOptions, SecretOptions) for field in fields(group)}
    for name, option in itertools.product(shared, others):
        for attribute in ("opts", "secondary_opts", "default", "help", "rich_help_panel"):
            assert option[name][attribute] == listen[name][attribute]


def test_a_command_gets_its_groups_with_what_was_given() -> None:
    """Options that were not given have their defaults; other parameters are passed on."""
    seen: list[object] = []

    @with_option_groups
    def command(channel: str, *, count: int = 3, secrets: SecretOptions) -> None:
        seen.extend((channel, count, secrets))

    command("a", secret_file=Path("s"))
    assert seen == ["a", 3, SecretOptions(secret_file=Path("s"))]
    assert list(inspect.signature(command).parameters) == ["channel", "count", "secret_file", "master_key_file"]
