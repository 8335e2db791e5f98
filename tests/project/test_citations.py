"""Every citation of a section or a promise, and every path and link in the documents, names something that exists.

A citation is ``design.md 3.7``, ``protocol-notes 7.6``, a list of either, or a promise such as R3. A number alone in
brackets, as in (7.6), stands for a section of protocol-notes in the code, and of the document itself in these two.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from docs.rooms import ROOT

DESIGN, NOTES = "design.md", "protocol-notes"
FILES = {DESIGN: ROOT / "docs" / "design.md", NOTES: ROOT / "protocol-notes.md"}
HEADING = re.compile(r"^#{2,4} ([0-9]+(?:\.[0-9]+)?|[RC][0-9])\b", re.MULTILINE)
SECTION = r"[0-9]{1,2}(?:\.[0-9]{1,2})?"
BETWEEN = r"(?:, and |, | and | to )"
CITED = re.compile(rf"\b({re.escape(DESIGN)}|{NOTES})(?:\.md`?)? ({SECTION}(?:{BETWEEN}{SECTION}\b(?!\.[0-9]))*)")
BRACKETS = re.compile(r"\(([^()]*)\)")
BARE = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")
PROMISE = re.compile(r"(?<![\w`.-])([RC][0-9]{1,2})(?![\w`-])")
FOLDERS = ("pusher_client", "tests", "docs", "examples", "benchmarks", ".ci", ".github")
PATH = re.compile(rf"(?<![\w/.-])((?:(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w/?)|(?:[\w-]+/)*[\w-]+\.py)\b")
LINK = re.compile(r"\]\(([^)\s]+)\)")
BASES = [ROOT, ROOT / "tests", ROOT / "pusher_client", ROOT / "examples"]
SKIPPED = {"node_modules", "corpus", "__pycache__"}
FOREIGN = {"pusher.py", "worker.py", "channels.py", "manage.py"}
"""Files of other projects, and of the reader's."""


def files(*suffixes: str) -> list[Path]:
    """Return the repository's files with one of these endings."""
    found = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in suffixes]
    return [*(path for path in ROOT.glob("*") if path.suffix in suffixes), *(p for p in found if kept(p))]


def kept(path: Path) -> bool:
    """Return whether a file is the repository's own."""
    return not SKIPPED & set(path.parts)


def sections(text: str) -> set[str]:
    """Return the numbers and promises in a document's headings."""
    return set(HEADING.findall(text))


NAMES = {path.name for path in files(".py")} | FOREIGN
HEADINGS = {name: sections(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def prose(source: str) -> str:
    """Return the comments and docstrings of a module, each paragraph on one line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [(token.start[0], token.string.lstrip("# ")) for token in tokens if token.type == tokenize.COMMENT]
    parts = []
    for number, (line, text) in enumerate(comments):
        follows = number and comments[number - 1][0] == line - 1
        parts.append((" " if follows else "\n") + text)
    strings = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return "".join(parts) + "\n" + "\n\n".join(strings)


def joined(text: str) -> str:
    """Return a text without its line breaks, so that a citation may be broken over two lines."""
    return re.sub(r"\s+(?:# )?", " ", text)


def cited(text: str, own: str | None) -> Iterator[tuple[str, str]]:
    """Yield each document and section that a text cites; ``own`` is what a number alone refers to, if it is one."""
    for document, numbers in CITED.findall(joined(text)):
        yield from ((document, number) for number in re.findall(SECTION, numbers))
    if own is None:
        return
    for inside in BRACKETS.findall(joined(CITED.sub("", joined(text)))):
        pieces = re.split(r", | and | to |; ", inside)
        if all(BARE.fullmatch(piece) or PROMISE.fullmatch(piece) or not piece[:1].isdigit() for piece in pieces):
            yield from ((own, piece) for piece in pieces if BARE.fullmatch(piece))


def unresolved(text: str, own: str | None) -> list[str]:
    """List the citations in a text that no heading answers to."""
    wrong = [f"{document} {number}" for document, number in cited(text, own) if number not in HEADINGS[document]]
    return wrong + [label for label in PROMISE.findall(text) if label not in HEADINGS[DESIGN]]


def listed(check: Callable[[str, Path], list[str]], *suffixes: str) -> list[str]:
    """Return what a check finds in the files with these endings; of code it gets comments and docstrings."""
    found = []
    for path in files(*suffixes):
        text = path.read_text(encoding="utf-8")
        text = prose(text) if path.suffix == ".py" else re.sub(r"https?://\S+", "", text)
        found += [f"{path.relative_to(ROOT)}: {problem}" for problem in check(text, path)]
    return found


def test_citations_resolve() -> None:
    """Each section and promise that code or a document cites has a heading (design.md 4)."""
    documents = {path: name for name, path in FILES.items()}
    found = listed(
        lambda text, path: unresolved(text, NOTES if path.suffix == ".py" else documents.get(path)), ".py", ".md"
    )
    assert found == []


def missing(text: str, bases: Iterable[Path]) -> list[str]:
    """List the paths in a text that are below none of the bases; a name alone may be anywhere in the repository."""
    found = {path.rstrip(".") for path in PATH.findall(text)}
    lost = [path for path in sorted(found) if not any((base / path).exists() for base in bases)]
    return [path for path in lost if "/" in path or path not in NAMES]


def test_paths_exist() -> None:
    """Each file and folder that a document, a workflow, a comment or a docstring names is there."""
    assert listed(lambda text, path: missing(text, [*BASES, path.parent]), ".py", ".md", ".yml") == []


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(text: str, path: Path) -> list[str]:
    """List the links within the repository that name no file, or no heading of it."""
    dead = []
    for link in LINK.findall(text):
        target, _, anchor = link.partition("#")
        file = path.parent / target if target else path
        source = FILES[NOTES] if file.name == FILES[NOTES].name else file
        if not file.exists() or (
            anchor and "pusher_client." not in anchor and anchor not in anchors(source.read_text(encoding="utf-8"))
        ):
            dead.append(link)
    return dead


def test_links_lead_somewhere() -> None:
    """Each link within the repository names a file, and its anchor a heading of it."""
    assert listed(dead_links, ".md") == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda text: unresolved(text, NOTES), "protocol-notes 3.4"),
        (lambda text: unresolved(text, NOTES), "(protocol-notes 3.1 and\n 3.4)"),
        (lambda text: unresolved(text, NOTES), "protocol-notes 1.1, 15"),
        (lambda text: unresolved(text, NOTES), "(3.9, R3)"),
        (lambda text: unresolved(text, NOTES), "(design.md 11)"),
        (lambda text: unresolved(text, NOTES), "as promise R9 says"),
        (lambda text: missing(text, BASES), "`tests/scenarios/test_canaries.py`"),
        (lambda text: missing(text, BASES), "`test_nothing_at_all.py`"),
        (lambda text: missing(text, BASES), "`protocol/nothing.py`"),
        (lambda text: dead_links(text, FILES[NOTES]), "[a link](docs/nothing.md)"),
        (lambda text: dead_links(text, FILES[NOTES]), "[a link](docs/design.md#11-nothing)"),
    ],
)
def test_the_rules_can_fail(check: Callable[[str], list[str]], text: str) -> None:
    """Each rule finds a breach of it."""
    assert len(check(text)) == 1


@pytest.mark.parametrize("text", ["protocol-notes 1 to 8", "(design.md 2, 9)", "(7.6, R3)", "`tests/behaviour/`"])
def test_what_exists_is_found(text: str) -> None:
    """Lists of sections, several documents in one bracket, and folders."""
    assert unresolved(text, NOTES) == []
    assert missing(text, BASES) == []
