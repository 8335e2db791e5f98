"""What the workflows may run, and with which permissions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"uses: *(\S+)(.*)")
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40}")


def jobs(workflow: Path) -> dict[str, str]:
    """Return the text of each job of a workflow by its name."""
    parts = re.split(
        r"^  ([a-z]+):\n", workflow.read_text(encoding="utf-8").partition("\njobs:\n")[2], flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    """A tag of an action can be moved to other code; a commit cannot. The version is a comment beside it."""
    used = USES.findall(workflow.read_text(encoding="utf-8"))
    assert used
    assert [name for name, comment in used if not PINNED.fullmatch(name) or not re.match(r" # v\d", comment)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_reads_unless_a_job_needs_more(workflow: Path) -> None:
    """Each workflow starts with read permission alone, keeps no credentials after its checkout, and ends in time."""
    text = workflow.read_text(encoding="utf-8")
    assert "\npermissions:\n  contents: read\n" in text.partition("\njobs:\n")[0]
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert [name for name, job in jobs(workflow).items() if "timeout-minutes:" not in job] == []


def test_the_job_that_publishes_runs_nothing_of_the_repository() -> None:
    """It downloads what the gate built, has one permission, and has neither a checkout nor a command."""
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    publish = release["publish"]
    assert "needs: [build, attest]" in publish
    assert "run:" not in publish
    assert "checkout" not in publish
    assert re.findall(r"^      ([a-z-]+): write", publish, re.MULTILINE) == ["id-token"]
    assert "write" not in release["build"]
    assert "PUSHER_CLIENT_DIST" in release["build"]
    assert "PUSHER_CLIENT_DIST" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
