"""The files of this checkout, as git knows them, each read and parsed once a run."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("producers", "consumers", "broadcast", "console")
PACKAGES = ("patterns", "fenghuo", *ROOMS)


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is in git or would be by `git add`, as a path below the root."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.fail(
            "run the tests in a git checkout: what is tracked cannot be told otherwise", pytrace=False
        )
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    return tuple(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file())


@cache
def source(path: str) -> str:
    """The text of the file at ``path`` below the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def syntax(path: str) -> ast.Module:
    """The syntax tree of the module at ``path`` below the root."""
    return ast.parse(source(path))


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    """(path below the root, syntax tree) of every module of ``packages``."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield name, syntax(name)
