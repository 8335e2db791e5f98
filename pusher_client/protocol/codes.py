"""Codes and event names of the protocol that several modules read (protocol-notes 4.1, 4.3, 5.3 and 12)."""

from __future__ import annotations

__all__ = [
    "CLIENT_EVENT_REJECTED",
    "NOT_UNDERSTOOD",
    "OVER_QUOTA",
    "SUBSCRIPTION_SUCCEEDED",
    "TLS_REQUIRED",
    "UNAUTHORIZED",
]

TLS_REQUIRED = 4000
OVER_QUOTA = 4004
UNAUTHORIZED = 4009
NOT_UNDERSTOOD = 4200
"""Inside the link; Reverb sends it for a frame that it does not understand."""
CLIENT_EVENT_REJECTED = 4301

SUBSCRIPTION_SUCCEEDED = "pusher_internal:subscription_succeeded"
"""The acknowledgement of a subscription."""
