"""Reads seed files of patterns: those given, or those that ship with ``patterns``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fenghuo.errors import Refused

if TYPE_CHECKING:
    from patterns.library_checks import LibraryProblem
    from patterns.model import FraudType, Pattern


def _contents(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of ``files``, or of the seed files that ship with ``patterns``."""
    from importlib.resources import files as inside

    for file in files:
        yield file.name, file.read_bytes()
    if not files:
        shipped = [x for x in inside("patterns").joinpath("seeds").iterdir() if x.name.endswith(".toml")]
        for seed in sorted(shipped, key=lambda x: x.name):
            yield seed.name, seed.read_bytes()


def read_seed_files(files: Sequence[Path]) -> "tuple[list[FraudType], list[Pattern], list[LibraryProblem]]":
    """(types, patterns, problems) of the seed files; a file that cannot be read is a problem."""
    from patterns.library import parse_seeds
    from patterns.library_checks import LibraryProblem

    types, patterns, found = list[Any](), list[Any](), list[LibraryProblem]()
    for name, content in _contents(files):
        try:
            kind, seeds = parse_seeds(content.decode("utf-8"))
        except ValueError as error:
            found.append(LibraryProblem("error", "unreadable", "", f"{name}: {error}"))
        else:
            types.append(kind)
            patterns += seeds
    return types, patterns, found


def load_seeds(files: Sequence[Path]) -> "tuple[dict[str, FraudType], list[Pattern]]":
    """As ``read_seed_files``, with the types by code; raises Refused for a file that cannot be read."""
    types, patterns, found = read_seed_files(files)
    if found:
        raise Refused("; ".join(x.message for x in found))
    return {kind.code: kind for kind in types}, patterns
