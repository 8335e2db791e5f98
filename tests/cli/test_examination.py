"""The steps of ``doctor``: success against real servers, and each failure with its cure."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
import trustme

from pusher_client.cli.examination import Examination
from pusher_client.cli.findings import Finding, Outcome
from pusher_client.cli.network_steps import next_hop
from pusher_client.cli.options import AuthorizationOptions, ConnectionOptions
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.target import Target, read_target
from pusher_client.protocol.reconnect import OpenFailure
from pusher_client.server import LocalServer
from pusher_client.transport.open_error import OpenError
from pusher_client.transport.opener import WebSocketOpener
from tests.support.real.encrypted_channel import serving
from tests.support.scripted_endpoint import answer, json_answer, serve_endpoint
from tests.support.scripted_server import Scripted, scripted

OK, FAILED, SKIPPED = Outcome.OK, Outcome.FAILED, Outcome.SKIPPED
ENCRYPTED = "private-encrypted-a"
CANARY = "c4nary-0f-a-secret"


def target(port: int, *, host: str = "127.0.0.1", tls: bool = False, **authorization: Any) -> Target:
    """Return a target on this machine."""
    key = authorization.pop("key", "app-key")
    connection = ConnectionOptions(key=key, host=host, port=port, tls=tls)
    return read_target(connection, AuthorizationOptions(**authorization))


async def examine(where: Target, channel: str = "a", seconds: float = 5) -> dict[str, Finding]:
    """Try all steps, and return the findings by name."""
    return {finding.step: finding async for finding in Examination(where, channel, seconds).findings()}


async def red(where: Target, step: str, channel: str = "a", seconds: float = 5) -> Finding:
    """Return the step that failed, after checking that the steps before passed and those after were skipped."""
    found = await examine(where, channel, seconds)
    names = list(found)
    assert names == list(Examination(where, channel, seconds).steps())
    position = names.index(step)
    assert found[step].outcome is FAILED
    assert found[step].cure
    assert all(found[name].outcome is not FAILED for name in names[:position])
    assert all(found[name].outcome is SKIPPED for name in names[position + 1 :])
    assert all(step in found[name].detail for name in names[position + 1 :])
    assert CANARY not in str(found)
    return found[step]


async def test_everything_is_green_with_a_real_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encrypted channel needs every step; each has its duration."""
    async with LocalServer() as server:
        found = await examine(target(server.port, auth_url=server.auth_url), ENCRYPTED)
        monkeypatch.setenv("PUSHER_SECRET", server.secret)
        monkeypatch.setenv("PUSHER_ENCRYPTION_MASTER_KEY_BASE64", server.encryption_master_key_base64)
        signed = await examine(target(server.port, user_id="7"), ENCRYPTED)
    outcomes = {name: finding.outcome for name, finding in found.items()}
    assert outcomes == {**dict.fromkeys(found, OK), "DNS": SKIPPED, "TLS": SKIPPED}
    assert all((finding.seconds is not None) == (finding.outcome is OK) for finding in found.values())
    assert all(finding.cure is None for finding in found.values())
    assert {name: finding.outcome for name, finding in signed.items()} == outcomes
    assert server.secret not in str(signed)


async def test_a_public_channel_needs_neither_endpoint_nor_key() -> None:
    """Skipped steps say how to try them; a host name is resolved."""
    async with LocalServer() as server:
        found = await examine(target(server.port, host="localhost"))
    assert [finding.outcome for finding in found.values()] == [OK, OK, SKIPPED, OK, OK, SKIPPED, SKIPPED, OK]
    assert "--channel private-" in found["authorization"].detail
    assert "127.0.0.1" in found["DNS"].detail


async def test_a_host_that_has_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message contains the name, which may be misspelt."""

    async def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    finding = await red(target(1, host="nowhere.example"), "DNS")
    assert finding.detail == "nowhere.example: Name or service not known"
    assert "--cluster" in str(finding.cure)


async def test_a_host_with_many_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two, and how many more."""

    async def find(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", (f"192.0.2.{number}", 443)) for number in (1, 2, 2, 3, 4)]

    examination = Examination(target(1, host="many.example"), "a", 5)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", find)
    assert await examination.steps()["DNS"]() == "many.example is 192.0.2.1, 192.0.2.2 and 2 more"


async def test_a_port_where_nothing_listens() -> None:
    """Refused."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    finding = await red(target(port), "TCP")
    assert f"refuses connections at port {port}" in finding.detail


async def test_a_network_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is the system's."""

    async def fail(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("asyncio.open_connection", fail)
    finding = await red(target(1), "TCP")
    assert finding.detail == "Network is unreachable"


async def test_packets_that_are_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has a time limit."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("asyncio.open_connection", hang)
    finding = await red(target(1), "TCP", seconds=0.05)
    assert finding.detail == "not done within 0.05 s"
    assert "firewalls" in str(finding.cure)


async def test_tls_with_a_private_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, until SSL_CERT_FILE is set as the cure says."""
    authority = trustme.CA()
    async with scripted(ssl=serving(authority)) as peer:
        where = target(peer.port, tls=True)
        finding = await red(where, "TLS")
        assert "the certificate was refused" in finding.detail
        assert "SSL_CERT_FILE" in str(finding.cure)
        with authority.cert_pem.tempfile() as file:
            monkeypatch.setenv("SSL_CERT_FILE", file)
            found = await examine(where)
    assert found["TLS"].outcome is OK
    assert "TLSv1.3" in found["TLS"].detail
    assert found["subscription"].outcome is OK


async def test_tls_for_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is another host's."""
    authority = trustme.CA()
    async with scripted(ssl=serving(authority, "other.example")) as peer:
        with authority.cert_pem.tempfile() as file:
            monkeypatch.setenv("SSL_CERT_FILE", file)
            finding = await red(target(peer.port, tls=True), "TLS")
    assert "--host" in str(finding.cure)


async def test_a_server_without_tls() -> None:
    """The opposite case is found by the WebSocket step."""
    async with LocalServer() as server:
        finding = await red(target(server.port, tls=True), "TLS")
    assert "--no-tls" in str(finding.cure)


async def test_a_server_with_tls_that_is_spoken_to_without() -> None:
    """The server closes the TCP connection."""
    async with scripted(ssl=serving(trustme.CA())) as peer:
        finding = await red(target(peer.port), "WebSocket")
    assert "--tls" in str(finding.cure)


@pytest.mark.parametrize(
    ("failure", "cure"),
    [
        (OpenFailure.NOT_YET_VALID, "clock"),
        (OpenFailure.TLS, "client certificate"),
        (OpenFailure.OPTION, "the option or environment variable that the message names"),
        (OpenFailure.UNUSABLE, "https_proxy"),
    ],
)
async def test_each_failure_to_open_has_its_cure(
    failure: OpenFailure, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The WebSocket step names the cure of the kind of failure, not that of a wrong port (design.md 3)."""

    async def fail(_opener: WebSocketOpener, _address: object) -> None:
        raise OpenError(failure, None, "the cause")

    monkeypatch.setattr(WebSocketOpener, "open", fail)
    examination = Examination(target(1), "a", 5)
    finding = await examination._try("WebSocket", examination.steps()["WebSocket"])
    assert (finding.outcome, finding.detail) == (FAILED, "the cause")
    assert cure in str(finding.cure)


async def test_a_certificate_that_only_the_websocket_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a proxy, where the TLS step is skipped."""
    async with scripted(ssl=serving(trustme.CA())) as peer:
        examination = Examination(target(peer.port, tls=True), "a", 5)
        monkeypatch.setattr(examination, "_proxy", "http://127.0.0.1:9")
        tls = await examination._try("TLS", examination.steps()["TLS"])
        assert (tls.outcome, "tunnel" in tls.detail) == (SKIPPED, True)
        monkeypatch.setattr(examination, "_proxy", None)
        finding = await examination._try("WebSocket", examination.steps()["WebSocket"])
    assert finding.outcome is FAILED
    assert "SSL_CERT_FILE" in str(finding.cure)


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [(f"http://user:{CANARY}@127.0.0.1:3128", 3128), ("https://127.0.0.1", 443), ("http://127.0.0.1", 80)],
)
async def test_a_proxy_is_the_first_thing_to_be_reached(
    proxy: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the environment names one; its credentials are not printed (C3)."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("http_proxy", proxy)
    examination = Examination(target(1), "a", 5)
    finding = await examination._try("DNS", examination.steps()["DNS"])
    assert finding.detail == "127.0.0.1 is an address (the proxy)"
    assert next_hop(examination._server, examination._proxy) == ("127.0.0.1", expected, " (the proxy)")


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, and nothing of its value (C3)."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("http_proxy", f"ftp://{CANARY}")
    with pytest.raises(CommandError, match=r"^http_proxy ") as caught:
        Examination(target(1), "a", 5)
    assert CANARY not in str(caught.value)


async def test_another_kind_of_server() -> None:
    """404 at the upgrade."""
    async with serve_endpoint(answer("404 Not Found")) as endpoint:
        finding = await red(target(endpoint.port), "WebSocket")
    assert finding.detail == "the server refused the upgrade with HTTP 404"
    assert "--path" in str(finding.cure)


async def test_an_unknown_key() -> None:
    """4001, in the words of a real server."""
    async with LocalServer() as server:
        finding = await red(target(server.port, key="other"), "application key")
    assert "4001" in finding.detail
    assert "--key" in str(finding.cure)


@pytest.mark.parametrize(
    ("first", "detail"),
    [
        (
            '{"event":"pusher:error","data":{"code":4004,"message":"over\\u001b[2J quota"}}',
            "code 4004 and the words: over",
        ),
        ('{"event":"pusher:error","data":{"code":"x"}}', "the server closed the connection"),
        ('{"event":"other"}', "not pusher:connection_established"),
        (
            '{"event":"pusher:connection_established","data":"{}"}',
            "not pusher:connection_established",
        ),
        ("no JSON", "not a JSON object"),
    ],
)
async def test_a_first_frame_that_establishes_nothing(first: str, detail: str) -> None:
    """An error frame, or a frame of another protocol."""
    async with scripted() as peer:
        peer.first = first
        finding = await red(target(peer.port), "application key")
    assert detail in finding.detail
    assert finding.detail.isprintable()


async def test_a_first_frame_that_is_binary() -> None:
    """Binary frames are not part of the protocol."""

    class Binary(Scripted):
        async def talk(self, socket: Any) -> None:
            await socket.send(b"\x00")
            await socket.wait_closed()

    async with scripted(Binary()) as peer:
        finding = await red(target(peer.port), "application key")
    assert "not a JSON object" in finding.detail


async def test_a_server_that_closes_at_once() -> None:
    """With its code and reason, before the handshake is complete."""

    class Closing(Scripted):
        async def talk(self, socket: Any) -> None:
            await socket.close(4003, "switched off")

    async with scripted(Closing()) as peer:
        finding = await red(target(peer.port), "application key")
    assert "code 4003 and the words: switched off" in finding.detail
    assert "enable" in str(finding.cure)


async def test_a_server_that_upgrades_and_says_nothing() -> None:
    """The step has a time limit."""

    class Dumb(Scripted):
        async def talk(self, socket: Any) -> None:
            await socket.wait_closed()

    async with scripted(Dumb()) as peer:
        finding = await red(target(peer.port), "application key", seconds=0.2)
    assert "--path" in str(finding.cure)


async def test_nobody_authorizes() -> None:
    """The cure names both ways to authorize."""
    async with LocalServer() as server:
        finding = await red(target(server.port), "authorization", "private-a")
    assert "--auth-url" in str(finding.cure)
    assert "PUSHER_SECRET" in str(finding.cure)


@pytest.mark.parametrize(
    ("script", "detail", "cure"),
    [
        (answer("403 Forbidden", CANARY.encode()), "refused: this user is not allowed", "headers"),
        (answer("500 Oops"), "failed: see its log (status 500)", "log"),
        (answer("302 Found", location="/"), "redirects", "--auth-url"),
        (answer("200 OK", b"<html>"), "not JSON", "server library"),
        (json_answer({"auth": "app-key:1", "shared_secret": CANARY}), "'shared_secret' is not", "master key"),
        (json_answer({"auth": f"other-key:{CANARY}"}), "signed for another application key", "--key"),
    ],
)
async def test_an_endpoint_that_does_not_authorize(script: Any, detail: str, cure: str) -> None:
    """The message has the status, never the content (C3)."""
    async with LocalServer() as server, serve_endpoint(script) as endpoint:
        where = target(server.port, auth_url=endpoint.url, header=[f"Authorization: {CANARY}"])
        finding = await red(where, "authorization", ENCRYPTED)
        assert endpoint.requests[0].headers["authorization"] == CANARY
    assert detail in finding.detail
    assert cure in str(finding.cure)


async def test_an_endpoint_that_is_not_there() -> None:
    """It cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/auth"
    async with LocalServer() as server:
        finding = await red(target(server.port, auth_url=url), "authorization", "private-a")
    assert "connection refused" in finding.detail
    assert "--auth-url" in str(finding.cure)


async def test_an_endpoint_that_hangs() -> None:
    """The step has a time limit, and its own cure."""

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    async with LocalServer() as server, serve_endpoint(hang) as endpoint:
        where = target(server.port, auth_url=endpoint.url)
        finding = await red(where, "authorization", "private-a", seconds=0.3)
    assert "does not answer" in str(finding.cure)


async def test_a_socket_id_that_nobody_may_sign() -> None:
    """A server of another protocol."""
    async with scripted() as peer, serve_endpoint(answer()) as endpoint:
        peer.first = '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"x\\"}"}'
        finding = await red(target(peer.port, auth_url=endpoint.url), "authorization", "private-a")
    assert "socket id" in finding.detail


async def test_an_answer_without_the_shared_secret() -> None:
    """The endpoint's library has no master key."""
    async with LocalServer() as server, serve_endpoint(json_answer({"auth": "app-key:1"})) as endpoint:
        finding = await red(target(server.port, auth_url=endpoint.url), "shared secret", ENCRYPTED)
    assert "encryption_master_key_base64" in str(finding.cure)


async def test_a_private_channel_has_no_shared_secret() -> None:
    """The step says how to try it."""
    async with LocalServer() as server:
        found = await examine(target(server.port, auth_url=server.auth_url), "private-a")
    assert found["shared secret"].outcome is SKIPPED
    assert found["subscription"].outcome is OK


async def test_a_subscription_that_the_server_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret is another application's."""
    monkeypatch.setenv("PUSHER_SECRET", CANARY)
    async with LocalServer() as server:
        finding = await red(target(server.port), "subscription", "private-a")
    assert "refused the subscription" in finding.detail
    assert "secret" in str(finding.cure)


async def test_a_subscription_that_is_not_answered() -> None:
    """The client's own error comes before the step's time limit."""
    async with scripted() as peer:
        peer.answers["a"] = []
        finding = await red(target(peer.port), "subscription", seconds=0.5)
    assert "not subscribed within 0.4 s" in finding.detail
    assert "doctor" in str(finding.cure)


async def test_a_link_that_is_refused_the_second_time() -> None:
    """The one connection that is allowed is the first step's."""

    class Once(Scripted):
        async def talk(self, socket: Any) -> None:
            if self.connects:
                self.first = json.dumps({"event": "pusher:error", "data": {"code": 4004, "message": "over quota"}})
            await super().talk(socket)

    async with scripted(Once()) as peer:
        finding = await red(target(peer.port), "subscription")
    assert "4004" in finding.detail
    assert "raise the limit" in str(finding.cure)


async def test_the_handshake_is_tried_with_its_options() -> None:
    """Origin and headers, by the step for the WebSocket and by the client."""
    connection: dict[str, Any] = {"key": "app-key", "host": "127.0.0.1", "tls": False}
    async with LocalServer() as server:
        evil = ConnectionOptions(port=server.port, origin="http://evil.example", **connection)
        assert "403" in (await red(read_target(evil, AuthorizationOptions()), "WebSocket")).detail
    async with LocalServer(allow_origins=["http://evil.example"]) as server:
        evil = ConnectionOptions(port=server.port, origin="http://evil.example", **connection)
        found = await examine(read_target(evil, AuthorizationOptions()))
        assert found["subscription"].outcome is OK
    async with scripted() as peer:
        tenant = ConnectionOptions(port=peer.port, handshake_header=["X-Tenant: 7"], **connection)
        await examine(read_target(tenant, AuthorizationOptions()), seconds=1)
        assert {socket.request.headers["X-Tenant"] for socket in peer.sockets if socket.request is not None} == {"7"}
