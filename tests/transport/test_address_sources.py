"""Where the server is, read from a URL or from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from pusher_client import PusherClient
from pusher_client.transport.address import Address
from pusher_client.transport.address_sources import options_from_env, options_from_url
from tests.support.canaries import texts_of_error

CANARY = "canary-4711"


def url(source: str) -> str:
    """Return the URL that a client from a URL connects to."""
    key, options = options_from_url(source)
    parts: dict[str, Any] = {"cluster": None, "host": None, "port": None, "path": "", "tls": True}
    return Address(key, **parts | options).url.partition("?")[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("pusher://KEY@eu", "wss://ws-eu.pusher.com:443/app/KEY"),
        ("wss://KEY@a.example", "wss://a.example:443/app/KEY"),
        ("ws://KEY@localhost", "ws://localhost:80/app/KEY"),
        ("wss://KEY@a.example:6001/x", "wss://a.example:6001/x/app/KEY"),
        ("ws://K%40Y@[::1]:6001/", "ws://[::1]:6001/app/K%40Y"),
        ("wss://KEY@münchen.example", "wss://xn--mnchen-3ya.example:443/app/KEY"),
        ("wss://ws-us2.pusher.com/app/KEY?protocol=7&client=js", "wss://ws-us2.pusher.com:443/app/KEY"),
        ("wss://ws-us2.pusher.com/app/KEY", "wss://ws-us2.pusher.com:443/app/KEY"),
        ("wss://ws-us2.pusher.com/app/KEY/", "wss://ws-us2.pusher.com:443/app/KEY"),
        (" wss://a.example:8443/ws/app/KEY?x#y\n", "wss://a.example:8443/ws/app/KEY"),
        ("ws://[::1]:6001/app/KEY?flash=false", "ws://[::1]:6001/app/KEY"),
        ("ws://a.example/app/app/KEY", "ws://a.example:80/app/app/KEY"),
        ("ws://a.example/app/app/app", "ws://a.example:80/app/app/app"),
        ("wss://KEY@a.example/app/x", "wss://a.example:443/app/x/app/KEY"),
    ],
)
def test_urls(source: str, expected: str) -> None:
    """A key before the host, a cluster, or the URL that a browser shows for a connection (design.md 9)."""
    assert url(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "",
        CANARY,
        f"https://{CANARY}@a",
        f"wss://{CANARY}",
        f"wss://{CANARY}/app/",
        f"wss://a/app/KEY/{CANARY}",
        f"wss://a/{CANARY}",
        f"wss://KEY:{CANARY}@a",
        f"wss://KEY@a?{CANARY}",
        f"wss://KEY@a#{CANARY}",
        f"wss://KEY@a:{CANARY}",
        f"wss://KEY@[{CANARY}",
        f"wss://KEY@{CANARY}\uff0fa",
        "wss://KEY@a:99999",
        "wss:///app/KEY",
        "pusher://KEY@eu:1",
        "pusher://KEY@eu/x",
        "pusher://KEY@eu?x=y",
        "pusher://eu",
        "pusher://KEY@",
    ],
)
def test_what_is_not_such_a_url(source: str) -> None:
    """The error shows the forms, and not the URL (C3)."""
    with pytest.raises(ValueError, match="pusher://KEY@eu") as caught:
        PusherClient.from_url(source)
    assert CANARY not in texts_of_error(caught.value, __file__)


def test_a_client_from_a_url() -> None:
    """The URL gives the address alone; options are added (design.md 2)."""
    assert PusherClient.from_url("pusher://KEY@eu", queue_size=1).state.value == "initialized"
    with pytest.raises(TypeError):
        options_from_url(None)  # type: ignore[arg-type]  # the mistake that is tested


# -- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        ({"PUSHER_KEY": "k", "PUSHER_HOST": "", "PUSHER_CLUSTER": "eu"}, {}, {"cluster": "eu"}),
        ({"PUSHER_KEY": "k", "PUSHER_HOST": " h ", "PUSHER_CLUSTER": "eu"}, {}, {"host": "h"}),
        ({"PUSHER_KEY": "k", "PUSHER_HOST": "h", "PUSHER_PORT": " 1 "}, {}, {"host": "h", "port": 1}),
        ({"PUSHER_KEY": "k", "PUSHER_HOST": "h", "PUSHER_TLS": "False"}, {}, {"host": "h", "tls": False}),
        ({"PUSHER_KEY": "k", "PUSHER_HOST": "h", "PUSHER_PORT": "1"}, {"cluster": "mt1"}, {"port": 1}),
        ({"PUSHER_APP_KEY": "k", "PUSHER_APP_CLUSTER": "eu"}, {}, {"cluster": "eu"}),
        ({"PUSHER_KEY": "k", "PUSHER_APP_KEY": "x", "PUSHER_APP_CLUSTER": "eu"}, {}, {"cluster": "eu"}),
        ({"PUSHER_APP_KEY": "k", "PUSHER_CLUSTER": "eu", "PUSHER_APP_CLUSTER": "mt1"}, {}, {"cluster": "eu"}),
        ({"PUSHER_APP_KEY": "k", "PUSHER_HOST": "h", "PUSHER_SCHEME": "http"}, {}, {"host": "h", "tls": False}),
        ({"PUSHER_APP_KEY": "k", "PUSHER_HOST": "h", "PUSHER_SCHEME": "HTTPS"}, {}, {"host": "h", "tls": True}),
        ({"PUSHER_APP_KEY": "k", "PUSHER_HOST": "h", "PUSHER_SCHEME": ""}, {}, {"host": "h"}),
        (
            {"PUSHER_APP_KEY": "k", "PUSHER_HOST": "h", "PUSHER_SCHEME": "https", "PUSHER_TLS": "0"},
            {},
            {"host": "h", "tls": False},
        ),
    ],
)
def test_variables(environment: dict[str, str], given: dict[str, str], expected: dict[str, Any]) -> None:
    """Ours, then Laravel's; a host that is not empty takes precedence over the cluster (design.md 2)."""
    assert options_from_env(environment, given) == ("k", expected)


@pytest.mark.parametrize(
    "variables",
    [
        {"PUSHER_KEY": ""},
        {"PUSHER_PORT": "x"},
        {"PUSHER_PORT": "٣"},
        {"PUSHER_TLS": "perhaps"},
        {"PUSHER_SCHEME": "tcp"},
    ],
)
def test_variables_that_are_missing_or_invalid(variables: dict[str, str]) -> None:
    """The error names the variable."""
    with pytest.raises(ValueError, match=f"set {next(iter(variables))} "):
        options_from_env({"PUSHER_KEY": "k", "PUSHER_CLUSTER": "eu"} | variables)


@pytest.mark.parametrize(
    ("host", "cluster"),
    [
        ("api-eu.pusher.com", "eu"),
        ("API-us2.pusher.com.", "us2"),
        ("api.pusherapp.com", "mt1"),
        ("ws-eu.pusher.com", ""),
    ],
)
def test_a_host_that_serves_the_http_api(host: str, cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    """Backends publish to it; the warning has the cure (protocol-notes 1.1)."""
    assert options_from_env({"PUSHER_KEY": "k", "PUSHER_HOST": host}) == ("k", {"host": host})
    assert [record.levelname for record in caplog.records] == (["WARNING"] if cluster else [])
    assert f"PUSHER_CLUSTER={cluster}" in caplog.text or not cluster


def test_a_client_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options given take precedence over the environment (design.md 2)."""
    both = {"PUSHER_KEY": "k", "PUSHER_CLUSTER": "eu", "PUSHER_HOST": "h", "PUSHER_PORT": "1", "PUSHER_TLS": "False"}
    for name, value in {**both, "PUSHER_AUTH_URL": "https://a.example/auth"}.items():
        monkeypatch.setenv(name, value)
    assert repr(PusherClient.from_env(port=2)) == "<PusherClient initialized>"
    for option in ({"cluster": "mt1"}, {"host": "other"}):
        assert repr(PusherClient.from_env(**option)) == "<PusherClient initialized>"
