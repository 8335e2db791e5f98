"""What encryption does not protect, shown: each attack of the threat model, and where it ends (protocol-notes 9, C8).

The relay, the Channels server, is the attacker unless another is named. Docstrings cite the limit they show.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from pathlib import Path

import pytest

from pusher_client import AuthorizationError, HTTPAuthorizer, SecretAuthorizer
from pusher_client.events import MARKERS, Event
from pusher_client.protocol.keyring import KeyRotationPolicy
from pusher_client.protocol.outputs import Authorize, GapFound
from pusher_client.protocol.signatures import derive_shared_secret
from tests.support.core.scripted_core import CHANNEL, NEW, OLD, UNKNOWN, Core, frame, sealed
from tests.support.held_authorizer import text_of
from tests.support.scripted_endpoint import json_answer, serve_endpoint
from tests.support.scripted_server import scripted

INVOICES = "private-encrypted-invoices"
NOTES = Path(__file__).parents[2] / "protocol-notes.md"
PONG = frame("pusher:pong")


def subscribed(*channels: str, **policy: float) -> Core:
    """Return a core with these channels subscribed, all under the key OLD."""
    core = Core(key_rotation=KeyRotationPolicy(**policy))  # type: ignore[arg-type]  # counts are whole floats here
    core.up()
    for channel in channels or (CHANNEL,):
        core.subscribed(channel)
    core.events.clear()
    return core


def relay(core: Core, text: str, name: str = "order", channel: str = CHANNEL) -> None:
    """Let the relay send an envelope under a name of its choice."""
    core.receive(frame(name, channel, text))


def linger(core: Core, seconds: int) -> None:
    """Let time pass on a link that the relay keeps alive."""
    for _ in range(seconds // 10):
        core.wait(10.0)
        core.receive(PONG)


def opened(core: Core) -> list[object]:
    """Return the data of the application events that were delivered."""
    return [event.data for event in core.events if not event.name.startswith("pusher:")]


def test_a_payload_can_be_delivered_under_another_name() -> None:
    """The data is the publisher's and the name the relay's, but no marker's and none of the protocol's (limit 1)."""
    core = subscribed()
    placed = sealed(OLD, '{"order": 1}')
    relay(core, placed, "order-cancelled")
    assert [(event.name, event.data) for event in core.events] == [("order-cancelled", {"order": 1})]
    for name in (*MARKERS, "pusher:member_added", "pusher_internal:anything"):
        relay(core, placed, name)
    assert len(core.events) == 1


def test_names_and_sizes_are_in_clear() -> None:
    """The relay reads the channel's name and each plaintext's size; the key and the content it does not (limit 2)."""
    core = subscribed()
    assert f'"channel":"{CHANNEL}"' in "".join(core.texts).replace(" ", "")
    for size in (0, 1, 15, 16, 17, 1000):
        seen = sealed(OLD, "x" * size)
        ciphertext = json.loads(seen)["ciphertext"]
        assert len(ciphertext) * 3 // 4 - ciphertext.count("=") - 16 == size
        assert "xxx" not in seen
        relay(core, seen)
        assert len(core.events[-1].raw) == size
    sent = "".join(core.texts)
    assert not any(secret in sent for secret in (OLD.decode(), OLD.hex(), text_of(OLD)))


def test_the_relay_chooses_the_order() -> None:
    """What is received in another order is delivered in that order, and in no other than that (limit 3, R4)."""
    core = subscribed()
    published = [sealed(OLD, str(number)) for number in range(5)]
    for number in (3, 0, 4, 2, 1):
        relay(core, published[number])
    assert opened(core) == [3, 0, 4, 2, 1]


def test_what_is_withheld_leaves_no_trace() -> None:
    """No gap and no count shows it while the link stays, and it opens later; a lost link is marked (limit 4)."""
    core = subscribed()
    published = [sealed(OLD, str(number)) for number in range(3)]
    relay(core, published[0])
    linger(core, 3600)
    relay(core, published[2])
    relay(core, published[1])
    assert [event.name for event in core.events] == ["order"] * 3
    assert core.counts[CHANNEL].received == core.counts[CHANNEL].delivered == 3
    core.lose(1006)
    core.back()
    core.answer(OLD)
    core.acknowledge()
    assert sum(isinstance(output, GapFound) for output in core.outputs) == 1


def test_an_envelope_opens_as_often_as_it_is_sent() -> None:
    """It is delivered each time while its key is on the ring, and not any more after that (limit 5)."""
    core = subscribed(grace=300.0)
    paid = sealed(OLD, '{"pay": 1}')
    for _ in range(3):
        relay(core, paid)
    assert opened(core) == [{"pay": 1}] * 3
    relay(core, sealed(NEW, "0"))
    core.answer(NEW)
    linger(core, 300)
    core.events.clear()
    relay(core, paid)
    core.answer(NEW)
    assert (opened(core), core.failures()) == ([], ["wrong_key"])


async def test_a_subscriber_can_forge_an_event() -> None:
    """Everyone with the key seals as the publisher does, and nothing names the author; others cannot (limit 6)."""
    authorize = SecretAuthorizer("key", "secret", encryption_master_key_base64=text_of(b"m" * 32))
    victim, malicious = await authorize(CHANNEL, "1.1"), await authorize(CHANNEL, "1.2")
    assert malicious.shared_secret is not None
    core = Core()
    core.up()
    core.subscribed(key=victim.shared_secret)
    core.events.clear()
    relay(core, sealed(malicious.shared_secret, '"as the publisher"'))
    assert core.events == [Event("order", CHANNEL, "as the publisher", None, '"as the publisher"')]
    relay(core, sealed(UNKNOWN, '"by an outsider"'))
    core.answer(victim.shared_secret)
    assert core.failures() == ["wrong_key"]


def test_one_secret_for_two_channels_is_one_channel() -> None:
    """An envelope of the one opens on the other; with secrets derived by channel it does not (limit 7)."""
    core = subscribed(CHANNEL, INVOICES)
    relay(core, sealed(OLD, '"for orders"'), channel=INVOICES)
    assert [(event.channel, event.data) for event in core.events] == [(INVOICES, "for orders")]
    core = Core()
    core.up()
    keys = {channel: derive_shared_secret(channel, b"m" * 32) for channel in (CHANNEL, INVOICES)}
    for channel, key in keys.items():
        core.subscribed(channel, key)
    core.events.clear()
    relay(core, sealed(keys[CHANNEL], '"for orders"'), channel=INVOICES)
    core.answer(keys[INVOICES])
    assert (opened(core), core.failures()) == ([], ["wrong_key"])


def test_a_withheld_key_leaves_the_old_one_valid() -> None:
    """As long as no event under the new key comes; an answer that names it ends that after the grace (limit 8)."""
    core = subscribed(grace=300.0)
    linger(core, 3600)  # the endpoint has NEW all the time, and nothing makes us ask
    relay(core, sealed(OLD, '"stolen key"'))
    assert opened(core) == ["stolen key"]
    relay(core, sealed(NEW, "0"))
    core.answer(NEW)
    linger(core, 290)
    relay(core, sealed(OLD, '"within the grace"'))
    assert opened(core)[-1] == "within the grace"
    linger(core, 10)
    relay(core, sealed(OLD, '"too late"'))
    core.answer(NEW)
    assert core.failures() == ["wrong_key"]


def test_subscribing_again_forces_a_rotation() -> None:
    """unsubscribe() and subscribe() ask the endpoint, and the old key opens nothing from then on (limit 8, C7)."""
    core = subscribed()
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    core.subscribed(key=NEW)
    relay(core, sealed(OLD, '"stolen key"'))
    core.answer(NEW)
    assert (opened(core), core.failures()) == ([], ["wrong_key"])


@pytest.mark.parametrize("name", ["order", "client-order"])
def test_a_channel_can_be_stalled(name: str) -> None:
    """With an endpoint that hangs, each probe costs 2 x timeout at most; other channels and few requests (limit 9)."""
    core = subscribed(CHANNEL, INVOICES, timeout=10.0, max_delay=30.0)
    before, longest = len(core.requests()), 0.0
    for _ in range(3600):
        relay(core, sealed(UNKNOWN, "0"), name)
        relay(core, sealed(OLD, f"{core.now}"))
        core.events.clear()
        relay(core, sealed(OLD, '"flows"'), channel=INVOICES)
        assert opened(core) == ["flows"]
        core.events.clear()
        core.wait(1.0)
        core.receive(PONG)
        longest = max([longest, *(core.now - float(str(sent)) for sent in opened(core))])
    probes = len(core.requests()) - before
    if name == "client-order":  # never starts a request, so nothing waits
        assert (probes, longest) == (0, 0.0)
    else:
        assert 10.0 <= longest <= 20.0 + 1.0  # looked at once a second
        assert 50 <= probes <= 10 + 3600 / (10.0 + 30.0 / 2)


def test_the_relay_tells_what_it_likes_of_the_protocol() -> None:
    """The count, the empty cache, the subscription's end are its word, and carry nothing else of it (limit 10)."""
    core = subscribed()
    lie = {"subscription_count": 1_000_000, "nonce": "forged", "raw": "forged"}
    core.receive(frame("pusher_internal:subscription_count", CHANNEL, lie))
    core.receive(frame("pusher:cache_miss", CHANNEL, "forged"))
    core.receive(
        frame("pusher:subscription_error", CHANNEL, {"type": "A", "error": "no! " * 99, "status": 500, "x": 1})
    )
    told = [(event.name, event.data, event.raw) for event in core.events]
    assert told == [
        ("pusher:subscription_count", {"subscription_count": 1_000_000}, ""),
        ("pusher:cache_miss", None, ""),
        ("pusher:subscription_error", {"type": "A", "error": "no! " * 50, "status": 500}, ""),
    ]
    core.until(Authorize)
    core.answer(OLD)
    core.acknowledge()
    relay(core, sealed(OLD, "1"))
    assert opened(core) == [1]


def test_a_foreign_answer_is_a_foreign_key() -> None:
    """A foreign endpoint, reached by the caller's own authorizer, seals for us, and the publisher cannot (limit 11)."""
    core = Core()
    core.up()
    core.subscribed(key=UNKNOWN)
    core.events.clear()
    relay(core, sealed(UNKNOWN, '"by a stranger"'))
    assert opened(core) == ["by a stranger"]
    relay(core, sealed(OLD, '"by the publisher"'))
    core.answer(UNKNOWN)
    assert core.failures() == ["wrong_key"]


async def test_no_redirect_makes_a_foreign_answer() -> None:
    """HTTPAuthorizer asks the configured origin alone, wherever that points: no answer and no key (limit 11, C4)."""
    answer = {"auth": "KEY:signature", "shared_secret": text_of(UNKNOWN)}
    async with (
        scripted() as peer,
        serve_endpoint(json_answer(answer)) as foreign,
        serve_endpoint(json_answer(answer, "307 Temporary Redirect", location=foreign.url)) as endpoint,
        peer.client(authorizer=HTTPAuthorizer(endpoint.url)) as client,
    ):
        with pytest.raises(AuthorizationError) as caught:
            await client.subscribe(CHANNEL)
    assert caught.value.status == 307
    assert (foreign.connections, [frame["event"] for frame in peer.received]) == (0, [])


def test_a_key_is_dropped_and_not_wiped() -> None:
    """No reference of ours remains, but the bytes are as they were for any other reference (limit 12, C7)."""
    key = bytes(range(32))
    known = sys.getrefcount(key)
    core = Core()
    core.up()
    core.subscribe()
    core.answer(key)
    core.acknowledge()
    assert sys.getrefcount(key) > known
    core.connection.unsubscribe(CHANNEL, core.now)
    core.drain()
    gc.collect()
    assert sys.getrefcount(key) == known
    assert key == bytes(range(32))


def test_a_failure_holds_what_anybody_sent() -> None:
    """DecryptionFailure.raw has it, for those who must look; no repr, message or event's raw does (limit 12, C3)."""
    core = subscribed()
    relay(core, "forged-4711")
    (event,) = core.events
    assert event.data.raw == "forged-4711"
    assert event.raw == ""
    assert "forged-4711" not in f"{event!r}{event.data!r}{event.data}{event.data.error!r}{event.data.error}"


def test_a_new_key_with_every_answer_is_spaced_like_a_known_one() -> None:
    """Garbage and an endpoint that invents keys cost six requests at once, then spaced ones (limit 13)."""
    core = subscribed(fruitless_limit=5)
    before = len(core.requests())
    for number in range(500):
        relay(core, sealed(UNKNOWN, "0"))
        core.answer(number.to_bytes(32, "big"))
    asked = len(core.requests()) - before
    assert asked == core.failures().count("wrong_key") == 6
    core.wait(60.0)
    for number in range(500, 1000):
        relay(core, sealed(UNKNOWN, "0"))
        core.answer(number.to_bytes(32, "big"))
    assert len(core.requests()) - before - asked <= 2


def test_other_channels_are_the_relays_to_write() -> None:
    """What is not encrypted can be read, changed and invented by the relay, private channels too (the end of 9)."""
    core = Core()
    core.up()
    core.subscribed("private-orders")
    core.receive(json.dumps({"event": "order", "channel": "private-orders", "data": '"invented"', "user_id": "ann"}))
    assert core.events[-1] == Event("order", "private-orders", "invented", "ann", '"invented"')


def test_every_limit_is_shown() -> None:
    """Each number of protocol-notes 9 is cited by a test of this file, and none that is not there (C8)."""
    section = NOTES.read_text(encoding="utf-8").partition("\n## 9 ")[2].partition("\n## ")[0]
    stated = {int(number) for number in re.findall(r"^(\d+)\. \*\*", section, re.MULTILINE)}
    docstrings = [value.__doc__ or "" for name, value in globals().items() if name.startswith("test_")]
    cited = {int(number) for words in docstrings for number in re.findall(r"\blimit (\d+)\b", words)}
    assert stated == set(range(1, len(stated) + 1))
    assert len(stated) >= 12
    assert cited == stated


def test_the_tests_of_the_security_promises_are_there() -> None:
    """Every file that protocol-notes names behind C1 to C8 exists (C8)."""
    table = NOTES.read_text(encoding="utf-8").partition("Where the security promises are tested")[2]
    rows = re.findall(r"^\| (C\d) \|(.*)", table, re.MULTILINE)
    assert [promise for promise, _ in rows] == [f"C{number}" for number in range(1, 9)]
    for _, words in rows:
        names = re.findall(r"`([^`]+\.py)`", words)
        assert names
        assert all((NOTES.parent / "tests" / name).is_file() for name in names)
