"""``fenghuo library``: look at the patterns of known scams, check them, add or retire one while rooms run.

``add`` and ``retire`` write patterns.changed; the others need no server and see the seeds alone.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from consumers.command_line.judge_commands import train
from consumers.command_line.learn_command import learn
from consumers.command_line.seed_files import load_seeds, read_seed_files
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.events import Event, PatternChanged
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.settings import Settings
    from patterns.library_checks import LibraryProblem
    from patterns.matching import Library
    from patterns.model import FraudType, Pattern

T = TypeVar("T")

ROOM = "consumers"
NEAR = 60
"""Similarity (0 to 100) from which an id is suggested in place of an unknown one."""

_File = click.Path(exists=True, dir_okay=False, path_type=Path)
Files = click.option(
    "--file", "files", multiple=True, type=_File, help="Look at this seed file instead; may be given again."
)
Yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(commands=[learn, train], short_help="The patterns of known scams, and the judge of new ones.")
def library() -> None:
    """Look at the patterns of known scams, check them, and add or retire one; train the judge of new ones."""


@library.command("list")
@click.option("--type", "code", metavar="CODE", help="Only this fraud type.")
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line (`fenghuo match --library` reads it)."
)
@Files
def list_patterns(code: str | None, as_json: bool, files: tuple[Path, ...]) -> None:
    """List the seeds by fraud type: id, voice, title, the hooks that are recognised, text.

    Seeds only: what was added later or learned from alerts is not among them.
    """
    types, patterns = load_seeds(files)
    wanted = types if code is None else {code: types[_known_code(code, types)]}
    held = _library(patterns)
    for kind in wanted.values():
        of_type = [pattern for pattern in patterns if pattern.fraud_type == kind.code]
        if as_json:
            _write_rows(of_type, held)
        else:
            _print_type(kind, of_type, held)


def _write_rows(patterns: "Iterable[Pattern]", held: "Library") -> None:
    import msgspec

    for x in patterns:
        row = {
            "id": x.pattern_id, "type": x.fraud_type, "voice": x.voice, "title": x.title,
            "hooks": sorted(held.hooks(x.pattern_id)), "text": x.text,
        }  # fmt: skip
        click.echo(msgspec.json.encode(row).decode())


def _print_type(kind: "FraudType", patterns: "Sequence[Pattern]", held: "Library") -> None:
    click.echo(f"{kind.code}  {kind.label_zh}  {kind.label_en}  ({len(patterns)})")
    for x in patterns:
        hooks = " ".join(sorted(held.hooks(x.pattern_id))) or "no hook"
        click.echo(f"  {x.pattern_id}  {x.voice}  {x.title}  [{hooks}]\n    {x.text}")
    click.echo()


@library.command()
@click.argument("pattern_id", metavar="ID")
@Files
def show(pattern_id: str, files: tuple[Path, ...]) -> None:
    """Show everything about one seed: its slots, a message made of it, its hooks, its type's advice.

    Seeds only: what was added later or learned from alerts is not among them.
    """
    from patterns.text.slots import example, slots

    types, patterns = load_seeds(files)
    held = _library(patterns)
    pattern = held.get(pattern_id)
    if pattern is None:
        raise Refused(_unknown_id(pattern_id, [x.pattern_id for x in patterns]))
    kind = types[pattern.fraud_type]
    rows = {
        "id": pattern.pattern_id,
        "title": pattern.title,
        "type": f"{kind.code}  {kind.label_zh}  {kind.label_en}",
        "severity": kind.severity,
        "voice": pattern.voice,
        "hooks": " ".join(sorted(held.hooks(pattern_id))) or "none recognised",
        "slots": " ".join(slots(pattern.text)) or "none",
        "text": pattern.text,
        "example": example(pattern.text),
        "advice": kind.advice,
    }
    for name, value in rows.items():
        click.echo(f"{name:<10}{value}")


@library.command()
@click.argument("files", nargs=-1, type=_File)
@click.option(
    "--benign", type=_File, help='Honest texts as JSONL, {"id", "text"} (default: our everyday lines).'
)
def check(files: tuple[Path, ...], benign: Path | None) -> None:
    """Check the seed FILES (default: all that ship with Fenghuo), as one library.

    Finds texts that are nearly the same, patterns that resemble an honest text, that are not known by a
    message of their own, or that have bad slots; ids given twice; types with fewer than 8 patterns or
    without one of the four voices; and, as warnings, patterns without a hook and types with few cues.
    Status 0: no error; 1: some; 2: the honest texts cannot be read.
    """
    from patterns import library_checks

    honest = _honest(benign)
    types, patterns, found = read_seed_files(files)
    found += library_checks.check(types, patterns, honest)
    _print_problems(found)
    errors = sum(x.severity == "error" for x in found)
    click.echo(
        f"{len(patterns)} patterns of {len(types)} types against {len(honest)} honest texts: "
        f"{errors} errors, {len(found) - errors} warnings"
    )
    raise SystemExit(1 if errors else 0)


def _honest(file: Path | None) -> Sequence[str]:
    from consumers.command_line.message_lines import read_lines
    from patterns.data.everyday_messages import EVERYDAY

    if file is None:
        return EVERYDAY
    with file.open("rb") as source:
        return [line.text for line in read_lines(source, file.name)]


def _print_problems(found: "Iterable[LibraryProblem]") -> None:
    for x in found:
        about = f"{x.pattern_id}: " if x.pattern_id else ""
        click.echo(f"{x.severity:<8}{x.code:<16}{about}{x.message}")


@library.command()
@click.option(
    "--type", "code", metavar="CODE", required=True, help="Its fraud type (`fenghuo library list`)."
)
@click.option("--title", required=True, help="A few words that name the scam; reporters see them.")
@click.option("--text", help="The scam's text, with slots such as {link}; else standard input is read.")
@click.option("--force", is_flag=True, help="In spite of errors; never in spite of bad slots.")
@Yes
def add(*, code: str, title: str, text: str | None, force: bool, yes: bool) -> None:
    """Add one pattern to the library in force: running matchers know it within a second.

    It is checked against the patterns in force as `fenghuo library check` does, and refused on an error.
    People's numbers are hidden and links made harmless first: the text is kept for ever. Its id follows from
    the text, so doing it again changes nothing. Text from standard input is added only with --yes.
    """
    from consumers.live_library import fraud_types, pattern_of

    kind = fraud_types()[_known_code(code, fraud_types())]
    change = _new_change(kind.code, title, _from_stdin() if text is None else text)
    held = _run(_in_force)
    if held.get(change.pattern_id) == pattern_of(change):
        click.echo(f"{change.pattern_id} is in already")
        return
    click.echo(f"{change.pattern_id}  {kind.code}  {change.title}\n  {change.text}")
    _refuse_bad(change, [x for x in held.values() if x.pattern_id != change.pattern_id], force)
    if text is None and not yes:
        raise Refused("nothing was added: with the text on standard input nobody can be asked; add --yes")
    _confirm("Add it?", yes)
    _run(_publishing(change))
    click.echo(f"{change.pattern_id} is in: every running matcher has it within a second")


def _from_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("the text on standard input is not UTF-8: save it as UTF-8") from None


def _new_change(code: str, title: str, text: str) -> "PatternChanged":
    from fenghuo import clock
    from fenghuo.domain.events import PatternChanged, derive_id
    from patterns.entities.redact import mask

    title, masked = mask(title.strip()), mask(text.strip())
    if not title or not masked:
        raise Refused(
            "a pattern has a title and a text: give --title, and --text or the text on standard input"
        )
    if masked != text.strip():
        click.echo("note: numbers, names or links in the text were hidden", err=True)
    pattern_id, at = f"manual-{derive_id('manual', masked)[:12]}", clock.now()
    return PatternChanged(
        event_id=_event_id(pattern_id, at), at=at, pattern_id=pattern_id, fraud_type=code, title=title,
        text=masked,
    )  # fmt: skip


def _refuse_bad(change: "PatternChanged", others: "Sequence[Pattern]", force: bool) -> None:
    """Print what is wrong; Refused on an error that ``force`` does not override."""
    from consumers.live_library import pattern_of
    from patterns.data.everyday_messages import EVERYDAY
    from patterns.library_checks import BAD_SLOT, check_added

    found = check_added(pattern_of(change), others, EVERYDAY)
    _print_problems(found)
    errors = [x for x in found if x.severity == "error"]
    if any(x.code == BAD_SLOT for x in errors):
        raise Refused("not added: mend the text (`fenghuo library show ID` shows how others look)")
    if errors and not force:
        raise Refused("not added: mend the text, or say --force if it is meant")


@library.command()
@click.argument("pattern_id", metavar="ID")
@Yes
def retire(pattern_id: str, yes: bool) -> None:
    """Take the pattern ID out of the library in force: running matchers forget it within a second.

    A seed too. It stays out after a restart; doing it again changes nothing.
    """
    from fenghuo import clock
    from fenghuo.domain.alert import AlertId
    from fenghuo.domain.events import PatternChanged

    changes = _run(_changes)
    if pattern_id in changes and changes[pattern_id].retired:
        click.echo(f"{pattern_id} is out already")
        return
    held = _apply(changes)
    if pattern_id not in held:
        raise Refused(_unknown_id(pattern_id, held))
    pattern, at = held[pattern_id], clock.now()
    click.echo(f"{pattern_id}  {pattern.fraud_type}  {pattern.title}\n  {pattern.text}")
    _confirm("Take it out?", yes)
    change = PatternChanged(
        event_id=_event_id(pattern_id, at), at=at, pattern_id=pattern_id, fraud_type=pattern.fraud_type,
        title=pattern.title, text=pattern.text, retired=True,
        alert_id=AlertId(pattern.alert_id) if pattern.alert_id else None,
    )  # fmt: skip
    _run(_publishing(change))
    click.echo(f"{pattern_id} is out: every running matcher forgets it within a second")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True)


def _event_id(pattern_id: str, at: datetime) -> str:
    from fenghuo.domain.events import derive_id

    return derive_id("pattern", pattern_id, at.isoformat())


# ---------------------------------------------------------------- the library in force


def _run(work: "Callable[[Desk, AnyTransport, Settings], Awaitable[T]]") -> T:
    from fenghuo.commands import session

    return session.run(ROOM, work)


async def _changes(
    _desk: "Desk", transport: "AnyTransport", _settings: "Settings"
) -> "dict[str, PatternChanged]":
    """The latest change of each pattern that was ever changed: the topic keeps them all."""
    from consumers.live_library import latest_changes
    from fenghuo.domain import events as e
    from fenghuo.topics import PATTERNS_CHANGED

    changes = list[e.PatternChanged]()

    async def take(events: "list[Event]") -> None:
        changes.extend(x for x in events if isinstance(x, e.PatternChanged))

    await transport.replay(PATTERNS_CHANGED, take)
    return latest_changes(changes)


async def _in_force(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> "dict[str, Pattern]":
    return _apply(await _changes(desk, transport, settings))


def _apply(changes: "Mapping[str, PatternChanged]") -> "dict[str, Pattern]":
    """The patterns in force by id: the seeds with the changes applied."""
    from consumers.live_library import pattern_of, seed_patterns

    held = {pattern.pattern_id: pattern for pattern in seed_patterns()}
    for pattern_id, change in changes.items():
        held.pop(pattern_id, None)
        if not change.retired:
            held[pattern_id] = pattern_of(change)
    return held


def _publishing(change: "PatternChanged") -> "Callable[[Desk, AnyTransport, Settings], Awaitable[None]]":
    async def work(desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
        await transport.publish([change])
        await desk.project([change])  # no stage folds this topic: the command does

    return work


# ---------------------------------------------------------------- patterns and types by name


def _library(patterns: "Iterable[Pattern]") -> "Library":
    from patterns.matching import Library

    return Library(patterns)


def _known_code(code: str, types: Iterable[str]) -> str:
    from fenghuo.spreadsheets.tables import unknown

    types = list(types)
    if code.upper() not in types:
        raise Refused(unknown("fraud type", code, types))
    return code.upper()


def _unknown_id(pattern_id: str, ids: Iterable[str]) -> str:
    from rapidfuzz import process

    near = [x for x, _, _ in process.extract(pattern_id, list(ids), limit=3, score_cutoff=NEAR)]
    hint = f"near it: {', '.join(near)}" if near else "`fenghuo library list` shows the seeds"
    return f"there is no pattern {pattern_id}; {hint}"
