"""The guards around every test, shown to strike."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1].joinpath("conftest.py").read_text(encoding="utf-8")
OPTIONS = ("-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Run a test file under a copy of the conftest, in a separate process."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nfilterwarnings = error\nmarkers = node: needs Node.js\n")
    pytester.makepyfile(f"import asyncio, pytest, socket, threading\n\n{test}")
    return pytester.runpytest_subprocess(*OPTIONS, *options)


def test_a_task_left_behind_fails_its_test(pytester: pytest.Pytester) -> None:
    """A test that ends while a task that it started still runs is an error that names the task (R6)."""
    result = run(pytester, "async def test_it():\n    asyncio.create_task(asyncio.sleep(60), name='forgotten')\n")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the test left ?'forgotten'?*"])


def test_a_task_that_was_cancelled_is_not_left_behind(pytester: pytest.Pytester) -> None:
    """Cancelling is enough: the guard gives the loop the turns that a cancelled task needs (R6)."""
    result = run(pytester, "async def test_it():\n    asyncio.create_task(asyncio.sleep(60)).cancel()\n")
    result.assert_outcomes(passed=1)


def test_a_thread_left_behind_fails_its_test(pytester: pytest.Pytester) -> None:
    """A test that ends while a thread that it started still runs is an error that names the thread (R6)."""
    test = (
        "stop = threading.Event()\n"
        "def test_it():\n    threading.Thread(target=lambda: stop.wait(60), name='forgotten').start()\n"
        "def test_next():\n    stop.set()\n"
    )
    result = run(pytester, test)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the test left ?'forgotten'?*"])


def test_a_socket_left_open_fails_its_test(pytester: pytest.Pytester) -> None:
    """A socket that is dropped without being closed is a warning, and a warning is a failure (R6)."""
    result = run(pytester, "def test_it():\n    socket.socket()\n")
    result.assert_outcomes(failed=1)


def test_node_tests_are_skipped_without_node(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Node.js on the PATH a test that needs it is skipped, with the reason."""
    monkeypatch.setenv("PATH", str(pytester.path))
    monkeypatch.delenv("PUSHER_CLIENT_REQUIRE_NODE", raising=False)
    result = run(pytester, "@pytest.mark.node\ndef test_it():\n    pass\n")
    result.assert_outcomes(skipped=1)


def test_required_node_tests_fail_instead_of_being_skipped(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Node.js tests are required, a skip is a failure, whatever it was for."""
    monkeypatch.setenv("PUSHER_CLIENT_REQUIRE_NODE", "1")
    result = run(pytester, "@pytest.mark.node\ndef test_it():\n    pytest.skip('some reason')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*some reason*"])


@pytest.mark.parametrize(("option", "variable", "times"), [("", "", 1), ("", "long", 100), ("long", "", 100)])
def test_a_profile_multiplies_every_number_of_examples(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: str, variable: str, times: int
) -> None:
    """The long profile is chosen by Hypothesis's option or by a variable, and holds for tests with their own number."""
    monkeypatch.delenv("PUSHER_CLIENT_HYPOTHESIS_PROFILE", raising=False)
    if variable:
        monkeypatch.setenv("PUSHER_CLIENT_HYPOTHESIS_PROFILE", variable)
    test = (
        "from hypothesis import settings\nfrom example_counts import examples\n\n"
        "own = settings(max_examples=examples(70))\n"
        "def test_it():\n"
        f"    assert (settings().max_examples, own.max_examples) == ({100 * times}, {70 * times})\n"
        "    assert settings().deadline is None and own.deadline is None\n"
    )
    pytester.makepyfile(
        example_counts=Path(__file__).parents[1].joinpath("support/example_counts.py").read_text(encoding="utf-8")
    )
    result = run(pytester, test, *([f"--hypothesis-profile={option}"] if option else []))
    result.assert_outcomes(passed=1)


def test_no_test_has_a_number_of_examples_that_no_profile_changes() -> None:
    """A fixed ``max_examples`` would make the long profile short again."""
    fixed = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(__file__).parents[1].rglob("test_*.py"))
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "max_examples" and isinstance(node.value, ast.Constant)
    ]
    assert fixed == []


def test_sigint_works_where_the_shell_ignores_it(tmp_path: Path) -> None:
    """Started in the background of a shell or under nohup, tests of Ctrl-C still get a KeyboardInterrupt."""
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        "import os, signal, subprocess, sys\nimport pytest\n\n"
        "def test_it():\n"
        "    with pytest.raises(KeyboardInterrupt):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    child = 'import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)'\n"
        "    assert subprocess.check_output([sys.executable, '-c', child], text=True).strip() == 'True'\n",
        encoding="utf-8",
    )
    ignored = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
    )
    command = [sys.executable, "-m", "pytest", *OPTIONS, str(tmp_path)]
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    done = subprocess.run(
        [sys.executable, "-c", ignored, *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_test_has_a_time_limit(request: pytest.FixtureRequest) -> None:
    """A test that hangs ends with its stack, instead of holding up the whole suite."""
    assert float(request.config.getini("timeout")) > float(request.config.getini("faulthandler_timeout")) > 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_are_a_switch(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUSHER_CLIENT_EAGER_TASKS=1 runs each task's first step at its creation, in tests and in ``asyncio.run``."""
    monkeypatch.setenv("PUSHER_CLIENT_EAGER_TASKS", "1")
    test = (
        "async def started():\n    ran = []\n    async def note():\n        ran.append(1)\n"
        "    task = asyncio.create_task(note())\n    assert ran == [1]\n    await task\n"
        "async def test_it():\n    await started()\n"
        "def test_run():\n    asyncio.run(started())\n"
    )
    run(pytester, test).assert_outcomes(passed=2)
