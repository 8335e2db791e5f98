"""Pysher: threads, no encryption, and data as text, which the handler reads as the other clients do."""

from __future__ import annotations

import json
import logging
import threading
import time
from importlib import import_module
from typing import Any

from benchmarks.clients.meter import BEGIN, END, EVENT, Meter, Setup, report

# Peers live in environments of their own, which type checkers do not see.
pysher: Any = import_module("pysher")


def bind(channel: Any, meter: Meter) -> None:
    """Bind the handlers of a channel."""

    def count(data: str) -> None:
        meter.count(json.loads(data))

    channel.bind(BEGIN, meter.begin)
    channel.bind(EVENT, count)
    channel.bind(END, meter.end)


def main() -> None:
    """Connect, subscribe everything, and count."""
    setup = Setup.read()
    meter = Meter(setup, lambda data: data)
    # Its own default of INFO formats a record for every event; what is measured is the client.
    client = pysher.Pusher(
        setup.key,
        secure=False,
        custom_host="127.0.0.1",
        port=setup.port,
        auth_endpoint=setup.authorization_url,
        log_level=logging.WARNING,
    )
    client.connect()
    while client.connection.state != "connected":
        time.sleep(0.01)
    for name in setup.channels:
        bind(client.subscribe(name), meter)
    report(ready=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
