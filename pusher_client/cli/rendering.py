"""Events as lines: JSON for programs, coloured text for people."""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

from pusher_client import DecryptionFailure, Event, Gap, Overflow

__all__ = ["SUBSCRIPTION_ERROR", "Moment", "json_line", "pretty_line", "value_text"]

SUBSCRIPTION_ERROR = "pusher:subscription_error"

_CHANNEL_COLOURS = ("cyan", "green", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta", "bright_blue")

_highlighter = JSONHighlighter()


class Moment:
    """The time at which an event was read.

    Args:
        at: The time, with a time zone.
        since_connect: Seconds since the first connection, to print instead; None to print the time.
    """

    def __init__(self, at: datetime, since_connect: float | None = None) -> None:
        self._at = at
        self._since_connect = since_connect

    @property
    def value(self) -> str | float:
        """The value for JSON: a number of seconds, or the time in UTC."""
        if self._since_connect is not None:
            return round(self._since_connect, 6)
        return self._at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    @property
    def text(self) -> str:
        """The text for people: seconds, or the local time of day."""
        return _clock(self._at) if self._since_connect is None else f"{self._since_connect:+11.3f}"


def json_line(event: Event, moment: Moment, *, ascii_only: bool = False) -> str:
    """Return an event as one JSON object without line breaks."""
    line: dict[str, Any] = {"time": moment.value, "channel": event.channel, "event": event.name}
    line["data"] = _plain(event.data)
    if event.user_id is not None:
        line["user_id"] = event.user_id
    try:
        return value_text(line, ascii_only=ascii_only)
    except RecursionError:
        return value_text({**line, "data": event.raw}, ascii_only=ascii_only)


def pretty_line(event: Event, moment: Moment, console: Console, *, ascii_only: bool = False) -> str:
    """Return an event as a line in the colours that the console supports."""
    text = Text.assemble((moment.text, "dim"), "  ")
    if event.channel is not None:
        text.append(event.channel, _colour(event.channel)).append("  ")
    loss = _loss(event)
    if loss is not None:
        text.append(loss, "bold red")
    else:
        text.append(_shown(event.name), "bold red" if event.name == SUBSCRIPTION_ERROR else "bold")
        if event.user_id is not None:
            text.append(f" from {_shown(event.user_id)}", "dim")
        try:
            data = value_text(_plain(event.data), ascii_only=ascii_only)
        except RecursionError:
            data = value_text(event.raw, ascii_only=ascii_only)
        text.append("  ").append_text(_highlighter(data))
    with console.capture() as captured:
        console.print(text, soft_wrap=True, end="")
    return captured.get()


def value_text(value: object, *, ascii_only: bool = False) -> str:
    """Return a value as JSON with control and bidirectional characters escaped, which a terminal would obey."""
    text = json.dumps(value, ensure_ascii=ascii_only, default=msgspec.to_builtins)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _plain(data: object) -> object:
    """Return the printable fields of a marker or another value of the library, without undecrypted content."""
    if isinstance(data, DecryptionFailure):
        return {"event": data.event_name, "reason": data.reason}
    if is_dataclass(data):
        fields: dict[str, Any] = msgspec.to_builtins(data)
        return {name: value for name, value in fields.items() if name != "channel"}
    return data


def _loss(event: Event) -> str | None:
    """Return a description of the loss that a marker stands for; None for other events."""
    match event.data:
        case DecryptionFailure(event_name=name, reason=reason):
            return f"NOT DECRYPTED: {_shown(name)} ({reason})"
        case Gap(last_received_at=begin, resubscribed_at=end):
            seconds = (end - begin).total_seconds()
            return f"GAP: events from {_clock(begin)} to {_clock(end)} may be missing ({seconds:.1f} s)"
        case Overflow(dropped=dropped):
            return f"OVERFLOW: {dropped} events were dropped here"
        case _:
            return None


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _colour(channel: str) -> str:
    # hash() would give a channel another colour in every run.
    return _CHANNEL_COLOURS[sum(channel.encode()) % len(_CHANNEL_COLOURS)]


def _shown(name: str) -> str:
    return name if name.isprintable() else "".join(map(_escaped, name))


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
