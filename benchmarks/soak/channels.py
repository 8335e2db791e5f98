"""What both processes know: the application's key, its channels, and the numbered events on them."""

from __future__ import annotations

__all__ = [
    "CLIENT_TICK",
    "ECHO",
    "ENCRYPTED",
    "KEY",
    "PRESENCE",
    "PRIVATE",
    "PUBLIC",
    "PUBLISHED",
    "SECRET",
    "TICK",
]

KEY, SECRET = "soak", "soak-secret"
TICK, CLIENT_TICK = "tick", "client-tick"
PUBLIC, PRIVATE, ENCRYPTED, PRESENCE = "soak", "private-soak", "private-encrypted-soak", "presence-soak"
PUBLISHED = (PUBLIC, PRIVATE, ENCRYPTED, PRESENCE)
ECHO = "private-echo"
