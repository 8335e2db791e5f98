"""An authorizer that authorizes every channel."""

from __future__ import annotations

from pusher_client import ChannelAuthorization
from tests.support.core.scripted_core import OLD

__all__ = ["authorize"]


async def authorize(_channel: str, socket_id: str) -> ChannelAuthorization:
    """Authorize everything, with the old key."""
    return ChannelAuthorization(f"KEY:canary-{socket_id}", shared_secret=OLD)
