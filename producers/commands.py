"""``fenghuo import``, ``fenghuo replay`` and ``fenghuo tokens``."""

import asyncio
import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fenghuo.errors import Crowded, Refused, Unavailable

if TYPE_CHECKING:
    from fenghuo.desk.desk import Desk
    from fenghuo.domain.events import DeadLettered, Event
    from fenghuo.runtime.room import AnyTransport
    from fenghuo.settings import Settings
    from producers.import_rows import ImportBatch

AT_ONCE = 500
CROWDED_WAIT_S = 1.0
SHOWN = 20
"""Refused rows that are listed on the terminal."""
_NAME = re.compile(r"[\w.@-]{1,64}")


@click.command(short_help="Bring in reports from a table (.csv, .tsv, .jsonl, .xlsx).")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--district", help="For rows that name none (default: FENGHUO_DISTRICT).")
@click.option("--ignore", multiple=True, metavar="COLUMN", help="Skip this column; may be given again.")
@click.option(
    "--refused", type=click.Path(path_type=Path, dir_okay=False), help="Write refused rows here (CSV)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def import_reports(
    file: Path, district: str | None, ignore: tuple[str, ...], refused: Path | None, as_json: bool
) -> None:
    """Publish each row of FILE as a report. Running it again is safe: a row keeps its id.

    Columns: text (内容), id, district (区), town (镇街), group_id (群), reporter (举报人), reporter_kind,
    stage (阶段), at (时间). A time without a zone is China's. Status 0: all rows are in; 1: some refused;
    2: none could be brought in; 3: the broker is away.
    """
    from fenghuo.commands import session

    batch, notes = _read(file, district, ignore)
    if batch.events:
        session.run("producers", _publishing(batch))
    if refused is not None:
        _write_refused(refused, batch)
    _print_outcome(batch, notes, as_json)
    raise SystemExit(0 if not batch.refused and batch.events else 1 if batch.events else 2)


def _read(file: Path, district: str | None, ignore: Sequence[str]) -> "tuple[ImportBatch, tuple[str, ...]]":
    """The whole file as a batch, checked before anything is published; and notes."""
    from fenghuo import clock
    from fenghuo.commands import session
    from fenghuo.spreadsheets.tables import read_rows
    from producers.import_rows import ALIASES, COLUMNS, gather

    settings = session.known_settings()
    secret = settings.secret_key.get_secret_value()
    if not secret:
        raise Refused(
            "no secret for pseudonyms: start `fenghuo up` once, or set FENGHUO_SECRET_KEY as for the rooms"
        )
    table = read_rows(file, COLUMNS, ALIASES, ignore)
    batch = gather(table, district=district or settings.district, secret=secret, now=clock.now())
    return batch, (*table.notes, *batch.notes())


def _publishing(batch: "ImportBatch") -> "Callable[[Desk, AnyTransport, Settings], Any]":
    async def work(_desk: "Desk", transport: "AnyTransport", _settings: "Settings") -> None:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("reports", total=len(batch.events))
            tell = progress.console.print
            await publish_all(
                transport,
                batch.events,
                lambda n: progress.update(task, advance=n),
                lambda x: tell(x, highlight=False),
            )

    return work


async def publish_all(
    transport: "AnyTransport",
    events: "Sequence[Event]",
    advance: Callable[[int], object],
    tell: Callable[[str], object],
) -> None:
    """Publish 500 ``events`` at a time; wait while readers lag; Unavailable says how many were published."""
    for done in range(0, len(events), AT_ONCE):
        part = events[done : done + AT_ONCE]
        try:
            await _publish_with_backoff(transport, part, tell)
        except Unavailable as error:
            raise Unavailable(
                f"{error}; {done} of {len(events)} are in for certain, and running it again is safe"
            ) from error
        advance(len(part))


async def _publish_with_backoff(
    transport: "AnyTransport", part: "Sequence[Event]", tell: Callable[[str], object]
) -> None:
    reported = False
    while True:
        try:
            return await transport.publish(part)
        except Crowded as error:
            if not reported:
                tell(f"waiting, {error} (is the room consumers running?)")
            reported = True
            await asyncio.sleep(CROWDED_WAIT_S)


def _write_refused(path: Path, batch: "ImportBatch") -> None:
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "reason"])
            writer.writerows([x.line, x.reason] for x in batch.refused)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}; {len(batch.events)} reports are in") from error


def _print_outcome(batch: "ImportBatch", notes: Sequence[str], as_json: bool) -> None:
    if as_json:
        outcome = {
            "rows": batch.rows, "accepted": len(batch.events), "repeated": batch.repeated,
            "refused": [{"line": x.line, "reason": x.reason} for x in batch.refused], "notes": list(notes),
        }  # fmt: skip
        click.echo(json.dumps(outcome, ensure_ascii=False))
        return
    for note in notes:
        click.echo(f"note: {note}", err=True)
    for row in batch.refused[:SHOWN]:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    if len(batch.refused) > SHOWN:
        click.echo(f"... and {len(batch.refused) - SHOWN} more (all with --refused FILE)", err=True)
    repeated = f", {batch.repeated} stood there more than once" if batch.repeated else ""
    click.echo(f"{batch.rows} rows: {len(batch.events)} accepted, {len(batch.refused)} refused{repeated}")


@click.command(short_help="Publish dead letters again that can be read now.")
@click.option("--topic", help="Only those of this topic, such as reports.received.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many letters, the oldest first.")
@click.option("--dry-run", is_flag=True, help="Tell what would happen, publish nothing.")
def replay(topic: str | None, limit: int | None, dry_run: bool) -> None:
    """Publish the record inside each dead letter to the topic it came from, as that topic's writer.

    Ids stay, so readers that had handled a record already take no harm. A record that still cannot be read
    stays where it is and is counted. Letters are kept for 90 days: run again, this publishes the same again.
    """
    from fenghuo.commands import session

    _check_topic(topic)

    async def work(desk: "Desk", transport: "AnyTransport", settings: "Settings") -> None:
        from producers.replay import plan_replay

        letters = await _letters(transport, topic, limit)
        found = plan_replay(letters)
        if not dry_run:
            for room, events in found.to_publish.items():
                async with session.publishing_as(room, desk, settings) as writer:
                    await publish_all(writer, events, lambda _n: None, lambda x: click.echo(x, err=True))
        _print_replay(len(letters), found.by_topic, found.staying, found.repeated, dry_run)

    session.run("producers", work)


def _check_topic(name: str | None) -> None:
    from fenghuo.spreadsheets.tables import unknown
    from fenghuo.topics import TOPICS

    names = [x.name for x in TOPICS]
    if name is not None and name not in names:
        raise Refused(unknown("topic", name, names))


async def _letters(transport: "AnyTransport", topic: str | None, limit: int | None) -> "list[DeadLettered]":
    from fenghuo.domain import events as e
    from fenghuo.topics import DEADLETTERS

    found: list[e.DeadLettered] = []

    async def take(events: "list[Event]") -> None:
        selected = [x for x in events if isinstance(x, e.DeadLettered) and topic in (None, x.topic)]
        found.extend(selected if limit is None else selected[: limit - len(found)])

    await transport.replay(DEADLETTERS, take)
    return found


def _print_replay(
    letters: int, again: Counter[str], staying: Counter[tuple[str, str]], repeated: int, dry_run: bool
) -> None:
    verb = "would be published again" if dry_run else "published again"
    for name, count in sorted(again.items()):
        click.echo(f"{name}: {count} {verb}")
    for (name, reason), count in sorted(staying.items()):
        click.echo(f"{name}: {count} stay, {reason}")
    done, left = sum(again.values()), sum(staying.values())
    click.echo(f"{letters} letters: {done} {verb}, {left} stay, {repeated} of a record counted already")


@click.group(short_help="Tokens for officers and systems that send reports.")
def tokens() -> None:
    """Issue, list and revoke tokens. A token is shown once; only its hash is kept."""


@tokens.command()
@click.argument("name")
def issue(name: str) -> None:
    """Make a token for NAME and print it, once."""
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    if not _NAME.fullmatch(name):
        raise Refused("a token's name has 1 to 64 letters, digits, . _ @ or -")

    async def work(desk: "Desk", _settings: "Settings") -> str:
        return await Auth(desk.client, desk.keys).issue_token(name)

    token = session.with_desk(work)
    click.echo(token)
    click.echo(f"issued to {name}; it is not shown again. Send it as: Authorization: Bearer TOKEN", err=True)


@tokens.command("list")
def list_tokens() -> None:
    """Who holds tokens, and how many."""
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    async def work(desk: "Desk", _settings: "Settings") -> Counter[str]:
        return await Auth(desk.client, desk.keys).token_names()

    for name, count in sorted(session.with_desk(work).items()):
        click.echo(f"{name}\t{count}")


@tokens.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Void every token of NAME, at once."""
    from fenghuo.commands import session
    from fenghuo.security.passwords import Auth

    async def work(desk: "Desk", _settings: "Settings") -> int:
        return await Auth(desk.client, desk.keys).revoke_tokens(name)

    count = session.with_desk(work)
    if not count:
        raise Refused(f"{name} holds no token; `fenghuo tokens list` shows who does")
    click.echo(f"revoked {count}")
