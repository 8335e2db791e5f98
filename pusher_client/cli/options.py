"""The options that several subcommands share, each in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pusher_client.cli.secret_sources import HEADERS, MASTER_KEY, SECRET

__all__ = [
    "AllowInsecure",
    "AuthURL",
    "Cluster",
    "Header",
    "HeaderFile",
    "Host",
    "Key",
    "MasterKeyFile",
    "PathPrefix",
    "Port",
    "SecretFile",
    "Tls",
    "UserId",
]

_SERVER = "Server"
_AUTHORIZATION = "Authorization"

Key: TypeAlias = Annotated[
    str | None, typer.Option("--key", rich_help_panel=_SERVER, help="The application's key; else PUSHER_KEY.")
]
Cluster: TypeAlias = Annotated[
    str | None,
    typer.Option("--cluster", rich_help_panel=_SERVER, help="Pusher's cluster, as eu; else PUSHER_CLUSTER."),
]
Host: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--host",
        rich_help_panel=_SERVER,
        help="A server of one's own, in place of a cluster; else PUSHER_HOST, which wins over PUSHER_CLUSTER.",
    ),
]
Port: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--port", min=1, max=65535, rich_help_panel=_SERVER, help="Its port; else PUSHER_PORT, else 443, or 80."
    ),
]
PathPrefix: TypeAlias = Annotated[
    str, typer.Option("--path", rich_help_panel=_SERVER, help="What stands before /app/ on that server.")
]
Tls: TypeAlias = Annotated[
    bool | None,
    typer.Option("--tls/--no-tls", rich_help_panel=_SERVER, help="Whether to use TLS; else PUSHER_TLS, else yes."),
]
AuthURL: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--auth-url",
        rich_help_panel=_AUTHORIZATION,
        help="The endpoint that authorizes private, presence and encrypted channels; else PUSHER_AUTH_URL.",
    ),
]
Header: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        rich_help_panel=_AUTHORIZATION,
        help="A header for the endpoint, as 'Name: value'; repeatable. Every user of this machine can see it in the "
        "list of processes: give secret ones by --header-file.",
    ),
]
HeaderFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--header-file",
        rich_help_panel=_AUTHORIZATION,
        help=f"A file with one such header on a line; else the lines of {HEADERS}.",
    ),
]
AllowInsecure: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--allow-insecure-auth",
        rich_help_panel=_AUTHORIZATION,
        help="Allow an endpoint without TLS on another machine. Whoever listens on the way learns every key.",
    ),
]
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
UserId: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--user-id", rich_help_panel=_AUTHORIZATION, help="As whom to join presence channels, with the secret."
    ),
]
