"""The structure of the package, read from its source: arrows, purity, sizes, and a test file for every module."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from docs.rooms import ROOT, SOURCE, imported, local, modules

IMPURE = {"asyncio", "websockets", "httpx", "time", "random", "logging", "socket", "ssl", "threading", "secrets", "os"}

VALUES = {"events", "exceptions"}
CORE_AND_VALUES = {"protocol"} | VALUES
HANDLES = {"channel", "user", "authorization", "delivery", "tasks", "transport"} | CORE_AND_VALUES
CLIENT = {"__init__", "client", "session"} | HANDLES
ROOMS: dict[str, set[str]] = {
    "exceptions": set(),
    "events": {"exceptions"},
    "protocol": VALUES,
    "tasks": set(),
    "transport": {"protocol", "exceptions", "tasks"},
    "delivery": {"tasks"} | CORE_AND_VALUES,
    "authorization": {"protocol", "exceptions", "tasks", "transport/proxy", "transport/tls"},
    "channel": {"delivery"} | CORE_AND_VALUES,
    "user": {"delivery"} | CORE_AND_VALUES,
    "session": HANDLES,
    "client": {"session"} | HANDLES,
    "__init__": CLIENT - {"__init__"},
    "server": CORE_AND_VALUES,
    "sync": {"__init__", "delivery"} | VALUES,
    "testing": {"server"} | CLIENT,
    "relay": CLIENT,
    "cli": {"server"} | CLIENT,
    "__main__": {"cli"},
}
"""What each room may import from the others: a room, or one module of it."""

LONGEST = {
    "relay/channel_relay": 325,
    "client": 400,
    "protocol/connection": 400,
    "protocol/subscription": 360,
    "protocol/link": 300,
    "protocol/sign_in": 315,
    "protocol/encrypted_events": 296,
}
"""Modules whose one concept takes more than the usual lines; the first two by design, the others by count."""
USUAL = 280
LONGEST_FUNCTION = 40

CORE = "tests/protocol/test_connection.py, test_subscription.py and test_link.py, which drive the core as a whole"
PACKAGES = {"authorization", "cli", "delivery", "protocol", "relay", "server", "session", "sync", "transport"}
NOT_MIRRORED = {
    "__init__": "tests/project/test_exports.py",
    "__main__": "tests/cli/test_commands.py",
    "client": "tests/behaviour/, over real sockets",
    "exceptions": "every test that expects one",
    "authorization/response": "tests/authorization/test_endpoint_answers.py",
    "cli/findings": "values without behaviour",
    "cli/network_steps": "tests/cli/test_examination.py, as steps of an examination",
    "sync/channel": "tests/sync/test_client.py, over real sockets",
    "sync/user": "tests/sync/test_client.py, over real sockets",
    "delivery/handler_job": "tests/delivery/test_handler_worker.py",
    "relay/engine": "tests/relay/test_memory_engine.py and test_redis_engine.py",
    "relay/relayed_channel": "tests/relay/test_relay.py, over real sockets",
    "relay/values": "tests/relay/test_channel_relay.py",
    "server/server_thread": "tests/server/test_running.py",
    "session/lifecycle": "tests/behaviour/, over real sockets",
    "protocol/backlog": "tests/protocol/test_encrypted_events.py",
    "protocol/channel_frames": CORE,
    "protocol/codes": "values without behaviour",
    "protocol/outputs": "values without behaviour",
    "protocol/settings": "tests/behaviour/, over real sockets",
    "protocol/states": CORE,
    "protocol/subscriptions": CORE,
} | {f"{room}/__init__": "a docstring, or names that it passes on" for room in PACKAGES}


def impurities(root: Path) -> list[str]:
    """List what modules of protocol/ import that they must not."""
    found = []
    for module, tree, _ in modules(root):
        if module.startswith("protocol/"):
            names = imported(tree)
            found += [f"{module}: {name}" for name in names if name.split(".")[0] in IMPURE]
            allowed = ("protocol/", "events", "exceptions")
            found += [f"{module}: {name}" for name in local(names) if not name.startswith(allowed)]
    return found


def forbidden_arrows(root: Path) -> list[str]:
    """List the imports that no arrow between rooms allows, and the modules outside of all rooms."""
    found = []
    for module, tree, _ in modules(root):
        room = module.split("/")[0]
        if room not in ROOMS:
            found.append(f"{module} stands in no room")
            continue
        allowed = ROOMS[room] | {room}
        found += [
            f"{module} -> {target}" for target in local(imported(tree)) if not {target, target.split("/")[0]} & allowed
        ]
    return found


def cycle(root: Path) -> list[str]:
    """Return a cycle of imports at run time, or nothing."""
    graph = {module: local(imported(tree, at_run_time=True)) for module, tree, _ in modules(root)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in error.args[1]]
    return []


def too_long(root: Path) -> list[str]:
    """List modules and functions over their measure; docstrings of functions do not count."""
    found = [f"{module}: {lines}" for module, _, lines in modules(root) if lines > LONGEST.get(module, USUAL)]
    for module, tree, _ in modules(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != "__init__":
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                found += [f"{module}.{node.name}: {lines}"] if lines > LONGEST_FUNCTION else []
    return found


def test_the_core_is_pure() -> None:
    """Nothing in protocol/ knows a clock, a socket, a task or randomness, or reaches out of it (design.md 5)."""
    assert impurities(SOURCE) == []


def test_only_one_module_imports_nacl() -> None:
    """Sealing, and opening what is sealed, happens in one place (design.md 5)."""
    found = [module for module, tree, _ in modules(SOURCE) if any(n.startswith("nacl") for n in imported(tree))]
    assert found == ["protocol/encryption"]


def test_arrows_between_rooms_are_allowed() -> None:
    """No room imports what its arrows do not allow, and the server never imports the client (design.md 5)."""
    assert forbidden_arrows(SOURCE) == []


def test_the_arrows_themselves_have_no_cycle() -> None:
    """The rooms have an order (design.md 5)."""
    TopologicalSorter({room: {name.split("/")[0] for name in below} for room, below in ROOMS.items()}).prepare()


def test_there_is_no_cycle() -> None:
    """Imports at run time have an order (design.md 5)."""
    assert cycle(SOURCE) == []


def test_modules_and_functions_keep_their_measure() -> None:
    """A module fits a screenful of ideas, and a function forty lines."""
    assert too_long(SOURCE) == []


def test_every_module_has_its_test_file() -> None:
    """Tests mirror modules; where one does not, it is said where its tests are."""
    present = {module for module, _, _ in modules(SOURCE)}
    missing = sorted(NOT_MIRRORED.keys() - present)
    for module in sorted(present):
        folder, _, name = module.rpartition("/")
        mirrored = (ROOT / "tests" / folder / f"test_{name}.py").exists()
        if mirrored == (module in NOT_MIRRORED):
            missing.append(module)
    assert missing == []


def test_every_test_says_its_behaviour() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path.name}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("check", "files"),
    [
        (impurities, {"protocol/a.py": "import time"}),
        (impurities, {"protocol/a.py": "from pusher_client.client import PusherClient"}),
        (impurities, {"protocol/a.py": "from pusher_client import Event"}),
        (impurities, {"protocol/a.py": "import pusher_client"}),
        (forbidden_arrows, {"server/app.py": "from pusher_client import PusherClient"}),
        (forbidden_arrows, {"channel.py": "from pusher_client import client"}),
        (forbidden_arrows, {"channel.py": "from pusher_client.client import PusherClient"}),
        (
            forbidden_arrows,
            {"server/app.py": "from pusher_client.delivery.channel_dispatcher import ChannelDispatcher"},
        ),
        (forbidden_arrows, {"somewhere.py": ""}),
        (cycle, {"a.py": "import pusher_client.b", "b.py": "import pusher_client.a"}),
        (too_long, {"a.py": "x = 1\n" * (USUAL + 1)}),
        (too_long, {"a.py": "def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION + 1)}),
    ],
)
def test_the_rules_can_fail(check: object, files: dict[str, str], tmp_path: Path) -> None:
    """Each rule finds a breach of it."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert callable(check)
    assert check(tmp_path) != []
