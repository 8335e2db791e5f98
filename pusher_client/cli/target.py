"""The server and the authorizer, read from options and environment as ``PusherClient.from_env`` reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pusher_client import HTTPAuthorizer, PusherClient, SecretAuthorizer
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.options import AuthorizationOptions, ConnectionOptions, ServerOptions
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.secret_sources import HANDSHAKE_HEADERS, MASTER_KEY, SECRET, read_headers, read_secret
from pusher_client.protocol.names import LONGEST_CHANNEL_NAME, channel_kind, check_channel_name
from pusher_client.transport.address import Address
from pusher_client.transport.address_sources import options_from_env
from pusher_client.transport.handshake_headers import HandshakeHeaders

__all__ = ["Server", "Target", "check_name", "read_server", "read_target"]


@dataclass(frozen=True)
class Server:
    """The application and its server.

    Attributes:
        key: The application's key.
        options: Arguments of ``PusherClient``: cluster or host, port, path, tls.
        address: The validated address.
    """

    key: str
    options: dict[str, Any]
    address: Address


@dataclass(frozen=True)
class Target:
    """A server and the authorization of its channels.

    Attributes:
        server: The application and its server.
        authorizer: Authorizes channels; None if neither an endpoint nor a secret was given.
        lacking: Problem and cure for the kinds of channels that cannot be authorized with what was given:
            ``"encrypted"`` or ``"presence"``.
        handshake: Arguments of ``PusherClient`` for the opening handshake: origin and headers, with secret values.
    """

    server: Server
    authorizer: HTTPAuthorizer | SecretAuthorizer | None
    lacking: Mapping[str, str] = field(default_factory=dict[str, str])
    handshake: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def client(self, **options: Any) -> PusherClient:
        """Return a client, with further options of ``PusherClient``."""
        return PusherClient(
            self.server.key,
            **self.server.options,
            authorizer=self.authorizer,
            **self.handshake,
            channel_name_limit=LONGEST_CHANNEL_NAME,
            **options,
        )

    def problem(self, channel: str) -> str | None:
        """Return why a channel cannot be authorized, with the cure; None if it can."""
        kind = channel_kind(channel)
        if not kind.authorized:
            return None
        if self.authorizer is None:
            return (
                "it needs an authorization: give --auth-url (or set PUSHER_AUTH_URL), or on a trusted machine set "
                f"{SECRET}, or give --secret-file"
            )
        return self.lacking.get("encrypted" if kind.encrypted else "presence" if kind.presence else "")

    def check_channels(self, channels: Iterable[str]) -> None:
        """Check that channel names are valid and that the channels can be authorized.

        Raises:
            CommandError: A name is not valid, or an authorization is missing.
        """
        for name in channels:
            check_name(name)
            problem = self.problem(name)
            if problem is not None:
                raise CommandError(f"{name}: {problem}", ExitCode.USAGE)


def check_name(channel: str) -> None:
    """Check a channel's name.

    Raises:
        CommandError: Servers refuse this name.
    """
    try:
        check_channel_name(channel)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None


def read_server(given: ServerOptions, path: str = "") -> Server:
    """Read the application and its server from options and environment.

    Args:
        given: The options.
        path: The path before ``/app/``.

    Raises:
        CommandError: An option or variable is missing or not valid.
    """
    if given.cluster is not None and given.host is not None:
        raise CommandError("give --cluster or --host, not both", ExitCode.USAGE)
    named = {"cluster": given.cluster, "host": given.host, "port": given.port, "tls": given.tls}
    options: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    environment = dict(os.environ) if given.key is None else {**os.environ, "PUSHER_KEY": given.key}
    if not (environment.get("PUSHER_KEY") or environment.get("PUSHER_APP_KEY")):
        raise CommandError("name the application: give --key, or set PUSHER_KEY", ExitCode.USAGE)
    try:
        key, found = options_from_env(environment, options)
        options = {**found, **options, "path": path}
        if not options.keys() & {"cluster", "host"}:
            raise CommandError(
                "name the server: give --cluster or --host, or set PUSHER_CLUSTER or PUSHER_HOST", ExitCode.USAGE
            )
        defaults: dict[str, Any] = {"cluster": None, "host": None, "port": None, "tls": True}
        address = Address(key, **{**defaults, **options})
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None
    return Server(key, options, address)


def read_target(connection: ConnectionOptions, authorization: AuthorizationOptions) -> Target:
    """Read the server and how channels are authorized.

    An option overrides the environment, and an endpoint overrides the application's secret.

    Raises:
        CommandError: An option or variable is missing or not valid.
    """
    server, handshake = read_server(connection, connection.path), _read_handshake(connection)
    return replace(_read_authorization(server, authorization), handshake=handshake)


def _read_handshake(given: ConnectionOptions) -> dict[str, Any]:
    headers = read_headers(given.handshake_header or (), given.handshake_header_file, HANDSHAKE_HEADERS)
    origin = given.origin or os.environ.get("PUSHER_ORIGIN") or None
    try:
        HandshakeHeaders(origin, headers)
    except ValueError as error:
        problem = str(error).replace("origin=", "--origin").replace("headers has", "a handshake header is")
    else:
        return {"origin": origin, "headers": headers or None}
    raise CommandError(problem, ExitCode.USAGE)


def _read_authorization(server: Server, authorization: AuthorizationOptions) -> Target:
    if authorization.auth_url is not None and authorization.secret_file is not None:
        raise CommandError("give --auth-url or --secret-file, not both", ExitCode.USAGE)
    environment_url = os.environ.get("PUSHER_AUTH_URL") if authorization.secret_file is None else None
    url = authorization.auth_url or environment_url
    try:
        if url:
            headers = read_headers(authorization.header or (), authorization.header_file)
            return Target(
                server, HTTPAuthorizer(url, headers=headers, allow_insecure=authorization.allow_insecure_auth)
            )
        if authorization.header or authorization.header_file is not None:
            raise CommandError("headers are for an endpoint: give --auth-url, or set PUSHER_AUTH_URL", ExitCode.USAGE)
        return _signing_target(server, authorization)
    except ValueError as error:
        problem = str(error).replace("allow_insecure=True", "--allow-insecure-auth")
    raise CommandError(problem, ExitCode.USAGE)


def _signing_target(server: Server, given: AuthorizationOptions) -> Target:
    """Return a target that authorizes with the application's secret, if there is one."""
    secret = read_secret(SECRET, given.secret_file)
    if secret is None:
        return Target(server, None)
    master_key = read_secret(MASTER_KEY, given.master_key_file)
    signer = SecretAuthorizer(server.key, secret, encryption_master_key_base64=master_key, user_id=given.user_id)
    lacking: dict[str, str] = {}
    if not master_key:
        lacking["encrypted"] = f"encrypted channels need the master key: set {MASTER_KEY}, or give --master-key-file"
    if not given.user_id:
        lacking["presence"] = "presence channels need a user: give --user-id"
    return Target(server, signer, lacking)
