"""``fenghuo assess`` and ``fenghuo backtest``: what the room would say of messages, without any server.

Both read one JSON object a line and write one a line.
"""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import msgspec

from consumers.command_line.message_lines import MessageLine, read_lines
from fenghuo.errors import Refused

if TYPE_CHECKING:
    from consumers.judging import Assessed
    from consumers.learning.backtest import ReportLine

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
def backtest() -> None:
    """Go through past reports on standard input and say what the team would have been shown.

    Reads {"id", "district", "town", "reporter", "at", "text"} in time order, a line each; writes drafts and
    what was to look at: {"tier", "district", "type", "severity", "title", "text", "reports"}.
    """
    from consumers.judging import shipped_judge
    from consumers.learning.backtest import Backtest
    from consumers.live_library import LiveLibrary, seed_patterns
    from consumers.triage import Triage
    from fenghuo.settings import load_settings

    run = Backtest(Triage(LiveLibrary(seed_patterns()), shipped_judge()), load_settings())
    asyncio.run(_through(run.add, _reports(sys.stdin.buffer)))
    _write(x._asdict() for x in run.shown())


async def _through(add: Any, reports: "Iterator[ReportLine]") -> None:
    while batch := list(islice(reports, AT_ONCE)):
        await add(batch)


def _reports(source: Iterable[bytes]) -> "Iterator[ReportLine]":
    from consumers.learning.backtest import ReportLine

    for number, raw in enumerate(source, 1):
        if raw.strip():
            try:
                yield msgspec.json.decode(raw, type=ReportLine)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise Refused(f"standard input, line {number}: {error}") from None
