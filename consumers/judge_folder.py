"""The district's own judge as a file: ``active.weights`` in its folder, and ``previous.weights`` before it.

Where there is no active one, the judge that ships is in force.
"""

from pathlib import Path

from fenghuo.errors import Refused
from fenghuo.settings import Settings
from patterns.judgement.judge import Judge
from patterns.judgement.weights import read
from patterns.text.normalise import NORMALISER, clean_batch

ACTIVE, PREVIOUS, LEARNED = "active.weights", "previous.weights", "learned.weights"


def folder_of(settings: Settings) -> Path:
    """Where the district's own judges are kept."""
    return Path(settings.judge_folder) if settings.judge_folder else settings.data_dir / "judge"


def judge_at(path: Path) -> Judge | None:
    """The judge of a file; None where there is no such file, Refused where it cannot judge."""
    content = _content(path)
    return None if content is None else judge_of(content, str(path))


def judge_of(content: bytes, name: str) -> Judge:
    """The judge of a file's bytes; Refused, with the file's ``name``, where it cannot judge."""
    try:
        judge = Judge(read(content))
        judge.judge(clean_batch(["您好"]))
    except (KeyError, ValueError) as error:
        raise Refused(f"{name}: {error}") from None
    if judge.weights.normaliser != NORMALISER:
        raise Refused(
            f"{name} was learned from texts in the form {judge.weights.normaliser}, not {NORMALISER}: "
            "learn again (`fenghuo library learn`)"
        )
    return judge


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None


def keep(folder: Path, name: str, content: bytes) -> Path:
    """Write a file of the folder, whole or not at all."""
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_bytes(content)
        half.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from None
    return path


def activate(folder: Path, content: bytes) -> None:
    """Put a judge in force at the next start; the one before becomes the previous one."""
    judge_of(content, "the new judge")
    before = _content(folder / ACTIVE)
    if before == content:
        return
    if before is None:
        (folder / PREVIOUS).unlink(missing_ok=True)
    else:
        keep(folder, PREVIOUS, before)
    keep(folder, ACTIVE, content)


def restore(folder: Path) -> Judge | None:
    """Change the active judge for the previous one, and the other way round; returns the one in force since,
    None for the one that ships. A damaged previous one is refused, and nothing is changed."""
    active, previous = _content(folder / ACTIVE), _content(folder / PREVIOUS)
    if active is None and previous is None:
        raise Refused(f"nothing to restore: {folder} has no judge; the one that ships is in force")
    judge = None if previous is None else judge_of(previous, str(folder / PREVIOUS))
    _put(folder, PREVIOUS, active)
    _put(folder, ACTIVE, previous)
    return judge


def _put(folder: Path, name: str, content: bytes | None) -> None:
    if content is None:
        (folder / name).unlink(missing_ok=True)
    else:
        keep(folder, name, content)
