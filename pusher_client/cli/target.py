"""Where to connect and who authorizes, read from options and environment as ``PusherClient.from_env`` reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pusher_client import HTTPAuthorizer, PusherClient, SecretAuthorizer
from pusher_client.cli.exit_codes import ExitCode
from pusher_client.cli.reporting import CommandError
from pusher_client.cli.secret_sources import MASTER_KEY, SECRET, read_headers, read_secret
from pusher_client.protocol.names import LONGEST_CHANNEL_NAME, channel_kind, check_channel_name
from pusher_client.transport.address import Address, options_from_env

__all__ = ["Server", "Target", "check_name", "read_server", "read_target"]


@dataclass(frozen=True)
class Server:
    """The application and its server.

    Attributes:
        key: The application's key.
        options: ``PusherClient``'s own arguments for the rest: cluster or host, port, path, tls.
        address: The same, checked.
    """

    key: str
    options: dict[str, Any]
    address: Address


@dataclass(frozen=True)
class Target:
    """What a subscriber needs.

    Attributes:
        server: The application and its server.
        authorizer: Who authorizes; None where nothing was said of it.
        lacking: What is needed to authorize some channels and was not given, with the cure: by ``"encrypted"`` and
            ``"presence"``.
    """

    server: Server
    authorizer: HTTPAuthorizer | SecretAuthorizer | None
    lacking: Mapping[str, str] = field(default_factory=dict[str, str])

    def client(self, **options: Any) -> PusherClient:
        """Make a client, with further options."""
        return PusherClient(
            self.server.key,
            **self.server.options,
            authorizer=self.authorizer,
            channel_name_limit=LONGEST_CHANNEL_NAME,
            **options,
        )

    def problem(self, channel: str) -> str | None:
        """Say what is missing to authorize a channel, with the cure; None where nothing is."""
        kind = channel_kind(channel)
        if not kind.authorized:
            return None
        if self.authorizer is None:
            return (
                "it takes an authorization: give --auth-url (or PUSHER_AUTH_URL), or on a trusted machine the "
                f"application's secret in {SECRET} or --secret-file"
            )
        return self.lacking.get("encrypted" if kind.encrypted else "presence" if kind.presence else "")

    def check_channels(self, channels: Iterable[str]) -> None:
        """Hold, before anything is sent, that the names are good and can be authorized.

        Raises:
            CommandError: They cannot.
        """
        for name in channels:
            check_name(name)
            problem = self.problem(name)
            if problem is not None:
                raise CommandError(f"{name}: {problem}", ExitCode.USAGE)


def check_name(channel: str) -> None:
    """Hold that a server will accept a channel's name.

    Raises:
        CommandError: It will not.
    """
    try:
        check_channel_name(channel)
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None


def read_server(
    *, key: str | None, cluster: str | None, host: str | None, port: int | None, path: str, tls: bool | None
) -> Server:
    """Read where the server is; None stands for an option that was not given.

    Raises:
        CommandError: Something is missing or cannot be what it should be.
    """
    if cluster is not None and host is not None:
        raise CommandError("give --cluster or --host, not both", ExitCode.USAGE)
    given = {"cluster": cluster, "host": host, "port": port, "tls": tls}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    environment = dict(os.environ) if key is None else {**os.environ, "PUSHER_KEY": key}
    if not environment.get("PUSHER_KEY"):
        raise CommandError("say which application: give --key, or set PUSHER_KEY", ExitCode.USAGE)
    try:
        key, found = options_from_env(environment, options)
        options = {**found, **options, "path": path}
        if not options.keys() & {"cluster", "host"}:
            raise CommandError(
                "say where the server is: give --cluster or --host, or set PUSHER_CLUSTER or PUSHER_HOST",
                ExitCode.USAGE,
            )
        defaults: dict[str, Any] = {"cluster": None, "host": None, "port": None, "tls": True}
        address = Address(key, **{**defaults, **options})
    except ValueError as error:
        raise CommandError(str(error), ExitCode.USAGE) from None
    return Server(key, options, address)


def read_target(
    server: Server,
    *,
    auth_url: str | None,
    headers: Sequence[str],
    header_file: Path | None,
    allow_insecure: bool,
    secret_file: Path | None,
    master_key_file: Path | None,
    user_id: str | None,
) -> Target:
    """Read who authorizes: what was given as an option wins over the environment, and an endpoint over the secret.

    Raises:
        CommandError: Something cannot be what it should be.
    """
    if auth_url is not None and secret_file is not None:
        raise CommandError("give --auth-url or --secret-file, not both", ExitCode.USAGE)
    url = auth_url or (None if secret_file is not None else os.environ.get("PUSHER_AUTH_URL"))
    try:
        if url:
            found = read_headers(headers, header_file)
            return Target(server, HTTPAuthorizer(url, headers=found, allow_insecure=allow_insecure))
        if headers or header_file is not None:
            raise CommandError("headers are for an endpoint: give --auth-url, or set PUSHER_AUTH_URL", ExitCode.USAGE)
        secret = read_secret(SECRET, secret_file)
        if secret is None:
            return Target(server, None)
        master_key = read_secret(MASTER_KEY, master_key_file)
        signer = SecretAuthorizer(server.key, secret, encryption_master_key_base64=master_key, user_id=user_id)
    except ValueError as error:
        problem = str(error).replace("allow_insecure=True", "--allow-insecure-auth")
    else:
        lacking = {} if master_key else {"encrypted": f"it takes the master key, in {MASTER_KEY} or --master-key-file"}
        lacking |= {} if user_id else {"presence": "it takes --user-id, as whom to join"}
        return Target(server, signer, lacking)
    raise CommandError(problem, ExitCode.USAGE)
