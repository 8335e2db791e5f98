"""Draw the rooms of the package and the arrows between them, read from its imports, as ``docs/rooms.svg``.

Run ``python docs/rooms.py`` after a change of the rooms, of their arrows or of the first line of a room's docstring.

A room is a folder of the package, or a module beside them. An arrow is an import between two rooms. An import that a
chain of other arrows implies is not drawn as a line; the box of its room lists it as "also imports".
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "pusher_client"
SOURCE = ROOT / PACKAGE
PICTURE = ROOT / "docs" / "rooms.svg"

Arrows = Mapping[str, set[str]]
"""For each room those that it imports."""

BOX, HEIGHT, GAP, ROW, MARGIN = 270, 98, 36, 138, 30
"""Width and height of a box, the least space beside it, the distance of rows, and the margin, in pixels."""
PUBLIC, DRIVER, CORE, VALUES, SERVER = "#dbe8fb", "#ffffff", "#dcefe0", "#f1f1f1", "#fdf0d8"
FILLS = {
    "protocol": CORE,
    "events": VALUES,
    "exceptions": VALUES,
    "server": SERVER,
    "testing": SERVER,
    **dict.fromkeys(("session", "authorization", "delivery", "tasks", "transport"), DRIVER),
}
LEGEND = {
    PUBLIC: "the client and the command",
    SERVER: "the local server, for tests",
    DRIVER: "tasks, sockets, HTTP, queues",
    CORE: "the rules of the protocol, without I/O",
    VALUES: "values and errors",
}
STYLE = (
    "text{font-family:system-ui,sans-serif;fill:#1b1b1b}.name{font-weight:600;font-size:15px}"
    ".text{font-size:11.5px}.also{font-size:10.5px;fill:#666}"
    "rect{stroke:#55606e;stroke-width:1.2}path{fill:none;stroke:#55606e;stroke-width:1.6}"
)

TIP = (
    '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 10 5 0 10z" style="fill:#55606e;stroke:none"/></marker>'
)


def modules(root: Path) -> Iterator[tuple[str, ast.Module, int]]:
    """Yield each module's path below the package, its tree, and its number of lines."""
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(root).with_suffix("").as_posix(), ast.parse(text), len(text.splitlines())


def imported(tree: ast.Module, *, at_run_time: bool = False) -> set[str]:
    """Return the full names of all that a module imports; without those for type checkers if asked."""
    skipped = {
        inner
        for node in ast.walk(tree)
        if at_run_time and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A name taken from the package itself is a module of it, or a name that its __init__ passes on.
            from_root = node.module == PACKAGE
            names.update({_absolute(alias.name) for alias in node.names} if from_root else {node.module or ""})
    return names


def _absolute(name: str) -> str:
    """Return the module that a name imported from the package itself comes from."""
    is_module = (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()
    return f"{PACKAGE}.{name}" if is_module else f"{PACKAGE}.__init__"


def local(names: set[str]) -> set[str]:
    """Return the modules of the package among the names, as paths below it."""
    inside = {f"{PACKAGE}.__init__" if name == PACKAGE else name for name in names}
    return {name.removeprefix(f"{PACKAGE}.").replace(".", "/") for name in inside if name.startswith(f"{PACKAGE}.")}


def arrows(root: Path = SOURCE) -> dict[str, set[str]]:
    """Return the imports between rooms."""
    found: dict[str, set[str]] = {}
    for module, tree, _ in modules(root):
        room = module.split("/")[0]
        found.setdefault(room, set()).update({name.split("/")[0] for name in local(imported(tree))} - {room})
    return found


def reachable(table: Arrows, room: str) -> set[str]:
    """Return every room that a room imports, itself or through others."""
    found: set[str] = set()
    waiting = list(table[room])
    while waiting:
        found.add(below := waiting.pop())
        waiting += table[below] - found
    return found


def drawn(table: Arrows) -> dict[str, set[str]]:
    """Return the arrows that no chain of other arrows implies (the transitive reduction)."""
    return {
        room: {name for name in below if not any(name in reachable(table, other) for other in below - {name})}
        for room, below in table.items()
    }


def rows(lines: Arrows) -> list[list[str]]:
    """Return the rooms in rows from top to bottom: each right below the lowest room that imports it."""

    def depth(room: str) -> int:
        return 1 + max(map(depth, lines[room]), default=-1)

    ranks: dict[str, int] = {}
    for room in sorted(lines, key=lambda room: (-depth(room), room)):
        users = [ranks[user] for user in ranks if room in lines[user]]
        ranks[room] = min(users, default=depth(room) + 1) - 1
    return [sorted(room for room in ranks if ranks[room] == rank) for rank in range(max(ranks.values()), -1, -1)]


@dataclass(frozen=True)
class Layout:
    """Where everything stands; a line that passes a row has a place of its own in it.

    Attributes:
        places: The centre of each box and of each bend, in pixels; a bend is a room, a target and its row.
        lines: For each arrow the places that it joins, from top to bottom.
        width: The picture's width in pixels.
        height: The picture's height in pixels.
    """

    places: Mapping[str, tuple[float, float]]
    lines: list[list[str]]
    width: float
    height: float


def layout(lines: Arrows) -> Layout:
    """Place the rooms in rows, each near the middle of what it is joined to."""
    table = [list(row) for row in rows(lines)]
    row_of = {room: number for number, row in enumerate(table) for room in row}
    chains: list[list[str]] = []
    for room, below in sorted(lines.items()):
        for target in sorted(below):
            bends = [f"{room} {target} {number}" for number in range(row_of[room] + 1, row_of[target])]
            for number, bend in enumerate(bends, row_of[room] + 1):
                table[number].append(bend)
            chains.append([room, *bends, target])
    neighbours: dict[str, set[str]] = {name: set() for row in table for name in row}
    for chain in chains:
        for above, below_it in pairwise(chain):
            neighbours[above].add(below_it)
            neighbours[below_it].add(above)
    x = {name: float(place * (BOX + GAP)) for row in table for place, name in enumerate(row)}
    for _ in range(60):
        for row in table:
            _settle(row, x, {name: sum(x[other] for other in neighbours[name]) / len(neighbours[name]) for name in row})
    left = min(x[name] - _width(name) / 2 for name in x) - MARGIN
    y = {name: MARGIN + HEIGHT / 2 + number * ROW for number, row in enumerate(table) for name in row}
    width = max(x[name] + _width(name) / 2 for name in x) - left + MARGIN
    height = MARGIN * 2 + HEIGHT + (len(table) - 1) * ROW
    return Layout({name: (round(x[name] - left, 1), y[name]) for name in x}, chains, round(width), height)


def _width(name: str) -> float:
    return 0 if " " in name else BOX


def _settle(row: list[str], x: dict[str, float], wanted: Mapping[str, float]) -> None:
    """Order one row by the places that its members want, and move them apart around the middle of these."""
    row.sort(key=lambda name: (wanted[name], name))
    edge = 0.0
    for number, name in enumerate(row):
        before = row[number - 1] if number else name
        least = edge + (_width(before) + _width(name)) / 2 + GAP
        x[name] = max(wanted[name], least) if number else wanted[name]
        edge = x[name]
    shift = sum(wanted[name] - x[name] for name in row) / len(row)
    for name in row:
        x[name] += shift


def purpose(room: str, root: Path = SOURCE) -> str:
    """Return the first sentence of a room's docstring, without marks and citations."""
    path = root / room / "__init__.py" if (root / room).is_dir() else root / f"{room}.py"
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return " ".join(text.split(" (")[0].replace("`", "").split()).rstrip(".")


def picture(root: Path = SOURCE) -> str:
    """Return the picture as SVG."""
    table = arrows(root)
    lines = drawn(table)
    plan = layout(lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {plan.width:.0f} {plan.height}" role="img">',
        "<title>The rooms of pusher_client and the imports between them</title>",
        f"<style>{STYLE}</style>",
        f"<defs>{TIP}</defs>",
        f'<rect width="{plan.width:.0f}" height="{plan.height}" style="fill:#fff;stroke:none"/>',
        *(_line([plan.places[name] for name in chain]) for chain in plan.lines),
    ]
    for room in sorted(table):
        parts += _box(room, plan.places[room], purpose(room, root), sorted(table[room] - lines[room]), root)
    parts += _legend()
    return "\n".join([*parts, "</svg>", ""])


def _line(points: list[tuple[float, float]]) -> str:
    """Draw an arrow from the bottom of its first box, through its bends, to the top of its last box."""
    (x, y), *rest = points
    y += HEIGHT / 2
    path = f"M{x:g} {y:g}"
    for number, (to_x, centre) in enumerate(rest, 1):
        top = centre - HEIGHT / 2
        middle = (y + top) / 2
        path += f" C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {top:g}"
        x, y = to_x, top
        if number < len(rest):
            y = centre + HEIGHT / 2
            path += f" V{y:g}"
    return f'<path d="{path}" marker-end="url(#tip)"/>'


def _box(room: str, place: tuple[float, float], text: str, also: list[str], root: Path) -> list[str]:
    x, y = place[0] - BOX / 2, place[1] - HEIGHT / 2
    fill = FILLS.get(room, PUBLIC)
    name = PACKAGE if room == "__init__" else f"{room}/" if (root / room).is_dir() else room
    described = textwrap.wrap(text, 40, max_lines=3, placeholder=" …")
    parts = [
        f'<rect x="{x:g}" y="{y:g}" width="{BOX}" height="{HEIGHT}" rx="6" style="fill:{fill}"/>',
        f'<text class="name" x="{x + 10:g}" y="{y + 20:g}">{escape(name)}</text>',
    ]
    parts += [
        f'<text class="text" x="{x + 10:g}" y="{y + 37 + 14 * number:g}">{escape(line)}</text>'
        for number, line in enumerate(described)
    ]
    if also:
        listed = "also imports " + ", ".join(also)
        parts += [
            f'<text class="also" x="{x + 10:g}" y="{y + HEIGHT - 18 + 12 * number:g}">{escape(line)}</text>'
            for number, line in enumerate(textwrap.wrap(listed, 46))
        ]
    return parts


def _legend() -> list[str]:
    parts: list[str] = []
    for number, (fill, text) in enumerate(LEGEND.items()):
        y = MARGIN + 24 * number
        parts.append(f'<rect x="{MARGIN}" y="{y}" width="16" height="14" style="fill:{fill}"/>')
        parts.append(f'<text class="text" x="{MARGIN + 24}" y="{y + 11}">{text}</text>')
    return parts


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
