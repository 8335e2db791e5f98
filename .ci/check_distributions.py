"""Check what the distributions in a folder hold, against the tree that they were built from."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
COMMAND = "pusher_client_command.py"


def package_files() -> set[str]:
    """List the package's files in the tree, as the wheel names them."""
    paths = (path for path in (ROOT / "pusher_client").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in paths if "__pycache__" not in path.parts} | {COMMAND}


def check_wheel(path: Path) -> None:
    """Hold that the wheel is the package, its metadata and its licence, and nothing else."""
    names = set(zipfile.ZipFile(path).namelist())
    metadata = {name for name in names if PurePosixPath(name).parts[0].endswith(".dist-info")}
    expected = package_files()
    if names - metadata != expected:
        raise SystemExit(f"the wheel's files differ from the package's: {sorted((names - metadata) ^ expected)}")
    if "pusher_client/py.typed" not in names:
        raise SystemExit("the wheel has no py.typed")
    if not any(name.endswith("/LICENSE") for name in metadata):
        raise SystemExit("the wheel has no licence")


def check_sdist(path: Path) -> None:
    """Hold that the source distribution can be built and tested again, and carries nothing that was installed."""
    with tarfile.open(path) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}
    needed = {"LICENSE", "README.md", "pyproject.toml", "requirements-dev.txt", "tests/conftest.py"} | package_files()
    if needed - names:
        raise SystemExit(f"the source distribution lacks {sorted(needed - names)}")
    unwanted = {name for name in names if {"node_modules", ".venv", "__pycache__"} & set(PurePosixPath(name).parts)}
    if unwanted:
        raise SystemExit(f"the source distribution holds {sorted(unwanted)[:5]}")


def main() -> None:
    """Check the one wheel and the one source distribution in the folder, and the version if one is given."""
    folder, *version = sys.argv[1:]
    (wheel,) = Path(folder).glob("*.whl")
    (sdist,) = Path(folder).glob("*.tar.gz")
    if version and not wheel.name.startswith(f"pusher_channels_client-{version[0]}-"):
        raise SystemExit(f"{wheel.name} is not version {version[0]}")
    check_wheel(wheel)
    check_sdist(sdist)
    print(f"{wheel.name} and {sdist.name}: {len(package_files())} files of the package, nothing else")


if __name__ == "__main__":
    main()
