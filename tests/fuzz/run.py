"""Fuzz one target with Atheris, for as long as you like.

It needs a Python that Atheris has a wheel for (3.11 up to 3.13 today)::

    python -m pip install --group fuzz .
    python tests/fuzz/run.py --target=frames -max_total_time=600

Inputs that reach something new are written to ``build/fuzz/<target>``, unless other folders are given; those that break
a promise to ``crash-…`` in the current one. The folder in ``tests/fuzz/corpus`` is read in any case. To keep what was
found, let Atheris choose the smallest inputs that reach what nothing in the corpus does::

    python tests/fuzz/run.py --target=frames -merge=1 tests/fuzz/corpus/frames build/fuzz/frames

Options are libFuzzer's. The whole corpus is replayed by ``test_corpus.py``, without Atheris.
"""

from __future__ import annotations

import importlib
import shlex
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).with_name("corpus")


def main() -> None:
    """Run the target that ``--target=`` names; the other arguments are libFuzzer's."""
    # To merge, libFuzzer lets a shell run its first argument with the others; those with two dashes it leaves alone.
    sys.path.insert(0, str(ROOT))
    atheris: Any = importlib.import_module("atheris")  # is in no lock, so type checkers do not know it
    with atheris.instrument_imports(include=["pusher_client"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    names = [name for name in targets if f"--target={name}" in sys.argv]
    if len(names) != 1:
        raise SystemExit(f"one of these has to be given: {', '.join(f'--target={name}' for name in targets)}")
    again = shlex.join([sys.executable, str(Path(__file__).resolve())])
    arguments = [again, *sys.argv[1:], f"-dict={Path(__file__).with_name('words.dict')}"]
    if all(argument.startswith("-") for argument in sys.argv[1:]):
        found = ROOT / "build" / "fuzz" / names[0]
        found.mkdir(parents=True, exist_ok=True)
        arguments += [str(found), str(CORPUS / names[0])]
    atheris.Setup(arguments, targets[names[0]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
