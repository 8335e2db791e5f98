"""The envelope of an entry: CloudEvents 1.0 in structured JSON, which other consumers read, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast

import msgspec

from pusher_client.events import (
    DECRYPTION_FAILURE,
    GAP,
    DecryptionFailure,
    DecryptionFailureReason,
    Event,
    Gap,
)
from pusher_client.protocol.frames import decode_data
from pusher_client.relay.spans import Span
from pusher_client.relay.values import Entry, Kind

__all__ = ["EnvelopeError", "Origin", "entry_of", "gap_envelope", "read_envelope"]


class EnvelopeError(ValueError):
    """An entry of the stream is not an envelope of a relay."""


class _Envelope(msgspec.Struct, omit_defaults=True):
    """CloudEvents attributes; the last four are extensions."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    data: Any = None
    datacontenttype: str = ""
    relay: str = ""
    pusherkind: Kind = Kind.EVENT
    pusheruserid: str | None = None
    pusherid: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Where events are received: the application's key, the channel, and the relay's name."""

    application: str
    channel: str
    relay: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Envelope).decode


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def _write(kind: Kind, id_: str, name: str, data: object, *, origin: Origin, moment: float, **more: Any) -> str:
    return _encode(
        _Envelope(
            specversion="1.0",
            id=id_,
            source=f"pusher:{origin.application}",
            type=name,
            subject=origin.channel,
            time=_time(moment),
            data=data,
            datacontenttype="text/plain" if isinstance(data, str) else "application/json",
            relay=origin.relay,
            pusherkind=kind,
            **more,
        )
    ).decode()


def entry_of(event: Event, origin: Origin, received_at: float, number: str) -> Entry:
    """Return the entry of an event or a decryption failure.

    Args:
        event: The event.
        origin: Where it was received.
        received_at: The engine's time when it was received.
        number: A text that no other event of this relay has; the envelope's id where the event itself has none.
    """
    if isinstance(event.data, DecryptionFailure):
        failure = event.data
        kind, known, parts = Kind.DECRYPTION_FAILURE, failure.id, (event.name, failure.event_name, failure.raw)
        data: object = {"event_name": failure.event_name, "reason": failure.reason.value}
    else:
        kind, known, parts = Kind.EVENT, event.id, (event.name, event.user_id or "", event.raw)
        data = event.raw
    body = _write(
        kind,
        known or number,
        event.name,
        data,
        origin=origin,
        moment=received_at,
        pusheruserid=event.user_id,
        pusherid=known is not None,
    )
    return Entry(received_at, known, _fingerprint(*parts), kind, body)


def gap_envelope(id_: str, hole: Span, origin: Origin) -> str:
    """Return the envelope of a gap: no relay received what was sent in this span."""
    return _write(Kind.GAP, id_, GAP, {"start": hole.start, "end": hole.end}, origin=origin, moment=hole.end)


def read_envelope(text: str | bytes) -> Event:
    """Return the event of an envelope, equal to what a subscriber receives.

    A gap begins and ends with the span that no relay received. The raw data of a decryption failure is not kept.

    Raises:
        EnvelopeError: It is not an envelope of a relay.
    """
    try:
        envelope = _decode(text)
        return _read(envelope)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        pass
    raise EnvelopeError("an entry of the stream is not an envelope of a relay: something else writes to it")


def _read(envelope: _Envelope) -> Event:
    channel, id_ = envelope.subject, envelope.id if envelope.pusherid else None
    if envelope.pusherkind is Kind.EVENT:
        if not isinstance(envelope.data, str):
            raise TypeError
        content = decode_data(envelope.data if id_ else envelope.data or None)
        return Event(envelope.type, channel, content, envelope.pusheruserid, envelope.data, id_)
    data = cast("dict[str, Any]", envelope.data)
    if envelope.pusherkind is Kind.GAP:
        start, end = (datetime.fromtimestamp(data[name], UTC) for name in ("start", "end"))
        return Event(GAP, channel, Gap(channel, start, start, end))
    failure = DecryptionFailure(channel, str(data["event_name"]), DecryptionFailureReason(data["reason"]), "", id_)
    return Event(DECRYPTION_FAILURE, channel, failure)


def _fingerprint(*parts: str) -> str:
    digest = blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
