"""The picture of the package's rooms is what the script draws from the imports."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from docs.rooms import BOX, HEIGHT, PICTURE, SOURCE, arrows, drawn, layout, picture, reachable, rows


def test_the_picture_is_drawn_from_the_imports() -> None:
    """``docs/rooms.svg`` is what ``python docs/rooms.py`` draws from the code as it is (design.md 5.2)."""
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run: python docs/rooms.py"


def test_every_arrow_is_in_the_picture() -> None:
    """A room's imports are the lines that start at its box, and the names that the box lists (design.md 5.2)."""
    table = arrows()
    lines = drawn(table)
    text = picture()
    assert text.count("marker-end") == sum(map(len, lines.values()))
    for room in table:
        listed = sorted(table[room] - lines[room])
        shown = " ".join(re.findall(r'class="also"[^>]*>([^<]*)<', text))
        assert not listed or f"also imports {', '.join(listed)}" in shown
        assert reachable(lines, room) == reachable(table, room)


def test_every_arrow_points_down_and_no_box_covers_another() -> None:
    """The picture can be read from top to bottom (design.md 5.2)."""
    table = arrows()
    lines = drawn(table)
    order = {room: number for number, row in enumerate(rows(lines)) for room in row}
    assert [(room, below) for room in table for below in table[room] if order[below] <= order[room]] == []
    plan = layout(lines)
    boxes = [plan.places[room] for room in table]
    apart = [abs(x - x2) >= BOX or abs(y - y2) >= HEIGHT for x, y in boxes for x2, y2 in boxes if (x, y) != (x2, y2)]
    assert all(apart)
    for chain in plan.lines:
        assert all(plan.places[above][1] < plan.places[below][1] for above, below in pairwise(chain))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.py": "from pusher_client.b import x", "b.py": ""}, {"a": {"b"}, "b": set()}),
        ({"a/x.py": "import pusher_client.b.y", "b/y.py": "", "b/z.py": "import pusher_client.b.y"}, {"a": {"b"}}),
        (
            {"a.py": "from pusher_client.b import x\nfrom pusher_client.c import y", "b.py": "import pusher_client.c"},
            {},
        ),
    ],
)
def test_arrows_are_imports_between_rooms(files: dict[str, str], expected: dict[str, set[str]], tmp_path: Path) -> None:
    """A room is a folder or a module beside them; what a longer chain implies is not drawn as a line."""
    for name, text in {"c.py": "", **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    table = arrows(tmp_path)
    assert expected.items() <= table.items()
    assert "c" not in drawn(table)["a"]


def test_the_package_has_rooms() -> None:
    """The script reads the installed package's source, and finds the core in it."""
    assert (SOURCE / "client.py").exists()
    assert arrows()["protocol"] == {"events", "exceptions"}
