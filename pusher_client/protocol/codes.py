"""Codes and event names of the protocol that several modules read (protocol-notes 4.1, 4.3, 5.3 and 12)."""

from __future__ import annotations

__all__ = ["CLIENT_EVENT_REJECTED", "OVER_QUOTA", "SUBSCRIPTION_SUCCEEDED", "TLS_REQUIRED", "UNAUTHORIZED"]

TLS_REQUIRED = 4000
OVER_QUOTA = 4004
UNAUTHORIZED = 4009
CLIENT_EVENT_REJECTED = 4301

SUBSCRIPTION_SUCCEEDED = "pusher_internal:subscription_succeeded"
"""The acknowledgement of a subscription."""
