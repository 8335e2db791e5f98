"""The table of what servers lack is held to what the tests assert."""

from __future__ import annotations

from pathlib import Path

from tests.support.real.conformance_servers import LACKS, Part

ASSERTIONS = "".join(
    path.read_text(encoding="utf-8")
    for path in sorted(Path(__file__).parent.glob("test_*.py"))
    if path != Path(__file__)
)


def test_every_lack_is_asserted() -> None:
    """Each part is asked for by a test, which so fails when a server does it after all, and each lack has a reason."""
    assert [part.name for part in Part if f"does(Part.{part.name})" not in ASSERTIONS] == []
    assert all(reason for lacks in LACKS.values() for reason in lacks.values())


def test_every_part_is_lacking_somewhere() -> None:
    """What every server does needs no entry, and what none does is not part of the suite."""
    lacking = [set(lacks) for lacks in LACKS.values()]
    assert set.union(*lacking) == set(Part)
    assert set.intersection(*lacking) == set()
