"""``python -m pusher_client``: the ``pusher-client`` command."""

from __future__ import annotations

from pusher_client.cli import main

main()
