"""The members of a presence channel."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pusher_client.events import Member
from pusher_client.protocol.frames import user_id_text
from pusher_client.protocol.presence import MemberChanges, Members


def listing(*ids: Any, **infos: Any) -> dict[str, Any]:
    """Return the data of an acknowledgement."""
    return {"presence": {"ids": list(ids), "hash": infos, "count": len(ids)}}


def replaced(members: Members, data: object) -> tuple[list[Member], list[Member]]:
    """Let an acknowledgement list the members; return those removed and those added."""
    changes = MemberChanges("presence-room", *members.replace(json.dumps(data)))
    events = list(iter(changes.next_event, None))
    names = [event.name for event in events]
    assert names == sorted(names, reverse=True)
    removed = [event.data for event in events if event.name == "pusher:member_removed"]
    return removed, [event.data for event in events if event.name == "pusher:member_added"]


def add(members: Members, data: object) -> Member | None:
    """Let a member be added."""
    return members.add(json.dumps(data))


def remove(members: Members, data: object) -> Member | None:
    """Let a member be removed."""
    return members.remove(json.dumps(data))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("7", "7"), (7, "7"), (0, "0"), ("", ""), (True, None), (None, None), (1.5, None), ([], None), ({}, None)],
)
def test_ids_are_strings(value: object, expected: str | None) -> None:
    """Whole numbers become text, since some applications number their users; the rest is nonsense (R8)."""
    assert user_id_text(value) == expected


def test_the_first_snapshot_brings_everyone() -> None:
    """Members come with their info, and without one it is None (design.md 2)."""
    members = Members()
    left, joined = replaced(members, listing("1", 2, **{"1": {"name": "a"}}))
    assert left == []
    assert joined == [Member("1", {"name": "a"}), Member("2", None)]
    assert dict(members.mapping) == {"1": {"name": "a"}, "2": None}


def test_a_later_snapshot_tells_who_changed() -> None:
    """After a hole, who left and who joined meanwhile is known (R5)."""
    members = Members()
    replaced(members, listing("1", "2"))
    left, joined = replaced(members, listing("2", "3"))
    assert (left, joined) == ([Member("1")], [Member("3")])
    assert list(members.mapping) == ["2", "3"]


def test_without_ids_the_hash_lists_the_members() -> None:
    """Some servers send only the hash (protocol-notes 5.6)."""
    members = Members()
    replaced(members, {"presence": {"hash": {"1": None, "2": {"n": 1}}}})
    assert dict(members.mapping) == {"1": None, "2": {"n": 1}}


@pytest.mark.parametrize(
    ("presence", "members"),
    [
        ({"ids": ["1"], "hash": []}, {"1": None}),
        ({"ids": [1, 2], "hash": {"1": None, "2": {"n": 2}}}, {"1": None, "2": {"n": 2}}),
        ({"ids": ["1", 1, "1"], "hash": {"1": "a"}}, {"1": "a"}),
        ({"ids": ["1", "2"], "hash": {"2": "b", "3": "c"}}, {"1": None, "2": "b", "3": "c"}),
        ({"ids": [], "hash": {"1": "a"}}, {"1": "a"}),
        ({"ids": None, "hash": {"1": "a"}}, {"1": "a"}),
        ({"ids": ["1", None, True, 1.5, [], {}], "hash": {"1": [1]}}, {"1": [1]}),
        ({"ids": [0, 1], "hash": [{"n": "a"}, {"n": "b"}]}, {"0": {"n": "a"}, "1": {"n": "b"}}),
        ({"ids": ["0"], "hash": ["a", "b"]}, {"0": "a"}),
        ({"ids": ["0", "1"], "hash": ["a"]}, {"0": "a", "1": None}),
        ({"hash": ["a", "b"]}, {"0": "a", "1": "b"}),
        ({"ids": [10**30], "hash": {"": 0}, "count": "many"}, {str(10**30): None, "": 0}),
    ],
)
def test_whoever_stands_in_either_list_is_there(presence: dict[str, Any], members: dict[str, Any]) -> None:
    """Numbers, repetitions, lists in place of objects, and lists that disagree (R8, protocol-notes 5.6)."""
    room = Members()
    _, joined = replaced(room, {"presence": presence})
    assert dict(room.mapping) == members
    assert joined == [Member(id_, info) for id_, info in members.items()]


def test_a_later_snapshot_tells_whose_info_changed() -> None:
    """They are reported as added, so that the changes add up to the members (R5)."""
    members = Members()
    replaced(members, listing("1", "2", "3", **{"1": "a", "2": "b"}))
    left, joined = replaced(members, listing("2", "1", "4", **{"1": "a", "2": "c"}))
    assert left == [Member("3", None)]
    assert joined == [Member("2", "c"), Member("4", None)]
    assert replaced(members, listing("1", "2", "4", **{"1": "a", "2": "c"})) == ([], [])


@pytest.mark.parametrize(
    "data",
    [
        *(None, "x", [], {}, {"presence": None}, {"presence": []}, {"presence": {"hash": []}}),
        {"presence": {"ids": "12", "hash": []}},
        {"presence": {"ids": [None, True, [], {}], "hash": 3}},
    ],
)
def test_nonsense_is_an_empty_room(data: object) -> None:
    """No shape that a server sends raises (R8)."""
    members = Members()
    assert replaced(members, data) == ([], [])
    assert dict(members.mapping) == {}


def test_joining_and_leaving() -> None:
    """Each change is reported once, and changed info is a change (design.md 2)."""
    members = Members()
    assert add(members, {"user_id": 1, "user_info": "a"}) == Member("1", "a")
    assert add(members, {"user_id": "1", "user_info": "a"}) is None
    assert add(members, {"user_id": "1", "user_info": "b"}) == Member("1", "b")
    assert add(members, {"user_id": "2"}) == Member("2", None)
    assert add(members, {"user_id": "2"}) is None
    assert remove(members, {"user_id": 1}) == Member("1", "b")
    assert remove(members, {"user_id": 1}) is None
    assert dict(members.mapping) == {"2": None}


@pytest.mark.parametrize("data", [None, "x", [], {}, {"user_id": None}, {"user_id": True}, {"user_id": ["1"]}])
def test_changes_that_are_nonsense_change_nothing(data: object) -> None:
    """A member without an id is ignored (R8)."""
    members = Members()
    replaced(members, listing("1"))
    assert add(members, data) is None
    assert remove(members, data) is None
    assert dict(members.mapping) == {"1": None}


def test_me_is_known_from_the_authorization() -> None:
    """The client's own member is the authorized one, once the list has it (design.md 2)."""
    members = Members()
    assert members.me is None
    members.authorized('{"user_id": 7, "user_info": {"name": "me"}}')
    assert members.me is None
    replaced(members, listing("7", **{"7": {"name": "me"}}))
    assert members.me == Member("7", {"name": "me"})
    remove(members, {"user_id": "7"})
    assert members.me is None


@pytest.mark.parametrize("channel_data", [None, "", "{", "[]", '{"user_id": null}', "{}"])
def test_without_an_id_there_is_no_me(channel_data: str | None) -> None:
    """An authorization without a user id leaves `me` unknown (R8)."""
    members = Members()
    members.authorized('{"user_id": "7"}')
    replaced(members, listing("7"))
    members.authorized(channel_data)
    assert members.me is None


def test_the_view_follows_and_cannot_be_written() -> None:
    """What was handed out shows later changes, and only the server makes them (design.md 2)."""
    members = Members()
    view = members.mapping
    add(members, {"user_id": "1"})
    assert dict(view) == {"1": None}
    with pytest.raises(TypeError):
        cast("dict[str, Any]", view)["2"] = None


def test_a_server_cannot_add_members_without_end() -> None:
    """Beyond the limit no member is added until others have left, and no event reports the refused ones (R6)."""
    members = Members(4200)
    added = [member for n in range(100) if (member := add(members, {"user_id": str(n), "user_info": "x" * 100}))]
    assert len(added) == 6
    assert list(members.mapping) == [member.id for member in added]
    assert add(members, {"user_id": "0", "user_info": "x" * 900}) is None
    assert remove(members, {"user_id": "99"}) is None
    assert remove(members, {"user_id": "0"}) == added[0]
    assert add(members, {"user_id": "99", "user_info": "x" * 100}) == Member("99", "x" * 100)
    assert add(members, {"user_id": "99", "user_info": "y"}) == Member("99", "y")
    assert add(members, {"user_id": "98"}) == Member("98", None)


def test_a_long_list_is_taken_as_it_is() -> None:
    """What an acknowledgement lists is bounded by the size of a message, and may shrink and change (R6)."""
    members = Members(2500)
    _, joined = replaced(members, listing(*range(100)))
    assert len(joined) == 100
    assert add(members, {"user_id": "100"}) is None
    assert remove(members, {"user_id": "7"}) == Member("7", None)
    assert add(members, {"user_id": "8", "user_info": None}) is None
    replaced(members, listing("1"))
    assert add(members, {"user_id": "100"}) == Member("100", None)


def test_changes_are_made_one_at_a_time_while_the_members_go_on_changing() -> None:
    """The members may change between two events of a burst; it still has the acknowledgement's changes (R5)."""
    members = Members()
    replaced(members, listing("1", "2", "3"))
    changes = MemberChanges("presence-room", *members.replace(json.dumps(listing("3", "4", "5"))))
    first = changes.next_event()
    assert first is not None
    assert (first.name, first.data) == ("pusher:member_removed", Member("1"))
    remove(members, {"user_id": "4"})
    add(members, {"user_id": "6"})
    rest = [(event.name.removeprefix("pusher:member_"), event.data.id) for event in iter(changes.next_event, None)]
    assert rest == [("removed", "2"), ("added", "4"), ("added", "5")]
    assert set(members.mapping) == {"3", "5", "6"}


def test_changes_that_are_dropped_end() -> None:
    """None of them counts as an application event (R5)."""
    members = Members()
    changes = MemberChanges("presence-room", *members.replace(json.dumps(listing("1", "2"))))
    assert changes.next_event() is not None
    assert changes.discard() == 0
    assert changes.next_event() is None


IDS = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2)), IDS, st.data())
def test_the_changes_lead_from_the_members_before_to_those_now(
    before: dict[str, int], ids: list[str], data: st.DataObject
) -> None:
    """The events, applied to the members before, give the members now (R5)."""
    now = {id_: data.draw(st.integers(0, 2)) for id_ in ids}
    members = Members()
    replaced(members, listing(*before, **before))
    removed, added = replaced(members, listing(*now, **now))
    known = {id_: info for id_, info in before.items() if Member(id_, info) not in removed}
    assert len(known) == len(before) - len(removed)
    known |= {member.id: member.info for member in added}
    assert known == now == dict(members.mapping)
