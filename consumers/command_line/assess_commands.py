"""``fenghuo assess`` and ``fenghuo backtest``: what the room would say of messages, without any server.

Both read one JSON object a line and write one a line.
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import msgspec

from consumers.command_line.message_lines import MessageLine, read_lines
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from consumers.judging import Assessed
    from consumers.learning.backtest import ReportLine, Shown
    from consumers.second_reader.outcomes import ReadingOutcome
    from consumers.second_reader.reader import SecondReader
    from consumers.triage import SecondLook
    from fenghuo.settings import Settings

AT_ONCE = 512


def _write(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


@click.command(short_help="Say of messages on standard input what they are.")
def assess() -> None:
    """Say of each message {"id", "text"} what its reporter would be told, and what it is.

    A line each: verdict (known, suggested, like, none), type, voice, stage and matter by its words, and the
    masked text that officers see.
    """
    from consumers.judging import assess_all, shipped_judge
    from consumers.live_library import seed_patterns
    from patterns.matching import Library

    library, judge = Library(seed_patterns()), shipped_judge()
    messages = read_lines(sys.stdin.buffer, "standard input")
    while batch := list(islice(messages, AT_ONCE)):
        seen = assess_all(library.matched, judge, [x.text for x in batch])
        _write(_row(message, one) for message, one in zip(batch, seen, strict=True))


def _row(message: MessageLine, seen: "Assessed") -> dict[str, Any]:
    from patterns.entities.redact import mask

    judged = seen.judgement
    return {
        "id": message.id,
        "verdict": seen.called,
        "type": seen.fraud_type,
        "voice": judged.voice,
        "stage": seen.stage,
        "matter": seen.matter,
        "suspicion": round(judged.suspicion, 3),
        "masked": mask(message.text),
    }


@click.command(short_help="What would the team have been shown of past reports?")
@click.option(
    "--second-reader", is_flag=True, help="Have the second reader read what the judge is unsure of."
)
def backtest(second_reader: bool) -> None:
    """Go through past reports on standard input and say what the team would have been shown.

    Reads {"id", "district", "town", "reporter", "at", "text"} in time order, a line each; writes drafts and
    what was to look at: {"tier", "district", "type", "severity", "title", "text", "reports"}. Where the
    second reader lifted some of the reports, "by_model" says what it found in each, and "only_model" whether
    nobody would have been shown the row without it.
    """
    from fenghuo.settings import load_settings

    settings = load_settings()
    if second_reader and not settings.second_reader_url:
        raise Refused("FENGHUO_SECOND_READER_URL is empty: name the server that is to be asked")
    asyncio.run(_backtested(settings, asked=second_reader))


async def _backtested(settings: "Settings", *, asked: bool) -> None:
    from consumers.judging import shipped_judge
    from consumers.learning.backtest import Backtest
    from consumers.live_library import LiveLibrary, seed_patterns
    from consumers.triage import Triage

    reader, look = _second_look(settings) if asked else (None, None)
    run = Backtest(Triage(LiveLibrary(seed_patterns()), shipped_judge(), second_look=look), settings)
    reports = _reports(sys.stdin.buffer)
    while batch := list(islice(reports, AT_ONCE)):
        await run.add(batch)
    shown = run.shown()
    if reader is not None:
        await reader.aclose()
        click.echo(_added(shown, reader.counts), err=True)
    _write(map(_shown_row, shown))


def _second_look(settings: "Settings") -> "tuple[SecondReader | None, SecondLook | None]":
    from consumers.second_reader.reader import SecondReader
    from consumers.second_reader.second_look import SecondLooker

    reader = SecondReader.of(settings)
    look = SecondLooker(reader, settings.second_reader_a_minute).look if reader is not None else None
    return reader, look


def _shown_row(x: "Shown") -> dict[str, Any]:
    """The row as it is written: of the second reader nothing where it found nothing."""
    row = x._asdict()
    lifted, only = dict(row.pop("by_model")), row.pop("only_model")
    return row | ({"by_model": lifted, "only_model": only} if lifted else {})


def _added(shown: "Sequence[Shown]", counts: "Mapping[ReadingOutcome, int]") -> str:
    """What the second reader would have added, in a line for people."""
    lifted = sum(len(x.by_model) for x in shown)
    only = sum(x.only_model for x in shown)
    asked = " ".join(f"{outcome}={n}" for outcome, n in sorted(counts.items())) or "nothing"
    return f"second reader: {asked}; {lifted} reports lifted, {only} rows shown because of it alone"


def _reports(source: Iterable[bytes]) -> "Iterator[ReportLine]":
    from consumers.learning.backtest import ReportLine

    for number, raw in enumerate(source, 1):
        if raw.strip():
            try:
                yield msgspec.json.decode(raw, type=ReportLine)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(f"standard input, line {number}: {error}") from None
