"""``pusher-client generate-key``: a master key for encrypted channels."""

from __future__ import annotations

import base64
import secrets

import typer

from pusher_client.protocol.signatures import SECRET_BYTES

__all__ = ["generate_key"]


def generate_key() -> None:
    """Print a new master key for encrypted channels: 32 random bytes in base64.

    Give it to the server library that publishes and authorizes (encryption_master_key_base64), and to nobody else.
    """
    typer.echo(base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())
