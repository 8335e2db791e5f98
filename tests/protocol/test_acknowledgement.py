"""Waiting for an acknowledgement."""

from __future__ import annotations

from pusher_client.exceptions import AuthorizationError, SubscriptionError
from pusher_client.protocol.acknowledgement import Acknowledgement


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
    assert str(error) == "a: the server refused an authorization and did not say for which channel (status 4009)"


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
