from __future__ import annotations

import pytest

from pusher_client.transport.proxy import environment_proxy

SECURE = ("wss", "socks", "https", "all")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("ws", "wss", "http", "https", "socks", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"https_proxy": "http://p:1"}, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "p:1"}, "http://p:1"),
        ({"all_proxy": "socks5://p:1"}, "socks5://p:1"),
        ({"all_proxy": "p:1", "https_proxy": "https://q:2"}, "https://q:2"),
        ({"wss_proxy": "http://w:1", "https_proxy": "http://p:1"}, "http://w:1"),
        ({"socks_proxy": "http://s:1"}, "socks5h://s:1"),
        ({"socks_proxy": "s:1"}, "socks5h://s:1"),
        ({"socks_proxy": "socks5://s:1"}, "socks5://s:1"),
        ({"http_proxy": "http://plain:1"}, None),
        ({"https_proxy": ""}, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com"}, None),
        ({"https_proxy": "http://p:1", "no_proxy": ".com"}, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com:443"}, None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com:444"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, None),
        ({"https_proxy": "http://p:1", "no_proxy": "other.com"}, "http://p:1"),
    ],
)
def test_the_environment_s_proxy(
    variables: dict[str, str], expected: str | None, environment: pytest.MonkeyPatch
) -> None:
    """The first variable that will do names it, all_proxy the last, unless no_proxy says otherwise (1.1, 6.3)."""
    for name, value in variables.items():
        environment.setenv(name, value)
    assert environment_proxy("example.com", 443, SECURE) == expected
