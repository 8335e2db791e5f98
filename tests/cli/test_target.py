"""Options and environment, read as ``from_env`` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pusher_client import HTTPAuthorizer, PusherClient, SecretAuthorizer
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.options import AuthorizationOptions, ConnectionOptions, ServerOptions
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.target import Server, Target, read_server, read_target

MASTER_KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="


def server(path: str = "", **given: Any) -> Server:
    """Read a server from these options."""
    return read_server(ServerOptions(**given), path)


def target(**given: Any) -> Target:
    """Read a target from these options."""
    return read_target(ConnectionOptions(key="KEY", cluster="eu"), AuthorizationOptions(**given))


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ({"PUSHER_CLUSTER": "eu"}, {}),
        ({"PUSHER_CLUSTER": "eu", "PUSHER_HOST": "ws.example.com"}, {}),
        ({"PUSHER_CLUSTER": "eu", "PUSHER_HOST": ""}, {}),
        ({"PUSHER_CLUSTER": "eu", "PUSHER_HOST": "ws.example.com"}, {"cluster": "us2"}),
        ({"PUSHER_HOST": "ws.example.com", "PUSHER_PORT": "6001", "PUSHER_TLS": "off"}, {}),
        ({"PUSHER_HOST": "ws.example.com", "PUSHER_PORT": "6001"}, {"port": 6002, "tls": False, "path": "/ws"}),
        ({"PUSHER_CLUSTER": "eu", "PUSHER_TLS": "0"}, {"host": "other.example.com", "tls": True}),
    ],
)
def test_the_server_is_the_one_that_from_env_finds(
    environment: dict[str, str], given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same variables with the same precedence, and options win (design.md 2)."""
    for name, value in {"PUSHER_KEY": "KEY", **environment}.items():
        monkeypatch.setenv(name, value)
    expected = PusherClient.from_env(**given)
    found = server(**given)
    assert found.address == expected._life.address
    assert Target(found, None).client()._life.address == expected._life.address


def test_a_key_that_is_given_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option overrides the environment."""
    monkeypatch.setenv("PUSHER_KEY", "OTHER")
    assert server(key="KEY", cluster="eu").key == "KEY"


@pytest.mark.parametrize(
    ("environment", "given", "cure"),
    [
        ({}, {"cluster": "eu"}, "--key"),
        ({}, {"key": "KEY"}, "--cluster"),
        ({}, {"key": "KEY", "cluster": "eu", "host": "a"}, "not both"),
        ({}, {"key": "KEY", "host": "https://a"}, "without a scheme"),
        ({"PUSHER_PORT": "x"}, {"key": "KEY", "host": "a"}, "PUSHER_PORT"),
        ({"PUSHER_TLS": "x"}, {"key": "KEY", "host": "a"}, "PUSHER_TLS"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_the_cure(
    environment: dict[str, str], given: dict[str, Any], cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usage error that names command-line options."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CommandError, match=cure) as caught:
        server(**given)
    assert caught.value.code == ExitCode.USAGE


def test_who_authorizes_is_what_was_given_else_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint before the secret, an option before a variable."""
    secret = tmp_path / "secret"
    secret.write_text("s", encoding="utf-8")
    assert target().authorizer is None
    monkeypatch.setenv("PUSHER_SECRET", "s")
    assert isinstance(target().authorizer, SecretAuthorizer)
    monkeypatch.setenv("PUSHER_AUTH_URL", "https://example.com/auth")
    assert isinstance(target(header=["X: y"]).authorizer, HTTPAuthorizer)
    assert isinstance(target(secret_file=secret).authorizer, SecretAuthorizer)
    assert isinstance(target(auth_url="https://example.org/auth").authorizer, HTTPAuthorizer)


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        ({"auth_url": "https://a/", "secret_file": Path("x")}, "not both"),
        ({"header": ["Authorization: hunter2"]}, "--auth-url"),
        ({"auth_url": "http://example.com/auth"}, "--allow-insecure-auth"),
        ({"auth_url": "https://user:hunter2@a/"}, "credentials"),
        ({"auth_url": "https://a/", "header": ["Host: hunter2"]}, "Host"),
    ],
)
def test_wrong_ways_to_authorize_are_usage_errors(given: dict[str, Any], cure: str) -> None:
    """With the cure, and without secrets (C3)."""
    with pytest.raises(CommandError, match=cure) as caught:
        target(**given)
    assert caught.value.code == ExitCode.USAGE
    assert "hunter2" not in str(caught.value)


def test_a_wrong_master_key_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the cure, not the value (C3)."""
    monkeypatch.setenv("PUSHER_SECRET", "s")
    monkeypatch.setenv("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", "hunter2")
    with pytest.raises(CommandError, match="32 bytes in canonical base64") as caught:
        target()
    assert "hunter2" not in str(caught.value)


def test_plain_http_is_allowed_on_demand() -> None:
    """For networks that are trusted."""
    assert isinstance(target(auth_url="http://example.com/", allow_insecure_auth=True).authorizer, HTTPAuthorizer)


def test_what_a_channel_lacks_is_said_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind with its own cure."""
    target().check_channels(["a"])
    with pytest.raises(CommandError, match=r"private-a: .*--auth-url"):
        target().check_channels(["a", "private-a"])
    monkeypatch.setenv("PUSHER_SECRET", "s")
    target().check_channels(["private-a"])
    with pytest.raises(CommandError, match=r"private-encrypted-a: .*--master-key-file"):
        target().check_channels(["private-encrypted-a"])
    with pytest.raises(CommandError, match=r"presence-a: .*--user-id"):
        target().check_channels(["presence-a"])
    monkeypatch.setenv("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", MASTER_KEY)
    target(user_id="7").check_channels(["private-encrypted-a", "presence-a"])


def test_a_name_that_no_server_accepts_is_a_usage_error() -> None:
    """The longest that any server takes is allowed."""
    target().check_channels(["a" * 200])
    for name in ("a" * 201, "a b", ""):
        with pytest.raises(CommandError) as caught:
            target().check_channels([name])
        assert caught.value.code == ExitCode.USAGE


def test_the_handshake_has_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Origin and headers: options, else files, else the environment."""
    file = tmp_path / "headers"
    file.write_text("X-Tenant: 7\n")
    monkeypatch.setenv("PUSHER_ORIGIN", "https://a.test")
    monkeypatch.setenv("PUSHER_HANDSHAKE_HEADERS", "X-Token: t")

    def handshake(**given: Any) -> dict[str, Any]:
        where = read_target(ConnectionOptions(key="KEY", cluster="eu", **given), AuthorizationOptions())
        assert "X-T" not in repr(where)
        return dict(where.handshake)

    assert handshake() == {"origin": "https://a.test", "headers": {"X-Token": "t"}}
    given = {"origin": "https://b.test", "handshake_header": ["X: y"], "handshake_header_file": file}
    assert handshake(**given) == {"origin": "https://b.test", "headers": {"X-Tenant": "7", "X": "y"}}
    monkeypatch.delenv("PUSHER_ORIGIN")
    monkeypatch.delenv("PUSHER_HANDSHAKE_HEADERS")
    assert handshake() == {"origin": None, "headers": None}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"origin": "a.test"}, "origin is a scheme"),
        ({"handshake_header": ["Origin: https://a.test"]}, "which has an option of its own, --origin"),
        ({"handshake_header": ["Host: c4nary"]}, "which the handshake sets itself"),
        ({"handshake_header": ["X: c4nary\r\n"]}, None),
        ({"handshake_header": ["X: a\x00c4nary"]}, "the value of X"),
        ({"handshake_header": ["c4nary"]}, "Name: value"),
    ],
)
def test_a_handshake_that_cannot_be_sent_is_a_usage_error(given: dict[str, Any], problem: str | None) -> None:
    """Named without its value (C3)."""
    connection = ConnectionOptions(key="KEY", cluster="eu", **given)
    if problem is None:
        assert read_target(connection, AuthorizationOptions()).handshake["headers"] == {"X": "c4nary"}
        return
    with pytest.raises(CommandError, match=problem) as caught:
        read_target(connection, AuthorizationOptions())
    assert caught.value.code == ExitCode.USAGE
    assert "c4nary" not in str(caught.value)
