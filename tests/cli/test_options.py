"""The options that subcommands share."""

from __future__ import annotations

import inspect

import pytest

from pusher_client.cli import options
from pusher_client.cli.commands import COMMANDS
from pusher_client.cli.listen import listen


def test_listen_has_all_options_of_the_contract() -> None:
    """``--key --cluster --host --port --path --tls --auth-url --header`` (design.md 6)."""
    named = set(inspect.signature(listen).parameters)
    assert named >= {"key", "cluster", "host", "port", "path", "tls", "auth_url", "header"}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_secret_is_an_argument(command: object) -> None:
    """It would show in the list of processes; a file's name may."""
    assert callable(command)
    names = inspect.signature(command).parameters
    assert not {"secret", "master_key", "password", "token"} & set(names)


def test_an_option_that_is_shared_is_the_same_everywhere() -> None:
    """One name, one help text."""
    assert len(options.__all__) == len(set(options.__all__))
    for command in COMMANDS:
        for name, parameter in inspect.signature(command).parameters.items():
            shared = {"key": "Key", "cluster": "Cluster", "host": "Host", "auth_url": "AuthURL"}.get(name)
            if shared is not None and command.__name__ in ("listen", "doctor", "trigger"):
                assert parameter.annotation == f"options.{shared}"
