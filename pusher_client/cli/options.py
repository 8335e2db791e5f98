"""The options that several subcommands share, in groups that a command takes as one parameter each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

import typer

from pusher_client.cli.secret_sources import HANDSHAKE_HEADERS, HEADERS, MASTER_KEY, SECRET

__all__ = [
    "AuthorizationOptions",
    "ConnectionOptions",
    "MasterKeyFile",
    "SecretFile",
    "SecretOptions",
    "ServerOptions",
    "with_option_groups",
]

_SERVER = "Server"
_AUTHORIZATION = "Authorization"

SecretFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        rich_help_panel=_AUTHORIZATION,
        help=f"A file with the application's secret, for trusted machines; else {SECRET}.",
    ),
]
MasterKeyFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--master-key-file",
        rich_help_panel=_AUTHORIZATION,
        help=f"A file with the master key of encrypted channels, in base64; else {MASTER_KEY}.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Options that select the application and its server."""

    key: Annotated[
        str | None, typer.Option("--key", rich_help_panel=_SERVER, help="The application's key; else PUSHER_KEY.")
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", rich_help_panel=_SERVER, help="Pusher's cluster, such as eu; else PUSHER_CLUSTER."),
    ] = None
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            rich_help_panel=_SERVER,
            help="The host of another server, instead of a cluster; else PUSHER_HOST, which overrides PUSHER_CLUSTER.",
        ),
    ] = None
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            rich_help_panel=_SERVER,
            help="The server's port; else PUSHER_PORT, else 443 with TLS and 80 without.",
        ),
    ] = None
    tls: Annotated[
        bool | None,
        typer.Option("--tls/--no-tls", rich_help_panel=_SERVER, help="Whether to use TLS; else PUSHER_TLS, else yes."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ConnectionOptions(ServerOptions):
    """Options of a WebSocket connection to the server."""

    path: Annotated[
        str, typer.Option("--path", rich_help_panel=_SERVER, help="The path before /app/ on the server.")
    ] = ""
    origin: Annotated[
        str | None,
        typer.Option(
            "--origin",
            rich_help_panel=_SERVER,
            help="The Origin header of the handshake, as https://app.example.com, for servers with a list of allowed "
            "origins; else PUSHER_ORIGIN.",
        ),
    ] = None
    handshake_header: Annotated[
        list[str] | None,
        typer.Option(
            "--handshake-header",
            rich_help_panel=_SERVER,
            help="A header of the handshake, as 'Name: value'; repeatable. Every user of this machine can see it in "
            "the list of processes: use --handshake-header-file for secrets.",
        ),
    ] = None
    handshake_header_file: Annotated[
        Path | None,
        typer.Option(
            "--handshake-header-file",
            rich_help_panel=_SERVER,
            help=f"A file with one header of the handshake per line; else the lines of {HANDSHAKE_HEADERS}.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SecretOptions:
    """Options that name files with secrets."""

    secret_file: SecretFile = None
    master_key_file: MasterKeyFile = None


@dataclass(frozen=True, kw_only=True)
class AuthorizationOptions(SecretOptions):
    """Options that select how channels are authorized."""

    auth_url: Annotated[
        str | None,
        typer.Option(
            "--auth-url",
            rich_help_panel=_AUTHORIZATION,
            help="The endpoint that authorizes private, presence and encrypted channels; else PUSHER_AUTH_URL.",
        ),
    ] = None
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            rich_help_panel=_AUTHORIZATION,
            help="A header for the endpoint, as 'Name: value'; repeatable. Every user of this machine can see it in "
            "the list of processes: use --header-file for secrets.",
        ),
    ] = None
    header_file: Annotated[
        Path | None,
        typer.Option(
            "--header-file",
            rich_help_panel=_AUTHORIZATION,
            help=f"A file with one header for the endpoint per line; else the lines of {HEADERS}.",
        ),
    ] = None
    allow_insecure_auth: Annotated[
        bool,
        typer.Option(
            "--allow-insecure-auth",
            rich_help_panel=_AUTHORIZATION,
            help="Allow an endpoint without TLS on another machine. Anyone on the network path can read every key.",
        ),
    ] = False
    user_id: Annotated[
        str | None,
        typer.Option(
            "--user-id",
            rich_help_panel=_AUTHORIZATION,
            help="The user id on presence channels that are authorized with the application's secret.",
        ),
    ] = None


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of its groups, in the signature that Typer reads.

    Each parameter whose type is a dataclass is replaced by the dataclass's fields; the command gets an instance.
    """
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if not is_dataclass(parameter.annotation):
            parameters.append(parameter)
            continue
        group = groups[parameter.name] = parameter.annotation
        annotations = get_type_hints(group, include_extras=True)
        parameters += [
            parameter.replace(name=field.name, default=field.default, annotation=annotations[field.name])
            for field in fields(group)
        ]

    @wraps(command)
    def run(*arguments: Any, **given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name, field.default) for field in fields(group)})
        command(*arguments, **given)

    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    vars(run)["__signature__"] = signature.replace(parameters=parameters)
    return run
