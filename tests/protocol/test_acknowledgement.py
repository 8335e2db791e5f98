"""The answers to subscribe frames."""

from __future__ import annotations

import pytest

from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.acknowledgement import Acknowledgement, OwedAnswers
from pusher_client.protocol.frames import Frame


def waiting(due: float = 30.0) -> Acknowledgement:
    """Return one that waits."""
    acknowledgement = Acknowledgement()
    acknowledgement.expect(due)
    return acknowledgement


def test_it_is_waited_for_until_it_is_due() -> None:
    """From the frame until the acknowledgement, or whatever ends the waiting (R3)."""
    acknowledgement = waiting()
    assert acknowledgement.due == 30.0
    acknowledgement.stop()
    assert acknowledgement.due is None


def test_a_doubt_leaves_a_second_and_never_more_time() -> None:
    """The deadline comes nearer only (protocol-notes 5.4)."""
    acknowledgement = waiting()
    acknowledgement.doubt(10.0)
    assert acknowledgement.due == 11.0
    acknowledgement.doubt(10.5)
    assert acknowledgement.due == 11.0
    soon = waiting(due=10.25)
    soon.doubt(10.0)
    assert soon.due == 10.25


def test_the_error_says_what_the_server_said_last() -> None:
    """Words without more do not erase earlier ones; without any it was only late (protocol-notes 5.4)."""
    acknowledgement = waiting()
    assert str(acknowledgement.missing("a")) == "a: the server did not acknowledge in time"
    acknowledgement.doubt(1.0, "Invalid signature")
    acknowledgement.doubt(1.0)
    error = acknowledgement.missing("a")
    assert type(error) is SubscriptionError
    assert str(error) == "a: the server did not acknowledge, but said: Invalid signature"


def test_a_suspicion_is_an_authorization_that_was_refused() -> None:
    """It counts as status 4009 (protocol-notes 5.4)."""
    acknowledgement = waiting()
    acknowledgement.suspect()
    error = acknowledgement.missing("a")
    assert isinstance(error, AuthorizationError)
    assert error.status == 4009
    assert str(error) == "a: the server refused an authorization and did not name the channel (status 4009)"
    acknowledgement.note("no")
    assert str(acknowledgement.missing("a")).endswith("did not name the channel: no (status 4009)")


def test_what_is_not_waited_for_cannot_be_doubted() -> None:
    """Neither before the frame nor after the end, and nothing of it stays for the next (R7)."""
    acknowledgement = Acknowledgement()
    for _ in range(2):
        acknowledgement.suspect()
        acknowledgement.doubt(1.0, "words")
        assert acknowledgement.due is None
        acknowledgement.expect(30.0)
        assert str(acknowledgement.missing("a")) == "a: the server did not acknowledge in time"
        acknowledgement.suspect()
        acknowledgement.doubt(1.0, "words")
        acknowledgement.stop()


def test_an_answer_belongs_to_the_older_frame_first() -> None:
    """As many answers are taken off as are owed, each channel on its own (R3)."""
    owed = OwedAnswers()
    owed.owe("a", 1.0)
    owed.owe("a", 1.5)
    assert not owed.take("b", 1.6, refusal=False)
    assert owed.take("a", 1.6, refusal=False)
    assert owed.take("a", 1.7, refusal=True)
    assert not owed.take("a", 1.8, refusal=False)


def test_an_acknowledgement_that_never_comes_is_forgotten() -> None:
    """After a second the next acknowledgement is taken for what it seems, and settles the account (R3)."""
    owed = OwedAnswers()
    owed.owe("a", 1.0)
    assert not owed.take("a", 2.1, refusal=False)
    assert not owed.take("a", 2.2, refusal=True)
    owed.owe("a", 6.0)
    owed.clear()
    assert not owed.take("a", 6.1, refusal=False)


def test_a_late_refusal_is_the_older_frames() -> None:
    """However late it comes, it does not end the subscription that was asked for since (R3)."""
    owed = OwedAnswers()
    owed.owe("a", 1.0)
    assert owed.take("a", 60.0, refusal=True)
    assert not owed.take("a", 60.0, refusal=True)


@pytest.mark.parametrize(
    ("event", "channel", "answers"),
    [
        ("pusher_internal:subscription_succeeded", "a", True),
        ("pusher:subscription_error", "a", True),
        ("pusher_internal:subscription_error", "a", True),
        ("pusher:subscription_error", "private-encrypted-a", True),
        ("pusher_internal:subscription_error", "private-encrypted-a", False),
        ("pusher_internal:subscription_succeeded", None, False),
        ("pusher:subscription_succeeded", "a", False),
        ("pusher:cache_miss", "a", False),
    ],
)
def test_only_acknowledgements_and_refusals_are_answers(event: str, channel: str | None, *, answers: bool) -> None:
    """Any other frame leaves the account as it is (R3, design.md 3.1)."""
    owed = OwedAnswers()
    owed.owe(channel or "a", 1.0)
    assert owed.receive(Frame(event, None, channel), 1.5) is answers
    assert owed.take(channel or "a", 1.5, refusal=True) is not answers


def test_what_was_waited_for_in_vain_is_owed_a_refusal_only() -> None:
    """The next frame's acknowledgement is not taken, and an answer taken by mistake is made up for (R3)."""
    owed = OwedAnswers()
    owed.lapse("a")
    assert not owed.take("a", 1.0, refusal=False)
    owed.lapse("a")
    assert owed.take("a", 2.0, refusal=True)
    owed.lapse("a")
    assert not owed.take("a", 3.0, refusal=True)
    owed.lapse("a")
    assert owed.take("a", 4.0, refusal=True)
